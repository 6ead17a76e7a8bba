"""Why the wrong tensors are wrong: the first hypothesis that explains each, and what is left to say of the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np

from fastcheck.diagnosis.constants import Constants
from fastcheck.diagnosis.evidence import Hypothesis, Part
from fastcheck.diagnosis.examples import Gradient, Ignored, ignored, of_examples
from fastcheck.diagnosis.factors import factors
from fastcheck.diagnosis.finding import Finding
from fastcheck.diagnosis.mixing import mixing, of_mixing
from fastcheck.diagnosis.places import AS_WELL, FORTRAN, RAVEL, places
from fastcheck.diagnosis.spots import scaled_spots, spots
from fastcheck.diagnosis.tensors import joined_order, owner
from fastcheck.diagnosis.values import values
from fastcheck.evaluate.evaluator import Evaluator
from fastcheck.measure.steps import Plan
from fastcheck.problem.layout import Layout
from fastcheck.vectors import Vector
from fastcheck.words import counted, listed

_FAR_LESS = 1e-2  # of what one hypothesis leaves: another that leaves less is the better one
_LINES = ("row", "column")
_NAMED = 4  # tensors that are told apart, of many with one cause
_ASSUMED = "Taking the order of the tensors for that of the forward pass: "


@dataclass(frozen=True)
class Case:
    """What is to be explained: every tensor, which of them are wrong and which agree, and what factors can be named by."""

    layout: Layout
    parts: tuple[Part, ...]
    wrong: tuple[Part, ...]
    right: frozenset[str]
    constants: Constants
    parameters: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Means:
    """What a full check can evaluate further: J near theta, and the analytic gradient for other arguments (None: an array)."""

    evaluator: Evaluator
    plan: Plan
    gradient: Gradient | None


def causes(case: Case, analytic: Vector, means: Means | None = None) -> list[Finding]:
    """One finding per cause, what lies nearest to the cost first."""
    found = _explained(case)
    left = [part for part in case.wrong if part.tensor.name not in found]
    exchanged = _exchanged(case, left)
    left = [part for part in left if part.tensor.name not in exchanged]
    if left and (order := joined_order(case.parts, analytic, case.layout)):
        return [_joined(case, [tensor.name for tensor in order])]
    said = [*_of_owners(exchanged)]
    if means is not None and means.gradient is not None:
        out = _without_examples(case, found, left, means, means.gradient)
        found = {name: h for name, h in found.items() if name not in out}
        left = [part for part in left if part.tensor.name not in out]
        mixed = mixing(means.evaluator, left, means.gradient, means.plan)
        left = [part for part in left if part.tensor.name not in mixed]
        said += [*of_examples(out), *of_mixing(mixed)]
    said += _grouped(case, found)
    if means is not None:  # a screen cannot tell a tensor that is wrong throughout from one that is wrong in one place
        said += _unexplained(case, left)
    position = {name: k for k, name in enumerate(case.layout.names)}
    return sorted(said, key=lambda f: -max(position[name] for name in f.tensors))


def _without_examples(
    case: Case, found: Mapping[str, Hypothesis], left: Sequence[Part], means: Means, gradient: Gradient
) -> dict[str, Ignored]:
    """The tensors whose gradient leaves examples out; among them those that only seem to be wrong in a few lines, or to be
    a multiple, which of a single component is a coincidence that can be."""
    kinds = Counter((h.kind, h.words) for h in found.values())
    seeming = [
        part
        for part in case.wrong
        if (h := found.get(part.tensor.name)) is not None
        if h.kind in _LINES or (h.kind == "scale" and part.analytic.size == 1 and kinds[h.kind, h.words] == 1)
    ]
    if not left and not any(found[part.tensor.name].kind in _LINES for part in seeming):
        return {}
    return ignored(means.evaluator, [*left, *seeming], gradient, means.plan)


def _explained(case: Case) -> dict[str, Hypothesis]:
    """The first hypothesis that explains each wrong tensor by itself: to rounding, or else all but a thousandth."""
    found = {}
    for part in case.wrong:
        h = _best_of_values(case, part) or next((h for h in _hypotheses(case, part) if part.explained(h)), None)
        h = h or next((h for h in _simple(case, part) if part.explained(h, nearly=True)), None)
        if h is not None:
            found[part.tensor.name] = h
    return found | _like(case, found)


def _best_of_values(case: Case, part: Part) -> Hypothesis | None:
    """The plainest hypothesis about values that explains the tensor, unless another leaves far less."""
    best = None
    for h in values(part, case.constants):
        if part.explained(h) and (best is None or part.left(h) < _FAR_LESS * part.left(best)):
            best = h
    return best


def _like(case: Case, found: Mapping[str, Hypothesis]) -> dict[str, Hypothesis]:
    """Tensors too small to show a cause by themselves that have the same as another."""
    known = {(h.kind, h.words) for h in found.values()}
    left = [part for part in case.wrong if part.tensor.name not in found]
    return {
        part.tensor.name: h
        for part in left
        for h in values(part, case.constants, least=1)
        if (h.kind, h.words) in known and part.explained(replace(h, free=0))
    }


def _simple(case: Case, part: Part) -> Iterator[Hypothesis]:
    return chain(values(part, case.constants), places(part))


def _hypotheses(case: Case, part: Part) -> Iterator[Hypothesis]:
    def inside(some: Part) -> Iterator[Hypothesis]:
        return values(some, case.constants)

    return chain(
        _simple(case, part),
        spots(part, inside),
        factors(part, case.parameters),
        scaled_spots(part, case.constants, inside),
    )


def _grouped(case: Case, found: Mapping[str, Hypothesis]) -> list[Finding]:
    """A finding for every cause, of all the tensors that it explains."""
    found = _in_fortran_order(case, found)
    groups: dict[tuple[str, str], list[Part]] = {}
    for part in case.wrong:
        h = found.get(part.tensor.name)
        if h is not None:
            groups.setdefault((h.kind, h.cause), []).append(part)
    return [_told(parts, found) for parts in groups.values()]


def _told(parts: list[Part], found: Mapping[str, Hypothesis]) -> Finding:
    names = tuple(part.tensor.name for part in parts)
    told = {name: found[name] for name in names}
    look = told[names[0]].look
    return Finding(
        told[names[0]].kind, names, f"{listed(names)}: the gradient {_in_words(told)}. {_evidence(parts, found)}{look}"
    )


def _in_words(told: Mapping[str, Hypothesis]) -> str:
    """The words that all the tensors share, and the rest of those that have more to say of themselves."""
    every, cause = {h.words for h in told.values()}, next(iter(told.values())).cause
    if len(every) == 1:
        return every.pop()
    own: dict[str, list[str]] = {}
    for name, h in told.items():
        own.setdefault(h.words.removeprefix(cause).strip(" ,") if h.words.startswith(cause) else "", []).append(name)
    rest = [f"{words} in {listed(names, _NAMED)}" for words, names in own.items() if words]
    return cause + (f" ({listed(rest, _NAMED)})" if rest else "")


def _in_fortran_order(case: Case, found: Mapping[str, Hypothesis]) -> Mapping[str, Hypothesis]:
    """The same where every matrix is transposed, one or many: that is how theta is joined, not one formula."""
    names = {name for name, h in found.items() if h.words == FORTRAN or h.words.endswith(AS_WELL)}
    if not names or names != _matrices(case):
        return found
    words = f"{FORTRAN}, and so has every matrix" if len(names) > 1 else f"{FORTRAN}, or transposed: that is the same"
    return {**found, **{name: replace(found[name], kind="order", words=words, look=RAVEL, same="") for name in names}}


def _matrices(case: Case) -> set[str]:
    """The tensors that Fortran order changes."""
    return {t.name for t in case.layout.tensors if sum(length > 1 for length in t.shape) > 1}


def _evidence(parts: Sequence[Part], found: Mapping[str, Hypothesis]) -> str:
    """How far the ratio falls once the hypothesis is undone."""
    undone = [(part, found[part.tensor.name].corrected) for part in parts]
    after = [part.ratio(corrected) for part, corrected in undone if corrected is not None]
    if not after:
        return ""
    before = max(part.ratio(part.analytic) for part in parts)
    if max(after) > _FAR_LESS * before:  # of places that the hypothesis does not speak of
        return ""
    return f"With that undone the ratio falls from {before:.1e} to {max(after):.1e}. "


def _exchanged(case: Case, left: Sequence[Part]) -> dict[str, str]:
    """For each wrong tensor that holds another's gradient, whose."""
    owners = {part.tensor.name: owner(part, case.parts) for part in left}
    return {name: other.tensor.name for name, other in owners.items() if other is not None}


def _of_owners(exchanged: Mapping[str, str]) -> list[Finding]:
    if not exchanged:
        return []
    held = listed([f"{name} holds the gradient of {other}" for name, other in exchanged.items()], _NAMED)
    look = "Look at the names, at copied lines, and at the order of what is returned."
    return [Finding("swap", tuple(exchanged), f"{held}. {look}")]


def _joined(case: Case, order: Sequence[str]) -> Finding:
    names = tuple(part.tensor.name for part in case.wrong)
    message = f"the gradient is joined in the order {listed(order)}, theta in the order {listed(case.layout.names)}. Return a dict, or join in theta's order."
    return Finding("swap", names, message)


def _unexplained(case: Case, left: Sequence[Part]) -> list[Finding]:
    """Where the error enters, told from the tensors that agree."""
    if not left:
        return []
    names = [part.tensor.name for part in left][::-1]
    order = list(case.layout.names)
    last = order.index(names[0])
    behind = [name for name in order[last + 1 :] if name in case.right]
    ahead = [name for name in order[:last] if name in case.right]
    n_wrong = sum(int(part.wrong.sum()) for part in left)
    n = sum(part.observed.size for part in left)
    ratio = max(part.ratio(part.analytic) for part in left)
    message = f"{listed(names)}: {n_wrong:,} of {counted(n, 'component')} {'is' if n == 1 else 'are'} wrong (ratio {ratio:.1e}), in no simple pattern. "
    if len(names) == 1:
        return [
            Finding(
                "local",
                tuple(names),
                message + _local(names[0], ahead, len(order) > 1 and len(case.right) == len(order) - 1),
            )
        ]
    return [Finding("upstream", tuple(names), message + _upstream(names[0], behind))]


def _local(name: str, ahead: Sequence[str], alone: bool) -> str:
    if ahead:
        return (
            f"Further towards the input {listed(ahead)} agree, so the signal that passes {name} is right: "
            f"look at the formula of d{name} itself, which factors, which sum, which axis."
        )
    if alone:
        return f"Nothing else is wrong: look at the formula of d{name} itself, and at the last step of the signal's way to it."
    return f"Look at the formula of d{name} itself: which factors, which sum, which axis."


def _upstream(name: str, behind: Sequence[str]) -> str:
    if behind:
        return f"{_ASSUMED}Errors travel backwards, and nearer to the cost {listed(behind)} agree: look at the step of the backward pass that leads from there to {name}."
    return f"{_ASSUMED}Errors travel backwards, and {name} is nearest to the cost: look at the derivative of the cost itself, where the backward pass begins."
