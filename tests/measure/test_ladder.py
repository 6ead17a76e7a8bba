"""Growing: toward the levels that tell, in few looks, whatever the guess; it knows no gradient, at most what is worth seeing."""

from __future__ import annotations

import math

import numpy as np
import pytest
from along import ONE, grown, seen

from fastcheck.measure.ladder import MOST, grow, look_where_worth
from fastcheck.measure.levels import opened
from fastcheck.measure.readings import readings, sharpest
from fastcheck.measure.sight import Shape


@pytest.mark.parametrize("off", [1e-30, 1e-12, 1e-4, 1e4, 1e12, 1e30])
def test_a_scale_may_be_off_by_tens_of_orders(off):
    worth = math.cos(0.7)
    _, value, bound, _ = seen(lambda x: math.sin(0.7 + x), 0.0, off, worth)
    assert abs(value - worth) <= bound
    assert off > 1e4 or bound <= 1e-5


@pytest.mark.parametrize("digits", [4, 6])
def test_stairs_are_seen_from_far_enough(digits):
    shape, value, bound, sight = seen(lambda x: round(math.sin(x), digits), 0.3, worth=math.cos(0.3))
    assert shape is Shape.STAIRCASE
    assert sight.grain[0] == pytest.approx(10.0**-digits, rel=1e-3)
    assert abs(value - math.cos(0.3)) <= bound < 100 * 10.0**-digits


def test_near_the_end_of_the_domain_the_ladder_goes_closer():
    shape, value, bound, _ = seen(lambda x: math.sqrt(x) if x >= 0 else math.nan, 1e-8, 1.0)
    assert shape is Shape.DOMAIN
    assert abs(value - 0.5e4) <= bound < 1


def test_a_good_point_costs_little_and_no_point_much():
    for f, x, most in ((math.sin, 1.0, 24), (lambda x: 7.0, 0.3, 50), (lambda x: x**4, 1e-9, 90)):
        assert grown(f, x)[1].evaluations <= most
    table, _ = grown(lambda x: float(np.float32(math.sin(x) + 1e4)), 1.0)
    assert table.n_levels[0] <= 2 * MOST + 40


class Waves:
    """One J, each line its own wave: J(x) is 0.3 along all."""

    def __init__(self, points):
        self.points, self.looks = points, 0

    def __call__(self, lines, h):
        self.looks += 1
        p = self.points[lines]
        return 0.3 + np.stack([np.sin(p + h) - np.sin(p), np.sin(p - h) - np.sin(p)], axis=1)

    def table(self):
        return opened(0.3, np.abs(self.points), 8 * np.spacing(np.abs(self.points)))


def test_many_lines_cost_few_looks(rng):
    look = Waves(rng.standard_normal(500) * 10.0 ** rng.uniform(-6, 6, 500))
    table = grow(look, look.table())
    assert look.looks <= 25
    look.looks = 0
    look_where_worth(look, table, np.arange(500), np.abs(np.cos(look.points)) * table.unit)
    assert look.looks <= 45


def test_a_line_is_what_it_is_alone(rng):
    look = Waves(rng.uniform(0.5, 1.5, 7))
    together = grow(look, look.table())
    for k in range(7):
        alone = grow(lambda lines, h, k=k: look(np.full(lines.size, k), h), look.table().rows(np.array([k])))
        some = together.rows(np.array([k]))
        assert alone.level[alone.filled].tolist() == some.level[some.filled].tolist()
        assert np.array_equal(alone.up[alone.filled], some.up[some.filled], equal_nan=True)


def test_a_pilot_serves_its_neighbours():
    look = Waves(np.linspace(0.5, 1.5, 40))
    first = grow(look, look.table().rows(ONE))
    pilot = np.full(40, int(sharpest(readings(first)).level[0]) - 1)
    assert np.median(grow(look, look.table(), pilot).n_levels) == 4


@pytest.mark.parametrize("worth", [math.nan, 0.0, math.inf, -1.0])
def test_what_is_no_worth_is_none(worth):
    table, look = grown(math.sin, 1.0)
    assert look_where_worth(look, table, ONE, np.array([worth])) is table


def test_no_lines_no_look():
    look = Waves(np.empty(0))
    assert grow(look, look.table()).level.shape[0] == 0
    assert look.looks == 0
