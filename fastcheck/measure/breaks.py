"""Kinks and jumps: what the levels of a line show that no smooth J can do.

In: a Table. Out: the gap between the slopes of a kink's two sides with these slopes, and where J jumps.

    kink    E(h) / h is one constant over three levels, down to the finest steps at which it could be seen
    jump    J(x + h) - J(x) or J(x - h) - J(x) is one constant over three levels, likewise: J(x) stands apart, or the sides do
"""

from __future__ import annotations

import numpy as np

from fastcheck.measure.levels import Table, power_of_two, taken
from fastcheck.measure.readings import (
    MEET,
    SHARP,
    Reading,
    above,
    even_residual,
    neighbours,
    plateau,
    side_readings,
)
from fastcheck.measure.rounding import floor, last_place
from fastcheck.vectors import Array, Flags, Integers

ALIKE = 1 / 8  # neighbours that differ by a smaller share are one constant
APART = 1 / 4  # a finer level that differs by a larger share contradicts the constant
SEEN = 16.0  # a move of so many grains is no rounding
STAIRS = 64.0  # a least move of so many times J's least move elsewhere is no stair
VISIBLE = 64.0  # a kink or a jump must show down to where it moves J by so many grains
LOUD = 4.0  # a kink is heard where the even part is so many times what it was three levels finer, of 8
LOUDER = 1.5  # and so many times what it was one level finer, of 2
REACH = 16.0  # and was looked for from there on, within so many times that move


def gap_of(table: Table) -> Array:
    """The gap between the slopes of the two sides that the levels show so far, in units of 2^shift; nan where none."""
    with np.errstate(all="ignore"):
        h, even, noise = power_of_two(table.level), table.up + table.down, _quietest(even_residual(table), 4)
        gap = even / h
        place, found = first_constant(table, gap, _heard(table, even))
        if not found.any():
            return np.full(place.size, np.nan)
        constant = taken(gap, place[:, None])[:, 0]
        least = np.fmax(VISIBLE * _seen_from(table), 16 * noise[:, None])
        found &= ~_contradicted(gap, constant, place, np.abs(constant)[:, None] * h >= least)
        return np.where(found, constant, np.nan)


def _heard(table: Table, even: Array) -> Array:
    """The even part where it is no noise, 0 elsewhere.

    It is above J's least move, and above all that was seen at finer levels: a kink's doubles from level to level.
    """
    largest = np.fmax.accumulate(np.where(np.isfinite(even), np.abs(even), 0.0), axis=1)
    padded = np.concatenate([np.zeros((even.shape[0], 3)), largest], axis=1)
    one, three = padded[:, 2:-1], padded[:, :-3]  # up to one level finer, and up to three
    quantum = table.quantum if np.isfinite(table.quantum) else 0.0
    least = np.maximum(np.maximum(LOUD * three, LOUDER * one), SEEN * quantum)
    return np.where(np.abs(even) >= least, even, 0.0)


def _quietest(values: Array, count: int) -> Array:
    """Least of the first `count` finite values of each row; inf where there is none. A kink nearby is heard in the others."""
    known = np.isfinite(values)
    return np.asarray(np.where(known & (np.cumsum(known, axis=1) <= count), values, np.inf).min(axis=1, initial=np.inf))


def kinked(table: Table) -> Array:
    """The gap where it was looked for down to the finest steps that could show it; nan elsewhere."""
    gap = gap_of(table)
    finest = table.level[:, 0]
    down = (np.abs(gap) * power_of_two(finest) <= REACH * VISIBLE * _seen_from(table)[:, 0]) | (
        finest <= table.lowest + 2
    )
    return np.where(down, gap, np.nan)


def sides(table: Table, gap: Array) -> tuple[Array, Array, Array]:
    """Low and high slope of a kink, and the larger bound of the two; nan where there is none."""
    m, kink = gap.size, np.isfinite(gap)
    if not kink.any():
        return np.full(m, np.nan), np.full(m, np.nan), np.full(m, np.nan)
    up, down = (_finest_side(table, rise, kink, gap) for rise in (table.up, table.down))
    margin = np.maximum(up.bound, down.bound)
    low, high = np.minimum(up.value, down.value), np.maximum(up.value, down.value)
    low, high, margin = np.where(kink & np.isfinite(margin), [low, high, margin], np.nan)
    return low, high, margin


def _finest_side(table: Table, rise: Array, kink: Flags, gap: Array) -> Reading:
    """Of a flat side the slope is 0, and only the gap tells how well that is seen."""
    return plateau(side_readings(table, rise, kink), np.ldexp(gap, table.shift), SHARP, MEET)[0]


def jumps(table: Table) -> Flags:
    """Where a side keeps away from J(x), however near."""
    jumps = np.zeros(table.level.shape[0], dtype=bool)
    for rise in (table.up, table.down):
        place, found = first_constant(table, rise, rise)
        if found.any():
            constant = taken(rise, place[:, None])[:, 0]
            found &= ~_contradicted(rise, constant, place, np.isfinite(rise)) & _kept(table, rise, constant, place)
            jumps |= found
    return jumps & ~table.still


def _kept(table: Table, rise: Array, constant: Array, place: Integers) -> Flags:
    """Where J still keeps that far away as its slope begins to show, at the next levels; the first step of stairs does not."""
    left = np.where(neighbours(table), 2 * rise - above(rise), constant[:, None])  # what J does not move by with h
    place_of = np.arange(rise.shape[1]) - place[:, None]
    off = np.abs(left - constant[:, None]) > np.abs(constant)[:, None] / 2
    return np.asarray(~(off & (place_of >= 2) & (place_of <= 3)).any(axis=1))


def first_constant(table: Table, size: Array, moves: Array) -> tuple[Integers, Flags]:
    """The place from which `size` is one constant over three levels while `moves` is seen; whether there is such a place."""
    alike = neighbours(table) & (np.abs(size - above(size)) <= ALIKE * np.fmin(np.abs(size), np.abs(above(size))))
    alike &= np.abs(moves) >= SEEN * _seen_from(table)
    three = alike & (above(alike.astype(np.int64), 0) == 1)
    return np.argmax(three, axis=1).astype(np.int64), np.asarray(three.any(axis=1))


def _contradicted(size: Array, constant: Array, place: Integers, visible: Flags) -> Flags:
    """Where a finer level at which the constant could be seen shows another size."""
    finer = np.arange(size.shape[1]) < place[:, None]
    return np.asarray(
        (finer & visible & (np.abs(size - constant[:, None]) > APART * np.abs(constant)[:, None])).any(axis=1)
    )


def _seen_from(table: Table) -> Array:
    """The least move that tells: the grain, unless J moves by far less on other lines, so that this one is at rest and not on stairs."""
    grain = floor(table)
    own = np.maximum(last_place(table), table.quantum)
    return np.asarray(np.where(grain > STAIRS * own, own, grain))
