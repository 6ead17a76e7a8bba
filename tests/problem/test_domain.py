"""Bounds of theta: what may be passed, what is refused, and on which side of a component there is room."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import Bounds

import fastcheck as fc
from fastcheck.problem.domain import Domain, domain

LAYOUT = fc.Layout.of({"W": (2, 2), "b": (2,)})
THETA = np.array([0.0, 1.0, 0.5, 0.25, -1.0, 1.0])
FREE = np.inf


@pytest.mark.parametrize(
    ("bounds", "low", "high"),
    [
        ((-2, 2), [-2] * 6, [2] * 6),
        ((None, 2.5), [-FREE] * 6, [2.5] * 6),
        ([np.full(6, -3.0), None], [-3] * 6, [FREE] * 6),
        (({"b": -1}, {"W": [[1, 2], [3, 4]]}), [-FREE] * 4 + [-1] * 2, [1, 2, 3, 4, FREE, FREE]),
        ((None, {"W": None, "b": np.array([2.0, 3.0])}), [-FREE] * 6, [FREE] * 4 + [2, 3]),
        (Bounds(-2, np.arange(2, 8)), [-2] * 6, [2, 3, 4, 5, 6, 7]),
        (np.array([[-2.0] * 6, [2.0] * 6]), [-2] * 6, [2] * 6),
    ],
)
def test_bounds_are_taken_as_they_are_meant(bounds, low, high):
    found = domain(bounds, THETA, LAYOUT)
    assert found.low.tolist() == low and found.high.tolist() == high


def test_no_bounds_are_none():
    assert domain(None, THETA, LAYOUT) is None


@pytest.mark.parametrize(
    ("bounds", "error", "message"),
    [
        (3, TypeError, r"bounds must be \(low, high\), got 3"),
        ([(0, 1)] * 6, TypeError, r"bounds must be \(low, high\)"),
        (("0", 1), TypeError, "the low bound must be a number or an array of numbers, got '0'"),
        ((None, np.ones(5)), ValueError, r"the high bound must be a number, or have shape \(6,\), got \(5,\)"),
        (({"W": np.ones(4)}, None), ValueError, r"the low bound of W must be a number, or have shape \(2, 2\)"),
        (({"V": 1}, None), ValueError, "bounds must be of the tensors W, b, got 'V'"),
        ((np.nan, None), ValueError, "the low bound must not be nan"),
        (([[1], [2, 3]], None), TypeError, "the low bound must be a number or an array"),
        ((-1, [2, 2, 2, 2, -1, 2]), ValueError, r"leave every component room, got b\[0\] between -1 and -1"),
        ((2, 1), ValueError, r"leave every component room, got W\[0, 0\] between 2 and 1"),
        ((-1, 0.75), ValueError, r"theta must lie within bounds, got W\[0, 1\] = 1 outside -1 to 0.75"),
    ],
)
def test_bounds_that_are_none_are_refused_in_one_line(bounds, error, message):
    with pytest.raises(error, match=message) as caught:
        domain(bounds, THETA, LAYOUT)
    assert isinstance(caught.value, fc.InputError) and "\n" not in str(caught.value)


def test_the_side_with_room_is_looked_at():
    found = Domain(np.array([0.0, -1, -1, -1e-9]), np.array([1.0, 0, 1, 1]))
    assert found.sides(np.zeros(4), slice(None), np.ones(4)).tolist() == [1, -1, 0, 1]


@given(*[st.floats(-1e6, 1e6)] * 3)
def test_a_step_of_the_room_never_leaves(theta, low, high):
    low, theta, high = sorted((low, theta, high))
    found = Domain(np.array([low]), np.array([high]))
    below, above = found.room(np.array([theta]), slice(None))
    assert theta - below[0] >= low and theta + above[0] <= high
    assert below[0] >= 0.9 * (theta - low) - 8 * np.spacing(abs(theta))
