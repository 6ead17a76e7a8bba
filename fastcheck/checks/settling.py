"""Ladders along lines until what they say of the analytic values is settled: measure, judge, look where it is worth it, judge again."""

from __future__ import annotations

import numpy as np

from fastcheck.judge import rule
from fastcheck.judge.outcomes import Outcomes, outcomes
from fastcheck.judge.verdict import Outcome
from fastcheck.measure.ladder import climb, grow, look_where_worth
from fastcheck.measure.levels import Table
from fastcheck.measure.lines import Lines
from fastcheck.measure.sight import Shape, Sight, see
from fastcheck.vectors import Flags, Indices, Vector


def settled(
    lines: Lines, claimed: Vector, pilot: Indices | None = None, quantum: float = np.inf
) -> tuple[Table, Outcomes]:
    """Ladders grown from nothing, and what they say of ``claimed``, in J per unit of each line.

    ``pilot`` are levels that served neighbours, ``quantum`` is the least move of J that is known.
    """
    return doubted(lines, grow(lines.look, lines.table(quantum), pilot).knowing(), claimed)


def doubted(lines: Lines, table: Table, claimed: Vector) -> tuple[Table, Outcomes]:
    """Ladders looked at further where what they say is in doubt.

    Neither accuse nor give up before both the claimed slope and the one found were looked for where each is just worth
    seeing: the derivative is the limit at small steps, and the unit may be far from the scale on which J varies.
    """
    sight = see(table)
    said = outcomes(sight, claimed)
    with np.errstate(invalid="ignore"):
        loose = (said.outcome != Outcome.SUPPORTED) | (said.bound > rule.DOUBTFUL * np.abs(claimed))
        doubt = np.flatnonzero(np.where(sight.shape == Shape.STILL, claimed != 0, loose))
        sizes = np.stack([np.abs(claimed), np.abs(said.slope)])
    for worth in (np.fmin(*sizes), np.fmax(*sizes)):
        table = look_where_worth(lines.look, table, doubt, worth[doubt])
    sight = see(table)
    said = outcomes(sight, claimed)
    again = doubt[_loose(said, sight)[doubt]]
    table = climb(lines.look, table, again, said.level[again])
    sight = see(table)
    said = outcomes(sight, claimed)
    open_ = again[(_loose(said, sight) & (said.outcome == Outcome.UNKNOWN))[again]]
    table = climb(lines.look, table, open_, table.level[open_, 0])  # what is in the way may lie between these and those
    return table, outcomes(see(table), claimed)


def _loose(said: Outcomes, sight: Sight) -> Flags:
    """Lines without a kink at the point whose bound further levels might lower."""
    with np.errstate(invalid="ignore"):
        loose = np.isfinite(said.bound) & (said.bound > rule.DOUBTFUL * np.abs(said.slope))
    return np.asarray(loose & ~np.isfinite(sight.low))
