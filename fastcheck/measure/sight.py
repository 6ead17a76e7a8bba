"""What J was seen to be along each line: smooth, kinked, torn, stepped, at the end of its domain, of two scales, or still.

In: a Table. Out: Sight: its Readings, the shape, the two sides of a kink, grain, noise, and the sizes that slopes have nearby.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

import numpy as np

from fastcheck.measure.breaks import STAIRS, first_constant, jumps, kinked, sides
from fastcheck.measure.ladder import UNROUNDED
from fastcheck.measure.levels import Table, power_of_two, taken
from fastcheck.measure.readings import (
    SHARP,
    Readings,
    above,
    even_residual,
    lone_residual,
    neighbours,
    odd_residual,
    one_side,
    pooled,
    readings,
)
from fastcheck.measure.rounding import floor, grain_of, inner_place
from fastcheck.vectors import Array, Flags, Integers

COARSE = 8.0  # a grain of so many half units of J's last place is not J's own rounding
NOISY = 64.0  # likewise an even residual
PERHAPS = -16  # none is rounded that rests up to here, if J moves otherwise than as a slope at these levels:
BEYOND = -5, -3
AT_ONCE = 3  # levels, over which what is linear grows by less than the least moves that are called stairs
WHOLE, MANY = 0.1, 64.0  # moves in steps are within so much of halves, and no more than so many at once
HEARD = 16.0  # an even part of so many times what noise and grains make of it is h^2 J''


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
    idle : (m,)
        True where J stands still far beyond the finest level and then moves at once by much: a unit that is off, a hinge not reached.
    resolution : (m,)
        The least move of J on any line, or J's last place where every line is at rest in that way.
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
    idle: Flags
    resolution: Array
    natural: Array
    bends: Flags
    lowest: Integers
    evaluations: Integers


def see(table: Table) -> Sight:
    """Everything that the table says, of every line; what its lines say of J's least move they say for each other."""
    table = table.knowing()
    with np.errstate(all="ignore"):
        found, grain = readings(table), grain_of(table)
        lone = one_side(table) != 0
        noise = np.where(lone, _finest(lone_residual(table), 4), _finest(even_residual(table), 4))
        gap = kinked(table)
        low, high, margin = sides(table, gap)
        last = np.spacing(abs(table.centre)) / 2
        own = np.maximum(last, inner_place(table))
        stairs = ~(table.least > STAIRS * table.quantum)
        idle = _idle(table) & ~(stairs & _in_steps(table, last))
        resolution = np.where(idle & stairs, last, table.quantum)
        stairs &= ~idle
        return Sight(
            readings=found,
            shape=_shape(table, found, np.isfinite(low), jumps(table), stairs & (grain > COARSE * own)),
            grain=np.ldexp(grain, table.shift),
            noise=np.ldexp(noise, table.shift),
            odd_noise=np.ldexp(_finest(odd_residual(table), 4), table.shift),
            rounding=(grain <= COARSE * own) & ~(noise > NOISY * own),
            gap=np.where(np.isfinite(low), np.ldexp(gap, table.shift), 0.0),
            low=low,
            high=high,
            margin=margin,
            quantum=float(np.ldexp(table.quantum, table.shift)),
            stairs=stairs,
            rest=table.rest,
            idle=idle,
            resolution=np.ldexp(resolution, table.shift),
            natural=np.ldexp(_natural(table), table.shift),
            bends=_bends(table) & ~idle,
            lowest=table.lowest,
            evaluations=2 * table.n_levels,
        )


def _idle(table: Table) -> Flags:
    """Where a variable that is rounded does not explain that J rests; and it is seen to end at once."""
    beyond = table.filled & (table.level >= BEYOND[0]) & (table.level <= BEYOND[1])
    bends = beyond & (np.abs(table.up + table.down) > np.abs(table.up - table.down) / 2)
    unrounded = (table.rest >= UNROUNDED) | ((table.rest >= PERHAPS) & bends.any(axis=1))
    return np.asarray(unrounded & (table.wakes <= table.rest + AT_ONCE))


def _in_steps(table: Table, own: float) -> Flags:
    """Where the first moves of J are whole numbers of half its least one, as where J is rounded; or are of its last places."""
    soon = table.filled & (table.level <= table.wakes[:, None] + AT_ONCE)
    halves = [np.where(soon, 2 * np.abs(rise) / table.least[:, None], 0.0) for rise in (table.up, table.down)]
    whole = np.all([(np.abs(n - np.rint(n)) <= WHOLE) & (n <= MANY) for n in halves], axis=(0, 2))
    rounded = table.lattice > 2.0**-36 * (abs(table.centre) + table.least)  # halfway from float32 to float64
    return np.asarray(whole | rounded | (table.least <= MANY * own))


def _shape(table: Table, found: Readings, kink: Flags, jump: Flags, stairs: Flags) -> Integers:
    """Where several are seen: the one that would mislead most comes first."""
    outside = (table.filled & ~table.answers).any(axis=1)
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
    middle = taken(kept, np.maximum(n - 1, 0)[:, None] // 2)[:, 0]
    return np.where(n > 0, middle, np.nan)


def _natural(table: Table) -> Array:
    """J'' counts where it is heard: at the finest steps what noise leaves of the even part, over h^2, is of any size."""
    bent = _bent(table)
    left = np.where(neighbours(table), np.abs(bent - above(bent) / 4), np.nan)
    noise = np.fmax(pooled(left, 2), floor(table))
    bends = np.where(np.abs(bent) >= HEARD * noise, np.abs(bent), np.nan) / power_of_two(table.level) ** 2
    return np.fmax(abs(table.centre), _finest(bends, 1 << 20))


def _bends(table: Table) -> Flags:
    """J'' the same over three levels, and more than grains."""
    bent = _bent(table)
    return np.asarray(first_constant(table, bent / power_of_two(table.level) ** 2, bent)[1])


def _bent(table: Table) -> Array:
    """h^2 J'': the even part, or what J bends by on the way to 2 h where one side answers alone."""
    side = one_side(table)[:, None]
    rise = np.where(side > 0, table.up, table.down)
    lone = np.where(neighbours(table), above(rise) - 2 * rise, np.nan)
    return np.asarray(np.where(side == 0, table.up + table.down, lone))
