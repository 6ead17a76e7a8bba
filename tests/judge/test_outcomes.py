"""What ladders say of a claim: the right one is never refuted, 1 % off is never supported, and nothing depends on the units."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from along import empty, grown, said
from hypothesis import example, given
from hypothesis import strategies as st

from fastcheck.judge.outcomes import Outcomes, outcomes
from fastcheck.judge.verdict import Cause, Outcome
from fastcheck.measure.ladder import grow
from fastcheck.measure.sight import Shape, see

SUPPORTED, REFUTED, UNKNOWN = Outcome.SUPPORTED, Outcome.REFUTED, Outcome.UNKNOWN

PLAIN = {
    "sin": (math.sin, 1.0, math.cos(1.0)),
    "1e200": (lambda x: 1e200 * math.exp(x), -2.0, 1e200 * math.exp(-2.0)),
    "float32": (lambda x: float(np.float32(math.sin(x))), 0.4, math.cos(0.4)),
    "rounded": (lambda x: round(math.sin(x), 5), 0.4, math.cos(0.4)),
    "a constant in front": (lambda x: 1e6 + math.sin(x), 0.4, math.cos(0.4)),
    "log near 0": (lambda x: math.log(x) if x > 0 else math.nan, 1e-9, 1e9),
    "a kink nearby": (lambda x: abs(x - 0.5) + x * x, 0.5 + 1e-7, 2.0000002),
    "near a minimum": (lambda x: (x - 1) ** 2, 1.0001, 2e-4),
    "a sharp bend": (lambda x: math.sqrt(x * x + 1e-12), 1e-6, math.sqrt(0.5)),
    "the end of the domain": (lambda x: x if x >= 0 else math.nan, 0.0, 1.0),
}


@pytest.mark.parametrize("what", PLAIN)
def test_right_is_supported_and_one_percent_off_is_refuted(what):
    f, x, slope = PLAIN[what]
    found, _ = said(f, x, slope)
    assert found.outcome[0] == SUPPORTED
    for wrong in (1.01 * slope, 0.99 * slope, -slope, 0.0):
        assert said(f, x, wrong)[0].outcome[0] == REFUTED, wrong


@given(
    x=st.floats(-3, 3),
    b=st.floats(-8, 8),
    c=st.floats(-6, 6),
    kind=st.sampled_from(["smooth", "float32", "rounded", "saturates", "log"]),
)
@example(x=2.0, b=0.0, c=6.0, kind="float32")
def test_right_is_never_refuted_whatever_the_scale_and_the_noise(x, b, c, kind):
    x = 0.0 if abs(x) < 1e-28 else x  # as its own scale it would be off by more orders than are looked through
    unit, level = 10.0**b, 10.0**c

    def smooth(t):
        return math.sin(t / unit) + level

    f, slope = {
        "smooth": (smooth, math.cos(x) / unit),
        "float32": (lambda t: float(np.float32(smooth(t))), math.cos(x) / unit),
        "rounded": (lambda t: round(smooth(t), 4), math.cos(x) / unit),
        "saturates": (lambda t: math.tanh(t / unit) + level, 1 / math.cosh(x) ** 2 / unit),
        "log": (lambda t: math.log1p((t / unit) ** 2) + level, 2 * x / (1 + x * x) / unit),
    }[kind]
    assert said(f, x * unit, slope)[0].outcome[0] != REFUTED
    assert said(f, x * unit, slope, unit)[0].outcome[0] != REFUTED


@given(x=st.floats(0.1, 3), b=st.floats(-6, 6), off=st.sampled_from([0.0, -1.0, 0.99, 1.01, 2.0, 100.0]))
def test_wrong_is_never_supported(x, b, off):
    unit = 10.0**b
    found, _ = said(lambda t: math.sin(t / unit) + 1, x * unit, off * math.cos(x) / unit)
    assert found.outcome[0] != SUPPORTED or abs(off - 1) * abs(math.cos(x)) < 1e-9


@pytest.mark.parametrize(
    ("claimed", "outcome"),
    [(-1.0, SUPPORTED), (0.0, SUPPORTED), (0.7, SUPPORTED), (1.0, SUPPORTED), (1.01, REFUTED), (-2.0, REFUTED)],
)
def test_at_a_kink_any_slope_between_the_sides_is_right(claimed, outcome):
    found, sight = said(lambda x: abs(x) + x * x, 0.0, claimed, 1.0)
    assert sight.shape[0] == Shape.KINK
    assert found.outcome[0] == outcome
    assert found.cause[0] == Cause.KINK
    assert outcome != SUPPORTED or abs(found.slope[0] - claimed) <= found.bound[0]


@pytest.mark.parametrize(("claimed", "outcome"), [(0.0, SUPPORTED), (0.5, SUPPORTED), (1.5, REFUTED), (-0.5, REFUTED)])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_flat_side_of_a_kink_bounds_the_right_slopes_too(claimed, outcome, sign):
    assert said(lambda x: max(sign * x, 0.0), 0.0, sign * claimed, 1.0)[0].outcome[0] == outcome


@pytest.mark.parametrize("f", [lambda x: round(math.sin(x), 5), lambda x: 1e6 + math.sin(x)])
def test_a_claim_is_supported_within_the_bound_and_refuted_from_four_bounds_on(f):
    """Bounds come from a few levels, and may be short by chance."""
    sight = see(grown(f, 0.4)[0])
    best = outcomes(sight, np.array([math.cos(0.4) * 0.5]))
    off = best.slope[0] + best.bound[0] * np.array([-5, -3, -0.9, 0.0, 0.9, 1.5, 3.9, 4.1, 12])
    assert [outcomes(sight, np.array([claimed])).outcome[0] for claimed in off] == [
        REFUTED, UNKNOWN, SUPPORTED, SUPPORTED, SUPPORTED, UNKNOWN, UNKNOWN, REFUTED, REFUTED,
    ]  # fmt: skip


def test_a_spike_is_neither_supported_nor_refuted():
    found, _ = said(lambda x: 0.01 * (x != 0) + math.sin(x), 0.0, 1.0, 1.0)
    assert (found.outcome[0], found.cause[0]) == (UNKNOWN, Cause.JUMP)


@pytest.mark.parametrize(("claimed", "outcome"), [(0.0, SUPPORTED), (1e-3, REFUTED)])
def test_of_a_j_that_stands_still(claimed, outcome):
    assert said(lambda x: 3.0, 1.0, claimed)[0].outcome[0] == outcome


@pytest.mark.parametrize("x", [1.0, 2.0])
def test_a_j_as_coarse_as_all_its_range_accuses_nobody(x):
    found, _ = said(lambda t: float(np.float32(math.sin(t) + 1e6)), x, math.cos(x))
    assert found.outcome[0] != REFUTED


def test_rounding_of_the_gradient_itself_is_no_witness():
    assert said(lambda x: 1.0 + math.cos(x), 0.0, 1e-17, 1.0)[0].outcome[0] != REFUTED


@pytest.mark.parametrize(("off", "refuted"), [(1e-14, False), (3e-14, True), (9e-13, True)])
def test_its_own_rounding_is_1e_14_of_the_size_that_slopes_have_nearby(off, refuted):
    """J'' is 2 here, and the ladder sees a slope of 1e-13 to ten digits."""
    found, _ = said(lambda x: 1e-13 * x + x * x, 0.0, 1e-13 + off, 1.0)
    assert (found.outcome[0] == REFUTED) == refuted


@pytest.mark.parametrize(("moves", "outcome"), [(0, SUPPORTED), (2, UNKNOWN), (30, UNKNOWN), (200, REFUTED)])
def test_a_j_at_rest_excludes_what_would_have_moved_it_by_many_of_its_least_moves(moves, outcome):
    look, table = empty(lambda x: max(x - 1e-2, 0.0) + 1, 0.0, 1.0)
    sight = see(grow(look, replace(table, quantum=1e-13)))
    claimed = moves * sight.quantum / 2.0**sight.rest
    assert outcomes(sight, claimed).outcome[0] == outcome


def beside_finer(f, x, claimed):
    """What is said of J where other lines move it by far less."""
    look, table = empty(f, x, 1.0)
    return outcomes(see(grow(look, replace(table, quantum=1e-15))), np.array([claimed])).outcome[0]


@pytest.mark.parametrize(
    ("f", "x", "beyond"),
    [
        (lambda x: max(x * x - 100, 0.0) + 1, 1.0, 2.0),
        (lambda x: max((x - 1) ** 2 - 1e-4, 0.0) + 1, 1.005, 0.01),
        (lambda x: max(x - 1, 0.0) + min(x + 1, 0.0), 0.4, 1.0),
    ],
    ids=["ball", "small ball", "dead zone"],
)
def test_what_j_does_on_the_other_side_of_a_hinge_is_no_slope(f, x, beyond):
    assert beside_finer(f, x, 0.0) == SUPPORTED
    assert beside_finer(f, x, beyond) == REFUTED
    assert beside_finer(f, x, math.nan) == REFUTED


@pytest.mark.parametrize("kind", [np.float16, np.float32])
def test_a_variable_that_j_rounds_is_not_taken_for_one_that_is_off(kind):
    assert beside_finer(lambda x: float(kind(x)) + 1, 0.7, 1.0) != REFUTED
    assert beside_finer(lambda x: float(kind(x)) + 1, 0.7, 0.0) != SUPPORTED


@pytest.mark.parametrize("claimed", [math.nan, math.inf, -math.inf])
def test_a_claim_that_is_not_finite_is_never_supported(claimed):
    for f, x in ((math.sin, 1.0), (lambda x: 3.0, 1.0), (lambda x: abs(x), 0.0)):
        assert said(f, x, claimed, 1.0)[0].outcome[0] != SUPPORTED


def test_where_j_has_no_value_nothing_is_said():
    found, _ = said(lambda x: 1.0 if x == 1 else math.nan, 1.0, 3.0)
    assert (found.outcome[0], found.cause[0]) == (UNKNOWN, Cause.DOMAIN)


@given(
    p=st.integers(-40, 40), k=st.integers(-600, 600), x=st.floats(0.1, 3), off=st.sampled_from([1.0, 1.001, 2.0, 0.0])
)
def test_powers_of_two_change_no_outcome(p, k, x, off):
    slope = off * math.cos(x)
    one, _ = said(math.sin, x, slope)
    two, _ = said(lambda t: math.ldexp(math.sin(math.ldexp(t, -p)), k), math.ldexp(x, p), math.ldexp(slope, k - p))
    for name in ("outcome", "level", "order", "cause", "bends"):
        assert getattr(one, name) == getattr(two, name), name
    assert two.slope[0] == math.ldexp(one.slope[0], k)
    assert two.bound[0] == math.ldexp(one.bound[0], k)


def test_parts_join_in_order():
    one, _ = said(math.sin, 1.0, 0.5)
    two, _ = said(math.cos, 1.0, 0.5)
    both = Outcomes.joined([one, Outcomes.none(), two])
    assert both.slope.tolist() == [one.slope[0], two.slope[0]]
    assert both.some(np.array([1])).outcome.tolist() == two.outcome.tolist()
