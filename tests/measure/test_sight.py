"""What ladders see J to be: each shape where it is, and none where it only looks so."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from along import ONE, empty, seen
from hypothesis import given
from hypothesis import strategies as st

from fastcheck.measure.ladder import grow
from fastcheck.measure.levels import added, blocks
from fastcheck.measure.sight import Shape, see


def test_a_kink_at_the_point_has_two_sides():
    shape, _, _, sight = seen(lambda x: abs(x) + 3 * x * x + 2 * x + 1, 0.0)
    assert shape is Shape.KINK
    assert abs(sight.low[0] - 1) <= sight.margin[0] < 1e-6
    assert abs(sight.high[0] - 3) <= sight.margin[0]


@pytest.mark.parametrize("f", [lambda x: max(x, 0.0), lambda x: max(0.0, -x)])
def test_a_side_may_be_flat(f):
    shape, _, _, sight = seen(f, 0.0, 1.0)
    assert shape is Shape.KINK
    assert sight.margin[0] < 1e-6
    assert sight.high[0] - sight.low[0] == pytest.approx(1)


@pytest.mark.parametrize("a", [1, 10, 30])
@pytest.mark.parametrize("sign", [1, -1])
def test_the_margin_of_a_kink_is_that_of_its_rougher_side(a, sign):
    sight = seen(lambda x: 1 - sign * x if sign * x < 0 else math.exp(a * sign * x), 0.0, 1.0)[3]
    low, high = sorted((-sign, a * sign))
    assert abs(sight.low[0] - low) <= sight.margin[0] < 1e-8
    assert abs(sight.high[0] - high) <= sight.margin[0]


@pytest.mark.parametrize("flat", [0.9e-3, 1e-4])
def test_a_flat_bottom_is_no_kink_where_j_moves_by_far_less_on_other_lines(flat):
    look, table = empty(lambda x: max(abs(x) - flat, 0.0) + 1, 0.0, 1.0)
    assert see(grow(look, replace(table, quantum=1e-13))).shape[0] != Shape.KINK


NO_KINKS = {
    "beside a kink": (lambda x: abs(x - 1e-6), 0.0),
    "farther beside one": (lambda x: max(x + 1e-4, 0.0) + x * x, 0.0),
    "a bend of 1e-3": (lambda x: math.sqrt(x * x + 1e-6), 0.0),
    "a bend of 1e-6": (lambda x: math.sqrt(x * x + 1e-12), 0.0),
    "a bend of 1e-9": (lambda x: math.sqrt(x * x + 1e-18), 0.0),
    "a joint of curvatures": (lambda x: x * x if x > 0 else 0.5 * x * x, 0.0),
    "a parabola": (lambda x: 5 * x * x + 1, 0.0),
    "float32": (lambda x: float(np.float32(1 + math.sin(x))), 0.3),
    "a power": (lambda x: abs(x) ** 1.5, 0.0),
}


@pytest.mark.parametrize("what", NO_KINKS)
def test_what_only_looks_like_a_kink_is_none(what):
    f, x = NO_KINKS[what]
    assert seen(f, x, 1.0)[0] is not Shape.KINK


@given(a=st.floats(-2, 2), b=st.floats(0.1, 5), x=st.floats(-3, 3), k=st.integers(-20, 20))
def test_a_smooth_j_has_no_kink_no_jump_and_no_end(a, b, x, k):
    unit = 2.0**k

    def f(t):
        return math.sin(b * t / unit) + a * math.exp(-((t / unit) ** 2)) + t / unit

    assert seen(f, x * unit, unit)[0] in (Shape.SMOOTH, Shape.TWO_SCALES)


@pytest.mark.parametrize(("x", "shape"), [(0.0, Shape.JUMP), (0.5, Shape.SMOOTH)])
def test_a_spike_and_beside_it(x, shape):
    assert seen(lambda t: 0.01 * (t != 0) + math.sin(t + 0.3), x, 1.0)[0] is shape


def test_a_step_at_the_point_is_a_jump():
    assert seen(lambda t: 0.01 * (t >= 0.5) + math.sin(t), 0.5)[0] is Shape.JUMP


def test_a_j_that_never_moves_is_still():
    shape, value, bound, sight = seen(lambda x: 7.0, 0.3)
    assert shape is Shape.STILL
    assert value == 0
    assert np.isfinite(bound)
    assert not sight.bends[0]
    assert sight.evaluations[0] < 50


@pytest.mark.parametrize(
    ("f", "bends"), [(lambda x: x * x, True), (lambda x: 3 * x + 1, False), (lambda x: math.cos(x), True)]
)
def test_bending(f, bends):
    assert seen(f, 0.0, 1.0)[3].bends[0] == bends


@pytest.mark.parametrize("f", [math.exp, lambda x: 2 + math.sin(x), lambda x: 2 + x / 3])
def test_what_rounding_leaves_of_the_even_part_is_no_size_of_slopes(f):
    look, table = empty(f, 1.0)
    near = added(look, table, *blocks(ONE, np.array([-45]), 20))
    assert see(near).natural[0] == f(1.0)
    both = added(look, near, *blocks(ONE, np.array([-14]), 5))
    assert see(both).natural[0] <= 3 * f(1.0)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_where_j_has_no_value_nothing_is_found(value):
    shape, _, bound, _ = seen(lambda x: value if x != 1 else 1.0, 1.0)
    assert shape is Shape.DOMAIN
    assert math.isinf(bound)


@pytest.mark.parametrize(("f", "own"), [(math.sin, True), (lambda x: float(np.float32(math.sin(x))), False)])
def test_whether_the_noise_is_no_more_than_the_last_places_of_j(f, own):
    assert seen(f, 0.4, worth=1.0)[3].rounding[0] == own


@pytest.mark.parametrize("side", [1, -1, 0])
def test_noise_is_heard_on_the_one_side_that_answers_too(side):
    def f(x):
        noise = np.random.default_rng(np.float64(x).view(np.uint64)).standard_normal()
        return math.exp(x) + 1e-8 * noise if side * x >= 0 else math.nan

    sight = seen(f, 0.0, 1.0, 1.0)[3]
    assert 1e-9 < sight.noise[0] < 1e-7
    assert not sight.rounding[0]
