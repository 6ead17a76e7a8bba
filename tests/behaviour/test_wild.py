"""Costs as users have them: in any units, noisy, at optima, at the ends of their domains, on kinks; right is never accused, wrong never passed.

Where more than that is promised, ``tells`` names the checks that have to tell.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numba
import numpy as np
import pytest

import fastcheck as fc

CHECKS = {
    "check": fc.check,
    "auto": lambda *args, **options: fc.check(*args, eps="auto", **options),
    "screen": fc.screen,
}
ALL = frozenset(CHECKS)
FULL = frozenset({"check", "auto"})
NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, eq=False)
class Case:
    """One gradient at one point; ``false`` are the kinds of finding that would not be true of it."""

    name: str
    cost: Callable[..., Any]
    grad: Any
    theta: np.ndarray
    args: tuple[Any, ...] = ()
    right: bool = True
    tells: frozenset[str] = ALL
    false: frozenset[str] = field(default=NONE)

    def off(self, factor: Any, **options: Any) -> Case:
        """The same with a gradient that is wrong by a factor, of all components or of each."""
        grad = self.grad
        name = f"{self.name}, times {np.asarray(factor).round(2).tolist()}"
        told = {"right": False, "tells": self.tells, **options}
        return Case(name, self.cost, lambda theta, *args: factor * grad(theta, *args), self.theta, self.args, **told)


# --- units ------------------------------------------------------------------------------------------------------------


@numba.njit
def ripples(theta, size):
    return np.sum(np.cos(theta / size))


def ripples_gradient(theta, size):
    return -np.sin(theta / size) / size


def fading(theta):
    times = np.linspace(0, 4e-6, 20)
    return float(np.sum((theta[0] * np.exp(-times / theta[1]) - 1.0) ** 2))


def fading_gradient(theta):
    times = np.linspace(0, 4e-6, 20)
    shape = np.exp(-times / theta[1])
    outer = 2 * (theta[0] * shape - 1)
    return np.array([outer @ shape, outer @ (theta[0] * shape * times / theta[1] ** 2)])


def in_units():
    for sizes in ([1e-6], [1e-6, 1e6], [1e-4, 1.0, 1e4], [1e-5, 1.0], [1.0, 1e6]):
        size = np.array(sizes)
        case = Case(f"ripples of {sizes}", ripples, ripples_gradient, 0.8 * size, (size,))
        yield case
        for i in range(size.size):
            yield case.off(np.where(np.arange(size.size) == i, 2.0, 1.0))
    for size in (3e-4, 1e-4):
        for seed in range(3):
            theta = size * np.random.default_rng(seed).standard_normal(20)
            case = Case(f"ripples of {size}, seed {seed}", ripples, ripples_gradient, theta, (np.full(20, size),))
            yield case
            yield case.off(1.01)
    case = Case("fading in microseconds", fading, fading_gradient, np.array([1.7, 1e-6]))
    yield case
    yield case.off(np.array([1.0, 1.01]))
    case = Case("a wave at 1e-5", lambda t: math.cos(1e5 * t[0]), lambda t: -1e5 * np.sin(1e5 * t), np.array([1e-5]))
    yield case
    yield case.off(1.01)
    for size in (1e200, 1e-200):
        case = Case(f"J of {size}", lambda t, s=size: s * float(t @ t), lambda t, s=size: 2 * s * t, np.arange(1.0, 7))
        yield case
        yield case.off(1.01)


# --- noise ------------------------------------------------------------------------------------------------------------


def narrow_loss(theta, x, y):
    return float(np.mean(np.log1p(np.exp(-y * (x @ theta.astype(np.float32)))), dtype=np.float32))


def narrow_gradient(theta, x, y):
    x, y = x.astype(float), y.astype(float)
    return -x.T @ (y / (1 + np.exp(y * (x @ theta)))) / y.size


def noisy():
    for seed in range(4):
        rng = np.random.default_rng(seed)
        x, y = rng.standard_normal((40, 12)).astype(np.float32), rng.choice([-1.0, 1.0], 40).astype(np.float32)
        theta = rng.standard_normal(12)
        case = Case(
            f"logistic in float32, seed {seed}",
            narrow_loss,
            narrow_gradient,
            theta,
            (x, y),
            tells=NONE,
            false=frozenset({"kink"}),
        )
        yield case
        yield case.off(2.0, tells=ALL)
    theta = np.arange(1.0, 6)
    rounded = Case("rounded to 1e-6", lambda t: round(float(np.sum(np.sin(t))), 6), np.cos, theta, tells=NONE)
    yield rounded
    yield rounded.off(2.0, tells=ALL)
    raised = Case("1e8 in front", lambda t: 1e8 + float(np.sum(np.sin(t))), np.cos, theta)
    yield raised
    yield raised.off(2.0)


# --- optima -----------------------------------------------------------------------------------------------------------


@numba.njit
def squares(theta, x, y):
    error = x @ theta - y
    return 0.5 * np.mean(error * error)


def squares_gradient(theta, x, y):
    return x.T @ (x @ theta - y) / y.size


@numba.njit
def curve(theta, x, y):
    error = theta[0] * np.exp(-theta[1] * x) + theta[2] - y
    return 0.5 * np.sum(error * error)


def curve_gradient(theta, x, y):
    shape = np.exp(-theta[1] * x)
    error = theta[0] * shape + theta[2] - y
    return np.array([error @ shape, -(error * theta[0] * x) @ shape, error.sum()])


def at_optima():
    false = frozenset({"zero", "scale"})
    for seed in range(4):
        rng = np.random.default_rng(seed)
        x, theta = rng.standard_normal((30, 6)), rng.standard_normal(6)
        times, three = np.linspace(0, 3, 40), rng.uniform(0.5, 2, 3)
        through = three[0] * np.exp(-three[1] * times) + three[2]
        y = x @ theta + rng.standard_normal(30)
        best = np.linalg.lstsq(x, y, rcond=None)[0]
        near = best + 1e-4 * rng.standard_normal(6)
        yield Case(
            f"a line through all points, seed {seed}",
            squares,
            squares_gradient,
            theta,
            (x, x @ theta),
            tells=NONE,
            false=false,
        )
        yield Case(
            f"a curve through all points, seed {seed}",
            curve,
            curve_gradient,
            three,
            (times, through),
            tells=NONE,
            false=false,
        )
        yield Case(f"a line that fits best, seed {seed}", squares, squares_gradient, best, (x, y), tells=NONE)
        beside = Case(f"1e-4 beside it, seed {seed}", squares, squares_gradient, near, (x, y), tells=ALL)
        yield beside
        yield beside.off(1.01)


# --- zero by construction ---------------------------------------------------------------------------------------------


@numba.njit
def normalised(theta, x, y):
    z = x @ theta[:20].reshape(5, 4) + theta[20:24]
    total = 0.0
    for k in range(4):
        centred = z[:, k] - z[:, k].mean()
        total += np.mean(np.sin(theta[24 + k] * centred / np.sqrt(np.mean(centred * centred) + 1e-5) + y))
    return total


def normalised_gradient(theta, x, y, means=True):
    """Of a bias before normalisation the slope is 0, and backpropagation gives 1e-18."""
    gradient = np.zeros(28)
    z = x @ theta[:20].reshape(5, 4) + theta[20:24]
    for k in range(4):
        centred = z[:, k] - z[:, k].mean()
        size = np.sqrt(np.mean(centred * centred) + 1e-5)
        unit = centred / size
        outer = np.cos(theta[24 + k] * unit + y) / y.size
        inner = theta[24 + k] * outer
        back = (inner - inner.mean() - unit * np.mean(inner * unit)) / size if means else inner / size
        gradient[:20].reshape(5, 4)[:, k] = x.T @ back
        gradient[20 + k], gradient[24 + k] = back.sum(), outer @ unit
    return gradient


def dead():
    for seed in range(4):
        rng = np.random.default_rng(seed)
        theta, x, y = rng.standard_normal(28), rng.standard_normal((30, 5)), rng.standard_normal(30)
        yield Case(
            f"a bias before normalisation, seed {seed}",
            normalised,
            normalised_gradient,
            theta,
            (x, y),
            false=frozenset({"scale", "local", "zero"}),
        )
        yield Case(
            f"the means forgotten, seed {seed}",
            normalised,
            lambda *a: normalised_gradient(*a, means=False),
            theta,
            (x, y),
            right=False,
        )


# --- ends of the domain -----------------------------------------------------------------------------------------------


def logs(theta):
    return float(np.log(theta).sum())


def at_the_end():
    small = Case("log at 1e-9", logs, lambda t: 1 / t, np.array([1e-9, 1.0, 2.0]))
    yield small
    yield small.off(np.array([2.0, 1.0, 1.0]))
    root = Case(
        "a root that raises below 0", lambda t: math.sqrt(t[0]) + t[1] ** 2,
        lambda t: np.array([0.5 / math.sqrt(t[0]), 2 * t[1]]), np.array([1e-8, 1.0]),
    )  # fmt: skip
    yield root
    yield root.off(np.array([1.01, 1.0]))
    yield Case("-7 for 1e6", logs, lambda t: np.full(t.size, -7.0), np.full(100, 1e-6), right=False)
    for seed in range(3):
        case = Case(f"1,000 logs, seed {seed}", logs, lambda t: 1 / t, np.random.default_rng(seed).uniform(0, 1, 1000))
        yield case
        yield case.off(1.5)
    yield Case("t^1.5 at 0", lambda t: float((t**1.5).sum()), lambda t: 1.5 * t**0.5, np.array([0.0, 1.0]))


# --- kinks and joints -------------------------------------------------------------------------------------------------


@numba.njit
def huber(p, y, a):
    total = 0.0
    for i in range(p.size):
        r = abs(p[i] - y[i])
        total += 0.5 * r * r if r <= a else a * r - 0.5 * a * a
    return total


def huber_gradient(p, y, a):
    return np.clip(p - y, -a, a)


@numba.njit
def pools(x, w):
    return w[0] * x[:4].max() + w[1] * x[4:8].max() + np.sum(np.sin(x[8:]))


def pools_to_each(x, w):
    return np.concatenate([w[0] * (x[:4] == x[:4].max()), w[1] * (x[4:8] == x[4:8].max()), np.cos(x[8:])])


def pools_to_first(x, w):
    gradient = np.zeros(8)
    gradient[np.argmax(x[:4])], gradient[4 + np.argmax(x[4:8])] = w
    return np.concatenate([gradient, np.cos(x[8:])])


@numba.njit
def rectified(theta, x, y):
    w1, b1, w2, b2 = theta[:40].reshape(5, 8), theta[40:48], theta[48:72].reshape(8, 3), theta[72:75]
    return 0.5 * np.mean((np.maximum(x @ w1 + b1, 0) @ w2 + b2 - y) ** 2)


def rectified_gradient(theta, x, y):
    w1, b1, w2, b2 = theta[:40].reshape(5, 8), theta[40:48], theta[48:72].reshape(8, 3), theta[72:75]
    z = x @ w1 + b1
    a = np.maximum(z, 0)
    outer = (a @ w2 + b2 - y) / y.size
    inner = (outer @ w2.T) * (z > 0)
    return np.concatenate([(x.T @ inner).ravel(), inner.sum(0), (a.T @ outer).ravel(), outer.sum(0)])


def on_kinks():
    for seed in range(4):
        rng = np.random.default_rng(seed)
        y = rng.standard_normal(150)
        p = y + 1.5 * rng.standard_normal(150)
        p[:3] = y[:3] + 0.9
        joint = Case(f"Huber on its joints, seed {seed}", huber, huber_gradient, p, (y, 0.9), tells=ALL)
        yield joint
        yield joint.off(1.02)
        theta = np.concatenate([0.5 * rng.standard_normal(40), np.zeros(8), 0.5 * rng.standard_normal(24), np.zeros(3)])
        x, y = rng.standard_normal((20, 5)), rng.standard_normal((20, 3))
        x[10:] = 0
        yield Case(f"ReLU on its kinks, seed {seed}", rectified, rectified_gradient, theta, (x, y), tells=FULL)
    x, w = np.array([2.0, 2, 1, 2, 0, 0, 0, 0, 0.3, 0.7]), np.array([1.5, 2.0])
    yield Case("a pool's slope to the first of the tied", pools, pools_to_first, x, (w,), tells=FULL)
    yield Case("a pool's slope to each of the tied", pools, pools_to_each, x, (w,), right=False, tells=FULL)


# --- twice ------------------------------------------------------------------------------------------------------------


class Adding:
    """A gradient that forgets to clear what it adds to."""

    def __init__(self) -> None:
        self.total = np.zeros(5)

    def __call__(self, theta, x, y):
        self.total += squares_gradient(theta, x, y)
        return self.total.copy()


def twice():
    rng = np.random.default_rng(0)
    x, y, theta = rng.standard_normal((30, 5)), rng.standard_normal(30), rng.standard_normal(5)
    for _ in CHECKS:
        yield Case("adds up from call to call", squares, Adding(), theta, (x, y), right=False)


FAMILIES = (in_units, noisy, at_optima, dead, at_the_end, on_kinks)
ASKED = [(case, how) for family in FAMILIES for case in family() for how in CHECKS]
ASKED += [(case, how) for case, how in zip(twice(), CHECKS, strict=True)]


@pytest.mark.parametrize(("case", "how"), ASKED, ids=[f"{case.name}-{how}" for case, how in ASKED])
@pytest.mark.filterwarnings(
    "ignore:invalid value encountered in (log|power|sqrt|scalar power)", "ignore:divide by zero encountered in log"
)
@pytest.mark.filterwarnings("ignore:overflow encountered in (exp|scalar multiply|scalar power|multiply|square)")
def test_right_is_not_accused_and_wrong_does_not_pass(case, how):
    report = CHECKS[how](case.cost, case.grad, case.theta, case.args)
    assert report.verdict.accuses <= (not case.right), str(report)
    assert report.passed <= case.right, str(report)
    assert not {finding.kind for finding in report.findings} & case.false, str(report)
    if how in case.tells:
        assert report.verdict is not fc.Verdict.UNRESOLVED, str(report)
    if report.verdict is fc.Verdict.UNRESOLVED:
        assert not report.witnesses
        assert report.findings
    if report.verdict.accuses and case.name != "adds up from call to call":
        assert report.witnesses
