from __future__ import annotations

import pickle
from typing import NamedTuple

import numpy as np
import pytest

from fastcheck.errors import InputTypeError
from fastcheck.evaluate.forms import Unfit, complex_number, with_complex_arrays


class Data(NamedTuple):
    x: np.ndarray
    n: int


def test_arrays_of_floats_become_complex_through_tuples(rng):
    x, labels = rng.standard_normal((2, 3)), np.arange(3)
    narrow, turned = x.astype(np.float32), np.asfortranarray(x)
    (data, found), kept, number = with_complex_arrays(((Data(x, 2), [narrow]), labels, 0.5))
    assert isinstance(data, Data)
    assert data.x.dtype == np.complex128
    assert np.array_equal(data.x, x)
    assert (found[0] is narrow, kept is labels, number) == (True, True, 0.5)
    assert with_complex_arrays(narrow).dtype == np.complex128
    assert with_complex_arrays(turned).flags.f_contiguous


@pytest.mark.parametrize("value", [1 + 0j, np.complex64(1), np.array(2j)])
def test_complex_numbers_pass(value):
    assert complex_number(value) is value


@pytest.mark.parametrize(
    ("value", "seen"),
    [(1.0, "a real number, float"), (np.ones(2, complex), r"an array of shape \(2,\)"), ((1j, 2), "tuple"), (None, "NoneType")],
)  # fmt: skip
def test_anything_else_is_unfit_and_says_so(value, seen):
    with pytest.raises(InputTypeError, match=f"got {seen}: "):
        complex_number(value)


def test_it_travels_with_what_was_seen():
    error = pickle.loads(pickle.dumps(Unfit("a real number, float64")))
    assert error.seen == "a real number, float64"
