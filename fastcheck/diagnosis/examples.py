"""The gradient of some examples or time steps only: found by differences of J with its args cut short.

With J_k the cost of the first k examples, the span of the gradients of J_1 ... J_m contains that of any weighted sum
over examples, whether J is a mean or a sum, and also over time steps. The weights are fitted at a few components, with
many more components than weights; an example with weight 0 was left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fastcheck import engine, steps
from fastcheck.compare import C_COMPONENT, GREAT, largest, norm
from fastcheck.diagnosis.evidence import Part
from fastcheck.layout import Vector
from fastcheck.recheck import Look

_ALL = 8  # prefixes of every length up to this many; beyond it, those that ordinary mistakes show in
_PER_WEIGHT = 4  # components looked at per fitted weight
_LEAST = 8  # more of them than weights, at least
_DIGITS = 8.0  # of agreement, over all components
_SNAP = 1e-3  # a weight this near to 0 or to another is that
_BUDGET = 8192  # evaluations always allowed


@dataclass(frozen=True)
class Cut:
    """Which axis of which argument counts the examples (or the time steps), and how many there are."""

    length: int
    axes: tuple[tuple[int, int], ...]  # (position in args, axis)

    @property
    def words(self) -> str:
        return " and ".join(f"axis {axis} of args[{position}]" for position, axis in self.axes)

    def args(self, args: tuple[Any, ...], k: int) -> tuple[Any, ...]:
        """``args`` with the first k examples only."""
        axes = dict(self.axes)
        return tuple(_first(a, k, axes[i]) if i in axes else a for i, a in enumerate(args))


def _first(array: np.ndarray, k: int, axis: int) -> np.ndarray:
    """The first k along an axis, in the array's own order, inside memory of the full size.

    A cost that has its number of examples from elsewhere reads past the end, and must find memory of its own there.
    """
    order = "C" if array.flags.c_contiguous else "F"
    part = np.take(array, range(k), axis)
    memory = np.resize(array.ravel(), array.size)
    memory[: part.size] = part.ravel(order=order)
    return memory[: part.size].reshape(part.shape, order=order)


def cuts(args: tuple[Any, ...]) -> list[Cut]:
    """Every way to take args for arrays over examples: all arrays with an axis of one length, cut along it."""
    shapes = {i: a.shape for i, a in enumerate(args) if _can_be_cut(a)}
    found = []
    for length in dict.fromkeys(n for shape in shapes.values() for n in shape if n > 1):
        for ends in ((0, -1), (-1, 0)):
            axes = [(i, _axis(shape, length, ends)) for i, shape in shapes.items() if length in shape]
            found.append(Cut(length, tuple(axes)))
    return sorted(dict.fromkeys(found), key=lambda cut: -len(cut.axes))


def _can_be_cut(value: Any) -> bool:
    return isinstance(value, np.ndarray) and (value.flags.c_contiguous or value.flags.f_contiguous)


def _axis(shape: tuple[int, ...], length: int, ends: tuple[int, int]) -> int:
    """The axis of this length: at the preferred end, else at the other, else the first."""
    return next((end % len(shape) for end in ends if shape[end] == length), shape.index(length))


@dataclass(frozen=True)
class Partial:
    """What was found for one tensor: in which cut, which examples count (half-open ranges), and how much."""

    cut: Cut
    counted: tuple[tuple[int, int], ...]
    times: float


def partial(look: Look, parts: Sequence[Part], noise: float) -> tuple[dict[str, Partial], int]:
    """For each tensor that is the gradient of some examples only, which; and the evaluations that it took."""
    found: dict[str, Partial] = {}
    budget, spent = max(2 * sum(part.analytic.size for part in parts), _BUDGET), 0
    for cut in cuts(look.cost.args):
        left = [part for part in parts if part.tensor.name not in found]
        ends = _ends(cut.length)
        chosen = [_sample(part, _PER_WEIGHT * (len(ends) + 1)) for part in left]
        needed = 2 * (len(ends) - 1) * sum(c.size for c in chosen)
        if not left or spent + needed > budget:
            continue
        gradients = _gradients(look, cut, ends, left, chosen)
        spent += needed
        if gradients is None:
            continue
        sights = [
            _Sight(part, c, g, steps.sigma(noise, look.eps)) for part, c, g in zip(left, chosen, gradients, strict=True)
        ]
        fitted = [
            (weights, told) for s in sights if (weights := s.fit()) is not None if (told := _told(weights, ends, cut))
        ]
        for sight in sights:  # a small tensor has too few components for a fit, but may agree with that of another
            told = next((told for weights, told in fitted if sight.agrees(weights)), None)
            if told is not None:
                found[sight.part.tensor.name] = told
    return found, spent


def _ends(length: int) -> list[int]:
    """The lengths of the prefixes, the last being everything."""
    if length <= _ALL:
        return list(range(1, length + 1))
    return sorted({1, length // 4, length // 2, 3 * length // 4, length - 1, length})


def _sample(part: Part, k: int) -> np.ndarray:
    """Positions of up to k components that matter, the same every time."""
    size = np.maximum(np.abs(part.observed), np.abs(part.analytic))
    matter = np.flatnonzero(size > 0.01 * largest(size))
    return np.sort(np.random.default_rng(0).choice(matter, min(k, matter.size), replace=False))


def _gradients(
    look: Look, cut: Cut, ends: list[int], parts: Sequence[Part], chosen: list[np.ndarray]
) -> list[np.ndarray] | None:
    """For each part the numeric gradients of J_k at its chosen components, shape (components, ends); None if J fails."""
    indices = np.concatenate([part.tensor.start + part.offsets[c] for part, c in zip(parts, chosen, strict=True)])
    columns = []
    for k in ends[:-1]:
        cost = replace(look.cost, args=cut.args(look.cost.args, k))
        try:
            columns.append(engine.differences(cost, look.theta, indices, look.eps, look.layout, look.chosen.quiet()))
        except Exception:  # the cost does not take fewer examples: nothing can be told this way
            return None
    columns.append(np.concatenate([part.observed[c] for part, c in zip(parts, chosen, strict=True)]))
    stops = np.cumsum([c.size for c in chosen])[:-1]
    return np.split(np.stack(columns, axis=1), stops)


@dataclass(frozen=True)
class _Sight:
    """One tensor at a few components: the numeric gradients of J_k there, shape (components, ends), and their rounding."""

    part: Part
    positions: np.ndarray
    gradients: np.ndarray
    sigma: float

    @property
    def target(self) -> Vector:
        return self.part.analytic[self.positions]

    @property
    def basis(self) -> np.ndarray:
        """The gradients, and theta: an L2 term counts once, however many examples do."""
        return np.column_stack([self.gradients, self.part.theta[self.positions]])

    def fit(self) -> Vector | None:
        """The weights of the gradients, and of theta, in the analytic gradient, if they explain it."""
        basis = self.basis
        if not np.isfinite(basis).all() or self.target.size < basis.shape[1] + _LEAST:
            return None
        weights = np.linalg.lstsq(basis, self.target, rcond=None)[0]
        return weights if self.agrees(weights, basis.shape[1]) else None

    def agrees(self, weights: Vector, free: int = 0) -> bool:
        """Whether these weights explain the analytic gradient; not by chance if ``free`` of them were fitted to it."""
        target = self.target
        left = target - self.basis @ weights
        slack = C_COMPONENT * self.sigma * (1 + np.abs(weights[:-1]).sum()) + GREAT * largest(target)
        error = norm(self.part.observed[self.positions] - target)
        if not (np.abs(left) <= slack).all() or not error:
            return False
        digits = (target.size - free) * np.log10(error / min(max(norm(left), slack), error))
        return bool(digits >= _DIGITS)


def _told(weights: Vector, ends: list[int], cut: Cut) -> Partial | None:
    """The weights as examples counted and left out, if they are that: J is taken for a mean, else for a sum."""
    lengths, weights = np.array(ends), weights[:-1]
    for share in (cut.length / lengths, np.ones(lengths.size)):
        own = np.cumsum((weights * share)[::-1])[::-1]  # what the examples of each segment weigh; 1 is right
        times = own[np.abs(own).argmax()]
        counted, out = np.abs(own - times) <= _SNAP * abs(times), np.abs(own) <= _SNAP * abs(times)
        if out.any() and (counted | out).all():
            starts = [0, *ends[:-1]]
            return Partial(cut, _joined(np.array(starts)[counted], lengths[counted]), float(f"{times:.4g}"))
    return None


def _joined(starts: np.ndarray, stops: np.ndarray) -> tuple[tuple[int, int], ...]:
    """Neighbouring ranges put together."""
    ranges: list[tuple[int, int]] = []
    for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
        if ranges and ranges[-1][1] == start:
            start = ranges.pop()[0]
        ranges.append((start, stop))
    return tuple(ranges)
