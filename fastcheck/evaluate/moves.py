"""Work items: which component or direction is moved, and how far. They are values, they pickle, and they know no step rule.

A line is one component or one direction; every line has the same number of points, and J is evaluated at each.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from fastcheck.evaluate import kernels
from fastcheck.evaluate.direction import Direction
from fastcheck.evaluate.source import Raised, Source, has_no_value, turn
from fastcheck.vectors import Array, Indices, Integers, Vector

_DIRECTION_SECONDS = 3e-9  # about what a component of a direction costs


class Moves(ABC):
    """Lines along which J is to be evaluated, at ``offsets``, shape (lines, points)."""

    offsets: Array

    @property
    @abstractmethod
    def size(self) -> int:
        """How many lines there are."""

    @property
    def n_points(self) -> int:
        """How many points there are on each."""
        return int(self.offsets.shape[1])

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the array of J: (lines, points), or (lines,) where the points of a line are summed."""
        return (self.size, self.n_points)

    @abstractmethod
    def least(self, of_component: Integers) -> Integers:
        """For each line the least of these numbers, shape (n,), over the components that it moves."""

    @abstractmethod
    def part(self, start: int, stop: int) -> Moves:
        """The lines from ``start`` to ``stop``."""

    def seconds(self, evaluation: float, n: int) -> float:
        """About how long a line takes, if one J takes ``evaluation`` and theta has n components."""
        return self.n_points * evaluation

    @abstractmethod
    def evaluated(self, source: Source, own: Vector, theta: Vector) -> Array:
        """J at every point; ``own`` is a copy of ``theta``, written to and restored. `Raised` if the cost raises."""


@dataclass(frozen=True, eq=False)
class ComponentMoves(Moves):
    """J(theta + offsets[k, j] e_i), i = components[k].

    With ``weights`` the J of a line are summed, and divided by the distance of its first two points in theta_i, as it
    was really taken.
    """

    components: range | Indices  # (m,)
    offsets: Array  # (m, p), or (1, p) where all components are moved alike
    weights: Vector | None = None  # (p,)

    @property
    def size(self) -> int:
        return len(self.components)

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.size, self.n_points) if self.weights is None else (self.size,)

    def least(self, of_component: Integers) -> Integers:
        which = self.components
        return of_component[which.start : which.stop] if isinstance(which, range) else of_component[which]

    def part(self, start: int, stop: int) -> ComponentMoves:
        offsets = self.offsets if len(self.offsets) == 1 else self.offsets[start:stop]
        return ComponentMoves(self.components[start:stop], offsets, self.weights)

    def evaluated(self, source: Source, own: Vector, theta: Vector) -> Array:
        which = self.components
        components = np.arange(which.start, which.stop) if isinstance(which, range) else which
        p = self.n_points
        offsets = np.empty((components.size, p))
        offsets[:] = self.offsets
        j = source.kernel.probe(own, np.repeat(components, p), offsets.ravel())
        if self.weights is None:
            return j.reshape(-1, p)
        total: Vector = self.weights[0] * j[0::p]
        for k in range(1, p):
            total += self.weights[k] * j[k::p]
        at = theta[which.start : which.stop] if isinstance(which, range) else theta[components]
        total /= (at + offsets[:, 0]) - (at + offsets[:, 1])
        return total


@dataclass(frozen=True, eq=False)
class DirectionMoves(Moves):
    """J(theta + offsets[k, j] scale u), u = directions[k]; a negative offset is the mirror image of the positive one.

    The components in ``still`` are never moved.
    """

    directions: tuple[Direction, ...]  # (m,)
    offsets: Array  # (m, p)
    scale: Vector  # (n,)
    still: tuple[slice, ...] = ()

    @property
    def size(self) -> int:
        return len(self.directions)

    def least(self, of_component: Integers) -> Integers:
        return np.array([of_component[u.start : u.stop].min() for u in self.directions], dtype=np.int64)

    def part(self, start: int, stop: int) -> DirectionMoves:
        return DirectionMoves(self.directions[start:stop], self.offsets[start:stop], self.scale, self.still)

    def seconds(self, evaluation: float, n: int) -> float:
        return self.n_points * (evaluation + _DIRECTION_SECONDS * n)

    def evaluated(self, source: Source, own: Vector, theta: Vector) -> Array:
        j = np.empty(self.shape)
        for k, u in enumerate(self.directions):
            shifted = np.nan  # by which ``own`` is moved along u
            for point, offset in enumerate(self.offsets[k].tolist()):
                if shifted != abs(offset):
                    kernels.shift(theta, self.scale, u.seed, u.sides, abs(offset), u.start, u.stop, own)
                    for span in self.still:
                        own[span] = theta[span]
                if offset < 0:
                    kernels.reflect(theta, u.start, u.stop, own)
                shifted = offset
                j[k, point] = evaluated(source, own)
            if k + 1 == self.size or not _covers(self.directions[k + 1], u):
                own[u.start : u.stop] = theta[u.start : u.stop]
        return j


@dataclass(frozen=True, eq=False)
class JointMoves(Moves):
    """J(theta + offsets[k, j] weights[k] on components[k]): some components moved together."""

    components: tuple[Indices, ...]  # (m,)
    weights: tuple[Vector, ...]  # (m,)
    offsets: Array  # (m, p)

    @property
    def size(self) -> int:
        return len(self.components)

    def least(self, of_component: Integers) -> Integers:
        return np.array([of_component[components].min() for components in self.components], dtype=np.int64)

    def part(self, start: int, stop: int) -> JointMoves:
        return JointMoves(self.components[start:stop], self.weights[start:stop], self.offsets[start:stop])

    def evaluated(self, source: Source, own: Vector, theta: Vector) -> Array:
        j = np.empty(self.shape)
        for k, (components, weights) in enumerate(zip(self.components, self.weights, strict=True)):
            for point, offset in enumerate(self.offsets[k].tolist()):
                own[components] = theta[components] + offset * weights
                j[k, point] = evaluated(source, own)
            own[components] = theta[components]
        return j


def _covers(direction: Direction, other: Direction) -> bool:
    """Whether what one moves is written over by the other."""
    return direction.start <= other.start and other.stop <= direction.stop


def evaluated(source: Source, theta: Vector) -> float:
    """J, or nan where the cost cannot be evaluated for the numbers' sake."""
    try:
        with turn(source.parallel):
            return float(source.value(theta))
    except Exception as error:
        if has_no_value(error):
            return float("nan")
        raise Raised(error) from error
