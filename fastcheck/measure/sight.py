"""What J was seen to be along each line: smooth, kinked, torn, stepped, at the end of its domain, of two scales, or still.

In: a Table. Out: Sight: its Readings, the shape, the two sides of a kink, grain, noise, and the sizes that slopes have nearby.

    kink    E(h) / h is one constant over three levels, down to the finest steps at which it could be seen
    jump    J(x + h) - J(x) or J(x - h) - J(x) is one constant over three levels, likewise: J(x) stands apart, or the sides do
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

import numpy as np

from fastcheck.measure.levels import Table, power_of_two, taken
from fastcheck.measure.readings import (
    MEET,
    SHARP,
    Reading,
    Readings,
    above,
    even_residual,
    floor,
    grain_of,
    last_place,
    lone_residual,
    neighbours,
    odd_residual,
    one_side,
    plateau,
    readings,
    side_readings,
)
from fastcheck.vectors import Array, Flags, Integers

ALIKE = 1 / 8  # neighbours that differ by a smaller share are one constant
APART = 1 / 4  # a finer level that differs by a larger share contradicts the constant
SEEN = 16.0  # a move of so many grains is no rounding
STAIRS = 64.0  # a least move of so many times J's least move elsewhere is no stair
VISIBLE = 64.0  # a kink or a jump must show down to where it moves J by so many grains
LOUD = 4.0  # a kink is heard where the even part is so many times what it was three levels finer, of 8
LOUDER = 1.5  # and so many times what it was one level finer, of 2
REACH = 16.0  # and was looked for from there on, within so many times that move
COARSE = 8.0  # a grain of so many half units of J's last place is not J's own rounding
NOISY = 64.0  # likewise an even residual


class Shape(enum.IntEnum):
    """What J was seen to be along a line."""

    SMOOTH = 0
    KINK = 1
    JUMP = 2
    STAIRCASE = 3
    DOMAIN = 4
    TWO_SCALES = 5
    STILL = 6


@dataclass(frozen=True)
class Sight:
    """Readings of each line and what else was seen. Sizes are in J per unit of the line, grain and noise in J.

    Attributes
    ----------
    shape : (m,)
        A Shape each.
    grain : (m,)
        The least move of J, where some levels stand still while others move; else half a unit of J's last place.
    noise : (m,)
        The even residual at the finest levels; nan where there is none.
    odd_noise : (m,)
        Likewise what is left of the odd part beside its first two powers of h.
    rounding : (m,)
        True where noise and grain are no more than J's own last places.
    gap : (m,)
        What the slope rises by from one side of a kink to the other; 0 where none is seen.
    low, high, margin : (m,)
        The slopes of the two sides of a kink in ascending order, and how far they may be off; nan where no kink is seen.
    quantum : float
        The least move of J on any line.
    stairs : (m,)
        False where the least move on a line is far above that: what rests there is no stair.
    rest : (m,)
        The level up to which J stands still from the finest level on; -EMPTY where it moves there already.
    natural : (m,)
        The size that slopes have nearby, the larger of |J''| unit and |J| / unit, per unit.
    bends : (m,)
        True where J'' was seen not to be 0.
    lowest : (m,)
        The finest level that could be looked at.
    evaluations : (m,)
        Of J, without the one at the point itself.
    """

    readings: Readings
    shape: Integers
    grain: Array
    noise: Array
    odd_noise: Array
    rounding: Flags
    gap: Array
    low: Array
    high: Array
    margin: Array
    quantum: float
    stairs: Flags
    rest: Integers
    natural: Array
    bends: Flags
    lowest: Integers
    evaluations: Integers

    def rows(self, lines: Integers) -> Sight:
        """What was seen of these lines."""
        each = {
            name: getattr(self, name)[lines]
            for name in self.__dataclass_fields__
            if name not in ("readings", "quantum")
        }
        return Sight(readings=self.readings.rows(lines), quantum=self.quantum, **each)


def see(table: Table) -> Sight:
    """Everything that the table says, of every line; what its lines say of J's least move they say for each other."""
    table = table.knowing()
    with np.errstate(all="ignore"):
        found, grain = readings(table), grain_of(table)
        lone = one_side(table) != 0
        noise = np.where(lone, _finest(lone_residual(table), 4), _finest(even_residual(table), 4))
        kinked = _kinked(table)
        low, high, margin = _sides(table, kinked)
        own = np.spacing(abs(table.centre)) / 2
        return Sight(
            readings=found,
            shape=_shape(table, found, np.isfinite(low), _jumps(table), grain > COARSE * own),
            grain=np.ldexp(grain, table.shift),
            noise=np.ldexp(noise, table.shift),
            odd_noise=np.ldexp(_finest(odd_residual(table), 4), table.shift),
            rounding=(grain <= COARSE * own) & ~(noise > NOISY * own),
            gap=np.where(np.isfinite(low), np.ldexp(kinked, table.shift), 0.0),
            low=low,
            high=high,
            margin=margin,
            quantum=float(np.ldexp(table.quantum, table.shift)),
            stairs=~(table.least > STAIRS * table.quantum),
            rest=table.rest,
            natural=np.ldexp(_natural(table), table.shift),
            bends=_bends(table),
            lowest=table.lowest,
            evaluations=2 * table.n_levels,
        )


def _shape(table: Table, found: Readings, kink: Flags, jump: Flags, coarse: Flags) -> Integers:
    """Where several are seen: the one that would mislead most comes first."""
    outside = (table.filled & ~table.answers).any(axis=1)
    stairs = coarse & ~(table.least > STAIRS * table.quantum)
    seen = [
        (Shape.STILL, table.still & (table.n_levels > 0)),
        (Shape.KINK, kink),
        (Shape.JUMP, jump),
        (Shape.DOMAIN, outside),
        (Shape.STAIRCASE, stairs),
        (Shape.TWO_SCALES, _two_plateaus(found)),
    ]
    return np.select([where for _, where in seen], [int(shape) for shape, _ in seen], int(Shape.SMOOTH)).astype(
        np.int64
    )


def _two_plateaus(found: Readings) -> Flags:
    """Two sharp estimates whose bounds, twice, do not meet."""
    sharp = found.found & (found.bound <= SHARP * np.abs(found.value))
    highest = np.where(sharp, found.value - 2 * found.bound, -np.inf).max(axis=1, initial=-np.inf)
    lowest = np.where(sharp, found.value + 2 * found.bound, np.inf).min(axis=1, initial=np.inf)
    return np.asarray(highest > lowest)


def _finest(values: Array, count: int) -> Array:
    """Median of the first `count` finite values of each row; nan where there is none."""
    known = np.isfinite(values)
    kept = np.sort(np.where(known & (np.cumsum(known, axis=1) <= count), values, np.inf), axis=1)
    n = np.minimum(known.sum(axis=1), count)
    if values.shape[1] == 0:
        return np.full(values.shape[0], np.nan)
    middle = taken(kept, np.maximum(n - 1, 0)[:, None] // 2)[:, 0]
    return np.where(n > 0, middle, np.nan)


def _quietest(values: Array, count: int) -> Array:
    """Least of the first `count` finite values of each row; inf where there is none. A kink nearby is heard in the others."""
    known = np.isfinite(values)
    return np.asarray(np.where(known & (np.cumsum(known, axis=1) <= count), values, np.inf).min(axis=1, initial=np.inf))


def _first_constant(table: Table, size: Array, moves: Array) -> tuple[Integers, Flags]:
    """The place from which `size` is one constant over three levels while `moves` is seen; whether there is such a place."""
    if table.level.shape[1] == 0:
        return np.zeros(table.level.shape[0], dtype=np.int64), np.zeros(table.level.shape[0], dtype=bool)
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


def gap_of(table: Table) -> Array:
    """The gap between the slopes of the two sides that the levels show so far, in units of 2^shift; nan where none."""
    with np.errstate(all="ignore"):
        h, even, noise = power_of_two(table.level), table.up + table.down, _quietest(even_residual(table), 4)
        gap = even / h
        place, found = _first_constant(table, gap, _heard(table, even))
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


def _kinked(table: Table) -> Array:
    """The gap where it was looked for down to the finest steps that could show it; nan elsewhere."""
    gap = gap_of(table)
    if table.level.shape[1] == 0:
        return gap
    finest = table.level[:, 0]
    down = (np.abs(gap) * power_of_two(finest) <= REACH * VISIBLE * _seen_from(table)[:, 0]) | (
        finest <= table.lowest + 2
    )
    return np.where(down, gap, np.nan)


def _jumps(table: Table) -> Flags:
    """Where a side keeps away from J(x), however near."""
    jumps = np.zeros(table.level.shape[0], dtype=bool)
    for rise in (table.up, table.down):
        place, found = _first_constant(table, rise, rise)
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


def _sides(table: Table, gap: Array) -> tuple[Array, Array, Array]:
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


def _seen_from(table: Table) -> Array:
    """The least move that tells: the grain, unless J moves by far less on other lines, so that this one is at rest and not on stairs."""
    grain = floor(table)
    own = np.maximum(last_place(table), table.quantum)
    return np.asarray(np.where(grain > STAIRS * own, own, grain))


def _natural(table: Table) -> Array:
    bends = np.abs(_bent(table)) / power_of_two(table.level) ** 2
    return np.fmax(abs(table.centre), _finest(bends, 1 << 20))


def _bends(table: Table) -> Flags:
    """J'' the same over three levels, and more than grains."""
    bent = _bent(table)
    return np.asarray(_first_constant(table, bent / power_of_two(table.level) ** 2, bent)[1])


def _bent(table: Table) -> Array:
    """h^2 J'': the even part, or what J bends by on the way to 2 h where one side answers alone."""
    side = one_side(table)[:, None]
    rise = np.where(side > 0, table.up, table.down)
    lone = np.where(neighbours(table), above(rise) - 2 * rise, np.nan)
    return np.asarray(np.where(side == 0, table.up + table.down, lone))
