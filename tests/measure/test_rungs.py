from __future__ import annotations

import math

import numpy as np
import pytest

import fastcheck as fc


def rungs_of(cost, gradient, theta) -> tuple[fc.Witness, list]:
    (first, *_) = fc.check(cost, np.array(gradient), np.array(theta)).witnesses
    return first, [rung for rung in first.rungs if math.isfinite(rung.bound)]


def test_the_rungs_of_a_witness_hold_the_slope_and_exclude_the_claim():
    witness, rungs = rungs_of(lambda theta: float(np.sin(theta).sum()), [1.0, 1.1 * math.cos(2.0)], [0.0, 2.0])
    assert (witness.name, len(rungs) >= 2) == ("theta[1]", True)
    assert [rung.step for rung in witness.rungs] == sorted({rung.step for rung in witness.rungs})
    for rung in rungs:
        assert abs(rung.slope - math.cos(2.0)) <= rung.bound
    near = min(rungs, key=lambda rung: abs(math.log(rung.step / witness.step)))
    assert near.slope == pytest.approx(witness.slope, rel=1e-6)
    assert abs(near.slope - witness.analytic) > near.bound


def test_at_a_kink_each_side_has_its_rungs():
    witness, rungs = rungs_of(lambda theta: float(np.abs(theta).sum()), [1.0, -2.0], [1.0, 0.0])
    assert {rung.side for rung in rungs} == {-1, 1}
    assert all(rung.slope == pytest.approx(rung.side, abs=rung.bound) for rung in rungs)


def test_rungs_are_in_units_of_theta_whatever_the_scale():
    def cost(theta):
        return float(np.sum(theta**3))

    theta, gradient = np.array([1e-6, 3e-6]), np.array([3e-12, 1.0])
    _, rungs = rungs_of(cost, gradient, theta)
    assert any(rung.slope == pytest.approx(27e-12, rel=1e-6) for rung in rungs)


def test_the_first_witness_of_each_tensor_keeps_its_rungs_and_a_summary_none():
    def cost(theta):
        return float(np.sum(theta**2))

    theta = np.arange(1.0, 7.0)
    report = fc.check(cost, 3 * theta, {"a": theta[:3], "b": theta[3:]})
    with_rungs = [witness.name[0] for witness in report.witnesses if witness.rungs]
    assert sorted(with_rungs) == ["a", "b"]
    assert "rungs" not in repr(report.witnesses[0])
    assert all("rungs" not in told for told in report.to_dict()["witnesses"])


def test_a_direction_has_rungs_too():
    theta = np.linspace(0.5, 1.5, 50)
    report = fc.screen(lambda theta: float(np.sum(theta**4)), lambda theta: 5 * theta**3, theta)
    witness = report.witnesses[0]
    known = [rung for rung in witness.rungs if math.isfinite(rung.bound)]
    assert witness.index is None
    assert min(abs(rung.slope - witness.slope) for rung in known) <= witness.bound
