"""The rule, applied: every verdict has its condition, its witness or its cause."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import fastcheck as fc
from fastcheck.judge import ratios
from fastcheck.judge.judging import judge
from fastcheck.judge.measured import Measured, open_in
from fastcheck.judge.outcomes import Outcomes
from fastcheck.judge.verdict import Cause, Judged, Outcome, Verdict
from fastcheck.problem.selection import Selection
from fastcheck.vectors import norm

UNKNOWN, SUPPORTED, REFUTED = Outcome.UNKNOWN, Outcome.SUPPORTED, Outcome.REFUTED
CORRECT, WRONG, SUSPECT, UNRESOLVED = Verdict.CORRECT, Verdict.WRONG, Verdict.SUSPECT, Verdict.UNRESOLVED

finite = st.floats(-1e3, 1e3).map(lambda x: round(x, 6))
vectors = st.integers(1, 20).flatmap(
    lambda n: st.tuples(hnp.arrays(float, n, elements=finite), hnp.arrays(float, n, elements=finite))
)


def told(outcome, slope, bound, cause=Cause.ROUNDING, bends=True) -> Outcomes:
    n = len(slope)

    def each(value):
        return np.broadcast_to(np.asarray(value).astype(np.int64), (n,)).copy()

    bounds = np.broadcast_to(np.array(bound, float), (n,)).copy()
    return Outcomes(
        each(outcome), np.array(slope, float), bounds, each(-17), each(2), each(cause), np.full(n, bends), np.zeros(n)
    )


def measured(said: Outcomes, sizes: tuple[int, ...] = (), unfit: tuple[str, ...] = ()) -> Measured:
    """Ladders along every component, of tensors of these sizes; units are 1."""
    n = said.slope.size
    sizes = sizes or (n,)
    layout = fc.Layout.of({f"t{k}": (size,) for k, size in enumerate(sizes)})
    return Measured(
        Selection(layout), np.ones(n), said.slope.copy(), np.full(n, np.inf), (0.0,) * len(sizes),
        unfit or ("",) * len(sizes), np.arange(n), said,
    )  # fmt: skip


def verdict(said: Outcomes, analytic, sizes=(), accept=1e-7, unfit=()) -> Judged:
    return judge(measured(said, sizes, unfit), np.array(analytic, float), accept)


@pytest.mark.parametrize(
    ("slope", "analytic", "outcome", "bound", "is_"),
    [
        ([1.0, 2.0], [1.0, 2.0], [SUPPORTED, SUPPORTED], 1e-9, CORRECT),
        ([1.0, 2.0], [1.0, 2.02], [SUPPORTED, REFUTED], 1e-9, WRONG),
        ([1.0, 2.0], [1.0, 2.0002], [SUPPORTED, REFUTED], 1e-9, SUSPECT),
        ([1.0, 2.0], [1.0, 2.0], [SUPPORTED, UNKNOWN], 1e-3, UNRESOLVED),
        ([1.0, 2.0], [1.0, 2.02], [SUPPORTED, UNKNOWN], 1e-9, UNRESOLVED),  # nobody is accused without a witness
        ([1.0, 1e-9], [1.0, 2e-9], [SUPPORTED, REFUTED], 1e-12, CORRECT),  # below 1e-7 of the largest
        ([1.0, 2.0], [1.0, 2.0], [SUPPORTED, UNKNOWN], math.nan, UNRESOLVED),
        ([0.0, 0.0], [0.0, 0.0], [SUPPORTED, SUPPORTED], 0.0, CORRECT),
        ([1.0, 2.0], [1.0, math.nan], [SUPPORTED, REFUTED], 1e-9, WRONG),
        ([1.0, 2.0], [1.0, math.inf], [SUPPORTED, REFUTED], 1e-9, WRONG),
        ([1.0, 2.0], [1.0, math.nan], [SUPPORTED, UNKNOWN], 1e-9, UNRESOLVED),
        ([1.0, math.nan], [1.0, 2.0], [SUPPORTED, UNKNOWN], math.nan, UNRESOLVED),
    ],
)
@pytest.mark.parametrize("k", [0, 900, -900])
def test_one_tensor(slope, analytic, outcome, bound, is_, k):
    power = 2.0**k
    judged = verdict(told(outcome, np.multiply(slope, power), np.multiply(bound, power)), np.multiply(analytic, power))
    assert judged.whole.verdict is judged.tensors[0].verdict is is_
    assert bool(judged.witnesses) == bool(judged.wrong.size) == is_.accuses
    assert judged.whole.reason
    assert (judged.whole.cause is Cause.NONE) == (is_ is not UNRESOLVED)


def test_the_deciding_witness_comes_first_and_says_what_was_seen():
    judged = verdict(told([REFUTED] * 3, [1.0, 1.0, 1.0], 1e-9), [1.001, 3.0, 1.1])
    assert [w.index for w in judged.witnesses] == [1, 2, 0]
    first = judged.witnesses[0]
    assert (first.name, first.analytic, first.slope, first.bound) == ("t0[1]", 3.0, 1.0, 1e-9)
    assert (first.step, first.order, first.outcome) == (2.0**-17, 2, "refuted")
    assert judged.wrong.tolist() == [0, 1, 2]


def test_a_witness_is_told_in_the_units_of_theta():
    m = measured(told([REFUTED], [4.0], 1e-6))
    m = Measured(m.selection, np.array([8.0]), m.numeric / 8, m.margin, m.sigmas, m.unfit, m.positions, m.said)
    (witness,) = judge(m, np.array([1.0]), 1e-7).witnesses
    assert (witness.analytic, witness.slope, witness.bound, witness.step) == (1.0, 0.5, 1e-6 / 8, 8 * 2.0**-17)


def test_a_large_tensor_does_not_hide_a_small_one():
    judged = verdict(told([SUPPORTED, SUPPORTED, REFUTED], [1e6, 1e6, 1.0], 1e-9), [1e6, 1e6, 2.0], (2, 1))
    assert [t.verdict for t in judged.tensors] == [CORRECT, WRONG]
    assert judged.whole.verdict is WRONG
    assert judged.whole.reason.startswith("t1: ")
    assert [w.index for w in judged.witnesses] == [2]
    assert judged.tensors[1].worst.index == 2


@pytest.mark.parametrize(("claimed", "is_"), [(1e-13, CORRECT), (1e-11, WRONG)])
@pytest.mark.parametrize("unit", [1.0, 2.0**400])
def test_backprops_own_rounding_where_the_true_slope_is_0_is_measured_by_the_largest_entry_of_all(claimed, is_, unit):
    said = told([SUPPORTED, REFUTED], [unit, 0.0], 1e-15 * unit, bends=False)
    judged = verdict(said, [unit, claimed * unit], (1, 1))
    assert judged.tensors[1].verdict is judged.whole.verdict is is_


@pytest.mark.parametrize(("open_", "is_"), [(1e-9, CORRECT), (1e-3, UNRESOLVED), (math.inf, UNRESOLVED)])
def test_an_unresolved_tensor_spoils_the_whole_unless_too_small_to_matter(open_, is_):
    judged = verdict(told([SUPPORTED, UNKNOWN], [1.0, 0.0], [1e-9, open_]), [1.0, 0.0], (1, 1))
    assert judged.tensors[1].verdict is UNRESOLVED
    assert judged.whole.verdict is is_


@pytest.mark.parametrize(
    ("bends", "outcome", "is_"),
    [(False, SUPPORTED, CORRECT), (True, SUPPORTED, UNRESOLVED), (False, UNKNOWN, UNRESOLVED)],
)
def test_zero_against_zero_is_right_where_j_does_not_bend_and_ladders_support_it(bends, outcome, is_):
    judged = verdict(
        told([outcome] * 2, [0.0, 0.0], 1e-11, Cause.NONE if outcome else Cause.ROUNDING, bends), [0.0, 0.0]
    )
    assert judged.whole.verdict is is_
    assert judged.agreement == 0
    assert is_ is not CORRECT or judged.whole.reason == "zero against zero, J stands still"


@pytest.mark.parametrize(
    ("outcome", "cause", "bound", "bends", "is_"),
    [
        (UNKNOWN, Cause.ROUNDING, 1e-6, True, Cause.STATIONARY),
        (UNKNOWN, Cause.ROUNDING, 1e-6, False, Cause.ROUNDING),
        (UNKNOWN, Cause.NONE, 1e-6, False, Cause.ROUNDING),
        (UNKNOWN, Cause.NOISE, 1e-10, True, Cause.NOISE),
        (UNKNOWN, Cause.KINK, 1e-6, True, Cause.KINK),
        (UNKNOWN, Cause.JUMP, 1e-6, True, Cause.JUMP),
        (UNKNOWN, Cause.DOMAIN, 1e-6, True, Cause.DOMAIN),
        (UNKNOWN, Cause.BUDGET, 1e-6, True, Cause.BUDGET),
    ],
)
def test_causes(outcome, cause, bound, bends, is_):
    judged = verdict(told(outcome, [1e-9, 1e-9], bound, cause, bends), [1e-9, 1e-9])
    assert judged.whole.verdict is UNRESOLVED
    assert judged.whole.cause is judged.causes[0] is is_
    assert is_.words in judged.whole.reason


@pytest.mark.parametrize(
    ("error", "accept", "is_"),
    [
        (0.004, 1e-7, WRONG), (0.0019, 1e-7, SUSPECT), (0.0019, 1e-3, SUSPECT), (0.003, 1e-3, WRONG),
        (0.02, 1e-2, SUSPECT), (0.03, 1e-2, WRONG), (0.004, 1e-2, CORRECT), (0.3, 0.5, CORRECT),
    ],
)  # fmt: skip
def test_accept_moves_the_edges(error, accept, is_):
    assert verdict(told([REFUTED], [1.0], 1e-9), [1 + error], accept=accept).whole.verdict is is_


@pytest.mark.parametrize(("accept", "is_"), [(1e-7, UNRESOLVED), (1e-5, UNRESOLVED), (1e-3, CORRECT)])
def test_accept_moves_the_edge_to_which_bounds_must_reach(accept, is_):
    assert verdict(told([SUPPORTED], [1.0], 1e-4), [1.0], accept=accept).whole.verdict is is_


@pytest.mark.parametrize("analytic", [[1.0, 2.0], [1.0, 2.2]])
def test_a_step_that_does_not_serve_is_no_reason_to_call_right_what_is_open(analytic):
    right = analytic[1] == 2.0
    judged = verdict(
        told([SUPPORTED] * 2 if right else [SUPPORTED, REFUTED], [1.0, 2.0], 1e-9),
        analytic,
        unfit=("eps = 1 does not serve",),
    )
    assert judged.whole.verdict is UNRESOLVED
    assert "does not serve" in judged.whole.reason
    assert not judged.witnesses


def test_what_the_pass_alone_sees_accuses_nobody():
    n = 5
    layout = fc.Layout.of({"W": (n,)})
    numeric, analytic = np.ones(n), np.r_[np.ones(n - 1), 2.0]
    m = Measured(
        Selection(layout),
        np.ones(n),
        numeric,
        np.full(n, 1e-9),
        (1e-9,),
        ("",),
        np.empty(0, dtype=np.int64),
        Outcomes.none(),
    )
    judged = judge(m, analytic, 1e-7)
    assert (judged.whole.verdict, judged.whole.cause) == (UNRESOLVED, Cause.BUDGET)
    assert open_in(m, analytic, 0).tolist() == [4]
    assert judge(m, numeric, 1e-7).whole.verdict is CORRECT  # agreement with it settles
    wide = Measured(m.selection, m.units, numeric, np.full(n, 1e-3), m.sigmas, m.unfit, m.positions, m.said)
    assert judge(wide, numeric, 1e-7).whole.verdict is UNRESOLVED  # unless it could not see


@pytest.mark.parametrize(("margin", "is_"), [(0.5e-5, CORRECT), (3e-5, UNRESOLVED)])
def test_the_pass_settles_what_it_sees_to_1e_5_of_a_typical_slope(margin, is_):
    n = 100
    m = Measured(
        Selection(fc.Layout.of({"W": (n,)})), np.ones(n), np.ones(n), np.full(n, margin), (0.0,), ("",),
        np.empty(0, dtype=np.int64), Outcomes.none(),
    )  # fmt: skip
    assert judge(m, np.ones(n), 1e-7).whole.verdict is is_
    assert open_in(m, np.ones(n), 0).size == (0 if is_ is CORRECT else n)


def test_how_far_the_pass_may_be_off_is_what_a_ladder_differs_by_and_its_bound():
    m = measured(told([SUPPORTED, UNKNOWN], [4.0, math.nan], 1e-3))
    m = replace(m, units=np.array([8.0, 8.0]), numeric=np.array([0.6, 1.0]), margin=np.array([1.0, 2.0]))
    assert judge(m, np.array([0.5, 1.0]), 1e-7).numeric_bound == pytest.approx([0.1 + 1e-3 / 8, 2.0])


def test_two_calls_differ_where_one_of_them_alone_is_not_finite():
    first, again = np.array([1.0, np.nan]), np.array([1.0, 2.0])
    assert ratios.unrepeatable(first, again)
    assert not ratios.unrepeatable(first, first.copy())
    assert not ratios.unrepeatable(again, again * (1 + 1e-9))  # the order in which threads add


def test_wrong_is_what_is_refuted_and_what_only_the_pass_excludes_but_nothing_that_a_ladder_supports():
    said = told([SUPPORTED, REFUTED], [1.0, 1.0], 1e-9)
    m = Measured(
        Selection(fc.Layout.of({"v": (2,), "W": (4,)})), np.ones(6), np.array([1, 1, 1.5, 1, 1, 1]), np.full(6, 1e-9),
        (0.0, 0.0), ("", ""), np.array([2, 3]), said,
    )  # fmt: skip
    judged = judge(m, np.array([1.0, 1, 1, 2, 3, 1]), 1e-7)  # of W ladders support the first, refute the second
    assert judged.wrong.tolist() == [3, 4]
    assert judged.tensors[1].worst.index == 4


@given(vectors)
def test_ratio_and_floor_are_the_formula_of_the_lecture(pair):
    numeric, analytic = pair
    below = np.linalg.norm(numeric) + np.linalg.norm(analytic)
    ratio, floor = ratios.ratio_and_floor(numeric, analytic, 0.5)
    assert ratio == pytest.approx(np.linalg.norm(numeric - analytic) / below if below else 0.0)
    assert floor == pytest.approx(0.5 / below if below else 0.0)


@given(vectors)
def test_agreement_is_the_ratio_of_the_best_slopes(pair):
    slope, analytic = pair
    judged = verdict(told(SUPPORTED, slope, 1e-9), analytic)
    below = np.linalg.norm(slope) + np.linalg.norm(analytic)
    assert judged.agreement == pytest.approx(np.linalg.norm(slope - analytic) / below if below else 0.0)


@given(vectors, st.integers(0, 25), st.integers(0, 2**32 - 1))
def test_worst_is_sorted_by_the_error_above_its_bound(pair, k, seed):
    bound = np.random.default_rng(seed).uniform(0, 100, pair[0].size)
    above = np.abs(pair[0] - pair[1]) - bound
    assert above[ratios.worst_of(*pair, bound, k)].tolist() == sorted(above, reverse=True)[:k]


def test_what_is_not_finite_is_worst():
    assert ratios.worst_of(np.array([1.0, np.nan, 2.0, np.inf]), np.zeros(4), 0.0, 3).tolist() == [1, 3, 2]


@pytest.mark.parametrize(
    ("values", "size"),
    [([], 0.0), ([3.0, 4.0], 5.0), ([3e300, 4e300], 5e300), ([3e-300, 4e-300], 5e-300)],
)
def test_norms_neither_overflow_nor_vanish(values, size):
    assert norm(np.array(values)) == pytest.approx(size)


def linear(slopes, analytic, **options):
    """A check of a linear cost, whose slopes are known."""
    return fc.check(lambda theta: float(slopes @ theta), analytic, np.zeros(slopes.size), **options)


def test_zero_against_zero():
    assert linear(np.zeros(5), np.zeros(5)).passed
    for value in (0.0, 3.0, -1e9):
        assert fc.check(lambda t, value=value: value, np.zeros(4), np.ones(4)).passed
        assert fc.check(lambda t, value=value: value, np.full(4, 1e-3 * (abs(value) + 1)), np.ones(4)).verdict is WRONG


def test_a_small_tensor_that_the_whole_hides_is_found():
    slopes = np.r_[np.full(1000, 1e3), 1e-3, 1e-3]
    analytic = slopes.copy()
    analytic[-1] *= 2
    report = linear(slopes, analytic, layout=fc.Layout.of({"W": (1000,), "b": (2,)}))
    assert report.ratio < 1e-7
    assert report.verdict is WRONG
    assert report.reason.startswith("b: ")


def test_one_wrong_component_that_its_tensor_hides_is_found():
    slopes = np.ones(100_000)
    analytic = slopes.copy()
    analytic[777] += 3e-5
    report = linear(slopes, analytic)
    assert report.ratio < 1e-7
    assert report.verdict is SUSPECT
    assert [w.name for w in report.witnesses] == ["theta[777]"]


def test_a_tensor_too_small_to_matter_does_not_spoil_the_whole():
    slopes = np.r_[np.full(100, 1.0), np.full(10, 1e-10)]
    analytic = slopes.copy()
    analytic[100:] = 0
    layout = fc.Layout.of({"W": (100,), "b": (10,)})
    report = fc.check(lambda t: float(slopes @ t), analytic, np.full(110, 1e-3), layout=layout)
    assert report.verdict is not WRONG or report.witnesses  # ladders see so far only where J lets them
    assert report.tensors[1].verdict is not CORRECT


def test_an_eps_that_does_not_serve_lets_be_seen_what_it_sees():
    theta = np.linspace(1, 2, 50)
    report = fc.check(lambda t: float(np.exp(t).sum()), 1.0001 * np.exp(theta), theta, eps=1e-2)  # off by 2e-5 itself
    assert report.verdict is SUSPECT
    assert report.witnesses
    assert fc.check(lambda t: float(np.exp(t).sum()), np.exp(theta), theta, eps=1e-2).verdict is UNRESOLVED


@pytest.mark.parametrize("eps", [1e-13, 0.3])
def test_an_eps_that_does_not_serve_accuses_nobody_and_says_so(eps):
    theta = np.linspace(1, 2, 50)
    for factor in (1.0, 1.0001):
        report = fc.check(lambda t: float(np.exp(t).sum()), factor * np.exp(theta), theta, eps=eps)
        assert report.verdict is UNRESOLVED
        assert "does not serve" in report.reason
        assert any("found steps that do" in finding.message for finding in report.findings)
    assert fc.check(lambda t: float(np.exp(t).sum()), np.exp(theta), theta).passed
    assert fc.check(lambda t: float(np.exp(t).sum()), 1.0001 * np.exp(theta), theta).verdict.accuses
