"""Ladders are looked at until what they say is settled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from fastcheck.checks.settling import settled
from fastcheck.judge.verdict import Outcome
from fastcheck.measure.levels import opened


@dataclass(frozen=True)
class Line:
    """J along one line through x = 1, in units of 1."""

    J: object

    def look(self, lines, h):
        return np.stack([self.J(1 + h), self.J(1 - h)], axis=1)

    def table(self, quantum=np.inf):
        return opened(float(self.J(1.0)), np.ones(1), np.array([2.0**-49]), quantum)


@pytest.mark.parametrize("away", [-13, -15, -17])
@pytest.mark.parametrize("gap", [0.001, 0.005, 0.05, 5])
@pytest.mark.parametrize("pilot", [-6, -9, -11])
def test_a_kink_between_a_pilot_s_levels_and_the_point_hides_no_slope(pilot, away, gap):
    line = Line(lambda x: np.exp(x) + gap * np.maximum(x - 1 - 2.0**away, 0))
    said = settled(line, np.array([np.e]), np.array([pilot])).said
    assert said.outcome[0] == Outcome.SUPPORTED
    assert said.bound[0] < 1e-7 * np.e
    said = settled(line, np.array([1.001 * np.e]), np.array([pilot])).said
    assert said.outcome[0] == Outcome.REFUTED
