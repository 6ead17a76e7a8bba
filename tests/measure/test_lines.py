"""Lines through theta: how far one may go along several components at once, inside the bounds of theta."""

from __future__ import annotations

import numpy as np
import pytest

from fastcheck.evaluate.evaluator import Evaluator
from fastcheck.evaluate.source import source_of
from fastcheck.evaluate.threads import Threads
from fastcheck.measure.lines import JointLines
from fastcheck.problem.arguments import Arguments
from fastcheck.problem.domain import Domain
from fastcheck.problem.layout import Layout

LOW, HIGH = np.array([-1.0, 0.0, 0.5, -np.inf]), np.array([1.0, 8.0, 1.0, np.inf])


@pytest.mark.parametrize(
    ("at", "weights", "side", "reach"),
    [
        ([0, 1], [1.0, 1.0], 0, 1.0),  # theta_0 = 0 between -1 and 1 comes first on both sides
        ([0, 1], [0.25, 4.0], 0, 0.5),  # theta_1 = 2 comes to 0
        ([1, 2], [1.0, 0.125], -1, 2.0),  # theta_2 = 1 is at its upper bound
        ([3], [1.0], 0, np.inf),
    ],
)
def test_components_moved_together_reach_to_the_first_bound_that_is_met(at, weights, side, reach):
    def kept(theta):
        assert ((theta >= LOW) & (theta <= HIGH)).all()
        return float(theta.sum())

    arguments, theta = Arguments(()), np.array([0.0, 2.0, 1.0, 0.0])
    evaluator = Evaluator(source_of(kept, arguments), theta, Layout.of({"v": (4,)}), Threads(1), Domain(LOW, HIGH))
    lines = JointLines(evaluator.vetted(arguments), (np.array(at),), (np.array(weights),))
    assert lines.limits.side.tolist() == [side]
    assert lines.limits.reach == pytest.approx([reach])
    h = min(reach, 100.0) * (1 - 1e-12)
    j = lines.look(np.array([0]), np.array([h]))
    expected = theta.sum() + h * np.sum(weights) * np.array([1.0, -1.0])
    assert np.isnan(j[0]).tolist() == [side < 0, side > 0]
    assert j[0][~np.isnan(j[0])] == pytest.approx(expected[~np.isnan(j[0])])
