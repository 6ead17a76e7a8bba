"""How often each checker's default rule accuses a right gradient, passes a wrong one, or cannot tell; written as Markdown.

    python -m benchmarks.verdicts [--quick]

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
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.optimize import check_grad
from scipy.optimize._numdiff import check_derivative

import fastcheck as fc
from benchmarks import models
from benchmarks.models import Model, Vector
from fastcheck import zoo

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
UNBOUNDED = "zoo course"  # no penalty and separable examples: its optimum is at infinity
WRONG = ("largest entry 1 % off", "sign of the median entry", "a tensor forgotten")


# --- the questions ---------------------------------------------------------------------------------------------------------
def networks() -> list[Model]:
    """The zoo, small, with a penalty so that training ends somewhere."""
    made = {
        "mlp": zoo.mlp(sizes=(12, 20, 15, 5), l2=0.1),
        "conv": zoo.conv(l2=0.1),
        "batchnorm": zoo.batchnorm(l2=0.1),
        "lstm": zoo.lstm(l2=0.1),
        "attention": zoo.attention(l2=0.1),
        "course": zoo.course(fixed=True),
    }
    return [Model(f"zoo {name}", p.cost, flat(p.grad, p.layout), p.theta, p.layout, p.args) for name, p in made.items()]


def flat(grad: Callable, layout: fc.Layout) -> Callable[..., Vector]:
    """The same gradient as a vector, where it comes as a dict."""

    def vector(theta, *args):
        g = grad(theta, *args)
        return layout.pack(g) if isinstance(g, dict) else g

    return vector


def rounded(model: Model) -> Model:
    """theta and J rounded to float32, for the zoo's compiled costs, which take float64."""
    return replace(
        model,
        name=f"{model.name}, rounded",
        cost=lambda t, *args: float(np.float32(model.cost(t.astype(np.float32).astype(float), *args))),
    )


def situations(model: Model, of_zoo: bool) -> Iterator[tuple[str, Model]]:
    rng = np.random.default_rng(len(model.name))
    yield "random point", model
    if model.name != UNBOUNDED:
        yield "fitted", replace(model, theta=models.fitted(model).copy())
        yield "1e-4 beside", replace(model, theta=models.beside(models.fitted(model), rng))
    if not of_zoo:
        yield "exact optimum", replace(model, theta=models.trained(model).copy())
    yield "units 10^U(-4, 4)", models.in_units(model, models.random_units(model.theta.size, 4, rng))
    yield "float32", rounded(model) if of_zoo else models.in_float32(model)


@dataclass
class Tally:
    """What one rule said in one situation."""

    right: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    evaluations: list[float] = field(default_factory=list)  # per component, of right gradients

    def add(self, is_right: bool, said: str, evaluations: int, n: int) -> None:
        (self.right if is_right else self.wrong)[said] += 1
        if is_right:
            self.evaluations.append(evaluations / n)


def tallies(chosen: list[tuple[Model, bool]]) -> dict[tuple[str, str], Tally]:
    found: dict[tuple[str, str], Tally] = defaultdict(Tally)
    for model, of_zoo in chosen:
        for situation, at in situations(model, of_zoo):
            for question in (at, *(models.off(at, kind) for kind in WRONG)):
                for rule, say in RULES.items():
                    said, evaluations = say(question)
                    found[situation, rule].add(question is at, said, evaluations, at.theta.size)
    return found


# --- the tables ------------------------------------------------------------------------------------------------------------
def table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def summed(parts: list[Tally]) -> Tally:
    whole = Tally()
    for part in parts:
        whole.right.update(part.right)
        whole.wrong.update(part.wrong)
        whole.evaluations += part.evaluations
    return whole


def row(name: str, t: Tally) -> list[str]:
    counts = (t.right[ACCUSED], t.right[CANNOT_TELL], t.wrong[PASSED], t.wrong[CANNOT_TELL])
    return [name, *map(str, counts), f"{np.median(t.evaluations):.1f}"]


def show(found: dict[tuple[str, str], Tally]) -> str:
    places = list(dict.fromkeys(situation for situation, _ in found))
    text = []
    for name, within in (("all situations", places), *((place, [place]) for place in places)):
        whole = {rule: summed([found[place, rule] for place in within]) for rule in RULES}
        some = next(iter(whole.values()))
        header = [
            f"{name}: {some.right.total()} right, {some.wrong.total()} wrong",
            "right accused",
            "right, cannot tell",
            "wrong passed",
            "wrong, cannot tell",
            "evaluations a component",
        ]
        text.append(table(header, [row(rule, t) for rule, t in whole.items()]))
    return "\n\n".join(text)


def main() -> None:
    begin = time.perf_counter()
    chosen = [(model, False) for model in models.problems()] + [(model, True) for model in networks()]
    if "--quick" in sys.argv:
        chosen = chosen[::8]
    with np.errstate(all="ignore"):
        print(show(tallies(chosen)))
    print(f"{time.perf_counter() - begin:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
