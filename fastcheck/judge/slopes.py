"""Slopes along directions, read from J at steps of several lengths beside the slopes that the gradient claims."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from fastcheck.evaluate.direction import DENSITY, Direction
from fastcheck.judge import rule
from fastcheck.judge.rule import C, Size
from fastcheck.judge.verdict import Judgement, Verdict
from fastcheck.measure.rays import ROUNDING, STEPS, Rays, norms
from fastcheck.vectors import Flags, Vector, largest, norm

_PAIRS = {1: (1, 0), 2: (0, 2), 3: (2, 3)}  # after each step, the last two lengths: the longer, the shorter
_SHORT = (2, 3)  # the lengths below the usual one, in the order tried

Table = npt.NDArray[np.float64]  # shape (directions, steps)


@dataclass(frozen=True, eq=False)
class Slopes:
    """Along each direction: u.numeric, its error bound, and the u.analytic that it was compared with."""

    value: Vector
    bound: Vector
    expected: Vector
    on_kink: Flags  # theta sits on a kink there, and the expected slope lies between those of its two sides

    def part(self, start: int, n: int) -> Slopes:
        """``n`` of the directions, from ``start`` on."""
        which = slice(start, start + n)
        return Slopes(self.value[which], self.bound[which], self.expected[which], self.on_kink[which])

    def joined(self, other: Slopes) -> Slopes:
        """These directions and the other's."""
        return Slopes(
            np.concatenate([self.value, other.value]),
            np.concatenate([self.bound, other.bound]),
            np.concatenate([self.expected, other.expected]),
            np.concatenate([self.on_kink, other.on_kink]),
        )

    @property
    def residual(self) -> Vector:
        """u.e, e = numeric - analytic; 0 where a kink allows for it, or J is not finite and nothing is known."""
        return np.where(self.on_kink | ~np.isfinite(self.bound), 0.0, self.value - self.expected)

    @property
    def failed(self) -> Flags:
        """Where no error of the slope explains the residual."""
        return np.asarray(np.abs(self.residual) > C * self.bound)


@dataclass(frozen=True)
class Estimate:
    """A set of components as its directions show it: norms, the interval of the ratio, what would be missed."""

    size: Size
    failed: bool
    low: float
    high: float
    tolerance: float  # the largest ratio that the bounds explain
    guarantee: float


def estimate(slopes: Slopes, analytic: Vector) -> Estimate:
    """What the slopes along random directions over a set of components say of it, beside the analytic gradient there."""
    from scipy.special import chdtri  # loaded only here

    m, length = slopes.value.size, norm(analytic)
    square = float(np.mean(slopes.residual**2))
    numeric = math.sqrt(
        max(
            length**2 + 2 * float(np.mean(slopes.residual * slopes.expected)) + square,
            (length - math.sqrt(square)) ** 2,
        )
    )
    rounding = math.sqrt(float(np.mean((slopes.bound / rule.BOUNDS_PER_SIGMA) ** 2)))
    size = Size(analytic.size, math.sqrt(square), numeric, length, rounding)
    below = size.norm or 1.0
    low, high = (math.sqrt(m * square / chdtri(m, tail)) for tail in rule.TAILS)
    slack = float(slopes.bound.max())
    passes = rule.PASSES * math.exp(float(np.mean(np.log(slopes.bound)))) if slack < math.inf else math.inf
    return Estimate(
        size,
        bool(slopes.failed.any()),
        max(low - slack, 0.0) / below,
        (high + slack) / below,
        rule.C * slack / below,
        min(DENSITY * passes * rule.MISSED ** (-1 / m) / below, 1.0),
    )


def judged_by(found: Estimate, analytic: Vector, too_high: float) -> Judgement:
    """The bands, for an estimate: significant is what the bounds do not explain."""
    ratio, floor = found.size.ratio, found.size.floor
    by_itself = found.size.error > rule.GREAT * largest(analytic)  # it may be all in one component
    if found.failed and (ratio > rule.GREAT or by_itself):
        verdict = Verdict.WRONG if ratio >= rule.WORRY else Verdict.SUSPECT
        reason = f"slopes differ by more than their error bounds; ratio near {ratio:.1e}"
    elif not found.failed and found.tolerance > too_high and found.size.norm:
        verdict, reason = (
            Verdict.UNRESOLVED,
            f"error bounds of the slopes explain any ratio up to {found.tolerance:.1e}",
        )
    else:
        verdict, reason = Verdict.CORRECT, f"every slope agrees within its error bound; ratio below {found.high:.1e}"
    return Judgement(ratio, floor, verdict, reason)


def slopes_along(rays: Rays, directions: list[Direction], vector: Vector) -> Slopes:
    """u.numeric of every direction beside u.vector.

    One step suffices where the slope is, to rounding, the one expected. Elsewhere more steps are taken, and the bound
    comes from those that agree best with each other, never from closeness to what is expected.
    """
    expected = np.array([u.dot(vector) for u in directions])
    times = np.multiply.outer(rays.usual_step(directions, norms(vector, directions)), STEPS)
    rounding = ROUNDING * rays.noise / times
    sides = np.full((*times.shape, 2), np.nan)
    left, bend = np.arange(len(directions)), np.zeros(len(directions))
    central = gap = np.full(times.shape, np.nan)
    value, bound = expected, np.full(len(directions), np.inf)
    for step in range(STEPS.size):
        sides[left, step] = rays.sides([directions[k] for k in left], times[left, step])
        central = (sides[..., 0] - sides[..., 1]) / (2 * times)
        gap = (sides[..., 0] - 2 * rays.evaluator.value + sides[..., 1]) / times
        value, bound = _best(central, rounding)
        residual = np.abs(value - expected)
        bend = np.maximum(bend, _bend(gap, step, np.abs(central - expected[:, None]), rounding))
        settled = residual <= bound if step == 0 else (residual > C * bound) & (bend == 0)
        left = left[~settled[left]]
    slopes, edge = _of_kinks(Slopes(value, bound, expected, bend > 0), central, gap, rounding)
    return _past_the_edge(rays, slopes, edge, directions, times[:, -1] / 10)


def _of_kinks(slopes: Slopes, central: Table, gap: Table, rounding: Table) -> tuple[Slopes, npt.NDArray[np.int64]]:
    """Near a kink only steps that do not reach it tell; where theta is on the kink, the gap does.

    ``slopes.on_kink`` are suspects at first. Returned are also the positions at which a kink may just be reached.
    """
    suspect, value, bound = slopes.on_kink, slopes.value, slopes.bound
    jump = np.zeros(suspect.size)
    for step in _SHORT:
        jump = _jump(gap, step, rounding)
        clear = suspect & (jump == 0)
        value, bound = np.where(clear, central[:, step], value), np.where(clear, rounding[:, step], bound)
        suspect = suspect & ~clear
    residual = np.abs(central[:, -1] - slopes.expected)
    on_kink = suspect & (residual <= (0.5 + rule.CURVATURE) * jump + rounding[:, -1])
    unclear = suspect & ~on_kink & (residual <= rule.MANY_KINKS * jump)
    value, bound = np.where(suspect, central[:, -1], value), np.where(suspect, rounding[:, -1], bound)
    told = Slopes(value, np.where(unclear, np.inf, bound), slopes.expected, on_kink)
    return told, np.flatnonzero(slopes.on_kink & ~suspect & told.failed)


def _past_the_edge(
    rays: Rays, slopes: Slopes, edge: npt.NDArray[np.int64], directions: list[Direction], times: Vector
) -> Slopes:
    """A still shorter step where one may just reach a kink, too little for its gap to show: kept if the residual falls."""
    j = rays.sides([directions[k] for k in edge], times[edge]) if edge.size else np.empty((0, 2))
    value, bound = slopes.value.copy(), slopes.bound.copy()
    for k, (right, left) in zip(edge, j, strict=True):
        shorter, rounding = (right - left) / (2 * times[k]), ROUNDING * rays.noise / times[k]
        residual = abs(shorter - slopes.expected[k])
        if residual <= C * rounding and residual < rule.LOWER * abs(slopes.residual[k]):
            value[k], bound[k] = shorter, rounding
    return replace(slopes, value=value, bound=bound)


def _best(central: Table, rounding: Table) -> tuple[Vector, Vector]:
    """The slope and bound of each direction from its central differences at ``STEPS``, nan where not taken."""
    usual, long, short, shortest = central.T
    alone = np.isnan(central[:, 1:]).all(axis=1)
    values = np.stack([usual, long, usual, short])
    bounds = np.stack(
        [
            np.where(alone, rounding[:, 0], np.inf),
            # The longer step of a pair is the one that the pair bounds, unless rounding of the shorter one hides it.
            np.abs(long - usual) + rounding[:, 1] + rule.HIDDEN * rounding[:, 0],
            np.abs(usual - short) + rounding[:, 0] + rule.HIDDEN * rounding[:, 2],
            np.abs(short - shortest) + rounding[:, 2] + rule.HIDDEN * rounding[:, 3],
        ]
    )
    bounds[np.isnan(bounds)] = np.inf
    best = bounds.argmin(axis=0)
    every = np.arange(usual.size)
    return values[best, every], bounds[best, every]


def _bend(gap: Table, step: int, residual: Table, rounding: Table) -> Vector:
    """The jump in D+ - D- = jump + curvature h, if the residual may come of it: is no larger than some jumps; else 0."""
    if step not in _PAIRS:
        return np.zeros(len(gap))
    long, short = _PAIRS[step]
    jump = np.abs(10 * gap[:, short] - gap[:, long]) / 9
    with np.errstate(invalid="ignore"):
        plain = (jump > rule.KINK * rounding[:, short]) & (residual[:, short] <= rule.MANY_KINKS * jump)
    return np.where(plain, jump, 0.0)


def _jump(gap: Table, step: int, rounding: Table) -> Vector:
    """|D+ - D-| at a short step, or 0 where curvature and rounding explain it: no kink within that step of theta."""
    size, curvature = np.abs(gap[:, step]), np.abs(gap[:, 1]) * STEPS[step] / STEPS[1]
    with np.errstate(invalid="ignore"):
        plain = (size > rule.KINK * rounding[:, step]) & (size > rule.FINEST * curvature)
    return np.where(plain, size, 0.0)
