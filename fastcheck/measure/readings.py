"""Slopes from a table of levels, each with a bound of its own.

In: a Table. Out: Readings, the sharpest first, in J per unit of each line. What shape J has stands in `fastcheck.measure.sight`, what an analytic
value is worth beside the estimates in the rule.

    odd part    D2(h) = (J(x+h) - J(x-h)) / 2h; D4 and D6 by Richardson from h, 2h, 4h
    even part   E(h) = J(x+h) + J(x-h) - 2 J(x);  |E(h) - E(2h) / 4| holds what a smooth J cannot: noise, kinks, jumps
    bound       how far D differs from its neighbours' D, plus twice that even residual (pooled over neighbours) over h
    one side    A1(h) = (J(x+h) - J(x)) / h; A2, A3 and A4 by Richardson; its noise is what A3's neighbours differ by
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fastcheck.measure.levels import EMPTY, T, Table, power_of_two, taken
from fastcheck.measure.rounding import floor
from fastcheck.vectors import Array, Flags, Integers

SHARP = 0.05  # a bound of this share of its value makes a reading a plateau's
MEET = 2.0  # readings whose bounds meet within so many times are of one plateau
BARRIER = 16.0  # a bound that rises by so much on the way outward parts two scales
NEAR = -28  # where both sides answer no farther away than this level, one of them tells more alone
ONE_SIDED = 4.0  # A3 and A4 carry J's noise three times as far as D2 does


@dataclass(frozen=True)
class Readings:
    """Slopes by bound, the sharpest first, those that are `far` last; places that hold none have a bound of inf. All (m, places).

    `value` and `bound` are in J per unit; `order` is the order of the error in h: 2, 4, 6 from both sides, 1 to 4 from one side.
    `far`: at finer steps the bounds were smaller, and then rose and fell again, so that J shows another scale there. A J that
    saturates looks flat from afar, with the smallest bounds of all; a far estimate is never the derivative.
    """

    value: Array
    bound: Array
    level: Integers
    order: Integers
    far: Flags

    @property
    def found(self) -> Flags:
        return np.asarray(np.isfinite(self.bound) & np.isfinite(self.value))

    def rows(self, lines: Integers) -> Readings:
        """Those of these lines."""
        return Readings(self.value[lines], self.bound[lines], self.level[lines], self.order[lines], self.far[lines])

    def best(self, places: Integers) -> Reading:
        """One estimate of each line."""
        at = places[:, None]
        value, bound = taken(self.value, at)[:, 0], taken(self.bound, at)[:, 0]
        return Reading(value, bound, taken(self.level, at)[:, 0], taken(self.order, at)[:, 0])


@dataclass(frozen=True)
class Reading:
    """One estimate of each line (m,); a bound of inf where there is none."""

    value: Array
    bound: Array
    level: Integers
    order: Integers


def sharpest(found: Readings) -> Reading:
    """The estimate of the least bound of each line."""
    return found.best(np.zeros(found.bound.shape[0], dtype=np.int64))


def plateau(found: Readings, size: Array, share: float, meet: float) -> tuple[Reading, Flags]:
    """The sharpest estimate of the plateau at the finest steps, or the sharpest of all where no line of it is sharp; where it is.

    Sharp: a bound of at most `share` of the larger of |value| and `size` (m,). Of one plateau: bounds that meet within `meet` times.
    """
    sharp = is_sharp(found, size, share) & ~found.far
    finest = found.best(_first(np.lexsort((found.bound, found.level), axis=1), sharp))
    with np.errstate(all="ignore"):
        apart = np.abs(found.value - finest.value[:, None])
        same = sharp & (apart <= meet * (found.bound + finest.bound[:, None]))
    seen = sharp.any(axis=1)
    return found.best(np.where(seen, np.argmax(same, axis=1), 0)), np.asarray(seen)


def is_sharp(found: Readings, size: Array, share: float) -> Flags:
    """Where a bound is at most `share` of the larger of |value| and `size` (m,)."""
    with np.errstate(all="ignore"):
        return np.asarray(found.found & (found.bound <= share * np.fmax(np.abs(found.value), np.abs(size)[:, None])))


def _first(order: Integers, wanted: Flags) -> Integers:
    """The place that is wanted and stands first in this order; place 0 where none is wanted."""
    at = np.argmax(taken(wanted, order), axis=1).astype(np.int64)[:, None]
    return taken(order, at)[:, 0]


def readings(table: Table, still: Flags | None = None) -> Readings:
    """From both sides; from the one side that answers where the other never does.

    Levels at which J stands still show a slope of 0 only where J is `still` (m,) at every level; elsewhere they are stairs seen from
    too near. By default the table is all there is of its lines.
    """
    with np.errstate(all="ignore"):
        both = _both_sides(table, table.still if still is None else still)
        side = one_side(table)
        lone = [
            _side_columns(table, rise, side == k) for k, rise in ((1, table.up), (-1, table.down)) if (side == k).any()
        ]
        return _sorted(table, [*both, *(e for each in lone for e in each)])


def one_side(table: Table) -> Integers:
    """1 or -1 where J is asked on that side alone, or answers there alone at three levels and more; 0 elsewhere.

    It is 0 as well where both sides answer far enough from the point for rounding to be no matter.
    """
    up, down = np.isfinite(table.up), np.isfinite(table.down)
    only_up, only_down = (up & ~down).sum(axis=1) >= 3, (down & ~up).sum(axis=1) >= 3
    near = np.where(up & down, table.level, -EMPTY).max(axis=1, initial=-EMPTY) <= NEAR
    only_up, only_down = only_up & near, only_down & near
    answers = np.where(only_up & ~only_down, 1, np.where(only_down & ~only_up, -1, 0))
    return np.asarray(np.where(table.side == 0, answers, table.side), dtype=np.int64)


# --- estimates from both sides -----------------------------------------------------------------------------------------

Column = tuple[Array, Array, int]  # values, bounds, order


def _both_sides(table: Table, still: Flags) -> list[Column]:
    h, joined = power_of_two(table.level), neighbours(table)
    second = np.where(table.stands & ~still[:, None], np.nan, (table.up - table.down) / (2 * h))
    fourth = _richardson(second, joined, 4.0)
    sixth = _richardson(fourth, joined, 16.0)
    noise = np.maximum(pooled(even_residual(table), 2), floor(table))
    return [(d, _spread(d, joined) + 2 * noise / h, order) for order, d in ((2, second), (4, fourth), (6, sixth))]


def even_residual(table: Table) -> Array:
    """|E(h) - E(2h) / 4| at each level whose neighbour above is there; nan elsewhere."""
    even = table.up + table.down
    return np.asarray(np.where(neighbours(table), np.abs(even - above(even) / 4), np.nan))


def odd_residual(table: Table) -> Array:
    """|D4(h) - D4(2h)| 2h at each level with two neighbours above; nan elsewhere. Where J is rounded, its even part may be 0 by chance."""
    h = power_of_two(table.level)
    fourth = _richardson((table.up - table.down) / (2 * h), neighbours(table), 4.0)
    return np.asarray(np.where(neighbours(table), np.abs(fourth - above(fourth)) * 2 * h, np.nan))


def neighbours(table: Table) -> Flags:
    """Where the next place holds the next level."""
    return np.asarray((above(table.level, EMPTY) == table.level + 1) & table.filled)


def above(values: NDArray[T], fill: float = np.nan) -> NDArray[T]:
    return np.concatenate(
        [values[:, 1:], np.full((values.shape[0], min(1, values.shape[1])), fill, values.dtype)], axis=1
    )


def below(values: NDArray[T], fill: float = np.nan) -> NDArray[T]:
    return np.concatenate(
        [np.full((values.shape[0], min(1, values.shape[1])), fill, values.dtype), values[:, :-1]], axis=1
    )


def _richardson(values: Array, joined: Flags, factor: float) -> Array:
    return np.asarray(np.where(joined, (factor * values - above(values)) / (factor - 1), np.nan))


def _spread(values: Array, joined: Flags) -> Array:
    """How far a value differs from those at the levels below and above; nan where one of the three is missing."""
    inner = joined & (below(joined.astype(float), 0.0) == 1)
    return np.asarray(
        np.where(inner, np.maximum(np.abs(below(values) - values), np.abs(above(values) - values)), np.nan)
    )


def pooled(values: Array, n_below: int) -> Array:
    """Root mean square over each place, so many below and one above it, of those that are finite; nan where none is."""
    near = [values]
    for _ in range(n_below):
        near.append(below(near[-1]))
    near.append(above(values))
    stack = np.stack(near)
    size = np.fmax.reduce(stack, axis=0)
    shares = np.where(np.isfinite(stack), stack / np.where(size > 0, size, 1.0), 0.0)
    count = np.isfinite(stack).sum(axis=0)
    return np.where(count > 0, size * np.sqrt((shares**2).sum(axis=0) / np.maximum(count, 1)), np.nan)


# --- estimates from one side -------------------------------------------------------------------------------------------


def side_readings(table: Table, rise: Array, wanted: Flags) -> Readings:
    """From one side alone: `rise` is table.up or table.down."""
    return _sorted(table, _side_columns(table, rise, wanted))


def _side_columns(table: Table, rise: Array, wanted: Flags) -> list[Column]:
    h, joined = power_of_two(table.level), neighbours(table)
    sign = 1.0 if rise is table.up else -1.0
    moves = (np.abs(rise) > 0).any(axis=1, keepdims=True)  # a side that never moves is flat
    first = np.where((rise == 0) & moves, np.nan, sign * rise / h)
    second = _richardson(first, joined, 2.0)
    third = _richardson(second, joined, 4.0)
    fourth = _richardson(third, joined, 8.0)
    noise = np.maximum(pooled(_heard(third, h, joined), 1), floor(table))
    heard_in = np.where(wanted[:, None], ONE_SIDED * noise / h, np.nan)
    return [
        (a, _spread(a, joined) + heard_in, order) for order, a in ((1, first), (2, second), (3, third), (4, fourth))
    ]


def _heard(third: Array, h: Array, joined: Flags) -> Array:
    """What the A3 of neighbours differ by, as noise of J; nan where there is no neighbour."""
    return np.asarray(np.where(joined, np.abs(third - above(third)) * h / 3, np.nan))


def lone_residual(table: Table) -> Array:
    """The noise of J as it is heard on the one side that answers."""
    side, h, joined = one_side(table)[:, None], power_of_two(table.level), neighbours(table)
    first = np.where(side > 0, table.up, -table.down) / h
    return _heard(_richardson(_richardson(first, joined, 2.0), joined, 4.0), h, joined)


def _sorted(table: Table, columns: Sequence[Column]) -> Readings:
    value = np.concatenate([c[0] for c in columns], axis=1)
    bound = np.concatenate([c[1] for c in columns], axis=1)
    order = np.concatenate([np.full(c[0].shape, c[2], dtype=np.int64) for c in columns], axis=1)
    level = np.concatenate([table.level] * len(columns), axis=1)
    bound = np.where(np.isfinite(value) & np.isfinite(bound), bound, np.inf)
    far = np.concatenate([_far(columns)] * len(columns), axis=1)
    rank = np.lexsort((order, level, bound, np.where(np.isfinite(bound), far, 2)), axis=1)[
        :, : max(1, int(np.isfinite(bound).sum(axis=1).max(initial=0)))
    ]
    return Readings(
        value=np.ldexp(taken(value, rank), table.shift),
        bound=np.ldexp(taken(bound, rank), table.shift),
        level=taken(level, rank),
        order=taken(order, rank),
        far=taken(far, rank),
    )


def _far(columns: Sequence[Column]) -> Flags:
    """Levels at and beyond one whose bound has risen well above that of a finer level."""
    least = np.fmin.reduce(
        [np.where(np.isfinite(value) & np.isfinite(bound), bound, np.inf) for value, bound, _ in columns]
    )
    risen = np.isfinite(least) & (least > BARRIER * np.fmin.accumulate(least, axis=1))
    return np.asarray(np.logical_or.accumulate(risen, axis=1))
