"""Tables of levels: each is looked at once, in units in which powers of two change no bit."""

from __future__ import annotations

import math

import numpy as np
import pytest
from along import ONE, grown
from hypothesis import example, given
from hypothesis import strategies as st

from fastcheck.measure.levels import EMPTY, added, blocks, last_level, opened, power_of_two, run_around
from fastcheck.measure.sight import see
from fastcheck.problem.units import nearest_exponent


def test_a_level_is_looked_at_once_and_tables_are_replaced():
    table, look = grown(math.sin, 1.0)
    before, n = table.level.copy(), look.evaluations
    same = added(look, table, np.zeros(2, dtype=np.int64), table.level[0, :2])
    more = added(look, table, np.zeros(2, dtype=np.int64), np.array([3, 3]))
    assert same is table
    assert look.evaluations == n + 2
    assert np.array_equal(table.level, before)
    assert more.n_levels[0] == table.n_levels[0] + 1
    assert run_around(more, np.array([3]))[0][0] == 3
    assert last_level(more)[0] == 3


def test_levels_beyond_what_the_variable_resolves_are_left_out():
    table, look = grown(math.sin, 1.0)
    n = look.evaluations
    assert (
        added(look, table, np.zeros(2, dtype=np.int64), np.array([table.lowest[0] - 1, table.highest[0] + 1])) is table
    )
    assert look.evaluations == n
    assert 2.0 ** table.lowest[0] * table.unit[0] >= 8 * np.spacing(1.0)


def test_places_are_sorted_and_what_is_empty_comes_last():
    lines = np.array([0, 0, 0, 1])
    table = added(
        lambda i, h: np.stack([1 + h, 1 - h], axis=1),
        opened(1.0, np.ones(2), np.full(2, 1e-15)),
        lines,
        np.array([-3, -9, -5, -7]),
    )
    assert table.level.tolist() == [[-9, -5, -3], [-7, EMPTY, EMPTY]]
    assert table.n_levels.tolist() == [3, 1]
    assert np.isnan(table.up[1, 1:]).all()
    assert np.ldexp(table.up[0], table.shift).tolist() == [2.0**-9, 2.0**-5, 2.0**-3]


def test_blocks_are_levels_for_each_line():
    lines, levels = blocks(np.array([4, 7]), np.array([-2, 5]), 3, 10)
    assert lines.tolist() == [4, 4, 4, 7, 7, 7]
    assert levels.tolist() == [-2, 8, 18, 5, 15, 25]


def test_the_least_move_of_all_lines_is_known_to_all():
    def look(lines, h):
        size = np.where(lines == 0, 1e-3, 1e-9)
        return np.stack([1 + size, 1 - size], axis=1)

    table = added(look, opened(1.0, np.ones(2), np.full(2, 1e-15)), np.arange(2), np.full(2, -5))
    assert math.isinf(table.quantum)
    assert table.knowing().quantum == table.least.min() == pytest.approx(1e-9 / 2, rel=1e-6)  # J is kept divided by 2


SHAPES = [
    math.sin,
    lambda t: abs(t - 1) + t,
    lambda t: float(np.float32(math.cos(t))),
    lambda t: math.log(t) if t > 0 else math.nan,
]


@given(x=st.floats(0.01, 4), p=st.integers(-40, 40), k=st.integers(-600, 600), f=st.sampled_from(SHAPES))
@example(x=1.0, p=40, k=600, f=SHAPES[1])
def test_powers_of_two_change_no_bit(x, p, k, f):
    one, _ = grown(f, x)
    two, _ = grown(lambda t: math.ldexp(f(math.ldexp(t, -p)), k), math.ldexp(x, p))
    assert np.array_equal(one.level, two.level)
    for a, b in ((one.up, two.up), (one.down, two.down)):
        assert np.array_equal(np.ldexp(a, one.shift + k), np.ldexp(b, two.shift), equal_nan=True)
    assert see(one).shape == see(two).shape


@given(st.floats(1e-300, 1e300), st.integers(-20, 20))
def test_the_nearest_exponent_follows_powers_of_two(size, k):
    assert nearest_exponent(np.array([math.ldexp(size, k)])) == nearest_exponent(np.array([size])) + k


def test_the_nearest_exponent_is_nearest_in_logarithm_and_0_of_what_is_no_size():
    assert nearest_exponent(np.array([1.0, 1.4, 1.5, 2.0, 0.75, 0.0, np.nan, np.inf, -1.0])).tolist() == [
        0,
        0,
        1,
        1,
        0,
        0,
        0,
        0,
        0,
    ]


def test_power_of_two_of_an_empty_place_is_nan():
    assert power_of_two(np.array([-3, 0, EMPTY]))[:2].tolist() == [0.125, 1.0]
    assert np.isnan(power_of_two(np.array([EMPTY]))).all()


def test_one_line_has_its_unit():
    table = opened(3.0, np.array([1e-6]), np.array([1e-20]))
    assert table.unit[0] == 2.0**-20
    assert (table.centre, table.shift) == (0.75, 2)
    assert table.rows(ONE).exponent.tolist() == table.exponent.tolist()
