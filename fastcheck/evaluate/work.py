"""What a run of moves takes, whoever does it; and who is told what is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fastcheck.evaluate.moves import Moves
from fastcheck.evaluate.source import Source
from fastcheck.vectors import Array, Vector

_ALIGNMENT = 8  # float64 in a cache line (complex128 in two): copies of theta never share one, and all lie alike

Keep = Callable[[int, Array], None]  # is told the first line and J of all that is done, in the calling thread


def unkept(first: int, j: Array) -> None:
    """Nobody keeps it."""


def kept_from(keep: Keep, before: int) -> Keep:
    """Keep lines of a part, ``before`` of which are others'."""
    return lambda first, j: keep(before + first, j)


@dataclass(frozen=True, eq=False)
class Work:
    """Moves of a source around theta; a line takes ``seconds``, and ``copies`` of theta are for those who work here."""

    moves: Moves
    source: Source
    seconds: float
    theta: Vector
    copies: Copies

    def part(self, start: int, stop: int) -> Work:
        """Some of its lines."""
        return replace(self, moves=self.moves.part(start, stop))

    def evaluated(self, start: int, stop: int, own: Vector) -> Array:
        """J of some of its lines; ``own`` is a copy of theta. A cost may leave its domain, or overflow, away from theta."""
        with np.errstate(all="ignore"):
            return self.moves.part(start, stop).evaluated(self.source, own, self.theta)


class Copies:
    """Copies of theta for workers, as they take it, made when they are needed and kept until they are let go; ``most`` at a time."""

    def __init__(self, theta: Vector, most: int, dtype: type[np.generic] = np.float64) -> None:
        self.most = most
        self._theta, self._dtype = theta, dtype
        self._copies: list[Vector] = []

    def some(self, n: int) -> list[Vector]:
        """``n`` copies, which are as theta is."""
        if len(self._copies) < n:
            self._copies = copies_of(self._theta, n, self._dtype)
        return self._copies[:n]

    def let_go(self) -> None:
        self._copies = []


def copies_of(theta: Vector, workers: int, dtype: type[np.generic] = np.float64) -> list[Vector]:
    """A copy of theta per worker, each at the start of a cache line: alike to SIMD loops that look at alignment."""
    stride = -(-theta.size // _ALIGNMENT) * _ALIGNMENT
    memory: np.ndarray[Any, np.dtype[Any]] = np.empty(workers * stride + _ALIGNMENT, dtype)
    first = -(memory.ctypes.data // memory.itemsize) % _ALIGNMENT
    copies = [memory[first + i * stride :][: theta.size] for i in range(workers)]
    for copy in copies:
        copy[:] = theta
    return copies
