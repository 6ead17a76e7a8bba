"""Examples or time steps that the gradient leaves out: it does not change when they are replaced, and J's does.

Arrays keep their shapes and every value comes from the array itself, so that compiled functions, which check no
bounds, meet nothing that they could not have met.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from fastcheck.diagnosis.evidence import Part
from fastcheck.evaluate.evaluator import Evaluator
from fastcheck.judge import ratios
from fastcheck.measure.stencil import differences
from fastcheck.measure.steps import Plan
from fastcheck.problem.arguments import Arguments
from fastcheck.problem.selection import Selection
from fastcheck.vectors import Vector, largest

_ALIKE = 1e-13  # of the largest component: rounding of a sum in another order
_TRIED = 16  # positions along one axis, half of them at either end
_LOOKED_AT = 16  # components of a tensor, those with the largest errors, at which J's own gradient is seen to change

Gradient = Callable[[Arguments], Vector]  # the analytic gradient with other arguments, shape (n,)


@dataclass(frozen=True)
class Axis:
    """An axis that may count examples or time steps: which axis of which arguments, and its length."""

    length: int
    places: tuple[tuple[str, int], ...]  # (argument, axis)

    @property
    def words(self) -> str:
        return " and ".join(f"axis {axis} of {name}" for name, axis in self.places)

    @property
    def tried(self) -> list[int]:
        """The positions to try: all of them, or those at the ends."""
        half = _TRIED // 2
        if self.length <= _TRIED:
            return list(range(self.length))
        return [*range(half), *range(self.length - half, self.length)]

    def replaced(self, arguments: Arguments, k: int, by: int) -> Arguments:
        """The arguments with what stands at ``k`` replaced by what stands at ``by``."""
        new = {}
        for name, axis in self.places:
            old = arguments.named[name]
            array = old.copy(order="K")
            np.moveaxis(array, axis, 0)[k] = np.take(old, by, axis)
            new[name] = array
        return arguments.replaced(new)


@dataclass(frozen=True)
class Ignored:
    """What a tensor's gradient leaves out: these positions along an axis."""

    axis: Axis
    positions: tuple[int, ...]


def axes(arguments: Arguments) -> list[Axis]:
    """Every axis that several arrays share, and then the axes of the last of them alone, which may hold the targets."""
    shapes = {name: a.shape for name, a in arguments.named.items() if isinstance(a, np.ndarray)}
    lengths = [n for shape in shapes.values() for n in dict.fromkeys(shape) if n > 1]
    shared = [n for n in dict.fromkeys(lengths) if lengths.count(n) > 1]
    together, alone = [], []
    for n in shared:
        holders = [name for name, shape in shapes.items() if n in shape]
        for end in (0, -1):
            together.append(Axis(n, tuple((name, _axis(shapes[name], n, end)) for name in holders)))
        alone += [Axis(n, ((holders[-1], axis),)) for axis, m in enumerate(shapes[holders[-1]]) if m == n]
    return list(dict.fromkeys([*together, *alone]))


def _axis(shape: tuple[int, ...], length: int, end: int) -> int:
    """The axis of this length: at the preferred end, else the first."""
    return end % len(shape) if shape[end] == length else shape.index(length)


def ignored(evaluator: Evaluator, parts: Sequence[Part], gradient: Gradient, plan: Plan) -> dict[str, Ignored]:
    """For each tensor whose gradient leaves examples out, which."""
    found: dict[str, Ignored] = {}
    for axis in axes(evaluator.source.arguments):
        left = [part for part in parts if part.tensor.name not in found]
        if not left:
            break
        try:
            unmoved = _unmoved(evaluator, axis, left, gradient)
            for part in left:
                positions = unmoved[part.tensor.name]
                if positions and len(positions) < len(axis.tried) and _moves(evaluator, part, axis, positions[0], plan):
                    found[part.tensor.name] = Ignored(axis, tuple(positions))
        except Exception:  # the user's functions do not take such data: nothing can be told this way
            continue
    return found


def _unmoved(evaluator: Evaluator, axis: Axis, parts: Sequence[Part], gradient: Gradient) -> dict[str, list[int]]:
    """For each tensor the positions whose replacement changes J but not the tensor's analytic gradient."""
    found: dict[str, list[int]] = {part.tensor.name: [] for part in parts}
    before = gradient(evaluator.source.arguments)
    for k in axis.tried:
        changed = _changed(evaluator, axis, k)
        if changed is None:
            continue
        after = gradient(changed.source.arguments)
        for part in parts:
            if _alike(before[part.tensor.slice], after[part.tensor.slice]):
                found[part.tensor.name].append(k)
    return found


def _alike(before: Vector, after: Vector) -> bool:
    """Whether nothing changed but for the order of sums."""
    return bool((np.abs(after - before) <= _ALIKE * largest(before)).all())


def _changed(evaluator: Evaluator, axis: Axis, k: int) -> Evaluator | None:
    """J with position ``k`` replaced such that it changes: by one of its neighbours, as labels may be alike."""
    for by in ((k + 1) % axis.length, (k + 2) % axis.length):
        if by != k:
            changed = evaluator.revalued(axis.replaced(evaluator.source.arguments, k, by))
            if changed.value != evaluator.value:
                return changed
    return None


def _moves(evaluator: Evaluator, part: Part, axis: Axis, k: int, plan: Plan) -> bool:
    """Whether the numeric gradient of the tensor changes with position ``k``."""
    changed = _changed(evaluator, axis, k)
    if changed is None:
        return False
    chosen = ratios.worst_of(part.observed, part.analytic, 0.0, _LOOKED_AT)
    indices = part.tensor.start + part.places[chosen]
    selection = Selection(evaluator.layout, indices)
    steps = plan.steps if not isinstance(plan.steps, np.ndarray) else float(np.median(plan.steps))
    before, after = (differences(one, selection, steps) for one in (evaluator, changed))
    return bool((np.abs(after - before) > 2 * part.slack[chosen]).any())
