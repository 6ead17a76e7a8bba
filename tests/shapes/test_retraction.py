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


def test_what_cost_and_gradient_take_by_name():
    problem = fc.from_retraction(
        lambda R, weight: weight * cost(R), lambda R, weight: weight * grad(R), R, rotated, 3
    )  # fmt: skip
    assert problem.check(kwargs={"weight": 2.0}).passed


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


class Opaque:
    """A pose of a library's own."""

    def __init__(self, R):
        self.R = R


@pytest.mark.parametrize("kind", [Opaque, Rotation.from_matrix])
def test_an_object_is_told_from_another_by_the_cost(kind):
    def matrix(pose):
        return pose.R if kind is Opaque else pose.as_matrix()

    def problem(off, moved=0.0):
        return fc.from_retraction(
            lambda pose: cost(matrix(pose)), lambda pose: grad(matrix(pose), off), kind(R),
            lambda pose, t: kind(rotated(matrix(pose), t + moved)), 3,
        )  # fmt: skip

    assert problem(0.0).check().passed
    assert problem(0.01).check().witnesses[0].name == "t[2]"
    with pytest.raises(InputError, match=r"retract\(point, 0\) must be the point, got J = .* for J = "):
        problem(0.0, moved=0.1)


def test_a_point_of_integers_is_looked_at_as_well():
    def on_circle(p, t):
        return np.array([p[0] * np.cos(t[0]) - p[1] * np.sin(t[0]), p[0] * np.sin(t[0]) + p[1] * np.cos(t[0])])

    point, value = np.array([1, 0]), lambda p: float(3 * p[0] + 2 * p[1])
    assert fc.from_retraction(value, lambda p: 2.0, point, on_circle, 1).check().passed
    assert not fc.from_retraction(value, lambda p: 2.1, point, on_circle, 1).check().passed
    with pytest.raises(InputError, match=r"got 2\.0 for 1 at point\[0\]"):
        fc.from_retraction(value, lambda p: 2.0, point, lambda p, t: 2 * on_circle(p, t), 1)


def test_rounding_where_the_point_is_zero_is_no_move():
    pose = (R, np.zeros(3))

    def moved(p, t):
        return rotated(p[0], t), p[1] + 1e-17

    assert fc.from_retraction(lambda p: cost(p[0]), lambda p: grad(p[0]), pose, moved, 3).check().passed
    with pytest.raises(InputError, match=r"at point\[1\]\[0\]"):
        fc.from_retraction(lambda p: 0.0, grad, pose, lambda p, t: (p[0], p[1] + 1e-3), 3)


@pytest.mark.parametrize("returned", [np.ones((3, 3)), np.ones(2), None, "x"])
def test_a_gradient_that_is_not_by_the_coordinates(returned):
    with pytest.raises(InputError, match="the gradient must"):
        fc.from_retraction(cost, returned, R, rotated, 3)
    with pytest.raises(InputError, match="the gradient must"):
        fc.from_retraction(cost, lambda R: returned, R, rotated, 3).check()


@pytest.mark.parametrize("library", ["torch", "jax.numpy"])
def test_points_that_are_tensors_in_float32(library):
    module = pytest.importorskip(library)
    point = getattr(module, "tensor" if library == "torch" else "asarray")(R.astype(np.float32))

    def moved(R, t):
        step = Rotation.from_rotvec(t).as_matrix()
        return R @ (module.tensor(step, dtype=R.dtype) if library == "torch" else module.asarray(step))

    value, right = lambda R: ((R - 0.5) ** 3).sum(), lambda R: body(np.asarray(3 * (R - 0.5) ** 2), np.asarray(R))
    assert fc.from_retraction(value, right, point, moved, 3).check().passed
    assert not fc.from_retraction(value, lambda R: 1.01 * right(R), point, moved, 3).check().passed


def body(slope, R):
    """The derivative by R, in the coordinates of the body."""
    skew = R.T @ slope - slope.T @ R
    return np.array([skew[2, 1], skew[0, 2], skew[1, 0]])


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
