"""Logarithmic axes on which 0 has a place: numbers as powers of ten on a linear axis, -inf a little below the least of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from fastcheck.vectors import Vector

_DEEPEST = 16.0  # decades below the largest number; what is smaller is drawn as 0
_SHORTEST = 2.0  # decades
_ZERO = 0.9  # decades from the least number down to 0
_N_TICKS = 7


@dataclass(frozen=True)
class Range:
    """What an axis shows: powers of ten from ``low`` to ``high``, 0 below them if it ``has_zero``, and some ``room`` above."""

    low: float
    high: float
    has_zero: bool
    room: float = 0.3

    def above(self, share: float) -> Range:
        """With room for more above: a share of the whole."""
        return replace(self, room=self.room + share * (self.high - self.low))

    @property
    def zero(self) -> float:
        """Where 0 stands."""
        return self.low - _ZERO

    @property
    def limits(self) -> tuple[float, float]:
        return (self.zero - 0.5 if self.has_zero else self.low - 0.3), self.high + self.room

    def placed(self, powers: Vector) -> Vector:
        return np.asarray(np.where(powers < self.low, self.zero, powers))

    def share(self, power: float) -> float:
        """Where in the axes a number stands, from 0 to 1."""
        first, last = self.limits
        return float((self.placed(np.array(power)) - first) / (last - first))


def span(powers: Vector) -> Range:
    """The range that holds these powers of ten, -inf being 0."""
    known = powers[np.isfinite(powers)]
    if not known.size:
        return Range(-_SHORTEST, 0.0, bool(powers.size))
    high = float(known.max())
    low = max(float(known.min()), high - _DEEPEST)
    return Range(min(low, high - _SHORTEST), high, bool((powers < low).any()))


def ticks(reach: Range) -> tuple[list[float], list[str]]:
    """Powers of ten, not too many, and 0."""
    first, last = int(np.ceil(reach.low)), int(np.floor(reach.limits[1]))
    step = max(1, -(-(last - first + 1) // _N_TICKS))
    powers = list(range(last, first - 1, -step))[::-1]
    zero = [reach.zero] if reach.has_zero else []
    return [*zero, *map(float, powers)], [*("0" for _ in zero), *(f"$10^{{{power}}}$" for power in powers)]
