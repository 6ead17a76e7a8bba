"""Ladders grown along many lines at once: which levels to look at next, until each line's bound is small or falls no more.

In: a Table and a way to look. Out: the Table with the levels that were worth their evaluations. One look takes the next levels of
all lines still open. Sees no analytic gradient; `worth` is a size of slope that is worth looking for, and nothing more.

    grow              from a guess (a pilot's levels, or START) outward and inward, in strides where J stands still
    climb             on from a level that served, likewise
    look_where_seen   the first levels of a table, from where a slope of that size is just seen
    woken             where J stands still far from the point, the levels at which it begins to move
    look_where_worth  from the step at which a slope of that size would just be seen, outward to a first sharp estimate
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from fastcheck.measure.breaks import gap_of
from fastcheck.measure.levels import EMPTY, Look, Table, added, blocks, last_level, run_around
from fastcheck.measure.readings import (
    MEET,
    SHARP,
    Reading,
    Readings,
    one_side,
    plateau,
    readings,
    sharpest,
)
from fastcheck.measure.rounding import grain_of
from fastcheck.vectors import Array, Flags, Integers

UNROUNDED = -7  # at rest up to here no variable is rounded: as bfloat16 it would be at -8
START = -17  # the middle of the first levels where nothing is known: D2's two errors are about equal there
TARGET = 1e-8  # the relative bound at which nobody needs more
MOST = 21  # levels that growing may add to those of the start
STRIDE, PROBES = (
    10,
    6,
)  # where J stands still: so many levels at once, so far apart, twice; a guess may be off by tens of orders
WIDTH = 5  # levels of a start: the fewest that show an estimate of sixth order
JUST_SEEN = 64.0  # a slope is worth looking for from where it moves J by so many units of its last place
FIRST_SHARP = 0.02  # a bound of this share ends a look where worth seeing
TELLS = 1 / 8  # likewise of a difference that is to be told from none
LONGEST = 60  # levels that such a look may take


@dataclass(frozen=True)
class Aim:
    """What growing wants: a bound of `target` times the slope, in `most` levels more."""

    target: float = TARGET
    most: int = MOST


def grow(look: Look, table: Table, pilot: Integers | None = None, aim: Aim = Aim()) -> Table:
    """Levels on every line of an empty table, toward the side where its bound falls, until it is small or falls no more.

    `pilot` (m,) are first levels that served neighbours; a line whose bound they make small enough costs four levels.
    """
    lines = np.arange(table.exponent.size)
    if lines.size == 0:
        return table
    table, home = _started(look, table, lines, pilot)
    table, home = _strided(look, table, home)
    table, home = _neared(look, table, home)
    table = climb(look, table, lines, home, aim)
    return look_where_worth(look, table, lines, np.ldexp(np.abs(gap_of(table)), table.shift))


def woken(look: Look, table: Table) -> Table:
    """With the levels at which J begins to move, where it may stand still as far as no rounding would make it."""
    far = np.flatnonzero(table.filled.any(axis=1) & (table.level[:, 0] > UNROUNDED))  # nothing near was looked at
    table = added(look, table, far, np.maximum(START, table.lowest[far]))
    asleep = (table.rest > -EMPTY) & (table.rest + 1 < table.wakes) & (table.wakes > UNROUNDED) & ~table.still
    lines = np.flatnonzero(asleep)
    table, first = _halved(look, table, lines)
    return added(look, table, *blocks(lines, first, WIDTH))


def _started(look: Look, table: Table, lines: Integers, pilot: Integers | None) -> tuple[Table, Integers]:
    first = np.full(lines.size, START - WIDTH // 2) if pilot is None else pilot
    first = np.clip(first, table.lowest, np.maximum(table.lowest, table.highest - WIDTH))
    return added(look, table, *blocks(lines, first, WIDTH if pilot is None else WIDTH - 1)), first


def _strided(look: Look, table: Table, home: Integers) -> tuple[Table, Integers]:
    """Where J stands still: probes outward, then a full start at the nearest level that moves it."""
    home = home.copy()
    for _ in range(2):
        lines = np.flatnonzero(table.still)
        table = added(look, table, *blocks(lines, last_level(table.rows(lines)) + STRIDE, PROBES, STRIDE))
        moved = lines[~table.still[lines]]
        table, home[moved] = _halved(look, table, moved)
        table = added(look, table, *blocks(moved, home[moved], WIDTH))
    return table, home


def _halved(look: Look, table: Table, lines: Integers) -> tuple[Table, Integers]:
    """The nearest level that moves J on each line, by halving: its move is about the grain of J."""
    going = np.arange(lines.size)
    while going.size:
        part = table.rows(lines[going])
        low, high = part.rest, part.wakes
        going, middle = going[high - low > 1], ((low + high) // 2)[high - low > 1]
        table = added(look, table, lines[going], middle)
    return table, table.rows(lines).wakes


def _neared(look: Look, table: Table, home: Integers) -> tuple[Table, Integers]:
    """Where J does not answer on the sides that are looked at: single levels inward, then a full start at the widest that answers."""
    lines = np.flatnonzero(~table.answers.any(axis=1))
    probes = home[lines] - STRIDE * PROBES
    table = added(look, table, *blocks(lines, np.maximum(probes, table.lowest[lines]), PROBES, STRIDE))
    answers = table.rows(lines).answers
    near = lines[answers.any(axis=1)]
    level = np.where(table.rows(near).answers, table.level[near], -EMPTY).max(axis=1, initial=-EMPTY)
    home = home.copy()
    home[near] = np.maximum(level - WIDTH + 1, table.lowest[near])
    return added(look, table, *blocks(near, home[near], WIDTH)), home


def climb(look: Look, table: Table, lines: Integers, home: Integers, aim: Aim = Aim()) -> Table:
    """More levels on these lines, on either side of the run that holds the level `home` of each."""
    most = table.n_levels + aim.most
    while lines.size:
        part = table.rows(lines)
        found = readings(between(part, *run_around(part, home)), part.still)
        reached = _reached(found, aim.target) | np.isfinite(gap_of(part))
        chosen, levels = _next_levels(part, home, _leading(found), reached)
        before = table.n_levels
        table = added(look, table, lines[chosen], levels)
        going = (table.n_levels[lines] > before[lines]) & (table.n_levels[lines] < most[lines])
        lines, home = lines[going], home[going]
    return table


def _leading(found: Readings) -> Reading:
    """The estimate that growing follows: that of the finest plateau. A J that is bounded looks ever flatter from ever farther."""
    return plateau(found, np.zeros(found.bound.shape[0]), SHARP, MEET)[0]


def _reached(found: Readings, target: float) -> Flags:
    best = _leading(found)
    with np.errstate(all="ignore"):
        return np.asarray(np.isfinite(best.bound) & (best.bound <= target * np.abs(best.value)))


def _next_levels(table: Table, home: Integers, best: Reading, reached: Flags) -> tuple[Integers, Integers]:
    """Two levels above the run where that may help, one below it where that may; none where the target is reached."""
    first, last = run_around(table, home)
    finite = _answers(between(table, first, last))
    none, going = ~np.isfinite(best.bound), ~reached & ~table.still
    outward = going & finite & (none | (best.level >= last - 4))
    inward = going & (~finite | none | (best.level <= first + 1))
    lines = np.arange(first.size)
    up, down, away = lines[outward], lines[inward], lines[inward & ~finite]
    chosen = np.concatenate([up, up, down, away])
    return chosen, np.concatenate([last[up] + 1, last[up] + 2, first[down] - 1, first[away] - 2])


def between(table: Table, first: Integers, last: Integers) -> Table:
    """The table with only the levels from `first` to `last`; places keep where they stand."""
    keep = (table.level >= first[:, None]) & (table.level <= last[:, None])
    up, down = np.where(keep, [table.up, table.down], np.nan)
    return replace(table, level=np.where(keep, table.level, EMPTY), up=up, down=down)


def _answers(table: Table) -> Flags:
    """Where J has a value at every level of both sides, or of the one side that answers at all."""
    up, down = (np.isfinite(rise) | ~table.filled for rise in (table.up, table.down))
    side = one_side(table)
    return np.asarray(
        np.where(side == 0, (up & down).all(axis=1), np.where(side > 0, up.all(axis=1), down.all(axis=1)))
    )


def look_where_seen(look: Look, table: Table, worth: Array, noise: float) -> Table:
    """The first levels of an empty table: from where a slope of `worth` (J per unit) is just seen above this noise of J."""
    first = np.minimum(_just_seen(table, worth, noise) - 1, np.maximum(table.lowest, table.highest - WIDTH))
    return added(look, table, *blocks(np.arange(first.size), first, WIDTH - 1))


def look_where_worth(look: Look, table: Table, lines: Integers, worth: Array, difference: bool = False) -> Table:
    """Levels from where a slope of `worth` (J per unit) moves J by 64 of its last places, outward to a first sharp estimate.

    Sharp beside the slope itself, or where `worth` is a `difference` from a claim, beside that.

    A line whose worth is 0, nan or not finite is left as it is, and so is one on which that step lies beyond all levels known: the
    derivative is a limit at small steps.
    """
    keep = np.isfinite(worth) & (worth > 0)
    lines, worth = lines[keep], worth[keep]
    if lines.size == 0:
        return table
    first = _just_seen(table.rows(lines), worth)
    inside = first <= last_level(table.rows(lines))
    lines, worth, first = lines[inside], worth[inside], first[inside]
    table, first = _past_rest(look, table, lines, first)
    reach, step = first, WIDTH
    if difference:  # on from what is known there
        table = added(look, table, *blocks(lines, first, WIDTH))
        reach, step = run_around(table.rows(lines), first)[1] + 1, 3
    met = _next_taken(table.rows(lines), reach)
    while lines.size:
        table = added(look, table, *blocks(lines, reach, step))
        reach, step = reach + step, 3
        whole = table.rows(lines)
        part = between(whole, first, reach - 1)
        done = (
            _ended(part, worth, whole.still, difference)
            | np.isfinite(gap_of(part))
            | (reach > met)
            | (reach > first + LONGEST)
            | (reach > part.highest)
        )
        lines, first, met, reach = (each[~done] for each in (lines, first, met, reach))
        worth = worth[~done]
    return table


def _just_seen(table: Table, worth: Array, noise: float = 0.0) -> Integers:
    with np.errstate(all="ignore"):
        heard = np.maximum(np.ldexp(np.maximum(grain_of(table), 5e-324), table.shift), noise)
        move = JUST_SEEN * 2 * heard / worth
        level = np.round(np.log2(np.clip(move, 2.0**-1000, 2.0**1000)))
    return np.clip(level.astype(np.int64), table.lowest + 1, np.maximum(table.lowest + 1, table.highest - WIDTH))


def _past_rest(look: Look, table: Table, lines: Integers, first: Integers) -> tuple[Table, Integers]:
    """Single levels outward while J stands still at them; the first levels that are worth a closer look."""
    first, going = first.copy(), np.arange(lines.size)
    while going.size:
        table = added(look, table, lines[going], first[going])
        part = table.rows(lines[going])
        at = part.level == first[going][:, None]
        resting = (at & part.stands).any(axis=1) & (first[going] + WIDTH <= last_level(part))
        first[going[resting]] += WIDTH
        going = going[resting]
    return table, first


def _next_taken(table: Table, first: Integers) -> Integers:
    """The lowest level from `first` on whose level three above is there as well: the levels join what is known there."""
    later = (table.level >= first[:, None]) & table.filled
    pairs = later & (table.level[:, :, None] + 3 == table.level[:, None, :]).any(axis=2)
    return np.asarray(np.where(pairs, table.level, EMPTY).min(axis=1, initial=EMPTY))


def _ended(table: Table, worth: Array, still: Flags, difference: bool) -> Flags:
    """Where an estimate is sharp enough, or what comes next belongs to another scale."""
    found = readings(table, still)
    best = sharpest(found)
    with np.errstate(all="ignore"):
        enough = TELLS * worth if difference else FIRST_SHARP * np.fmax(np.abs(best.value), worth)
        sharp = np.isfinite(best.bound) & (best.bound <= enough)
    return np.asarray(sharp | found.far.any(axis=1))
