"""What is said of J's shape: a smooth J in any units has no kink, jump or end; every kink of a ReLU network is told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import fastcheck as fc
from fastcheck import zoo

SHAPES = {"kink", "jump", "domain", "tie", "scales"}


def bend(t, e):
    return np.sqrt(t * t + e), t / np.sqrt(t * t + e)


def joint(t, e):
    """Huber's, with a jump in its curvature."""
    edge = 1 + e
    return (0.5 * t * t, t) if abs(t) <= edge else (edge * (abs(t) - edge / 2), edge * np.sign(t))


# Of t and of a number e, tiny or not, the value and the slope.
CURVES = {
    "sine": lambda t, e: (np.sin(t), np.cos(t)),
    "exponential": lambda t, e: (np.exp(t), np.exp(t)),
    "square": lambda t, e: (t * t, 2 * t),
    "cube": lambda t, e: (t**3, 3 * t * t),
    "softplus": lambda t, e: (np.logaddexp(0, t), (1 + np.tanh(t / 2)) / 2),
    "tanh": lambda t, e: (np.tanh(t), 1 / np.cosh(t) ** 2),
    "a sharp bend": bend,
    "a joint": joint,
    "logarithm": lambda t, e: (np.log1p(t * t), 2 * t / (1 + t * t)),
    "bell": lambda t, e: (np.exp(-t * t), -2 * t * np.exp(-t * t)),
    "ratio": lambda t, e: (t / (1 + t * t), (1 - t * t) / (1 + t * t) ** 2),
}


def smooth_problem(rng: np.random.Generator) -> fc.Problem:
    """A sum of curves of linear forms, every component and J in units of their own; at zeros the scale is given."""
    m, n = rng.integers(2, 6), rng.integers(2, 9)
    A, b, c = rng.standard_normal((m, n)), rng.standard_normal(m), rng.standard_normal(m) * 10 ** rng.uniform(-3, 3, m)
    curves = [CURVES[name] for name in rng.choice(list(CURVES), m)]
    e, unit, s = 10 ** rng.uniform(-18, -2), 10 ** rng.uniform(-6, 6), 10 ** rng.uniform(-6, 6, n)

    def told(theta):
        return np.array([curve(t, e) for curve, t in zip(curves, A @ (theta * s) + b, strict=True)]).T

    theta, scale = rng.standard_normal(n), None
    where = rng.integers(3)
    if where == 1:
        theta, scale = theta * (rng.random(n) < 0.5), 1 / s
    if where == 2:  # in the middle of the first curve
        theta -= np.linalg.pinv(A[:1]) @ (A[:1] @ theta + b[:1])
    cost, grad = lambda t: float(unit * c @ told(t)[0]), lambda t: unit * s * (A.T @ (c * told(t)[1]))
    return fc.Problem(cost, grad, theta / s, scale=scale)


@pytest.mark.parametrize("block", range(10))
def test_a_smooth_j_is_never_called_anything_else(block):
    for seed in range(50 * block, 50 * block + 50):
        problem = smooth_problem(np.random.default_rng(seed))
        for report in (problem.check(), problem.screen()):
            assert not report.verdict.accuses, (seed, str(report))
            assert not {f.kind for f in report.findings} & SHAPES, (seed, str(report))


@pytest.mark.parametrize(("make", "empty"), [(zoo.mlp, np.s_[:, ::2]), (zoo.conv, np.s_[::2])], ids=["mlp", "conv"])
@pytest.mark.parametrize("seed", range(3))
def test_every_kink_at_zero_biases_and_empty_examples_is_told(make, empty, seed):
    problem = make(activation="relu", seed=seed)
    theta, X = problem.theta.copy(), problem.args[0].copy()
    b1 = problem.layout.unpack(theta)["b1"]
    b1[:], X[empty] = 0, 0
    report = replace(problem, theta=theta, args=(X, *problem.args[1:])).check()
    assert report.passed
    (said,) = [f for f in report.findings if f.kind in SHAPES]
    assert said.kind == "kink" and said.tensors == ("b1",)
    assert f"b1[0], b1[1], b1[2] and {b1.size - 3} more" in said.message


CALLS = {"check": fc.check, "auto": lambda *a: fc.check(*a, eps="auto"), "screen": fc.screen}
JUMPS = {
    "a penalty on what is not zero": (lambda t: 3 * (t != 0).sum(), [0.0, 1.0, 2.0]),
    "a step up": (lambda t: t[0] >= 1, [1.0, 2.0, 3.0]),
    "a step of which the middle is met": (lambda t: np.sign(t[0] - 1) / 2, [1.0, 2.0, 3.0]),
    "a small step": (lambda t: 1e-4 * (t[1] > 2), [1.0, 2.0, 3.0]),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize(("jump", "theta"), JUMPS.values(), ids=JUMPS)
def test_where_j_jumps_no_gradient_is_called_right(call, jump, theta):
    """The two sides may well have the same slope: at theta itself J has none."""

    def cost(t):
        return float(t @ t + jump(t))

    for gradient in (2 * np.array(theta), 2 * np.array(theta) + [5, 0, 0]):
        report = call(cost, gradient, np.array(theta))
        assert not report.passed
        if report.verdict.name == "UNRESOLVED":
            (said,) = [f for f in report.findings if f.kind == "jump"]
            assert "adaptive steps of a solver" in said.message


def test_a_jump_is_named_beside_a_wrong_component():
    def cost(t):
        return float(t @ t + (t[0] >= 1))

    report = fc.check(cost, lambda t: 2 * t + [0, 0, 1], np.array([1.0, 2.0, 3.0]))
    assert report.verdict.name == "WRONG" and [w.index for w in report.witnesses] == [2]
    assert "J jumps at theta[0]. Look for" in next(f.message for f in report.findings if f.kind == "jump")


def pooled(x):
    return float(x.reshape(-1, 4).max(axis=1).sum())


def pooled_gradient(x):
    windows = x.reshape(-1, 4)
    return np.eye(4)[windows.argmax(axis=1)].ravel()


@pytest.mark.parametrize("n", [16, 64, 400])
@pytest.mark.parametrize("seed", range(6))
def test_pooling_whose_pilots_may_all_be_off_nearby(n, seed):
    x = np.random.default_rng(seed).standard_normal(n)
    assert fc.check(pooled, pooled_gradient, x).passed

    def wrong(x):
        found = pooled_gradient(x)
        found[np.flatnonzero(found)[2]] *= 1.01
        return found

    report = fc.check(pooled, wrong, x)
    assert report.witnesses[0].index == np.flatnonzero(pooled_gradient(x))[2]


@pytest.mark.parametrize("x", [-1.0, -0.7, -1e-3])
def test_a_unit_that_is_off_and_a_mask_that_was_forgotten(x):
    theta = np.array([x, 2.0])

    def cost(theta):
        return 0.3 * max(theta[0], 0.0) + 0.64 * theta[1] ** 2

    assert fc.check(cost, lambda t: np.array([0.0, 1.28 * t[1]]), theta).passed
    report = fc.check(cost, lambda t: np.array([0.3, 1.28 * t[1]]), theta)
    assert report.verdict.name == "WRONG" and report.witnesses[0].index == 0


@pytest.mark.parametrize("seed", [11, 36, 44, 53])
def test_one_of_some_cubes_is_off_by_little_and_looked_at_from_very_near(seed):
    """What rounding leaves of J'' at the finest steps once passed for the size that slopes have nearby."""
    rng = np.random.default_rng(seed)
    k, x, at = rng.standard_normal(6), rng.standard_normal(6), rng.integers(6)

    def cost(theta):
        return float(k @ theta**3)

    def gradient(theta):
        return 3 * k * theta**2

    off = np.zeros(6)
    off[at] = 1e-6 * np.max(np.abs(gradient(x) * x)) / abs(x[at])
    assert fc.check(cost, gradient, x).passed
    report = fc.check(cost, lambda theta: gradient(theta) + off, x)
    assert report.verdict.accuses and report.witnesses[0].index == at


@pytest.mark.parametrize("grid", [2.0**-24, 2.0**-16, 2.0**-10, 1e-3])
@pytest.mark.parametrize("seed", range(5))
def test_a_variable_that_j_rounds_accuses_nobody(grid, seed):
    theta = np.random.default_rng(seed).standard_normal(5)

    def cost(theta):
        return float(np.sum(np.sin(theta[1:])) + np.sin(np.round(theta[0] / grid) * grid))

    assert not fc.check(cost, np.cos, theta).verdict.accuses


def ball(x, m):
    """Outside of a ball the square of the distance."""
    d = (x.reshape(6, 3) ** 2).sum(axis=1) - m
    return np.maximum(d, 0).sum() + 1, (2 * x.reshape(6, 3) * (d > 0)[:, None]).ravel(), 2 * x


def dead_zone(x, m):
    return np.sum(np.sign(x) * np.maximum(np.abs(x) - m, 0)), (np.abs(x) > m) * 1.0, np.ones(18)


@pytest.mark.parametrize("large", [0, 3], ids=["all off", "some on"])
@pytest.mark.parametrize("m", [100.0, 3.0, 1.0])
@pytest.mark.parametrize("hinge", [ball, dead_zone])
def test_a_hinge_that_is_off_hides_what_is_beyond(hinge, m, large):
    """The slope that J has far away on both sides is not its own; a mask that is forgotten claims it."""
    for seed in range(3):
        x = np.random.default_rng(seed).standard_normal(18)
        x[:large] *= 100
        _, right, forgotten = hinge(x, m)
        assert fc.check(lambda x: hinge(x, m)[0], right, x).verdict.name not in ("WRONG", "SUSPECT")
        if not np.array_equal(right, forgotten):
            assert not fc.check(lambda x: hinge(x, m)[0], forgotten, x).passed


@pytest.mark.parametrize("left", [1.0, 1e-2, 1e-6, 0.0])
def test_terms_that_cancel_in_j_are_rounded_as_finely_as_they_are_large(left):
    """J's own last place, which is smaller, says nothing of its rounding: moves of few units agreed by chance."""
    for seed in range(12):
        rng = np.random.default_rng(seed)
        theta, w = rng.standard_normal((2, 4))
        offset = (left - 1) * float(w @ np.sin(theta))

        def cost(theta, w=w, offset=offset):
            return float(w @ np.sin(theta)) + offset

        right = w * np.cos(theta)
        wrong = right * [1, 1.01, 1, 1]
        assert fc.check(cost, right, theta).passed and fc.screen(cost, right, theta).verdict.name != "WRONG"
        assert [w.name for w in fc.check(cost, wrong, theta).witnesses] == ["theta[1]"]


def test_inputs_of_a_layer_on_many_kinks():
    """A pooling whose inputs were cut off at zero: a third of them are, and tie."""
    rng = np.random.default_rng(8)
    x = rng.standard_normal((50, 2, 2)) * (rng.random((50, 2, 2)) > 0.35)
    first = np.arange(2) == np.argmax(x, axis=2)[..., None]
    report = fc.from_layer(lambda x: x.max(axis=2), lambda dy: dy[..., None] * first, [x]).check()
    assert report.passed, str(report)
