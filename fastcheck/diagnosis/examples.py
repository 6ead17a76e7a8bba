"""Examples or time steps that the gradient leaves out: it does not change when they are replaced, and J's does.

Arrays keep their shapes and every value comes from the array itself, so that compiled functions, which check no
bounds, meet nothing that they could not have met.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastcheck import engine, steps
from fastcheck.compare import C_COMPONENT, GREAT, largest, worst
from fastcheck.cost import Cost, revalue
from fastcheck.diagnosis.evidence import Part
from fastcheck.layout import Vector
from fastcheck.recheck import Look

_ALIKE = 1e-13  # of the largest component: rounding of a sum in another order
_TRIED = 16  # positions along one axis, half of them at either end
_LOOKED_AT = 16  # components of a tensor, those with the largest errors, at which J's own gradient is seen to change

Gradient = Callable[[tuple[Any, ...]], Vector]  # args -> the analytic gradient, shape (n,)


@dataclass(frozen=True)
class Axis:
    """An axis that may count examples or time steps: which axis of which args, and its length."""

    length: int
    places: tuple[tuple[int, int], ...]  # (position in args, axis)

    @property
    def words(self) -> str:
        return " and ".join(f"axis {axis} of args[{position}]" for position, axis in self.places)

    @property
    def tried(self) -> list[int]:
        """The positions to try: all of them, or those at the ends."""
        half = _TRIED // 2
        if self.length <= _TRIED:
            return list(range(self.length))
        return [*range(half), *range(self.length - half, self.length)]

    def replaced(self, args: tuple[Any, ...], k: int, by: int) -> tuple[Any, ...]:
        """``args`` with what stands at ``k`` replaced by what stands at ``by``."""
        new = list(args)
        for position, axis in self.places:
            array = args[position].copy(order="K")
            np.moveaxis(array, axis, 0)[k] = np.take(args[position], by, axis)
            new[position] = array
        return tuple(new)


@dataclass(frozen=True)
class Ignored:
    """What a tensor's gradient leaves out: these positions along an axis."""

    axis: Axis
    positions: tuple[int, ...]


def axes(args: tuple[Any, ...]) -> list[Axis]:
    """Every axis that several arrays share, and then the axes of the last of them alone, which may hold the targets."""
    shapes = {i: a.shape for i, a in enumerate(args) if isinstance(a, np.ndarray)}
    lengths = [n for shape in shapes.values() for n in dict.fromkeys(shape) if n > 1]
    shared = [n for n in dict.fromkeys(lengths) if lengths.count(n) > 1]
    together, alone = [], []
    for n in shared:
        holders = [i for i, shape in shapes.items() if n in shape]
        for end in (0, -1):
            together.append(Axis(n, tuple((i, _axis(shapes[i], n, end)) for i in holders)))
        alone += [Axis(n, ((holders[-1], axis),)) for axis, m in enumerate(shapes[holders[-1]]) if m == n]
    return list(dict.fromkeys([*together, *alone]))


def _axis(shape: tuple[int, ...], length: int, end: int) -> int:
    """The axis of this length: at the preferred end, else the first."""
    return end % len(shape) if shape[end] == length else shape.index(length)


def ignored(look: Look, parts: Sequence[Part], gradient: Gradient, noise: float) -> tuple[dict[str, Ignored], int]:
    """For each tensor whose gradient leaves examples out, which; and the evaluations of J that it took."""
    found: dict[str, Ignored] = {}
    spent = 0
    for axis in axes(look.cost.args):
        left = [part for part in parts if part.tensor.name not in found]
        if not left:
            break
        try:
            unmoved, n = _unmoved(look, axis, left, gradient)
            for part in left:
                positions = unmoved[part.tensor.name]
                if positions and len(positions) < len(axis.tried):
                    spent += 2 * _LOOKED_AT
                    if _moves(look, part, axis, positions[0], steps.sigma(noise, look.eps)):
                        found[part.tensor.name] = Ignored(axis, tuple(positions))
        except Exception:  # the user's functions do not take such data: nothing can be told this way
            continue
        spent += n
    return found, spent


def _unmoved(look: Look, axis: Axis, parts: Sequence[Part], gradient: Gradient) -> tuple[dict[str, list[int]], int]:
    """For each tensor the positions whose replacement changes J but not the tensor's analytic gradient."""
    found: dict[str, list[int]] = {part.tensor.name: [] for part in parts}
    before, n = gradient(look.cost.args), 0
    for k in axis.tried:
        cost = _changed(look, axis, k)
        n += 2
        if cost is None:
            continue
        after = gradient(cost.args)
        for part in parts:
            if _alike(before[part.tensor.slice], after[part.tensor.slice]):
                found[part.tensor.name].append(k)
    return found, n


def _alike(before: Vector, after: Vector) -> bool:
    """Whether nothing changed but for the order of sums."""
    return bool((np.abs(after - before) <= _ALIKE * largest(before)).all())


def _changed(look: Look, axis: Axis, k: int) -> Cost | None:
    """The cost with position ``k`` replaced such that J changes: by one of its neighbours, as labels may be alike."""
    for by in ((k + 1) % axis.length, (k + 2) % axis.length):
        if by != k:
            cost = revalue(look.cost, look.theta, axis.replaced(look.cost.args, k, by))
            if cost.value != look.cost.value:
                return cost
    return None


def _moves(look: Look, part: Part, axis: Axis, k: int, sigma: float) -> bool:
    """Whether the numeric gradient of the tensor changes with position ``k``."""
    cost = _changed(look, axis, k)
    chosen = worst(part.observed, part.analytic, _LOOKED_AT)
    indices = part.tensor.start + (chosen if part.offsets is None else part.offsets[chosen])
    after = engine.differences(cost, look.theta, indices, look.eps, look.layout, look.chosen.quiet())
    slack = C_COMPONENT * sigma + GREAT * largest(part.observed)
    return bool((np.abs(after - part.observed[chosen]) > 2 * slack).any())
