"""One hunt for wrong components: the gradient set right as far as it was found wrong, and what the slopes leave of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from fastcheck.checks.confirming import component_witnesses
from fastcheck.checks.directing import directed, unhurried
from fastcheck.checks.groups import Group, Screened
from fastcheck.checks.matching import Way, evened, pointed_at
from fastcheck.evaluate.direction import Direction, draw
from fastcheck.judge import rule
from fastcheck.judge.outcomes import Outcomes
from fastcheck.measure.lines import DirectionLines
from fastcheck.problem.layout import Tensor
from fastcheck.vectors import Indices, Vector, largest, norm

_SAMPLE = 6  # components looked at to see whether a tensor, or a line of it, is wrong throughout
_PAIR = 2  # looked at first


class Spent(Exception):
    """The budget is used up."""


@dataclass
class Hunt:
    """One hunt; nothing is noted that its own ladder does not refute."""

    measured: Screened
    gradient: Vector
    rng: np.random.Generator
    budget: int
    still: tuple[slice, ...] = ()  # lines that are wrong throughout: what was measured before moved with them
    numeric: dict[int, float] = field(default_factory=dict)  # of the wrong components found

    # --- directions against the gradient as it was set right so far ----------------------------------------------------

    def known(self, *groups: Group) -> list[Way]:
        """Those that the screen measured, of which the bounds are known and that move nothing that is now left out."""
        ways = [way for group in groups for way in self._of(group)]
        return evened([way for way in ways if np.isfinite(way.bound) and not self._moves_still(way.u)])

    def again(self, ways: Iterable[Way]) -> list[Way]:
        """Those that were measured before, likewise."""
        return [way.against(self.gradient, self.measured.units) for way in ways if not self._moves_still(way.u)]

    def drawn(self, tensor: Tensor, n: int) -> list[Way]:
        """So many new ones on a tensor."""
        return self.along([draw(self.rng, tensor.start, tensor.stop, self.measured.sides) for _ in range(n)])

    def along(self, directions: Sequence[Direction], thoroughly: bool = False) -> list[Way]:
        """New ones over the same components, from two levels, or ``thoroughly`` from ladders where these do not tell."""
        if not directions:
            return []
        self._spend()
        measured, u = self.measured, directions[0]
        lines = DirectionLines(measured.evaluator, tuple(directions), measured.units, self.still)
        size = norm(self.gradient[u.start : u.stop] * measured.units[u.start : u.stop])
        claimed, sizes = self._claimed(directions), np.full(len(directions), size)
        said, kinks = directed(lines, claimed, sizes, measured.guide, hunting=True)
        if thoroughly:
            said, _ = unhurried(lines, claimed, sizes, measured.guide, said, kinks)
        return evened([way for way in self._ways(directions, claimed, said) if np.isfinite(way.bound)])

    def within(self, ways: Sequence[Way], tensor: Tensor) -> list[Way]:
        """The ways on a tensor alone: of those that lead further, the residual is all due to it."""
        return evened([self._part(way, tensor) for way in ways])

    def parted(self, ways: Sequence[Way], middle: int) -> tuple[list[Way], list[Way]]:
        """Up to ``middle`` measured, beyond as the difference; both measured with care where in that nobody is seen to fail."""
        left = self.along([way.u.part(way.u.start, middle) for way in ways])
        by_seed = {way.u.seed: way for way in left}
        right = [self._rest(way, by_seed[way.u.seed]) for way in ways if way.u.seed in by_seed]
        if fail(left) or fail(right):
            return left, right
        left = self.along([way.u.part(way.u.start, middle) for way in ways], thoroughly=True)
        return left, self.along([way.u.part(middle, way.u.stop) for way in ways], thoroughly=True)

    def _part(self, way: Way, tensor: Tensor) -> Way:
        u = way.u.part(tensor.start, tensor.stop)
        return replace(way, u=u, slope=way.residual + u.dot(self.gradient, self.measured.units))

    def _of(self, group: Group) -> list[Way]:
        return self._ways(group.directions, self._claimed(group.directions), group.slopes.said)

    def _moves_still(self, u: Direction) -> bool:
        """Whether it moved, when it was measured, what is left out."""
        return any(u.start < still.stop and still.start < u.stop for still in self.still)

    def _claimed(self, directions: Sequence[Direction]) -> Vector:
        return np.array([u.dot(self.gradient, self.measured.units) for u in directions])

    def _ways(self, directions: Sequence[Direction], claimed: Vector, said: Outcomes) -> list[Way]:
        bound = np.where(np.isfinite(said.slope) & np.isfinite(said.bound), said.bound, np.inf)
        least = [self._least(u) for u in directions]
        told = zip(directions, said.slope.tolist(), (said.slope - claimed).tolist(), bound.tolist(), least, strict=True)
        return [Way(*way) for way in told]

    def _rest(self, way: Way, half: Way) -> Way:
        """What a direction leaves beside its left half."""
        u = way.u.part(half.u.stop, way.u.stop)
        return Way(u, way.slope - half.slope, way.residual - half.residual, way.bound + half.bound, self._least(u))

    def _least(self, u: Direction) -> float:
        """The error along a direction that is none: of no component on it more than the bands allow."""
        with np.errstate(over="ignore"):
            sizes = self.gradient[u.start : u.stop] * self.measured.units[u.start : u.stop]
        return max(max(rule.GREAT, self.measured.accept) * largest(sizes), rule.OWN_ROUNDING * self.measured.top)

    # --- components by their own ladders -------------------------------------------------------------------------------

    def single(self, ways: Sequence[Way], span: slice) -> list[int]:
        """The component of ``span`` that explains all these ways, noted if its own ladder confirms it."""
        pointed = pointed_at(ways, span)
        if pointed is None:
            return []
        index, error = pointed
        fitted = float(self.gradient[index] + error / self.measured.units[index])
        return self.note(self.refuted(np.array([index]), np.array([abs(error)]), {index: fitted}))

    def refuted(
        self, indices: Indices, expected: Vector | None = None, fitted: Mapping[int, float] | None = None
    ) -> dict[int, float]:
        """Those of the components whose own ladders refute the gradient, and their slopes.

        ``expected`` is how far each may be off, in units of scale. A slope that was ``fitted`` to many directions is
        finer than that of a short ladder, and stands where the ladder bears it out.
        """
        self._spend()
        found = component_witnesses(replace(self.measured, analytic=self.gradient), indices, expected, shown=False)
        slopes = dict[int, float]()
        for w in found:
            if w.index is not None:
                fit = (fitted or {}).get(w.index, w.slope)
                slopes[w.index] = fit if abs(fit - w.slope) <= w.bound else w.slope
        return slopes

    def note(self, found: Mapping[int, float]) -> list[int]:
        """Set the gradient right at wrong components."""
        for i, slope in found.items():
            self.gradient[i] = self.numeric[i] = slope
        return list(found)

    def typical_error(self, found: Indices) -> float:
        """How far components that were noted are off, in units of scale."""
        off = [abs(self.numeric[i] - self.measured.analytic[i]) * self.measured.units[i] for i in found.tolist()]
        return float(np.median(off))

    def found_in(self, tensor: Tensor) -> list[int]:
        return [i for i in self.numeric if tensor.start <= i < tensor.stop]

    def forget(self, indices: Iterable[int]) -> None:
        """Components that are named with many others."""
        for i in indices:
            self.numeric.pop(int(i), None)

    def leave(self, place: slice) -> None:
        """Components that are wrong throughout, and from here on neither moved nor asked."""
        self.forget(np.arange(self.gradient.size)[place])
        self.gradient[place] = 0.0
        self.still = (*self.still, place)

    def wrong_throughout(self, indices: Indices, error: float, n: int = _SAMPLE) -> bool:
        """Whether all but one of a sample of n of these components are wrong, or most of twice as many.

        ``error`` is about how far they are off, in units of scale; by a factor, as far as anyone knows. Two that are
        right end it at once. The sample is drawn from all but the smallest of those that can be told: the largest may be
        those that are wrong.
        """
        if indices.size < 2 * _SAMPLE:
            return False
        drawn = self.rng.choice(indices, size=min(16 * _SAMPLE, indices.size), replace=False)
        told = self.can_be_told(drawn)
        sizes = self.sizes(told)
        large = told[sizes >= np.quantile(sizes, rule.SMALLEST)] if told.size >= 2 * _SAMPLE else drawn
        typical = norm(self.sizes(drawn)) / np.sqrt(drawn.size)
        n_asked = n_wrong = 0
        for n_next in (_PAIR, n, 2 * n):
            sample = np.sort(large[n_asked:n_next])
            n_wrong += len(self.refuted(sample, error * self._shares(sample, typical)))
            n_asked += sample.size
            if n_wrong <= (rule.MOST * n_asked if n_next >= n else 0):
                return False
            if n_next >= n and n_wrong >= n_asked - 1:
                return True
        return True

    def _shares(self, indices: Indices, typical: float) -> Vector:
        """The gradient's sizes, as shares of a typical one; 1 where it is 0."""
        sizes = self.sizes(indices)
        return np.divide(sizes, typical, out=np.ones(sizes.size), where=sizes > 0)

    def can_be_told(self, indices: Indices) -> Indices:
        """Those of the components whose gradient is more than what counts as no error among them."""
        sizes = self.sizes(indices)
        return indices[sizes > max(rule.GREAT, self.measured.accept) * largest(sizes)]

    def sizes(self, indices: Indices) -> Vector:
        """The gradient's, in units of scale."""
        with np.errstate(over="ignore"):
            return np.asarray(np.abs(self.gradient[indices]) * self.measured.units[indices])

    def _spend(self) -> None:
        if self.measured.evaluator.evaluations >= self.budget:
            raise Spent


def fail(ways: Iterable[Way]) -> bool:
    """Whether any of them does."""
    return any(way.fails for way in ways)
