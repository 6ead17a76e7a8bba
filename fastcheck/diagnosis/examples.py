"""Examples or time steps that the gradient leaves out: it does not change when they are replaced, and J's does.

Arrays keep their shapes and every value comes from the array itself, so that compiled functions, which check no
bounds, meet nothing that they could not have met.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastcheck.diagnosis.evidence import Part
from fastcheck.diagnosis.finding import Finding
from fastcheck.evaluate.evaluator import Evaluator
from fastcheck.judge import ratios
from fastcheck.measure.steps import Plan, slopes_of
from fastcheck.problem.arguments import Arguments
from fastcheck.problem.held import held, replaced
from fastcheck.problem.selection import Selection
from fastcheck.vectors import Indices, Vector, largest
from fastcheck.words import listed

ALIKE = 1e-13  # of the largest component: rounding of a sum in another order
_TRIED = 16  # positions along one axis, half of them at either end
_LOOKED_AT = 8  # components of a tensor, those with the largest errors, at which J's own gradient is seen to change

Gradient = Callable[[Arguments], Vector]  # the analytic gradient with other arguments, shape (n,)


@dataclass(frozen=True)
class Axis:
    """An axis that may count examples or time steps: which axis of what the arguments hold, and its length."""

    length: int
    places: tuple[tuple[str, int | None], ...]  # (name, axis); None: a list

    @property
    def words(self) -> str:
        return " and ".join(name if axis is None else f"axis {axis} of {name}" for name, axis in self.places)

    @property
    def tried(self) -> list[int]:
        """The positions to try: all of them, or those at the ends."""
        half = _TRIED // 2
        if self.length <= _TRIED:
            return list(range(self.length))
        return [*range(half), *range(self.length - half, self.length)]

    def replaced(self, arguments: Arguments, by: Mapping[int, int]) -> Arguments:
        """The arguments with what stands at some positions replaced by what stands at others."""
        source = [by.get(k, k) for k in range(self.length)]
        values = held(arguments)
        new: dict[str, Any] = {}
        for name, axis in self.places:
            old = values[name]
            if axis is None:
                new[name] = [old[k] for k in source]
                continue
            new[name] = old.copy(order="K")
            new[name][...] = np.take(old, source, axis)
        return replaced(arguments, new)

    def differ(self, arguments: Arguments, k: int, by: int) -> bool:
        """Whether everything that stands at ``k`` is another at ``by``."""
        values = held(arguments)
        pairs = [
            (values[name][k], values[name][by])
            if axis is None
            else np.take(values[name], [k, by], axis).swapaxes(0, axis)
            for name, axis in self.places
        ]
        return all(not np.array_equal(one, other) for one, other in pairs)


@dataclass(frozen=True)
class Ignored:
    """What a tensor's gradient leaves out: these positions along an axis."""

    axis: Axis
    positions: tuple[int, ...]


def axes(arguments: Arguments) -> list[Axis]:
    """Every axis that several arrays share; then those of the last of these alone, which may hold the targets; then first axes."""
    shapes = {name: shape for name, value in held(arguments).items() if (shape := _countable(value))}
    lists = {name for name, value in held(arguments).items() if isinstance(value, list)}
    lengths = [n for shape in shapes.values() for n in dict.fromkeys(shape) if n > 1]
    shared = [n for n in dict.fromkeys(lengths) if lengths.count(n) > 1]
    together, alone = [], []

    def axis(length: int, places: Sequence[tuple[str, int]]) -> Axis:
        return Axis(length, tuple((name, None if name in lists else k) for name, k in places))

    for n in shared:
        holders = [name for name, shape in shapes.items() if n in shape]
        together += [axis(n, [(name, _axis(shapes[name], n, end)) for name in holders]) for end in (0, -1)]
        alone += [axis(n, [(holders[-1], k)]) for k, m in enumerate(shapes[holders[-1]]) if m == n]
    first = [axis(shape[0], [(name, 0)]) for name, shape in shapes.items() if shape[0] > 1]
    return list(dict.fromkeys([*together, *alone, *first]))


def _countable(value: Any) -> tuple[int, ...]:
    """The shape of what can hold examples: an array, or a list of things that are all alike; else ()."""
    if isinstance(value, list):
        return (len(value),) if value and len({_form(item) for item in value}) == 1 else ()
    return value.shape if isinstance(value, np.ndarray) else ()


def _form(item: Any) -> Any:
    """What has to be the same for one item to stand in another's place."""
    if isinstance(item, np.ndarray):
        return item.shape, item.dtype
    if isinstance(item, list | tuple):
        return type(item), tuple(map(_form, item))
    if isinstance(item, dict):
        return tuple((key, _form(value)) for key, value in item.items())
    return type(item)


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
            found |= _left_out(evaluator, axis, left, gradient, plan)
        except Exception:  # the user's functions do not take such data: nothing can be told this way
            continue
    return found


def _left_out(
    evaluator: Evaluator, axis: Axis, parts: Sequence[Part], gradient: Gradient, plan: Plan
) -> dict[str, Ignored]:
    """Of these tensors those whose gradient stands still at some positions of the axis, but not at all, where J's moves."""
    changes = {k: changed for k in axis.tried if (changed := _changed(evaluator, axis, k)) is not None}
    before = gradient(evaluator.source.arguments)
    after = {k: gradient(changed.source.arguments) for k, changed in changes.items()}
    found = {}
    for part in parts:
        still = [k for k in changes if _alike(before[part.tensor.slice], after[k][part.tensor.slice])]
        if still and len(still) < len(changes):
            worst = ratios.worst_of(part.observed, part.analytic, 0.0, _LOOKED_AT)
            slopes, slack = slopes_at(evaluator, part, plan, worst), 2 * part.slack[worst]
            moves = {k: np.abs(slopes_at(changes[k], part, plan, worst) - slopes) > slack for k in still}
            positions = tuple(k for k in still if moves[k].any())
            if positions:
                found[part.tensor.name] = Ignored(axis, positions)
    return found


def _alike(before: Vector, after: Vector) -> bool:
    """Whether nothing changed but for the order of sums."""
    return bool((np.abs(after - before) <= ALIKE * largest(before)).all())


def _changed(evaluator: Evaluator, axis: Axis, k: int) -> Evaluator | None:
    """J with position ``k`` replaced such that it changes: by the first one after it that is another everywhere.

    Labels may be alike: a gradient that depends on nothing else would stand still, though it leaves nothing out.
    """
    arguments = evaluator.source.arguments
    after = [(k + step) % axis.length for step in range(1, min(axis.length, _TRIED))]
    for by in sorted(after[:_TRIED], key=lambda by: not axis.differ(arguments, k, by))[:2]:
        changed = evaluator.revalued(axis.replaced(arguments, {k: by}))
        if changed.value != evaluator.value:
            return changed
    return None


def slopes_at(evaluator: Evaluator, part: Part, plan: Plan, positions: Indices) -> Vector:
    """J's own slopes at a few components of a tensor, with the evaluator's arguments."""
    selection = Selection(evaluator.layout, part.tensor.start + part.places[positions])
    return slopes_of(evaluator, selection, plan)


def of_examples(out: Mapping[str, Ignored]) -> list[Finding]:
    """A finding for every axis of which something is left out, of all the tensors that leave it out."""
    groups: dict[Axis, dict[str, Ignored]] = {}
    for name, told in out.items():
        groups.setdefault(told.axis, {})[name] = told
    return [Finding("partial", tuple(told), _told(axis, told)) for axis, told in groups.items()]


def _told(axis: Axis, out: Mapping[str, Ignored]) -> str:
    owners: dict[tuple[int, ...], list[str]] = {}
    for name, told in out.items():
        owners.setdefault(told.positions, []).append(name)
    numbers = [listed([str(k) for k in positions]) for positions in owners]
    others = [f"{listed(names, 4)}: {number}" for names, number in zip(owners.values(), numbers, strict=True)][1:]
    apart = f" ({'; '.join(others)})" if others else ""
    tried = "" if axis.length == len(axis.tried) else f" (of {len(axis.tried)} that were tried)"
    return (
        f"{listed(tuple(out))}: the gradient does not change with number {numbers[0]}{apart}{tried} of the {axis.length} examples "
        f"or time steps along {axis.words}, the differences of J do: these are left out. "
        "Look for = in place of +=, for an index that is off, or for a loop that stops early."
    )
