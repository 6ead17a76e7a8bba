"""Slopes with bounds: the truth lies within, from both sides or from one, and what is far off is known as such."""

from __future__ import annotations

import math

import numpy as np
import pytest
from along import grown, seen

from fastcheck.measure.levels import added, blocks, opened
from fastcheck.measure.readings import odd_residual, plateau, readings, sharpest
from fastcheck.measure.sight import Shape, see

SMOOTH = [
    (math.sin, math.cos, 1.0),
    (math.exp, math.exp, -3.0),
    (math.atan, lambda x: 1 / (1 + x * x), 20.0),
    (math.log, lambda x: 1 / x, 1e-7),
    (lambda x: x**7, lambda x: 7 * x**6, 1.25),
    (lambda x: math.sqrt(x * x + 1e-6), lambda x: x / math.sqrt(x * x + 1e-6), 1e-3),
    (lambda x: 1e6 + math.tanh(x), lambda x: 1 / math.cosh(x) ** 2, 0.3),
]


@pytest.mark.parametrize(("f", "slope", "x"), SMOOTH)
def test_a_smooth_slope_lies_within_a_bound_that_is_small(f, slope, x):
    shape, value, bound, _ = seen(f, x)
    assert shape in (Shape.SMOOTH, Shape.DOMAIN)
    assert abs(value - slope(x)) <= bound <= 1e-6 * abs(value)


@pytest.mark.parametrize(("f", "slope", "x"), SMOOTH)
def test_no_reading_that_is_not_far_lies_outside_its_bound_by_much(f, slope, x):
    table, _ = grown(f, x)
    found = readings(table)
    off = np.abs(found.value - slope(x) * table.unit[0])
    assert (off <= 2 * found.bound)[found.found & ~found.far].all()
    assert set(found.order[found.found].tolist()) <= {2, 4, 6}


def test_readings_come_sharpest_first_and_those_that_are_far_last():
    table, look = grown(math.sin, 1.0)
    found = readings(added(look, table, np.zeros(25, dtype=np.int64), np.arange(0, 25)))
    assert found.far.any()
    near = ~found.far[0]
    assert (np.diff(found.bound[0][near & found.found[0]]) >= 0).all()
    assert near.tolist() == sorted(near.tolist(), reverse=True) or not found.found[0][~near].any()


def test_a_bounded_j_is_not_taken_for_flat_from_afar():
    """Far out sin looks flat, with a bound as small as one likes."""
    table, look = grown(math.sin, 1.0)
    found = readings(added(look, table, np.zeros(25, dtype=np.int64), np.arange(0, 25)))
    assert found.bound[found.far].min() < 1e-3
    assert abs(sharpest(found).value[0] - math.cos(1.0)) <= sharpest(found).bound[0]


@pytest.mark.parametrize("x", [1e-300, 1e300])
@pytest.mark.parametrize("size", [1e-200, 1e200, 1e300])
def test_extreme_sizes(x, size):
    table, _ = grown(lambda t: size * math.sin(t / x), x)
    best, exact = sharpest(readings(table)), size * math.cos(1) * (table.unit[0] / x)
    assert see(table).shape[0] == Shape.SMOOTH
    assert abs(best.value[0] - exact) <= best.bound[0] <= 1e-8 * abs(exact)


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_where_one_side_answers_it_is_enough(side):
    shape, value, bound, sight = seen(lambda x: math.exp(x) if side * x >= 0 else math.nan, 0.0, 1.0)
    assert shape is Shape.DOMAIN
    assert abs(value - 1) <= bound < 1e-6
    assert set(sight.readings.order[sight.readings.found].tolist()) <= {1, 2, 3, 4}


def test_the_plateau_at_the_finest_steps_decides():
    """Beside a fast wave of small size, the sharpest reading of all is that of the slow one."""

    def f(x):
        return math.sin(x) + 1e-6 * math.sin(1e6 * x)

    table, look = grown(f, 0.0, 1.0, 2.0)
    best, sharp = plateau(readings(table), np.zeros(1), 0.05, 2.0)
    assert sharp[0]
    assert abs(best.value[0] - 2) <= best.bound[0] <= 0.05 * 2


def test_what_is_not_there_has_no_bound():
    table, _ = grown(lambda x: 1.0 if x == 1 else math.nan, 1.0)
    found = readings(table)
    assert not found.found.any()
    assert math.isinf(sharpest(found).bound[0])
    assert not plateau(found, np.zeros(1), 0.05, 2.0)[1][0]


def test_rounding_is_heard_in_the_odd_part_where_the_even_part_is_0_by_chance():
    theta = np.random.default_rng(0).standard_normal(30)
    heard, even = [], []
    for x in theta:
        sight = see(grown(lambda t, x=x: 1e-9 * round(((theta @ theta) - x * x + t * t) / 1e-9), x)[0])
        heard.append(sight.odd_noise[0])
        even.append(sight.noise[0])
    assert np.mean(np.array(even) < 1e-12) > 0.1  # of lines on which the even part tells nothing
    assert 1e-10 < np.sqrt(np.mean(np.square(heard))) < 1e-8
    assert np.nanmedian(odd_residual(grown(math.sin, 1.0)[0])) < 1e-14


ORDERS = {0: (2, 4, 6), 1: (1, 2, 3, 4), -1: (1, 2, 3, 4)}  # of the readings from both sides, or from one


def looked(f, side, first, count, m=1, noise=lambda shape: 0.0):
    """The readings of m lines of f at 0, at so many levels, as far as there are sides."""

    def look(lines, h):
        j = np.array([[f(a), f(-a)] for a in h])
        j += noise(j.shape)
        j[:, [k for k, other in enumerate((-1, 1)) if side == other]] = np.nan
        return j

    table = opened(f(0.0), np.ones(m), np.full(m, 1e-16), side=np.full(m, side))
    return readings(added(look, table, *blocks(np.arange(m), np.full(m, first), count)))


@pytest.mark.parametrize(("side", "order"), [(side, order) for side, orders in ORDERS.items() for order in orders])
def test_a_reading_is_exact_for_polynomials_of_its_order_and_for_no_more(side, order):
    def off(degree):
        found = looked(lambda x: sum((k + 1) * x**k for k in range(degree + 1)), side, -6, 8)
        of_order = (found.order == order) & found.found
        assert of_order.sum() >= 3
        return np.abs(found.value - 2)[of_order]

    assert off(order).max() < 1e-9
    assert off(order + (1 if side else 2)).min() > 1e-9


def test_a_bound_holds_how_far_both_neighbours_are():
    found = looked(lambda x: x + 5 * x**3, 0, -6, 8)  # differences are 1 + 5 h^2: those at 2 h are 15 h^2 away
    second = (found.order == 2) & found.found
    assert second.sum() == 6
    assert found.bound[second] == pytest.approx(15 * 4.0 ** found.level[second])


@pytest.mark.parametrize("side", ORDERS)
def test_bounds_hold_where_j_is_noisy(side, rng):
    found = looked(lambda x: 1 + x, side, -12, 9, 300, lambda shape: 1e-9 * rng.standard_normal(shape))
    for order in ORDERS[side]:
        of_order = (found.order == order) & found.found
        assert np.mean(np.abs(found.value - 1)[of_order] <= found.bound[of_order]) > 0.98
        assert np.median(found.bound[of_order] * 2.0 ** found.level[of_order]) < 50e-9
