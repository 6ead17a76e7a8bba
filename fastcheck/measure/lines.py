"""Lines through theta along which ladders are taken: single components, several moved together, or directions in units of scale.

A line has a side: 0 where J is looked at on both, 1 or -1 where only one is left by the bounds of theta; and a reach on it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

import numpy as np

from fastcheck.evaluate.direction import EXACT, Direction
from fastcheck.evaluate.evaluator import Evaluator
from fastcheck.evaluate.moves import ComponentMoves, DirectionMoves, JointMoves, Moves
from fastcheck.measure.levels import Table, opened
from fastcheck.problem.domain import Domain
from fastcheck.vectors import Array, Indices, Integers, Vector

_RESOLVED = 8  # units in the last place of theta that the finest step is long
_FINEST = 2.0**-48  # along a direction, whose entries are moved in parts of their own size


class Lines(Protocol):
    """Lines, each with a variable of its own that is 0 at theta."""

    @property
    def size(self) -> int:
        """How many there are."""
        ...

    def look(self, lines: Indices, h: Vector) -> Array:
        """J at +h and -h on these lines, shape (k, 2); nan where it has no value or is not looked at."""
        ...

    def table(self, quantum: float = np.inf) -> Table:
        """An empty table of levels for all of them; ``quantum`` is J's least move, as far as it is known."""
        ...

    def some(self, which: Indices) -> Lines:
        """These of the lines."""
        ...


@dataclass(frozen=True)
class Limits:
    """Of each line (m,): the side that is left of it, and how far one may go there."""

    side: Integers
    reach: Vector

    @classmethod
    def none(cls, m: int) -> Limits:
        return cls(np.zeros(m, dtype=np.int64), np.full(m, np.inf))


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
        def moves(which: Indices, offsets: Array) -> Moves:
            return ComponentMoves(self.indices[lines[which]], offsets)

        return _looked(self.evaluator, moves, h, self.limits.side[lines])

    def table(self, quantum: float = np.inf) -> Table:
        resolution = _RESOLVED * np.spacing(np.abs(self.evaluator.theta[self.indices]))
        side, reach = self.limits.side, self.limits.reach
        return opened(self.evaluator.value, self.units, resolution, quantum, side, reach)

    def some(self, which: Indices) -> ComponentLines:
        return replace(self, indices=self.indices[which], units=self.units[which])

    @cached_property
    def limits(self) -> Limits:
        domain, theta = self.evaluator.domain, self.evaluator.theta
        if domain is None:
            return Limits.none(self.size)
        side = domain.sides(theta, self.indices, self.units).astype(np.int64)
        below, above = domain.room(theta, self.indices)
        return Limits(side, np.select([side > 0, side < 0], [above, below], np.minimum(below, above)))


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
        def moves(which: Indices, offsets: Array) -> Moves:
            some = self.some(lines[which])
            return JointMoves(some.indices, some.units, offsets)

        return _looked(self.evaluator, moves, h, self.limits.side[lines])

    def table(self, quantum: float = np.inf) -> Table:
        return _in_units(self.evaluator, self.limits, quantum)

    def some(self, which: Indices) -> JointLines:
        return replace(self, indices=tuple(self.indices[k] for k in which), units=tuple(self.units[k] for k in which))

    @cached_property
    def limits(self) -> Limits:
        domain, theta = self.evaluator.domain, self.evaluator.theta
        if domain is None:
            return Limits.none(self.size)
        ways = [_room(domain, theta, at, weights) for at, weights in zip(self.indices, self.units, strict=True)]
        return Limits(np.array([side for side, _ in ways], dtype=np.int64), np.array([reach for _, reach in ways]))


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
        def moves(which: Indices, offsets: Array) -> Moves:
            return DirectionMoves(self.some(lines[which]).directions, offsets, self.units, self.still)

        return _looked(self.evaluator, moves, h, self.limits.side[lines])

    def table(self, quantum: float = np.inf) -> Table:
        return replace(_in_units(self.evaluator, self.limits, quantum), exact=EXACT)

    def some(self, which: Indices) -> DirectionLines:
        return replace(self, directions=tuple(self.directions[k] for k in which))

    @cached_property
    def limits(self) -> Limits:
        domain, theta = self.evaluator.domain, self.evaluator.theta
        if domain is None:
            return Limits.none(self.size)
        side = np.array([u.one_sided for u in self.directions], dtype=np.int64)
        return Limits(side, np.array([u.reach(domain, theta, self.units) for u in self.directions]))


def _in_units(evaluator: Evaluator, limits: Limits, quantum: float) -> Table:
    """An empty table of lines whose variable counts units."""
    m = limits.side.size
    return opened(evaluator.value, np.ones(m), np.full(m, _FINEST), quantum, limits.side, limits.reach)


def _looked(evaluator: Evaluator, moves: Callable[[Indices, Array], Moves], h: Vector, side: Integers) -> Array:
    """J at +h and -h, or on the one side that is left; ``moves`` makes them for some of the lines."""
    j = np.full((h.size, 2), np.nan)
    for which, signs in ((0, (1.0, -1.0)), (1, (1.0,)), (-1, (-1.0,))):
        at = np.flatnonzero(side == which)
        if at.size:
            columns = slice(0, 2) if which == 0 else slice(0, 1) if which > 0 else slice(1, 2)
            j[at, columns] = evaluator.values(moves(at, np.multiply.outer(h[at], signs)))
    return j


def _room(domain: Domain, theta: Vector, indices: Indices, weights: Vector) -> tuple[int, float]:
    """The side that is left of a line along these components together, and how far one may go there."""
    below, above = domain.room(theta, indices)
    down, up = float((below / weights).min()), float((above / weights).min())
    if not domain.sides(theta, indices, weights).any():
        return 0, min(down, up)
    return (1, up) if up >= down else (-1, down)
