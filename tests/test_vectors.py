"""Norms are the same number in units that differ by a power of two, down to the last digit."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fastcheck.vectors import norm

entries = st.lists(st.floats(-4, 4).filter(lambda x: x == 0 or abs(x) > 1e-3), min_size=1, max_size=8)


@given(entries, st.integers(-900, 900))
def test_a_power_of_two_changes_no_digit(values, power):
    vector = np.array(values)
    assert norm(np.ldexp(vector, power)) == math.ldexp(norm(vector), power)


def test_squares_neither_overflow_nor_vanish():
    assert math.isclose(norm(np.array([3e200, 4e200])), 5e200, rel_tol=1e-15)
    assert math.isclose(norm(np.array([3e-200, 4e-200])), 5e-200, rel_tol=1e-15)
    assert norm(np.array([5e-324, 0.0])) == 5e-324
