"""exp, tanh and sigmoid of the zoo against NumPy's, everywhere and where they are cut off."""

from __future__ import annotations

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastcheck.zoo import _elementary

ULPS = 4


def stable_sigmoid(x):
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-x))


REFERENCES = {"exp": np.exp, "tanh": np.tanh, "sigmoid": stable_sigmoid}


@numba.njit
def everywhere(function, x):
    """The function in a loop, as the networks call it."""
    out = np.empty_like(x)
    for i in range(x.size):
        out[i] = function(x[i])
    return out


def off_by(name: str, x: np.ndarray) -> float:
    """The largest error in units in the last place."""
    expected = REFERENCES[name](x)
    return float(np.max(np.abs(everywhere(getattr(_elementary, name), x) - expected) / np.spacing(np.abs(expected))))


@pytest.mark.parametrize("name", REFERENCES)
def test_they_are_exact_to_a_few_units_in_the_last_place(name):
    near_zero = np.concatenate([sign * np.logspace(-300, 0, 3001) for sign in (1, -1)])
    assert off_by(name, np.concatenate([np.linspace(-36, 36, 20_001), near_zero, [0.0]])) <= ULPS


@given(st.floats(-700, 700))
def test_exp_over_its_whole_range(x):
    assert off_by("exp", np.array([x])) <= ULPS


def test_beyond_the_range():
    far = np.array([-np.inf, -1e300, 1e300, np.inf])
    assert everywhere(_elementary.tanh, far).tolist() == [-1, -1, 1, 1]
    assert everywhere(_elementary.sigmoid, far) == pytest.approx([0, 0, 1, 1], abs=1e-307)
    assert everywhere(_elementary.exp, far[:2]).max() < 1e-307
    assert np.isnan(everywhere(_elementary.tanh, np.array([np.nan])))[0]
    assert np.signbit(everywhere(_elementary.tanh, np.array([-0.0])))[0]
