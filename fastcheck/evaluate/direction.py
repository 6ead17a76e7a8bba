"""Random directions that are never stored: component i is a hash of (seed, i), made where it is needed.

A direction u is supported on ``theta[start:stop]`` and has independent components, uniform on [-sqrt 3, sqrt 3]: mean
0, variance 1. So E (u.e)^2 = ||e||^2 for any vector e, and by Ball's theorem on sections of the cube (Proc. AMS 97(3),
1986) P(|u.e| <= t ||e||) <= 0.82 t: the guarantee of a Gaussian direction (0.80 t), at a tenth of its price. A part of
a direction is the direction of the part.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fastcheck.evaluate import kernels
from fastcheck.vectors import Vector

DENSITY = 0.82  # P(|u.e| <= t ||e||) <= DENSITY t


@dataclass(frozen=True)
class Direction:
    """A random direction on ``theta[start:stop]``."""

    seed: np.uint64
    start: int
    stop: int

    @property
    def size(self) -> int:
        return self.stop - self.start

    def dot(self, vector: Vector) -> float:
        """u.vector."""
        partial = np.empty(-(-self.size // kernels.BLOCK))
        kernels.partial_dots(vector, self.seed, self.start, self.stop, partial)
        return float(partial.sum())

    def entry(self, index: int) -> float:
        """u_i, i = ``index``."""
        return float(kernels.entry(self.seed, index))

    def part(self, start: int, stop: int) -> Direction:
        """The same direction on a part of its range."""
        return Direction(self.seed, start, stop)


def draw(rng: np.random.Generator, start: int, stop: int) -> Direction:
    """A new direction on ``theta[start:stop]``."""
    return Direction(np.uint64(rng.integers(2**63)), start, stop)
