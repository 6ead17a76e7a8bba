"""What a full check measured, and what that makes known of each component: its slope, the bound, and what a ladder says."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from fastcheck.judge import rule
from fastcheck.judge.outcomes import Outcomes
from fastcheck.judge.verdict import Cause, Outcome
from fastcheck.problem.selection import Selection
from fastcheck.vectors import Flags, Indices, Vector, largest, norm


@dataclass(frozen=True, eq=False)
class Tie:
    """Components that share a kink and do not hold together: what a ladder along their sum says, each moved by its unit."""

    positions: Indices
    claimed: float
    said: Outcomes  # of one line


@dataclass(frozen=True, eq=False)
class Measured:
    """What a full check measured.

    Attributes
    ----------
    selection : Selection
    units : ndarray of float64, shape (k,)
    numeric : ndarray of float64, shape (k,)
        The pass.
    margin : ndarray of float64, shape (k,)
        How far it may be off, in J per unit of theta; inf where that is not known.
    sigmas : tuple of float
        For each tensor the norm of what rounding alone does to its differences.
    unfit : tuple of str
        For each tensor "", or why a step that the caller chose does not serve there.
    positions : ndarray of int64, shape (m,)
        Where ladders were taken, sorted.
    said : Outcomes
        What they say, in J per unit of scale.
    ties : tuple of Tie
        Components that are refuted together.
    """

    selection: Selection
    units: Vector
    numeric: Vector
    margin: Vector
    sigmas: tuple[float, ...]
    unfit: tuple[str, ...]
    positions: Indices
    said: Outcomes
    ties: tuple[Tie, ...] = ()

    def measured(self, positions: Indices, said: Outcomes) -> Measured:
        """With the outcomes of further ladders, or better ones of the same."""
        kept = ~np.isin(self.positions, positions)
        every = np.concatenate([self.positions[kept], positions])
        order = np.argsort(every, kind="stable")
        joined = Outcomes.joined([self.said.some(kept), said]).some(order)
        return replace(self, positions=every[order], said=joined)


@dataclass(frozen=True, eq=False)
class Known:
    """What is known of each component of one tensor, in J per unit of scale and divided by ``whole``, a power of two."""

    analytic: Vector
    slope: Vector  # the best
    bound: Vector
    outcome: npt.NDArray[np.int8]
    cause: npt.NDArray[np.int8]
    bends: Flags

    @property
    def error(self) -> Vector:
        """|slope - analytic|; 0 where the analytic value is not finite, which is counted apart."""
        with np.errstate(invalid="ignore"):
            error = self.slope - self.analytic
        np.abs(error, out=error)
        error[~np.isfinite(self.analytic)] = 0.0
        return error

    @property
    def sizes(self) -> Vector:
        """G + S, where both are finite."""
        return np.where(np.isfinite(self.analytic), np.abs(self.analytic), 0.0) + np.abs(self.slope)


def known(measured: Measured, analytic: Vector, k: int, whole: float = 1.0) -> Known:
    """What pass and ladders know of the k-th tensor; ``analytic`` has shape (k,)."""
    span = measured.selection.spans[k]
    first, last = np.searchsorted(measured.positions, (span.start, span.stop))
    at, said = measured.positions[first:last] - span.start, measured.said.some(slice(int(first), int(last)))
    with np.errstate(all="ignore"):
        unit = measured.units[span] / whole
        claimed, slope, margin = analytic[span] * unit, measured.numeric[span] * unit, measured.margin[span] * unit
        del unit
        lost = np.flatnonzero(~np.isfinite(slope))
        slope[lost] = np.where(np.isfinite(claimed[lost]), claimed[lost], 0.0)
        error = np.abs(slope - claimed)
        agrees = (margin <= rule.LOOK * norm(slope) / np.sqrt(max(slope.size, 1))) & (error <= margin)
        rests = bool(said.outcome.size and (said.outcome == Outcome.SUPPORTED).all() and not said.slope.any())
        quiet = (
            (rests and not said.bends.any()) & (slope == 0) & (claimed == 0)
        )  # J stands still wherever it was looked at
        agrees |= quiet
        outcome = np.where(agrees, np.int8(Outcome.SUPPORTED), np.int8(Outcome.UNKNOWN))
        cause = np.where(agrees, np.int8(Cause.NONE), np.int8(Cause.BUDGET))
        bends, excluded = ~quiet, error > margin
        del error
        bound = margin
        bound[quiet] = 0.0
        seen = np.isfinite(said.slope)
        slope[at[seen]] = said.slope[seen] / whole
        bound[at] = np.where(seen & ~np.isnan(said.bound), said.bound / whole, np.inf)
    outcome[at], cause[at], bends[at] = said.outcome, said.cause, said.bends
    if measured.unfit[k]:  # what the pass cannot see at the step that was asked for accuses nobody
        unseen = (outcome == Outcome.REFUTED) & ~excluded & np.isfinite(claimed)
        outcome[unseen], cause[unseen] = Outcome.UNKNOWN, Cause.ROUNDING
    return Known(claimed, slope, bound, outcome, cause, bends)


def best_slopes(measured: Measured) -> tuple[Vector, Vector]:
    """The best slope of each component and its bound, shape (k,): of a ladder where it found one, else of the pass."""
    slope, bound, said, at = measured.numeric.copy(), measured.margin.copy(), measured.said, measured.positions
    seen = np.isfinite(said.slope)
    with np.errstate(all="ignore"):
        slope[at[seen]] = said.slope[seen] / measured.units[at[seen]]
        bound[at] = np.where(seen & ~np.isnan(said.bound), said.bound / measured.units[at], np.inf)
    return slope, bound


def numeric_bound(measured: Measured) -> Vector:
    """How far the pass may be off, shape (k,): what the pilots tell, or where a ladder was taken, what that does."""
    bound, said, at = measured.margin.copy(), measured.said, measured.positions
    with np.errstate(all="ignore"):
        told = np.abs(measured.numeric[at] - said.slope / measured.units[at]) + said.bound / measured.units[at]
    bound[at] = np.where(np.isfinite(told), told, bound[at])
    return bound


def open_in(measured: Measured, analytic: Vector, k: int) -> Indices:
    """Positions in the k-th tensor that neither the pass nor a ladder settled, those with the largest errors first."""
    found = known(measured, analytic, k)
    open_ = np.flatnonzero(found.cause == Cause.BUDGET)
    error = np.where(np.isfinite(found.analytic[open_]), found.error[open_], np.inf)
    ordered: Indices = measured.selection.spans[k].start + open_[np.argsort(-error, kind="stable")]
    return ordered


def visible_in(measured: Measured, analytic: Vector, k: int) -> Indices:
    """Positions in the k-th tensor that the pass settled although it shows an error of their own, the largest first.

    Within what the pass may be off such an error may be a tenth of a small component.
    """
    found = known(measured, analytic, k)
    span = measured.selection.spans[k]
    with np.errstate(over="ignore"):
        size = np.fmax(np.abs(found.analytic), np.abs(found.slope))
    shows = found.error > np.fmax(rule.SETTLED * size, rule.GREAT * largest(size))
    shows &= (found.outcome == Outcome.SUPPORTED) & ~np.isin(np.arange(span.start, span.stop), measured.positions)
    at = np.flatnonzero(shows)
    ordered: Indices = span.start + at[np.argsort(-found.error[at], kind="stable")]
    return ordered
