"""Random directions that are never stored: component i is a hash of (seed, i), made where it is needed.

A direction u is supported on ``theta[start:stop]`` and has independent components, uniform on [-sqrt 3, sqrt 3] in steps
of 2^-15: mean 0, variance 1. So E (u.e)^2 = ||e||^2 for any vector e, and by Ball's theorem on sections of the cube (Proc.
AMS 97(3), 1986) P(|u.e| <= t ||e||) <= 0.82 t: the guarantee of a Gaussian direction (0.80 t), at a tenth of its price. A
part of a direction is the direction of the part. Components that may move to one side only take that sign, whatever was
drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from fastcheck.evaluate import kernels
from fastcheck.problem.domain import FREE, Domain, Sides
from fastcheck.vectors import Vector

_LEAST = 1e-12  # a bound of so small a part of the residuals is rounding

EXACT = int(np.log2(2.0**-52 / kernels.PART))  # a move by 2^EXACT units u is exact beside a theta of that size
DENSITY = 0.82  # P(|u.e| <= t ||e||) <= DENSITY t


@dataclass(frozen=True, eq=False)
class Direction:
    """A random direction on ``theta[start:stop]``; ``sides`` has shape (n,), or (0,) where all components are free."""

    seed: np.uint64
    start: int
    stop: int
    sides: Sides

    @property
    def size(self) -> int:
        return self.stop - self.start

    def dot(self, vector: Vector, scale: Vector) -> float:
        """u.(scale vector)."""
        partial = np.empty(-(-self.size // kernels.BLOCK))
        kernels.partial_dots(vector, scale, self.seed, self.sides, self.start, self.stop, partial)
        return float(partial.sum())

    def entry(self, index: int) -> float:
        """u_i, i = ``index``."""
        return float(kernels.entry(self.seed, self.sides, index))

    def entries(self) -> Vector:
        """All of u, from ``start`` to ``stop``."""
        out, nothing, ones = np.empty(self.stop), np.zeros(self.stop), np.ones(self.stop)
        kernels.shift(nothing, ones, self.seed, self.sides, 1.0, self.start, self.stop, out)
        return out[self.start :]

    def part(self, start: int, stop: int) -> Direction:
        """The same direction on a part of its range."""
        return replace(self, start=start, stop=stop)

    @property
    def one_sided(self) -> bool:
        """Whether it leads to one side only, as one of its components does."""
        return bool(self.sides.size and self.sides[self.start : self.stop].any())

    def reach(self, domain: Domain, theta: Vector, scale: Vector) -> float:
        """How far theta + t scale u stays inside: t of either sign, or positive t where it is one-sided."""
        below, above = domain.room(theta, slice(None))
        sides = self.sides if self.sides.size else np.zeros(theta.size, dtype=np.int8)
        return float(kernels.reach(below, above, scale, self.seed, sides, self.start, self.stop))


def matched(directions: Sequence[Direction], residuals: Vector, bounds: Vector, span: slice) -> Vector:
    """How much of the residuals u_k.e, in squared bounds, an error in each component of ``span`` alone would explain."""
    unit = float(np.abs(residuals).max()) or 1.0
    out = np.empty(span.stop - span.start)
    kernels.match(
        np.array([u.seed for u in directions], dtype=np.uint64),
        np.array([u.start for u in directions], dtype=np.int64),
        np.array([u.stop for u in directions], dtype=np.int64),
        directions[0].sides,
        residuals / unit,
        (unit / np.maximum(bounds, unit * _LEAST)) ** 2,
        span.start,
        out,
    )
    return out


def draw(rng: np.random.Generator, start: int, stop: int, sides: Sides = FREE) -> Direction:
    """A new direction on ``theta[start:stop]``."""
    return Direction(np.uint64(rng.integers(2**63)), start, stop, sides)
