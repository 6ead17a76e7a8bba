"""Lines through theta along which ladders are taken: single components, or directions in units of scale."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from fastcheck.evaluate.direction import Direction
from fastcheck.evaluate.evaluator import Evaluator
from fastcheck.evaluate.moves import ComponentMoves, DirectionMoves, JointMoves
from fastcheck.measure.levels import Table, opened
from fastcheck.vectors import Array, Indices, Vector

_RESOLVED = 8  # units in the last place of theta that the finest step is long
_FINEST = 2.0**-48  # along a direction, whose entries are moved in parts of their own size


class Lines(Protocol):
    """Lines, each with a variable of its own that is 0 at theta."""

    @property
    def size(self) -> int:
        """How many there are."""
        ...

    def look(self, lines: Indices, h: Vector) -> Array:
        """J at +h and -h on these lines, shape (k, 2); nan where it has no value."""
        ...

    def table(self, quantum: float = np.inf) -> Table:
        """An empty table of levels for all of them; ``quantum`` is J's least move, as far as it is known."""
        ...

    def some(self, which: Indices) -> Lines:
        """These of the lines."""
        ...


@dataclass(frozen=True, eq=False)
class ComponentLines:
    """theta_i for each i of ``indices``, in units of ``units``; both of shape (m,)."""

    evaluator: Evaluator
    indices: Indices
    units: Vector

    @property
    def size(self) -> int:
        return self.indices.size

    def look(self, lines: Indices, h: Vector) -> Array:
        return self.evaluator.values(ComponentMoves(self.indices[lines], np.stack([h, -h], axis=1)))

    def table(self, quantum: float = np.inf) -> Table:
        resolution = _RESOLVED * np.spacing(np.abs(self.evaluator.theta[self.indices]))
        return opened(self.evaluator.value, self.units, resolution, quantum)

    def some(self, which: Indices) -> ComponentLines:
        return replace(self, indices=self.indices[which], units=self.units[which])


@dataclass(frozen=True, eq=False)
class JointLines:
    """theta with the components of each of ``indices`` moved together, each by its unit times t."""

    evaluator: Evaluator
    indices: tuple[Indices, ...]
    units: tuple[Vector, ...]

    @property
    def size(self) -> int:
        return len(self.indices)

    def look(self, lines: Indices, h: Vector) -> Array:
        some = self.some(lines)
        return self.evaluator.values(JointMoves(some.indices, some.units, np.stack([h, -h], axis=1)))

    def table(self, quantum: float = np.inf) -> Table:
        return opened(self.evaluator.value, np.ones(self.size), np.full(self.size, _FINEST), quantum)

    def some(self, which: Indices) -> JointLines:
        return replace(self, indices=tuple(self.indices[k] for k in which), units=tuple(self.units[k] for k in which))


@dataclass(frozen=True, eq=False)
class DirectionLines:
    """theta + t units u for each u of ``directions``; ``units`` has shape (n,). Components in ``still`` never move."""

    evaluator: Evaluator
    directions: tuple[Direction, ...]
    units: Vector
    still: tuple[slice, ...] = ()

    @property
    def size(self) -> int:
        return len(self.directions)

    def look(self, lines: Indices, h: Vector) -> Array:
        directions = tuple(self.directions[k] for k in lines)
        return self.evaluator.values(DirectionMoves(directions, np.stack([h, -h], axis=1), self.units, self.still))

    def table(self, quantum: float = np.inf) -> Table:
        return opened(self.evaluator.value, np.ones(self.size), np.full(self.size, _FINEST), quantum)

    def some(self, which: Indices) -> DirectionLines:
        return replace(self, directions=tuple(self.directions[k] for k in which))
