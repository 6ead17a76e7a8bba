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

from fastcheck import engine
from fastcheck.compare import norm
from fastcheck.cost import Cost
from fastcheck.layout import Layout, Vector

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
    """epsJ over everything and per tensor of the layout, and the evaluations that it took."""

    overall: float
    tensors: tuple[float, ...]
    evaluations: int

    def of(self, position: int) -> float:
        """epsJ to judge a tensor by: its own, and no less than the whole's, as a few lines can miss the noisy ones."""
        return max(self.overall, self.tensors[position])


def measure_noise(
    cost: Cost,
    theta: Vector,
    layout: Layout,
    numeric: Vector,
    components: np.ndarray | None,
    eps: float,
    chosen: engine.Settings,
) -> Noise:
    """epsJ from a few components of every tensor, drawn from those along which J moves, as the numeric gradient tells.

    If J stands still along those too when looked at closely, it is a staircase, rounded more coarsely than float64 is,
    and the steps are looked for further out and along every component.
    """
    rng = np.random.default_rng(0)
    n_lines = min(max(_LINES[0], theta.size // (8 * len(layout.tensors))), _LINES[1])
    spans = layout.spans(components)
    strata = [span.start + np.flatnonzero(_moves(numeric[span])) for span in spans]
    lines = Lines(cost, theta, *_drawn(strata, n_lines, components, rng), layout, chosen)
    spacing = lines.spacing(eps)
    levels, still = lines.levels(spacing)
    n_evaluations = levels.size
    if still.all() or 2 * still.sum() > still.size:
        strata += [span.start + np.flatnonzero(~_moves(numeric[span])) for span in spans]
        lines = Lines(cost, theta, *_drawn(strata, _LINES[0], components, rng), layout, chosen)
        spacing = lines.spacing(eps)
        levels, n_outward = look_outward(lines, spacing)
        n_evaluations += n_outward
    n_evaluations += _forget_kinks(lines, spacing, levels)
    measured = [(stratum.size, root_mean_square(levels[lines.owners == k])) for k, stratum in enumerate(strata)]
    least = float(np.spacing(abs(cost.value))) / math.sqrt(12)  # J is rounded to its last place, whatever else happens
    return Noise(
        max(_pooled([(size, level) for size, level in measured if level], 0), least),
        tuple(max(_pooled(measured[k :: len(spans)], span.stop - span.start), least) for k, span in enumerate(spans)),
        _POINTS.size * n_evaluations,
    )


class AnyLines(Protocol):
    """Lines through theta along which J can be evaluated at a spacing of one's choice."""

    def some(self, which: np.ndarray) -> AnyLines: ...

    def levels(self, spacing: Vector) -> tuple[Vector, np.ndarray]: ...


@dataclass(frozen=True)
class Lines:
    """Coordinate lines through theta, one per component in ``picked``; ``owners`` says from which stratum each is."""

    cost: Cost
    theta: Vector
    picked: np.ndarray
    owners: np.ndarray
    layout: Layout
    chosen: engine.Settings

    def some(self, which: np.ndarray) -> Lines:
        return replace(self, picked=self.picked[which], owners=self.owners[which])

    def spacing(self, eps: float) -> Vector:
        """Near eps / 64: 3 times a power of two, so that every point is exact in floating point, but none too round."""
        size = np.abs(self.theta[self.picked])
        wanted = np.clip(_SHARE * eps, _ULPS * np.spacing(size), _MOST * np.maximum(size, 1.0))
        return 3 * np.exp2(np.ceil(np.log2(wanted / 3)))

    def levels(self, spacing: Vector) -> tuple[Vector, np.ndarray]:
        """The noise level on each line, and whether J stood still along most of it."""
        offsets = np.multiply.outer(spacing, _POINTS)
        j = engine.probes(
            self.cost, self.theta, np.repeat(self.picked, _POINTS.size), offsets.ravel(), self.layout, self.chosen
        )
        return levels_of(np.insert(j.reshape(offsets.shape), 0, self.cost.value, axis=1))


def levels_of(table: np.ndarray) -> tuple[Vector, np.ndarray]:
    """For rows of J at equispaced points, the noise level, and whether J stood still along most of the row.

    The highest difference, of order k, of noise with standard deviation 1 has the variance C(2k, k).
    """
    order = table.shape[1] - 1
    with np.errstate(invalid="ignore"):  # J need not be finite everywhere
        still = 2 * (np.diff(table) == 0).sum(axis=1) > order
        return np.abs(np.diff(table, n=order)[:, 0]) / math.sqrt(math.comb(2 * order, order)), still


def _moves(numeric: Vector) -> np.ndarray:
    return np.isfinite(numeric) & (numeric != 0)


def _drawn(
    strata: list[np.ndarray], most: int, components: np.ndarray | None, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Up to ``most`` components of each stratum, and the stratum of each."""
    drawn = [rng.choice(stratum, size=min(most, stratum.size), replace=False) for stratum in strata]
    positions = np.concatenate(drawn)
    owners = np.repeat(np.arange(len(drawn)), [part.size for part in drawn])
    return positions if components is None else components[positions], owners


def look_outward(lines: AnyLines, spacing: Vector) -> tuple[Vector, int]:
    """The levels at the first spacing at which J moves, which is left in ``spacing``, and the lines looked along."""
    levels, still = lines.levels(spacing)
    n_looks = levels.size
    for times in _OUTWARD:
        which = np.flatnonzero(still)
        n_looks += which.size
        farther = times * spacing[which]
        levels[which], moved_not = lines.some(which).levels(farther)
        spacing[which[~moved_not]] = farther[~moved_not]
        still[which] = moved_not
    return levels, n_looks


def _forget_kinks(lines: Lines, spacing: Vector, levels: Vector) -> int:
    """Make nan of the levels that fall as the spacing does: the bend of a kink fades, noise does not."""
    loud = np.flatnonzero(levels > _LOUD * np.spacing(abs(lines.cost.value)))
    falls = np.ones(loud.size, dtype=bool)
    for part in _INWARD:
        closer, still = lines.some(loud).levels(np.maximum(spacing[loud] / part, lines.some(loud).spacing(0.0)))
        falls &= (closer < 2 * levels[loud] / part) & ~still
    levels[loud[falls]] = np.nan
    return loud.size * len(_INWARD)


def root_mean_square(levels: Vector) -> float:
    heard = levels[np.isfinite(levels)]
    return norm(heard) / math.sqrt(heard.size) if heard.size else 0.0


def _pooled(measured: list[tuple[int, float]], size: int) -> float:
    """The root mean square over strata of given sizes and levels, among ``size`` components, or as many as they have."""
    size = size or sum(n for n, _ in measured)
    return math.hypot(*(math.sqrt(n) * level for n, level in measured)) / math.sqrt(max(size, 1))
