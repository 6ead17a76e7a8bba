"""Examples that the gradient mixes and J does not: a softmax or a mean over the examples in place of the classes.

Of a J that is a sum or a mean over examples, two changes of different examples add up, and so they do in its gradient.
Half of the examples are replaced by the other half, then these by those, then all of them. As much is true of any
function of the right gradient; but what a softmax over the examples gives is 1 in sum over them, so that somewhere
(the bias behind it) the gradient stays the same with other inputs, and J's own does not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from fastcheck.diagnosis.evidence import Part
from fastcheck.diagnosis.examples import ALIKE, Axis, Gradient, axes, slopes_at
from fastcheck.diagnosis.finding import Finding
from fastcheck.evaluate.evaluator import Evaluator
from fastcheck.measure.steps import Plan
from fastcheck.problem.arguments import Arguments
from fastcheck.vectors import Flags, Vector, largest, norm
from fastcheck.words import listed

_ADDS_UP = 1e-12  # of J: what rounding may leave of two changes that add up
_MATTERS = 1e-3  # of a tensor's error: what is mixed explains nothing if it is less
_FAR = 10.0  # times what differences may be off: what the gradient mixes, and J does not
_LOOKED_AT = 8  # components of a tensor at which J's own slopes are looked at


def mixing(evaluator: Evaluator, parts: Sequence[Part], gradient: Gradient, plan: Plan) -> dict[str, Axis]:
    """For each tensor whose gradient mixes examples that J does not mix, the axis that counts them."""
    for axis in _of_examples(evaluator.source.arguments) if parts else []:
        try:
            mixed = _mixed(evaluator, axis, parts, gradient, plan)
            summed = _summed(evaluator, axis, parts, gradient, plan) if mixed else []
        except Exception:  # the user's functions do not take such data: nothing can be told this way
            continue
        if summed:
            return {part.tensor.name: axis for part in parts if part.tensor.name in (*mixed, *summed)}
    return {}


def _of_examples(arguments: Arguments) -> list[Axis]:
    """Axes that several arrays share, inputs and targets; only these count examples for sure."""
    return [axis for axis in axes(arguments) if len(axis.places) > 1]


def _mixed(evaluator: Evaluator, axis: Axis, parts: Sequence[Part], gradient: Gradient, plan: Plan) -> list[str]:
    """The tensors in whose gradient two changes do not add up, if they do in J and in its slopes."""
    one, other = _halves(axis)
    original = evaluator.source.arguments
    others = [evaluator.revalued(axis.replaced(original, these)) for these in (one, other, one | other)]
    near = [evaluator, *others]
    values = np.array([one.value for one in near])
    moved = bool((values[1:3] != values[0]).all())
    if not moved or abs(_left(values)) > _ADDS_UP * largest(values):
        return []
    ours = _left(np.stack([gradient(one.source.arguments) for one in near]))
    growth = largest(values) / (abs(evaluator.value) or largest(values))  # J's rounding grows with it
    return [part.tensor.name for part in parts if _does_not_add_up(part, ours[part.tensor.slice], near, plan, growth)]


def _halves(axis: Axis) -> tuple[dict[int, int], dict[int, int]]:
    """Half of the examples replaced by the others, and these by those: no mere change of order, in which nothing would change."""
    by = {k: (k + axis.length // 2) % axis.length for k in range(axis.length)}
    first = {k: other for k, other in by.items() if 2 * k < axis.length}
    return first, {k: other for k, other in by.items() if k not in first}


def _left(values: Vector) -> Vector:
    """What is left when two changes are taken from both together; 0 where they add up."""
    return np.asarray(values[3] - values[1] - values[2] + values[0])


def _does_not_add_up(part: Part, ours: Vector, near: Sequence[Evaluator], plan: Plan, growth: float) -> bool:
    ours = ours[part.places]
    if not norm(ours) > _MATTERS * norm(part.observed - part.analytic):
        return False
    most = np.argsort(-np.abs(ours), kind="stable")[:_LOOKED_AT]
    theirs = _left(np.stack([slopes_at(one, part, plan, most) for one in near]))
    slack = 4 * growth * part.slack[most]
    return bool((np.abs(theirs) <= slack).all()) and norm(ours[most]) > _FAR * norm(slack)


def _summed(evaluator: Evaluator, axis: Axis, parts: Sequence[Part], gradient: Gradient, plan: Plan) -> list[str]:
    """The tensors with components whose gradient stays the same though one of the arrays is another, and J's slopes do not."""
    original = evaluator.source.arguments
    before = gradient(original)
    for place in axis.places:
        alone = Axis(axis.length, (place,))
        others = [evaluator.revalued(alone.replaced(original, half)) for half in _halves(axis)]
        change = np.max([np.abs(gradient(one.source.arguments) - before) for one in others], axis=0)
        found = [
            part.tensor.name
            for part in parts
            if _stays(part, change[part.tensor.slice] <= ALIKE * largest(before), [evaluator, *others], plan)
        ]
        if found:
            return found
    return []


def _stays(part: Part, same: Flags, near: Sequence[Evaluator], plan: Plan) -> bool:
    still = np.flatnonzero(same[part.places] & part.wrong)[:_LOOKED_AT]
    if not still.size:
        return False
    slopes = [slopes_at(one, part, plan, still) for one in near]
    return bool((np.abs(slopes[1] - slopes[0]) > 2 * part.slack[still]).any())


def of_mixing(mixed: Mapping[str, Axis]) -> list[Finding]:
    """The finding about examples that are mixed, of all the tensors in which they are."""
    if not mixed:
        return []
    axis = next(iter(mixed.values()))
    message = (
        f"{listed(tuple(mixed))}: J takes the {axis.length} examples along {axis.words} one by one (changes of different "
        "ones add up), the gradient mixes them, and in sum it stays the same with other inputs. Look for a softmax or a mean over the "
        "examples that the cost takes over the classes."
    )
    return [Finding("axis", tuple(mixed), message)]
