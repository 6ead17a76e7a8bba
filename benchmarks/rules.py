"""What each checker says of a gradient by its default rule: right, wrong, or no answer; and the evaluations it took.

Rules of libraries that need not be installed are applied by their documented formula, to first order and to the
gradient alone (no second derivatives, no forward mode):

    torch gradcheck          central, 1e-6     every |a - n| <= 1e-5 + 1e-3 |n|
    JAX check_grads          central, 1e-4     one normal direction: |a.u - n| <= 1e-5 + 1e-5 |n|           (float64)
    autograd check_grads     central, 0.5e-6   one normal direction: |a.u - n| < 1e-6, or < 1e-6 |a.u + n|
    scipy check_grad         forward, 1.5e-8   ||a - n|| < 1e-6: it states no threshold, this is a common one
    scipy check_derivative   forward, relative max |a - n| / max(1, |n|) "on the order of 1e-6 or lower": 10^-5.5
    course                   central, 1e-7     ||a - n|| / (||a|| + ||n||) <= 2e-7
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
from scipy.optimize import check_grad
from scipy.optimize._numdiff import check_derivative

import fastcheck as fc
from benchmarks.models import Model, Vector

ACCUSED, PASSED, CANNOT_TELL = "accused", "passed", "cannot tell"
Said = tuple[str, int]  # the verdict and the evaluations of J that it took


class Counted:
    """A cost that counts its evaluations."""

    def __init__(self, model: Model) -> None:
        self.model, self.evaluations = model, 0

    def __call__(self, theta: Vector, *_: object) -> float:
        self.evaluations += 1
        return float(self.model.cost(theta, *self.model.args))


def central(cost: Counted, theta: Vector, steps: Vector, width: float) -> Vector:
    """(J(theta + step) - J(theta - step)) / width for each of ``steps``."""
    return np.array([cost(theta + step) - cost(theta - step) for step in steps]) / width


# --- the rivals' rules: is it right? -----------------------------------------------------------------------------------
def torch_gradcheck(cost: Counted, a: Vector, theta: Vector) -> bool:
    n = central(cost, theta, 1e-6 * np.eye(theta.size), 2e-6)
    return bool(np.allclose(a, n, rtol=1e-3, atol=1e-5))


def jax_check_grads(cost: Counted, a: Vector, theta: Vector) -> bool:
    rng = np.random.RandomState(0)
    u, v = rng.randn(theta.size), rng.randn()
    n = v * central(cost, theta, [1e-4 * u], 2e-4)
    return bool(np.allclose(v * (a @ u), n, rtol=1e-5, atol=1e-5))


def autograd_check_grads(cost: Counted, a: Vector, theta: Vector) -> bool:
    rng = np.random.RandomState(0)
    u, v = rng.randn(theta.size), rng.randn()
    n = v * central(cost, theta, [0.5e-6 * u], 1e-6)[0]
    said = v * (a @ u)
    return bool(abs(said - n) < 1e-6 or abs(said - n) / abs(said + n) < 1e-6)


def scipy_check_grad(cost: Counted, a: Vector, theta: Vector) -> bool:
    return bool(check_grad(cost, lambda _: a, theta) < 1e-6)


def scipy_check_derivative(cost: Counted, a: Vector, theta: Vector) -> bool:
    return bool(check_derivative(cost, lambda _: a, theta) <= 10**-5.5)


def course(cost: Counted, a: Vector, theta: Vector) -> bool:
    n = central(cost, theta, 1e-7 * np.eye(theta.size), 2e-7)
    return not np.linalg.norm(a - n) / (np.linalg.norm(a) + np.linalg.norm(n)) > 2e-7


def by_rule(right: Callable[[Counted, Vector, Vector], bool]) -> Callable[[Model], Said]:
    def say(model: Model) -> Said:
        cost = Counted(model)
        try:
            said = PASSED if right(cost, model.grad(model.theta, *model.args), model.theta) else ACCUSED
        except (ValueError, ArithmeticError):
            said = CANNOT_TELL
        return said, cost.evaluations

    return say


def by_fastcheck(call: Callable[..., fc.Report], **options: object) -> Callable[[Model], Said]:
    words = {"CORRECT": PASSED, "UNRESOLVED": CANNOT_TELL, "WRONG": ACCUSED, "SUSPECT": ACCUSED}

    def say(model: Model) -> Said:
        try:
            report = call(
                model.cost, model.grad, model.theta, model.args, layout=model.layout, progress=False, **options
            )
        except Exception as error:  # a crash is no verdict; which, stands on stderr
            print(f"{model.name}: {type(error).__name__}: {error}", file=sys.stderr)
            return CANNOT_TELL, 0
        return words[report.verdict.name], report.evaluations

    return say


RULES: dict[str, Callable[[Model], Said]] = {
    "fastcheck check": by_fastcheck(fc.check),
    'fastcheck check, eps="auto"': by_fastcheck(fc.check, eps="auto"),
    "fastcheck screen": by_fastcheck(fc.screen),
    "torch gradcheck": by_rule(torch_gradcheck),
    "JAX check_grads": by_rule(jax_check_grads),
    "autograd check_grads": by_rule(autograd_check_grads),
    "scipy check_grad": by_rule(scipy_check_grad),
    "scipy check_derivative": by_rule(scipy_check_derivative),
    "course, ratio 2e-7": by_rule(course),
}
