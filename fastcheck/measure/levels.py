"""Tables of levels: J(x + h) and J(x - h) at h = unit 2^level, along many lines, grown together in few looks.

In: a way to look, J at the point, a rough scale and the resolution of each line's variable. Out: a Table, a frozen record that is
replaced and never changed. What a table says of the slope stands in `fastcheck.measure.readings`; no analytic gradient comes here, at most a size of
slope that is worth looking for.

Everything is kept in units: a line's unit is its scale rounded to a power of two, and J is divided by the power of two next above
J(x). So neither multiplying a variable nor J by a power of two changes a bit of what follows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from fastcheck.problem.units import nearest_exponent
from fastcheck.vectors import Array, Flags, Integers

T = TypeVar("T", np.float64, np.int64, np.bool_)
Look = Callable[
    [Integers, Array], Array
]  # lines (k,), h (k,) -> J(x + h), J(x - h) as (k, 2); nan where J has no value

EMPTY = 1 << 20  # the level of a place that holds nothing: above every level, so that sorting keeps it last
LEAST_SHIFT = -900  # so that J may grow by 2^1900 and more from a J(x) that is next to nothing
ROUNDED = 2.0**-53  # units: half the last place of a variable of that size
FARTHEST = 1000  # levels and units stay within 2^-1000 .. 2^1000


@dataclass(frozen=True, eq=False)
class Table:
    """J at the levels looked at: a row for each line, sorted by level, its empty places last.

    Attributes
    ----------
    centre : float
        J(x), in units of 2^shift.
    shift : int
        J is kept divided by 2^shift.
    exponent : (m,)
        A line's unit is 2^exponent.
    lowest, highest : (m,)
        Levels that may be looked at.
    side : (m,)
        1 or -1 where J is looked at on that side alone, as theta is bounded on the other; 0 for both.
    quantum : float
        The least move of J seen along any line at this point, in units of 2^shift; inf where nothing is known.
    level : (m, places)
        Sorted; EMPTY where a place holds nothing.
    up, down : (m, places)
        J(x + h) - J(x) and J(x - h) - J(x), in units of 2^shift; nan where J has no value or the place is empty.
    exact : int
        The level below which moves are rounded, by the same on both sides, by up to `ROUNDED` units.
    """

    centre: float
    shift: int
    exponent: Integers
    lowest: Integers
    highest: Integers
    side: Integers
    quantum: float
    level: Integers
    up: Array
    down: Array
    exact: int = -EMPTY

    @property
    def filled(self) -> Flags:
        return np.asarray(self.level != EMPTY)

    @property
    def n_levels(self) -> Integers:
        return np.asarray(self.filled.sum(axis=1), dtype=np.int64)

    @property
    def unit(self) -> Array:
        return power_of_two(self.exponent)

    @property
    def stands(self) -> Flags:
        """Levels at which J stands still, on the sides that are looked at."""
        return self._on_sides(self.up == 0, self.down == 0)

    @property
    def answers(self) -> Flags:
        """Levels at which J has a value, on the sides that are looked at."""
        return self._on_sides(np.isfinite(self.up), np.isfinite(self.down))

    def _on_sides(self, up: Flags, down: Flags) -> Flags:
        return np.asarray((up | (self.side < 0)[:, None]) & (down | (self.side > 0)[:, None]))

    @property
    def still(self) -> Flags:
        """Where J stands still at every level looked at."""
        return np.asarray((self.stands | ~self.filled).all(axis=1))

    @property
    def rest(self) -> Integers:
        """The level up to which J stands still from the finest on, of each line; -EMPTY where it moves there already."""
        resting = np.logical_and.accumulate(self.stands & self.filled, axis=1)
        return np.asarray(np.where(resting, self.level, -EMPTY).max(axis=1, initial=-EMPTY))

    @property
    def wakes(self) -> Integers:
        """The finest level at which J moves, of each line; EMPTY where it moves at none."""
        moves = self.filled & ~self.stands
        return np.asarray(np.where(moves, self.level, EMPTY).min(axis=1, initial=EMPTY))

    @property
    def least(self) -> Array:
        """The least move of J on each line that is not 0; inf where there is none."""
        sizes = [np.where(np.abs(rise) > 0, np.abs(rise), np.inf) for rise in (self.up, self.down)]
        return np.asarray(np.minimum(*sizes).min(axis=1, initial=np.inf))

    @property
    def lattice(self) -> float:
        """The largest power of two of which every move is a multiple; 0 where there is none: J may be rounded to float32."""
        moves = np.concatenate([self.up.ravel(), self.down.ravel()])
        mantissa, exponent = np.frexp(moves[np.isfinite(moves) & (moves != 0)])
        digits = np.ldexp(mantissa, 53).astype(np.int64)
        return (
            float(np.ldexp((digits & -digits).astype(float), exponent - 53).min(initial=np.inf)) if digits.size else 0.0
        )

    def knowing(self) -> Table:
        """The table with the least move of all its lines for a quantum, if it is less than what was known."""
        return replace(self, quantum=min(self.quantum, float(self.least.min(initial=np.inf))))

    def rows(self, lines: Integers) -> Table:
        """The table of these lines alone."""
        return replace(
            self,
            exponent=self.exponent[lines],
            lowest=self.lowest[lines],
            highest=self.highest[lines],
            side=self.side[lines],
            level=self.level[lines],
            up=self.up[lines],
            down=self.down[lines],
        )


def power_of_two(exponent: Integers) -> Array:
    """2^exponent; nan where the place is empty."""
    with np.errstate(all="ignore"):
        found = np.ldexp(1.0, np.minimum(exponent, EMPTY))
    return np.where(exponent == EMPTY, np.nan, found)


def opened(
    cost: float,
    scale: Array,
    resolution: Array,
    quantum: float = np.inf,
    side: Integers | None = None,
    reach: Array | None = None,
) -> Table:
    """An empty table for lines of these scales, around a point where J is `cost` and moves by `quantum` at least, as far as known.

    `side` (m,) is what is left of each line, `reach` (m,) how far one may go there; by default both sides, without end.
    """
    exponent = np.clip(nearest_exponent(np.asarray(scale, float)), -FARTHEST, FARTHEST)
    mantissa, finest = np.frexp(resolution)
    finest = np.maximum(finest.astype(np.int64) - (mantissa == 0.5), -1070)
    shift = max(int(np.frexp(cost)[1]), LEAST_SHIFT) if cost != 0 else 0
    nothing = np.empty((exponent.size, 0))
    highest = np.minimum(1020 - exponent, FARTHEST)
    if reach is not None:
        farthest = np.where(reach > 0, np.frexp(np.where(np.isfinite(reach), reach, 1.0))[1] - 1 - exponent, -EMPTY)
        highest = np.where(np.isfinite(reach), np.minimum(highest, farthest), highest)
    return Table(
        centre=float(np.ldexp(cost, -shift)),
        shift=shift,
        exponent=exponent,
        lowest=np.maximum(finest - exponent, -FARTHEST),
        highest=highest,
        side=np.zeros(exponent.size, dtype=np.int64) if side is None else side,
        quantum=float(np.ldexp(quantum, -shift)),
        level=nothing.astype(np.int64),
        up=nothing,
        down=nothing,
    )


def added(look: Look, table: Table, lines: Integers, levels: Integers) -> Table:
    """The table with these levels of these lines too: one look for all that are allowed and not there yet."""
    lines, levels = _wanted(table, lines, levels)
    if lines.size == 0:
        return table
    with np.errstate(all="ignore"):
        values = np.asarray(look(lines, np.ldexp(1.0, levels + table.exponent[lines])), dtype=np.float64)
        moves = np.ldexp(values, -table.shift) - table.centre
    moves = np.where(np.isfinite(moves), moves, np.nan)
    return _joined(table, lines, levels, moves)


def _wanted(table: Table, lines: Integers, levels: Integers) -> tuple[Integers, Integers]:
    pairs = np.unique(np.stack([lines, levels], axis=1), axis=0)
    lines, levels = pairs[:, 0], pairs[:, 1]
    there = (table.level[lines] == levels[:, None]).any(axis=1)
    fits = (levels >= table.lowest[lines]) & (levels <= table.highest[lines])
    keep = fits & ~there
    return lines[keep], levels[keep]


def _joined(table: Table, lines: Integers, levels: Integers, moves: Array) -> Table:
    """`lines` is sorted, so that the places of one line follow each other."""
    counts = np.bincount(lines, minlength=table.exponent.size)
    place = np.arange(lines.size) - (np.cumsum(counts) - counts)[lines]
    more = np.full((counts.size, int(counts.max())), EMPTY, dtype=np.int64)
    more_up, more_down = np.full(more.shape, np.nan), np.full(more.shape, np.nan)
    more[lines, place] = levels
    more_up[lines, place], more_down[lines, place] = moves.T
    level = np.concatenate([table.level, more], axis=1)
    order = np.argsort(level, axis=1, kind="stable")[:, : int((table.n_levels + counts).max())]
    up, down = np.concatenate([table.up, more_up], axis=1), np.concatenate([table.down, more_down], axis=1)
    return replace(table, level=taken(level, order), up=taken(up, order), down=taken(down, order))


def taken(values: NDArray[T], places: Integers) -> NDArray[T]:
    """Of each line (row), the values at its places: take_along_axis in a third of its time, as tables are small."""
    return values[np.arange(places.shape[0])[:, None], places]


def blocks(lines: Integers, first: Integers, count: int, stride: int = 1) -> tuple[Integers, Integers]:
    """Lines and levels of `count` levels from `first` on, for each line."""
    levels = first[:, None] + stride * np.arange(count)
    return np.repeat(lines, count), np.asarray(levels.ravel(), dtype=np.int64)


def run_around(table: Table, home: Integers) -> tuple[Integers, Integers]:
    """First and last level of the run of neighbouring levels that holds each line's level `home`."""
    breaks = np.concatenate(
        [np.zeros((home.size, 1), dtype=bool), table.level[:, 1:] != table.level[:, :-1] + 1], axis=1
    )
    run = np.cumsum(breaks, axis=1)
    at = np.argmax(table.level == home[:, None], axis=1).astype(np.int64)[:, None]
    mine = (run == taken(run, at)) & table.filled
    first = np.where(mine, table.level, EMPTY).min(axis=1)
    last = np.where(mine, table.level, -EMPTY).max(axis=1)
    return first, last


def last_level(table: Table) -> Integers:
    """The highest level of each line."""
    return np.asarray(np.where(table.filled, table.level, -EMPTY).max(axis=1, initial=-EMPTY))
