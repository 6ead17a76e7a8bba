"""What one ladder read at each of its steps, for those who want to see it.

In: a line of a Table. Out: Rungs, from the finest step to the widest: the sharpest slope of each step, or at a kink the slopes of
the two sides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from fastcheck.measure.breaks import kinked, sides
from fastcheck.measure.levels import Table, power_of_two
from fastcheck.measure.readings import Readings, one_side, readings, side_readings
from fastcheck.vectors import Array


@dataclass(frozen=True)
class Rung:
    """The slope of J that differences from one step on show.

    Attributes
    ----------
    step : float
        The smallest of the steps that it was taken from, as a witness has it.
    slope, bound : float
        In the units of the witness; the bound is inf where steps nearby that would tell it were not taken.
    side : int
        1 or -1 at a kink, where each side has a slope of its own; else 0.
    """

    step: float
    slope: float
    bound: float
    side: int = 0


@dataclass(frozen=True, eq=False)
class Ladder:
    """One line of a table; a Table keeps many together."""

    table: Table
    line: int

    def rungs(self, unit: float = 1.0) -> tuple[Rung, ...]:
        """The finest first; ``unit`` is the line's own, in theta."""
        table = self.table.rows(np.array([self.line]))
        with np.errstate(all="ignore"):
            told = [rung for side, seen in _by_side(table).items() for rung in _rungs(table, *seen, side, unit)]
        return tuple(sorted(told, key=lambda rung: (rung.step, rung.side)))


Ladders: TypeAlias = npt.NDArray[np.object_]  # of each line a Ladder, or None where none was taken


def ladders(table: Table) -> Ladders:
    """Those of all lines."""
    return as_array([Ladder(table, line) for line in range(table.exponent.size)])


def as_array(each: Sequence[Ladder | None]) -> Ladders:
    joined = np.empty(len(each), dtype=np.object_)
    joined[:] = each
    return joined


def _by_side(table: Table) -> dict[int, tuple[Readings, Array]]:
    """The readings, and the plain differences, shape (levels,): from both sides, or at a kink of each."""
    h = np.ldexp(power_of_two(table.level), -table.shift)
    plain = {0: (table.up - table.down) / (2 * h), 1: table.up / h, -1: -table.down / h}
    moves = {side: np.where(table.stands & ~table.still, np.nan, slopes)[0] for side, slopes in plain.items()}
    if not np.isfinite(sides(table, kinked(table))[0]).any():
        return {0: (readings(table), moves[int(one_side(table)[0])])}
    every = np.ones(1, dtype=bool)
    return {side: (side_readings(table, rise, every), moves[side]) for side, rise in ((1, table.up), (-1, table.down))}


def _rungs(table: Table, found: Readings, plain: Array, side: int, unit: float) -> list[Rung]:
    """One for each level: the sharpest reading, which stands first; or else the plain difference."""
    known = dict(zip(table.level[0].tolist(), plain.tolist(), strict=True))
    told = {level: (slope, np.inf) for level, slope in known.items() if np.isfinite(slope)}
    best = [column[0, ::-1][found.found[0, ::-1]].tolist() for column in (found.level, found.value, found.bound)]
    told |= {level: (value, bound) for level, value, bound in zip(*best, strict=True)}
    return [
        Rung(float(np.ldexp(unit, level)), slope / unit, bound / unit, side) for level, (slope, bound) in told.items()
    ]
