"""Components that share a kink: found by how their gaps add up, and judged along their sum."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastcheck as fc
from fastcheck.checks.tying import sharing

WEIGHTS = np.array([1.0, 2.0, 3.0, 4.0])
TIED = np.array([1.0, 2.0, 0.5, 3.0] * 2)
LAYOUT = fc.Layout.of({"x": (4,), "y": (4,)})


def kinds(report):
    return {finding.kind for finding in report.findings}


# --- which of them share -----------------------------------------------------------------------------------------------
def maxima(groups, sizes):
    """The gap of max over each group, of components that are all equal, along sums of them."""

    def along(weights):
        found = np.zeros(len(weights))
        for group, size in zip(groups, sizes, strict=True):
            moved = weights[:, group]
            found += size * (moved.max(axis=1) + (-moved).max(axis=1))
        return found

    return along


@given(st.permutations(range(12)), st.lists(st.integers(1, 6), min_size=1, max_size=12), st.floats(0.1, 10))
def test_groups_are_told_apart_wherever_their_members_stand(order, lengths, size):
    cuts = [0, *(stop for stop in np.cumsum(lengths).tolist() if stop < 12), 12]
    groups = [sorted(order[a:b]) for a, b in zip(cuts, cuts[1:], strict=False)]
    sizes = size * (1 + np.arange(len(groups)) % 3)

    def along(weights):
        """As for the components of the groups, those that are alone beside a constant of their height."""
        padded = np.concatenate([weights, np.zeros((len(weights), 1))], axis=1)
        return maxima([group if len(group) > 1 else [*group, 12] for group in groups], sizes)(padded)

    found = sharing(along(np.eye(12)), along)
    assert sorted(group.tolist() for group in found) == sorted(group for group in groups if len(group) > 1)


def test_kinks_of_both_signs_share_nothing_though_they_cancel():
    signs = np.array([1.0, -1.0, 2.0, -2.0])
    assert sharing(signs, lambda weights: np.abs(weights) @ signs) == []


# --- what is made of it ------------------------------------------------------------------------------------------------
def pairs(theta):
    """The larger of two tied inputs, with weights."""
    return float(np.maximum(theta[:4], theta[4:8]) @ WEIGHTS)


def pairs_beside_kinks(theta):
    return pairs(theta) + 3 * float(np.abs(theta[8:]).sum())


NOTHING = np.zeros(4)
SHARES = {
    "to the first": (WEIGHTS, NOTHING, True),
    "to the second": (NOTHING, WEIGHTS, True),
    "half to each": (WEIGHTS / 2, WEIGHTS / 2, True),
    "a part to each": (0.3 * WEIGHTS, 0.7 * WEIGHTS, True),
    "all to each": (WEIGHTS, WEIGHTS, False),
    "none to any": (NOTHING, NOTHING, False),
}


@pytest.mark.parametrize(("first", "second", "right"), SHARES.values(), ids=SHARES)
def test_what_tied_inputs_of_two_tensors_get_must_be_right_together(first, second, right):
    report = fc.check(pairs, np.concatenate([first, second]), TIED, layout=LAYOUT)
    assert report.passed == right
    assert ("tie" in kinds(report)) != right
    if not right:
        assert report.verdict.name == "WRONG"
        assert {w.name for w in report.witnesses} == {f"the sum of x[{i}], y[{i}]" for i in range(4)}
        assert report.witnesses[0].slope == pytest.approx(16) and report.witnesses[0].index is None
        (said,) = [f for f in report.findings if f.kind == "tie"]
        assert said.tensors == ("x", "y") and "x[3], y[3] share a kink" in said.message and "3 more" in said.message
        assert not kinds(report) & {"scale", "zero", "local", "upstream"}  # what each of them should be is not known


@pytest.mark.parametrize(("first", "second", "right"), SHARES.values(), ids=SHARES)
def test_other_kinks_do_not_hide_a_wrong_sum(first, second, right):
    gradient = np.concatenate([first, second, [3, -3, 1, 0.5, 0]])
    report = fc.check(pairs_beside_kinks, gradient, np.concatenate([TIED, np.zeros(5)]))
    assert not report.verdict.accuses if right else report.verdict.name == "WRONG"


@pytest.mark.parametrize("slopes", [(0, 0), (1, -1), (1, 1), (-0.5, 0.5)])
def test_kinks_of_both_signs_are_independent(slopes):
    def cost(theta):
        return float(np.abs(theta[0]) - np.abs(theta[1]))

    assert fc.check(cost, np.array(slopes, float), np.zeros(2)).passed


def test_a_window_of_equal_inputs():
    def cost(theta):
        return 3 * float(theta.max())

    one, all_ = np.where(np.arange(8) == 5, 3.0, 0.0), np.full(8, 3.0)
    assert fc.check(cost, one, np.ones(8)).passed
    assert fc.check(cost, all_ / 8, np.ones(8)).passed
    for wrong in (all_, 0 * one, 0.99 * one, one + all_ / 8):
        assert fc.check(cost, wrong, np.ones(8)).verdict.name == "WRONG"
