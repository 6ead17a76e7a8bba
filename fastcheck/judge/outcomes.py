"""What ladders say of analytic values, line by line: supported, refuted, or unknown. The thresholds stand in the rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace

import numpy as np

from fastcheck.judge import rule
from fastcheck.judge.verdict import Cause, Outcome, Witness
from fastcheck.measure.levels import EMPTY, power_of_two
from fastcheck.measure.readings import Reading, Readings, is_sharp, plateau
from fastcheck.measure.rungs import Ladders, as_array
from fastcheck.measure.sight import Shape, Sight
from fastcheck.vectors import Array, Flags, Integers


@dataclass(frozen=True)
class Outcomes:
    """Per line (m,): the outcome, the slope that decided with its bound, level and order, what hinders it, whether J bends, the gap of a kink.

    ``ladders`` are those that it was read from, None where there is none.
    """

    outcome: Integers
    slope: Array
    bound: Array
    level: Integers
    order: Integers
    cause: Integers
    bends: Flags
    gap: Array
    ladders: Ladders = field(default_factory=lambda: as_array([]))

    def __post_init__(self) -> None:
        if self.ladders.size != self.outcome.size:
            object.__setattr__(self, "ladders", as_array([None] * self.outcome.size))

    def some(self, lines: Integers | Flags | slice) -> Outcomes:
        """Those of these lines."""
        return Outcomes(*(getattr(self, each.name)[lines] for each in fields(self)))

    def put(self, lines: Integers, others: Outcomes) -> Outcomes:
        """These outcomes with ``others`` in the place of some lines."""
        parts = {each.name: getattr(self, each.name).copy() for each in fields(self)}
        for name, values in parts.items():
            values[lines] = getattr(others, name)
        return Outcomes(**parts)

    def witness(
        self, line: int, name: str, index: int | None, analytic: float, unit: float = 1.0, shown: bool = True
    ) -> Witness:
        """What one line says against an analytic value in J per unit of theta; ``unit`` is the line's own, in theta.

        Its rungs are left out unless they are to be ``shown``.
        """
        ladder = self.ladders[line] if shown else None
        return Witness(
            name=name,
            index=index,
            analytic=analytic,
            slope=float(self.slope[line]) / unit,
            bound=float(self.bound[line]) / unit,
            step=float(np.ldexp(unit, int(self.level[line]))),
            order=int(self.order[line]),
            rungs=ladder.rungs(unit) if ladder else (),
        )

    @classmethod
    def joined(cls, parts: Sequence[Outcomes]) -> Outcomes:
        """Those of all the parts, one after the other."""
        return cls(*(np.concatenate([getattr(part, each.name) for part in parts]) for each in fields(cls)))

    @classmethod
    def none(cls) -> Outcomes:
        """Of no line."""
        nothing = np.empty(0, dtype=np.int64)
        return cls(nothing, np.empty(0), np.empty(0), nothing, nothing, nothing, np.empty(0, dtype=bool), np.empty(0))


def outcomes(sight: Sight, claimed: Array) -> Outcomes:
    """What the ladders say of the analytic values ``claimed``, shape (m,), in J per unit of each line.

    An analytic value that is not finite is refuted by every slope that was found, and is otherwise UNKNOWN.
    """
    claimed = np.asarray(claimed, float)
    with np.errstate(all="ignore"):
        best, sharp = plateau(sight.readings, claimed, rule.SHARP, rule.MEET)
        best, sharp = _between_sides(sight, claimed, _without_jumps(sight, best), sharp)
        said = _outcome(sight.readings, claimed, best, sharp)
        said = np.where((said == Outcome.REFUTED) & ~_reaches_down(sight, claimed, best), Outcome.UNKNOWN, said)
        best, said = _at_rest(sight, claimed, best, said)
        rounded = np.abs(best.value - claimed) <= rule.ROUNDED * sight.natural
        agrees = np.abs(best.value - claimed) <= rule.SETTLED * np.abs(best.value)
        said = np.where(rounded & (said == Outcome.REFUTED), np.where(agrees, Outcome.SUPPORTED, Outcome.UNKNOWN), said)
    return Outcomes(
        said.astype(np.int64), best.value, best.bound, best.level, best.order, causes(sight), sight.bends, sight.gap
    )


def _without_jumps(sight: Sight, best: Reading) -> Reading:
    """Where J jumps at the point it has no slope, whatever is seen from afar."""
    return replace(best, bound=np.where(sight.shape == Shape.JUMP, np.inf, best.bound))


def _between_sides(sight: Sight, claimed: Array, best: Reading, sharp: Flags) -> tuple[Reading, Flags]:
    """At a kink any slope between the two sides is right: the nearest to the claim stands for it."""
    kink = np.isfinite(sight.low)
    value = np.where(kink, np.clip(claimed, sight.low, sight.high), best.value)
    value = np.where(kink & ~np.isfinite(claimed), sight.low, value)
    bound = np.where(kink, sight.margin, best.bound)
    seen = sight.margin <= rule.SHARP * np.fmax(np.abs(sight.low), np.abs(sight.high))
    return Reading(value, bound, best.level, np.where(kink, 1, best.order)), np.where(kink, seen, sharp)


def _outcome(found: Readings, claimed: Array, best: Reading, sharp: Flags) -> Integers:
    known = np.isfinite(best.bound) & np.isfinite(best.value)
    error, size = np.abs(best.value - claimed), np.fmax(np.abs(claimed), np.abs(best.value))
    near = known & np.isfinite(claimed) & ((error <= best.bound) | (error <= rule.GREAT * size))
    firm = (best.bound <= rule.SETTLED * size) | (best.value == claimed)
    away = known & sharp & ((error > rule.CLEAR * best.bound) | ~np.isfinite(claimed)) & ~_rival(found, claimed, best)
    return np.where(near & firm, Outcome.SUPPORTED, np.where(away & ~near, Outcome.REFUTED, Outcome.UNKNOWN))


def _reaches_down(sight: Sight, claimed: Array, best: Reading) -> Flags:
    """Where the plateau is seen down to the steps from which J's noise lets the difference to the claim be seen.

    From afar every J that is bounded looks flat: what excludes a claim must do so near the point. A J that stands still at every
    level excludes what would move it within one unit by more than it moves along any line. A slope from afar must be borne out
    by those near the point, as finely as the difference is; of others it is enough that they were looked at.
    """
    found = sight.readings
    excludes = is_sharp(found, claimed, rule.SHARP) & ~found.far
    apart = np.abs(found.value - claimed[:, None]) > rule.CLEAR * found.bound
    excludes &= apart | ~is_from_afar(sight, best.bound, best.level)[:, None]
    finest = np.where(excludes, found.level, EMPTY).min(axis=1, initial=EMPTY)
    size = np.fmax(np.abs(claimed), np.abs(best.value))  # readings are sharp by it: a sign apart is seen no nearer
    seen_from = rule.JUST_SEEN * np.fmax(sight.grain, sight.noise) / np.fmin(np.abs(best.value - claimed), size)
    kink = np.isfinite(sight.low) | ~np.isfinite(claimed)
    quantum = sight.quantum if np.isfinite(sight.quantum) else 0.0
    still = (sight.shape == Shape.STILL) & (np.abs(claimed) >= rule.JUST_SEEN * np.fmax(sight.grain, quantum))
    return np.asarray(
        kink | still | (finest <= sight.lowest + rule.DEEP) | (power_of_two(finest) <= 2.0**rule.NEAR * seen_from)
    )


def is_from_afar(sight: Sight, bound: Array, level: Integers) -> Flags:
    """Where a bound is not J's noise but how much neighbouring steps differ: that may be little by chance, wherever they are."""
    with np.errstate(all="ignore"):
        return np.asarray(bound * power_of_two(level) > rule.HEARD * np.fmax(sight.grain, sight.noise))


def _at_rest(sight: Sight, claimed: Array, best: Reading, said: Integers) -> tuple[Reading, Integers]:
    """Where J stands still up to some step, its slope is 0 within a grain over that step.

    That supports 0 where J moves by far less along other lines. There it excludes what would have moved J by many of those
    least moves, unless some slope from afar speaks for it: a variable that J rounds, as to float32, looks the same nearby.
    Where J is idle no rounding explains its rest, and whatever is seen beyond is not the slope: the other side of a hinge.
    """
    said = np.where(sight.idle, Outcome.UNKNOWN, said)
    step = power_of_two(sight.rest)
    bound = rule.MEET * np.where(sight.stairs, sight.grain, sight.resolution) / step
    rest = (sight.rest > -EMPTY) & (sight.shape != Shape.STILL) & (said == Outcome.UNKNOWN)
    excludes = rest & ~sight.stairs & ~(np.abs(claimed) * step < rule.JUST_SEEN * sight.resolution)
    spoken_for = (is_sharp(sight.readings, claimed, rule.ROUGH) & _speaks(sight.readings, claimed)).any(axis=1)
    excludes &= sight.idle | (~spoken_for & np.isfinite(claimed))
    rest &= sight.idle | ((np.abs(claimed) <= bound) & ~(best.bound <= bound)) | excludes
    value, bound = np.where(rest, 0.0, best.value), np.where(rest, bound, best.bound)
    found = Reading(value, bound, np.where(rest, sight.rest, best.level), np.where(rest, 2, best.order))
    said = np.where(rest & (claimed == 0) & ~sight.stairs, Outcome.SUPPORTED, said)
    return found, np.where(excludes, Outcome.REFUTED, said)


def _rival(found: Readings, claimed: Array, best: Reading) -> Flags:
    """Where another estimate speaks for the claim: a plateau elsewhere, or a rougher one at finer steps."""
    other = np.abs(found.value - best.value[:, None]) > rule.MEET * (found.bound + best.bound[:, None])
    finer = (found.level < best.level[:, None]) & is_sharp(found, claimed, rule.ROUGH)
    return np.asarray(((is_sharp(found, claimed, rule.SHARP) | finer) & other & _speaks(found, claimed)).any(axis=1))


def _speaks(found: Readings, claimed: Array) -> Flags:
    """Readings that the claim lies within, or near."""
    return np.asarray(np.abs(found.value - claimed[:, None]) <= found.bound + rule.RIVAL * np.abs(claimed)[:, None])


def causes(sight: Sight) -> Integers:
    """What hinders each line, if anything does in the end."""
    own = np.where(sight.rounding, Cause.ROUNDING, Cause.NOISE)
    shapes = {
        Shape.KINK: Cause.KINK,
        Shape.JUMP: Cause.JUMP,
        Shape.DOMAIN: Cause.DOMAIN,
        Shape.TWO_SCALES: Cause.TWO_SCALES,
        Shape.STAIRCASE: Cause.NOISE,
        Shape.STILL: Cause.NONE,
    }
    is_ = [sight.shape == shape for shape in shapes]
    return np.select(is_, [int(cause) for cause in shapes.values()], own).astype(np.int64)
