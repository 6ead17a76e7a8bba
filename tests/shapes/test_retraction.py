"""Points on manifolds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

import fastcheck as fc
from fastcheck import InputError

TARGETS = np.random.default_rng(2).standard_normal((2, 6, 3))
R = Rotation.from_rotvec([0.3, -0.2, 0.9]).as_matrix()


def cost(R):
    return 0.5 * np.sum((TARGETS[0] @ R.T - TARGETS[1]) ** 2)


def rotated(R, t):
    return R @ Rotation.from_rotvec(t).as_matrix()


def grad(R, off=0.0):
    body = (TARGETS[0] @ R.T - TARGETS[1]) @ R
    return np.cross(TARGETS[0], body).sum(axis=0) * np.array([1, 1, 1 + off])


def test_a_rotation():
    assert fc.from_retraction(cost, grad, R, rotated, 3).check().passed
    report = fc.from_retraction(cost, lambda R: grad(R, 0.01), R, rotated, 3).check()
    assert report.verdict.name == "WRONG" and report.witnesses[0].name == "t[2]"
    assert [c.name for c in fc.from_retraction(cost, lambda R: grad(R, 0.5), R, rotated, 3).locate().components] == [
        "t[2]"
    ]


def test_the_simplex_by_softmax():
    p, values = np.array([0.2, 0.3, 0.5]), np.array([1.0, -2.0, 0.5])

    def moved(p, t):
        q = p * np.exp(np.append(t, 0.0))
        return q / q.sum()

    def value(p):
        return float(values @ p**2)

    def right(p):
        g = 2 * values * p
        return (p * (g - p @ g))[:2]

    assert fc.from_retraction(value, right, p, moved, 2).check().passed
    assert not fc.from_retraction(value, lambda p: (p * 2 * values * p)[:2], p, moved, 2).check().passed


def test_no_advice_to_draw_a_theta_that_has_to_be_zero():
    assert "symmetric" not in [f.kind for f in fc.from_retraction(cost, grad, R, rotated, 3).check().findings]


@pytest.mark.parametrize(
    ("retract", "message"),
    [
        (lambda R, t: 2 * rotated(R, t), r"retract\(point, 0\) must be the point, got .* at point\[\d, \d\]"),
        (lambda R, t: rotated(R, t)[:2], r"got shape \(2, 3\) for point of shape \(3, 3\)"),
        (lambda R, t: (rotated(R, t), t), "return a point of the same form"),
        (lambda R, t: rotated(R, t) * np.nan, "must be the point, got nan"),
    ],
)
def test_a_retraction_that_does_not_stay(retract, message):
    with pytest.raises(InputError, match=message):
        fc.from_retraction(cost, grad, R, retract, 3)


@pytest.mark.parametrize("n", [0, 1.5, True, None])
def test_n_counts(n):
    with pytest.raises(InputError, match="n must be a positive integer"):
        fc.from_retraction(cost, grad, R, rotated, n)


def test_a_pose_in_a_dataclass_stays_as_it_is():
    @dataclass
    class Pose:
        R: np.ndarray

    pose = Pose(R.copy())

    def in_place(pose, t):
        pose.R = rotated(pose.R, t)
        return pose

    def right(pose, t):
        return Pose(rotated(pose.R, t))

    assert fc.from_retraction(lambda p: cost(p.R), lambda p: grad(p.R), pose, right, 3).check().passed
    with pytest.raises(InputError, match=r"must not modify its arguments, got a change of args\[0\]\.R"):
        fc.from_retraction(lambda p: cost(p.R), lambda p: 0 * grad(p.R), pose, in_place, 3).check()
    np.testing.assert_array_equal(pose.R, R)


def test_the_point_stays_as_it_is():
    before = R.copy()

    def in_place(R, t):
        R += 0.0
        R[:] = rotated(R, t)
        return R

    with pytest.raises(InputError, match=r"cost must not modify its arguments, got a change of args\[0\]"):
        fc.from_retraction(cost, grad, R, in_place, 3).check()
    np.testing.assert_array_equal(R, before)
