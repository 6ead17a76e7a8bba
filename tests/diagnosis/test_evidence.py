"""What the diagnosis knows of each tensor is what the rule decided, with the rule's own tolerance."""

from __future__ import annotations

import numpy as np
import pytest

from fastcheck.diagnosis.evidence import Hypothesis, Part, parts_of
from fastcheck.judge import rule
from fastcheck.judge.judging import judge
from fastcheck.judge.measured import Measured
from fastcheck.judge.outcomes import Outcomes
from fastcheck.judge.verdict import Cause, Judged, Outcome
from fastcheck.problem.layout import Layout
from fastcheck.problem.selection import Selection

LAYOUT = Layout.of({"W": (2, 3), "e": (0,), "b": (4,)})
MARGINS = {"W": 1e-9, "b": 1e-10}


def judged_of(numeric: np.ndarray, analytic: np.ndarray, indices: np.ndarray | None = None) -> Judged:
    """What the rule says of a pass that may be off ten times as far in W as in b, and of ladders where the two differ."""
    selection = Selection(LAYOUT, indices)
    margin = np.empty(selection.size)
    for tensor, span in zip(LAYOUT.tensors, selection.spans, strict=True):
        margin[span] = MARGINS.get(tensor.name, 0.0)
    with np.errstate(invalid="ignore"):
        at = np.flatnonzero(~(np.abs(numeric - analytic) <= margin))

    def each(value: int) -> np.ndarray:
        return np.full(at.size, int(value))

    said = Outcomes(
        each(Outcome.REFUTED),
        numeric[at],
        margin[at],
        each(-17),
        each(2),
        each(Cause.ROUNDING),
        np.ones(at.size, bool),
        np.zeros(at.size),
    )
    units, nothing = np.ones(selection.size), ("",) * 3
    return judge(Measured(selection, units, numeric, margin, (0.0,) * 3, nothing, at, said), analytic, 1e-7)


@pytest.mark.parametrize("size", [1e-6, 1.0, 1e3])  # rounding decides, and then the tensor's largest entry
@pytest.mark.parametrize("indices", [None, np.array([1, 4, 5, 6, 9])])
def test_slack_and_wrong_are_those_of_the_rule(size, indices, rng):
    numeric = size * rng.standard_normal(10 if indices is None else indices.size)
    analytic = numeric.copy()
    analytic[[0, -1]] *= 2
    judged = judged_of(numeric, analytic, indices)
    spans = Selection(LAYOUT, indices).spans
    parts = parts_of(judged, np.arange(10.0))
    wrong = np.concatenate([span.start + np.flatnonzero(part.wrong) for span, part in zip(spans, parts, strict=True)])
    assert wrong.tolist() == judged.wrong.tolist() == [0, numeric.size - 1]
    for k, part in enumerate(parts):
        assert np.array_equal(part.slack, judged.tolerance(k))
        largest = np.abs(analytic[spans[k]]).max(initial=0.0)
        margin = MARGINS.get(LAYOUT.names[k], 0.0)
        np.testing.assert_allclose(part.slack, max(margin, rule.GREAT * largest))
        assert part.slack_norm == pytest.approx(np.linalg.norm(part.slack))


def test_what_is_not_finite_is_left_out(rng):
    numeric = rng.standard_normal(10)
    analytic = numeric.copy()
    analytic[2], numeric[8] = np.nan, np.inf
    w, _, b = parts_of(judged_of(numeric, analytic), np.arange(10.0))
    assert (w.places.tolist(), b.places.tolist()) == ([0, 1, 3, 4, 5], [0, 1, 3])
    assert (w.theta.tolist(), b.theta.tolist()) == ([0, 1, 3, 4, 5], [6, 7, 9])


@pytest.mark.parametrize(("times", "agrees"), [(0.9, True), (1.1, False)])
def test_a_hypothesis_explains_what_it_leaves_within_the_slack(times, agrees, rng):
    part: Part = parts_of(judged_of(numeric := rng.standard_normal(10), 2 * numeric), np.arange(10.0))[0]
    off = numeric[:6].copy()
    off[3] += times * part.slack[3] / 2  # of which half is owed to a claim twice as large as what was observed
    assert part.explained(Hypothesis("scale", off, "", "")) == agrees
