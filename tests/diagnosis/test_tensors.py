"""Right values in the wrong tensor."""

from __future__ import annotations

import numpy as np
import pytest

from fastcheck.diagnosis.evidence import Part
from fastcheck.diagnosis.tensors import joined_order, owner
from fastcheck.problem.layout import Layout, Tensor


def part_of(tensor: Tensor, analytic: np.ndarray, numeric: np.ndarray) -> Part:
    slack = np.full(tensor.size, 1e-9)
    return Part(tensor, np.ones(tensor.size), analytic, numeric, slack, 1e-8, 1e-10, analytic != numeric, None)


@pytest.mark.parametrize(
    ("shape", "reading"), [((3, 4), lambda g: g), ((4, 3), lambda g: g.reshape(3, 4).T.ravel()), ((12,), lambda g: g)]
)
def test_the_owner_of_a_gradient_is_found_as_it_is_and_transposed(shape, reading, rng):
    a, b = Layout.of({"A": (3, 4), "B": shape}).tensors
    of_a, of_b = rng.standard_normal((2, 12))
    copied = part_of(b, reading(of_a), of_b)
    holder = part_of(a, of_a, of_a)
    assert owner(copied, [holder, copied]) is holder
    assert owner(part_of(b, rng.permutation(of_a), of_b), [holder]) is None


def test_a_vector_is_not_read_transposed(rng):
    of_a, of_b = rng.standard_normal((2, 12))
    a, b = Layout.of({"A": (3, 4), "B": (12,)}).tensors
    holder = part_of(a, of_a, of_a)
    assert owner(part_of(b, of_a.reshape(3, 4).T.ravel(), of_b), [holder]) is None


def test_the_order_in_which_tensors_are_joined(rng):
    layout = Layout.of({"A": (2, 2), "b": (3,), "C": (5,)})
    numeric = rng.standard_normal(12)
    a, b, c = (numeric[tensor.slice] for tensor in layout.tensors)
    for joined, order in ((np.concatenate([c, a, b]), ["C", "A", "b"]), (numeric, None)):
        parts = [part_of(tensor, joined[tensor.slice], numeric[tensor.slice]) for tensor in layout.tensors]
        found = joined_order(parts, joined, layout)
        assert (found and [tensor.name for tensor in found]) == order
