"""``python -m benchmarks.verdicts``: how often each checker accuses a right gradient, passes a wrong one, or cannot tell.

Writes the tables into RESULTS.md and the short one into the guide's page, both between markers, all at the end. The rules are
in `benchmarks.rules`; it takes some minutes, and nothing in it depends on the machine's speed.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

import fastcheck as fc
from benchmarks import models
from benchmarks.files import COMPARE, RESULTS, tell, write
from benchmarks.markdown import prose, refreshed, table
from benchmarks.models import Model, Vector
from benchmarks.rules import ACCUSED, CANNOT_TELL, PASSED, RULES
from fastcheck import zoo

MARKS = "verdicts"
Found = Mapping[tuple[str, str], "Tally"]  # by situation and rule

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
_RULES = (
    "Libraries that need not be installed are represented by their documented formula, to first order and for the gradient "
    "alone: torch gradcheck every |a - n| <= 1e-5 + 1e-3 |n| (central, 1e-6); JAX check_grads one normal direction, "
    "|a.u - n| <= 1e-5 + 1e-5 |n| (central, 1e-4); autograd check_grads one normal direction, 1e-6 (central, 0.5e-6); scipy "
    "check_grad ||a - n|| < 1e-6, as it states no threshold (forward); scipy check_derivative max |a - n| / max(1, |n|) <= "
    "10^-5.5 (forward, relative); the course ||a - n|| / (||a|| + ||n||) <= 2e-7 (central, 1e-7)."
)
_OPTIMUM = (
    "At an exact optimum any multiple of the gradient is right to within rounding: whoever answers there, guesses. torch "
    "says itself that its rule does not hold for float32. Evaluations of J are medians over the right gradients, by component."
)


def results(found: Found, n_models: int) -> str:
    """The section of RESULTS.md: all situations together, then each by itself."""
    said = (
        f"Made by `python -m benchmarks.verdicts`: {n_models} models and networks of the zoo, each at a random point, where a "
        "fit stops, beside it, at its exact optimum, in mixed units and in float32, with the right gradient and three wrong "
        f"ones ({', '.join(WRONG)})."
    )
    places = situations_of(found)
    tables = [told(found, name, within) for name, within in (("all situations", places), *((p, [p]) for p in places))]
    return "\n\n".join(["## Verdicts beside the rivals' rules", prose(said), prose(_RULES), prose(_OPTIMUM), *tables])


def guide(found: Found, n_models: int) -> str:
    """The short table of the guide, and where fastcheck cannot tell."""
    said = (
        f"{n_models} models (regressions, likelihoods, Gaussian processes, hidden Markov, small networks, the zoo), each at a random "
        "point, where a fit stops, beside it, at the exact optimum, in mixed units and in float32; with the right gradient "
        f"and three wrong ones ({', '.join(WRONG)}). torch, JAX and autograd are not "
        "called: their rules are applied by the documented formula. Evaluations of J are medians by component."
    )
    places = situations_of(found)
    parts = [prose(said), told(found, "all situations", places), prose(summary(found, places))]
    link = "Made by `python -m benchmarks.verdicts`. Each situation by itself, and each rule: [Results](../../benchmarks/RESULTS.md#verdicts-beside-the-rivals-rules)."
    return "\n\n".join([*parts, prose(link)])


def summary(found: Found, places: Sequence[str]) -> str:
    """What fastcheck accused and passed, and which right gradients `check` leaves open."""
    ours = [summed([found[place, rule] for place in places]) for rule in RULES if rule.startswith("fastcheck")]
    n_accused, n_passed = (
        sum(counts) for counts in zip(*((t.right[ACCUSED], t.wrong[PASSED]) for t in ours), strict=True)
    )
    by_place = [(place, found[place, "fastcheck check"].right) for place in places]
    where = ", ".join(f"{place} {right[CANNOT_TELL]} of {right.total()}" for place, right in by_place)
    return (
        f"fastcheck accused {n_accused} right gradients and passed {n_passed} wrong ones. Right ones that `check` leaves open: "
        f"{where}."
    )


def situations_of(found: Found) -> list[str]:
    return list(dict.fromkeys(situation for situation, _ in found))


def told(found: Found, name: str, within: Sequence[str]) -> str:
    """A row for every rule, over these situations."""
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
    return table(header, [row(rule, t) for rule, t in whole.items()])


def summed(parts: Sequence[Tally]) -> Tally:
    whole = Tally()
    for part in parts:
        whole.right.update(part.right)
        whole.wrong.update(part.wrong)
        whole.evaluations += part.evaluations
    return whole


def row(name: str, t: Tally) -> list[str]:
    counts = (t.right[ACCUSED], t.right[CANNOT_TELL], t.wrong[PASSED], t.wrong[CANNOT_TELL])
    return [name, *map(str, counts), f"{np.median(t.evaluations):.1f}"]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser("python -m benchmarks.verdicts", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="an eighth of the models; print, and write nothing")
    quick = parser.parse_args(arguments).quick
    for path in (COMPARE, RESULTS):
        refreshed(path.read_text(), "", MARKS)  # fails now, not after the measuring
    begin = time.perf_counter()
    chosen = [(model, False) for model in models.problems()] + [(model, True) for model in networks()]
    chosen = chosen[::8] if quick else chosen
    try:
        with np.errstate(all="ignore"):
            found = tallies(chosen)
    except KeyboardInterrupt:
        tell("interrupted: nothing was written")
        return 130
    tell(f"{time.perf_counter() - begin:.0f} s")
    if quick:
        print(results(found, len(chosen)))
        return 0
    made = {RESULTS: results(found, len(chosen)), COMPARE: guide(found, len(chosen))}
    write({path: refreshed(path.read_text(), text, MARKS).encode() for path, text in made.items()})
    tell(f"wrote the verdicts of {RESULTS.name} and {COMPARE.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
