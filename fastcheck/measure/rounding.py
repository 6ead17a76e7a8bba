"""How J is rounded, as a table of levels shows it: in its last place, in stairs, in terms that cancel, in moves of the point."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from fastcheck.measure.levels import EMPTY, ROUNDED, Table, power_of_two
from fastcheck.vectors import Array

_STAIRS = 16.0  # J at rest belongs to stairs while the moves nearer to x are of so few grains
_DIGITS = 53  # of a float64
_ALIKE, _LEVELS = 4.0, 4  # last places of moves that are of one unit, and the levels over which they have to be
_TERMS = 64.0  # how much larger than J, or than its slope per unit, terms may be that cancel in it

_once = lru_cache(maxsize=4)  # tables: whoever looks at one asks for this


def last_place(table: Table) -> Array:
    """Half a unit in the last place of the largest of J(x), J(x + h) and J(x - h)."""
    size = np.fmax(np.abs(table.centre), np.fmax(np.abs(table.up + table.centre), np.abs(table.down + table.centre)))
    return np.asarray(np.spacing(np.where(np.isfinite(size), size, abs(table.centre))) / 2)


@_once
def grain_of(table: Table) -> Array:
    """The least move of J where levels stand still among moves of few grains; half a unit in J's last place at least.

    A level at which J happens to come back to J(x), far beyond moves of many grains, is no stair.
    """
    own = np.maximum(np.spacing(abs(table.centre)) / 2, inner_place(table))
    sizes = np.stack([np.abs(table.up), np.abs(table.down)])
    least = np.where(sizes > 0, sizes, np.inf).min(axis=(0, 2), initial=np.inf)
    largest = np.fmax.accumulate(np.where(np.isfinite(sizes), sizes, 0.0), axis=2)
    moves = (sizes > 0).any(axis=2, keepdims=True)  # a side that never moves is flat, and a kink's
    stairs = (moves & (sizes == 0) & (largest <= _STAIRS * least[:, None])).any(axis=(0, 2))
    return np.asarray(np.where(stairs & np.isfinite(least), np.maximum(least, own), own))


def unsteady(table: Table) -> Array:
    """How much J moves as moves of the point are rounded; on both sides alike, so that its even part does not show it."""
    size = np.fmax(np.abs(table.up), np.abs(table.down))
    return np.asarray(np.where(table.level < table.exact, size * ROUNDED / power_of_two(table.level), 0.0))


@_once
def inner_place(table: Table) -> Array:
    """Half a unit in the last place of terms that cancel in J, of each line; 0 where none shows.

    All moves are multiples of such a unit, be they large or small, where those of a J that is exact have as many digits at every
    level. Terms are not much larger than J or than its slope per unit.
    """
    moves = np.stack([table.up, table.down])
    mantissa, exponent = np.frexp(np.where(np.isfinite(moves), moves, 0.0))
    digits = np.ldexp(mantissa, _DIGITS).astype(np.int64)
    last = np.where(digits != 0, np.ldexp((digits & -digits).astype(float), exponent - _DIGITS), np.inf).min(axis=0)
    unit = last.min(axis=1, initial=np.inf)
    alike = last <= _ALIKE * unit[:, None]
    shown = np.where(alike, table.level, -EMPTY).max(axis=1, initial=-EMPTY)
    shown -= np.where(alike, table.level, EMPTY).min(axis=1, initial=EMPTY)
    slopes = np.where(table.filled, np.abs(table.up - table.down) / (2 * power_of_two(table.level)), np.nan)
    size = np.fmax(np.fmax.reduce(slopes, axis=1, initial=0.0), abs(table.centre))
    rounded = (shown >= _LEVELS) & (np.ldexp(unit, _DIGITS - 1) <= _TERMS * size)
    return np.asarray(np.where(rounded, unit / 2, 0.0))


@_once
def floor(table: Table) -> Array:
    return np.asarray(np.fmax(unsteady(table), np.maximum(last_place(table), grain_of(table)[:, None])))
