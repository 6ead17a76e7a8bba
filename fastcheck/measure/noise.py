"""Rounding noise of J: a cost and theta in, epsJ out, the standard deviation of rounding in one evaluation.

The noise is measured where the differences are taken: along single components, because perturbing one component runs
through less arithmetic than perturbing all of them, and at a distance near eps. Method: the fourth differences of J at
five equispaced points, after the difference tables of ECnoise (More and Wild, SIAM J. Sci. Comput. 33(3), 2011), pooled
over components instead of along one long line.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from fastcheck.evaluate.evaluator import Evaluator
from fastcheck.evaluate.moves import ComponentMoves, Table
from fastcheck.problem.selection import Selection
from fastcheck.vectors import Flags, Indices, Vector, root_mean_square

_POINTS = np.arange(1.0, 5.0)  # and 0, where J is known; all to one side, as rounding may be symmetric about theta
_LINES = (4, 8)  # coordinate lines per tensor, at least and at most
_SHARE = 1 / 64  # the spacing of the points, in eps,
_ULPS = 2.0**8  # but no less than this, in units in the last place of theta_i,
_MOST = 1e-6  # and no more than this, in max(theta_i, 1)
_OUTWARD = 4.0 ** np.arange(1, 11)  # times that spacing, where J stands still
_INWARD = (8.0, 64.0)  # parts of that spacing, where a line may cross a kink
_LOUD = 16.0  # units in the last place of J above which it may


@dataclass(frozen=True)
class Noise:
    """epsJ over everything and per tensor of the layout."""

    overall: float
    tensors: tuple[float, ...]

    def of(self, position: int) -> float:
        """epsJ to judge a tensor by: its own, and no less than the whole's, as a few lines can miss the noisy ones."""
        return max(self.overall, self.tensors[position])


def measure_noise(evaluator: Evaluator, selection: Selection, numeric: Vector, eps: float) -> Noise:
    """epsJ from a few components of every tensor, drawn from those along which J moves, as the numeric gradient tells.

    If J stands still along those too when looked at closely, it is a staircase, rounded more coarsely than float64 is,
    and the steps are looked for further out and along every component.
    """
    rng = np.random.default_rng(0)
    n_lines = min(max(_LINES[0], evaluator.theta.size // (8 * len(selection.layout.tensors))), _LINES[1])
    spans = selection.spans
    strata = [span.start + np.flatnonzero(_moves(numeric[span])) for span in spans]
    lines = Lines(evaluator, *_drawn(strata, n_lines, selection, rng))
    spacing = lines.spacing(eps)
    levels, still = lines.levels(spacing)
    if still.all() or 2 * still.sum() > still.size:
        strata += [span.start + np.flatnonzero(~_moves(numeric[span])) for span in spans]
        lines = Lines(evaluator, *_drawn(strata, _LINES[0], selection, rng))
        spacing = lines.spacing(eps)
        levels, spacing = look_outward(lines, spacing)
    levels = _without_kinks(lines, spacing, levels)
    measured = [(stratum.size, root_mean_square(levels[lines.owners == k])) for k, stratum in enumerate(strata)]
    least = float(np.spacing(abs(evaluator.value))) / math.sqrt(
        12
    )  # J is rounded to its last place, whatever else happens
    return Noise(
        max(_pooled([(size, level) for size, level in measured if level], 0), least),
        tuple(max(_pooled(measured[k :: len(spans)], span.stop - span.start), least) for k, span in enumerate(spans)),
    )


class AnyLines(Protocol):
    """Lines through theta along which J can be evaluated at a spacing of one's choice."""

    def some(self, which: Indices) -> AnyLines: ...

    def levels(self, spacing: Vector) -> tuple[Vector, Flags]: ...


@dataclass(frozen=True)
class Lines:
    """Coordinate lines through theta, one per component in ``picked``; ``owners`` says from which stratum each is."""

    evaluator: Evaluator
    picked: Indices
    owners: Indices

    def some(self, which: Indices) -> Lines:
        return replace(self, picked=self.picked[which], owners=self.owners[which])

    def spacing(self, eps: float) -> Vector:
        """Near eps / 64: 3 times a power of two, so that every point is exact in floating point, but none too round."""
        size = np.abs(self.evaluator.theta[self.picked])
        wanted = np.clip(_SHARE * eps, _ULPS * np.spacing(size), _MOST * np.maximum(size, 1.0))
        exact: Vector = 3 * np.exp2(np.ceil(np.log2(wanted / 3)))
        return exact

    def levels(self, spacing: Vector) -> tuple[Vector, Flags]:
        """The noise level on each line, and whether J stood still along most of it."""
        j = self.evaluator.values(ComponentMoves(self.picked, np.multiply.outer(spacing, _POINTS)))
        return levels_of(np.insert(j, 0, self.evaluator.value, axis=1))


def levels_of(table: Table) -> tuple[Vector, Flags]:
    """For rows of J at equispaced points, the noise level, and whether J stood still along most of the row.

    The highest difference, of order k, of noise with standard deviation 1 has the variance C(2k, k).
    """
    order = table.shape[1] - 1
    with np.errstate(invalid="ignore"):  # J need not be finite everywhere
        still = 2 * (np.diff(table) == 0).sum(axis=1) > order
        return np.abs(np.diff(table, n=order)[:, 0]) / math.sqrt(math.comb(2 * order, order)), still


def _moves(numeric: Vector) -> Flags:
    moves: Flags = np.isfinite(numeric) & (numeric != 0)
    return moves


def _drawn(strata: list[Indices], most: int, selection: Selection, rng: np.random.Generator) -> tuple[Indices, Indices]:
    """Up to ``most`` components of each stratum of positions, and the stratum of each."""
    drawn = [rng.choice(stratum, size=min(most, stratum.size), replace=False) for stratum in strata]
    owners = np.repeat(np.arange(len(drawn)), [part.size for part in drawn])
    return selection.at(np.concatenate(drawn)), owners


def look_outward(lines: AnyLines, spacing: Vector) -> tuple[Vector, Vector]:
    """The levels at the first spacing at which J moves, and that spacing."""
    levels, still = lines.levels(spacing)
    found = spacing.copy()
    for times in _OUTWARD:
        which = np.flatnonzero(still)
        farther = times * spacing[which]
        levels[which], moved_not = lines.some(which).levels(farther)
        found[which[~moved_not]] = farther[~moved_not]
        still[which] = moved_not
    return levels, found


def _without_kinks(lines: Lines, spacing: Vector, levels: Vector) -> Vector:
    """nan in place of the levels that fall as the spacing does: the bend of a kink fades, noise does not."""
    loud = np.flatnonzero(levels > _LOUD * np.spacing(abs(lines.evaluator.value)))
    falls = np.ones(loud.size, dtype=bool)
    for part in _INWARD:
        closer, still = lines.some(loud).levels(np.maximum(spacing[loud] / part, lines.some(loud).spacing(0.0)))
        falls &= (closer < 2 * levels[loud] / part) & ~still
    kept = levels.copy()
    kept[loud[falls]] = np.nan
    return kept


def _pooled(measured: list[tuple[int, float]], size: int) -> float:
    """The root mean square over strata of given sizes and levels, among ``size`` components, or as many as they have."""
    size = size or sum(n for n, _ in measured)
    return math.hypot(*(math.sqrt(n) * level for n, level in measured)) / math.sqrt(max(size, 1))
