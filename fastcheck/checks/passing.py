"""The pass of a full check: which steps it takes, the differences, and how far these may be off as the pilots tell."""

from __future__ import annotations

import numpy as np

from fastcheck.evaluate.evaluator import Evaluator
from fastcheck.evaluate.progress import Progress
from fastcheck.judge import rule
from fastcheck.judge.measured import Measured
from fastcheck.judge.outcomes import Outcomes
from fastcheck.measure.pilots import Pilots, piloted
from fastcheck.measure.steps import SERVES, Plan, as_asked, passed, planned, sigma, stepped
from fastcheck.problem.question import CENTRAL, COMPLEX, Steps
from fastcheck.problem.selection import Selection
from fastcheck.vectors import Vector, largest, norm

_EPSILON = float(np.finfo(float).eps)  # all that rounds a derivative where nothing is subtracted


def plan_of(
    evaluator: Evaluator,
    selection: Selection,
    units: Vector,
    eps: Steps | str | Plan | None,
    method: str = CENTRAL,
) -> tuple[Plan, Pilots | None]:
    """The steps of a pass over the selection (sorted), and the pilots where they were needed to choose them."""
    if method == COMPLEX:
        return stepped(selection, units), None
    if isinstance(eps, Plan):
        return eps.at(selection).within(evaluator, selection), None
    if eps is None or isinstance(eps, str):
        pilots = piloted(evaluator, selection, units)
        return planned(evaluator, pilots, units, auto=eps is not None).within(evaluator, selection), pilots
    return as_asked(eps, selection).within(evaluator, selection), None


def pass_of(
    evaluator: Evaluator, selection: Selection, plan: Plan, progress: Progress, numeric: Vector | None = None
) -> Vector:
    """The differences of all components of the selection (sorted), with a sign of life; ``numeric`` gets them as they come."""
    numeric = np.empty(selection.size) if numeric is None else numeric
    with progress(selection.size) as show:
        passed(evaluator, selection, plan, show, numeric)
    return numeric


def pass_over(pilots: Pilots, plan: Plan, numeric: Vector, units: Vector) -> Measured:
    """What is known after the pass: the differences, and how far they may be off, as much as they were at the pilots."""
    selection, evaluator = pilots.selection, pilots.lines.evaluator
    own = selection.of(units)
    with np.errstate(over="ignore", invalid="ignore"):
        rounding = rule.OWN_ROUNDING * largest(numeric * own) if plan.imaginary else 0.0
    parts, sigmas, unfit = [], [], []
    for k, span in enumerate(selection.spans):
        off, share, noise = _off(pilots, numeric, own, k)
        steps, n = plan.of(span), span.stop - span.start
        with np.errstate(over="ignore", invalid="ignore"):
            rest = rounding / own[span] if plan.imaginary else noise / steps
            margin = np.broadcast_to(rule.PASS_MARGIN * (off / own[span] + rest), (n,))
            parts.append(np.where(np.isfinite(margin), margin, np.inf))
        if plan.imaginary:
            sigmas.append(_EPSILON * norm(numeric[span]))
        else:
            sigmas.append(norm(np.broadcast_to(np.asarray(sigma(pilots.noise(k), steps)), (n,))))
        serves = share <= SERVES or not plan.asked
        unfit.append(
            "" if serves else f"{_told(steps)} does not serve: its differences are off by {share:.0e} of the slopes"
        )
    nothing, margins = np.empty(0, dtype=np.int64), np.concatenate(parts)
    if evaluator.domain is not None:
        margins[plan.one_sided(evaluator, selection)] *= rule.ONE_SIDED
    return Measured(selection, own, numeric, margins, tuple(sigmas), tuple(unfit), nothing, Outcomes.none())


def _off(pilots: Pilots, numeric: Vector, units: Vector, k: int) -> tuple[float, float, float]:
    """In the k-th tensor the largest error of the pass at its pilots, per unit, its share of all slopes there, and the noise of J."""
    lines, best = pilots.known(k), pilots.best
    lines = lines[np.isfinite(best.bound[lines])]
    if not lines.size:
        return np.inf, np.inf, np.inf
    at = pilots.positions[lines]
    with np.errstate(invalid="ignore", over="ignore"):
        error = np.abs(numeric[at] * units[at] - best.value[lines]) + best.bound[lines]
        noise = float(np.fmax(pilots.sight.noise[lines], pilots.grain[lines]).max())
        off, typical = float(error.max()), norm(error) / np.sqrt(lines.size)
        span = pilots.selection.spans[k]
        slopes = numeric[span] * units[span]
        slopes = np.where(np.isfinite(slopes), slopes, 0.0)
        size = max(norm(slopes) / np.sqrt(slopes.size), norm(best.value[lines]) / np.sqrt(lines.size))
    if not np.isfinite(off):
        return np.inf, np.inf, noise
    return off, typical / size if size else 0.0, noise


def _told(steps: Steps) -> str:
    if not isinstance(steps, np.ndarray):
        return f"eps = {steps:g}"
    return f"eps = {steps.min():g} to {steps.max():g}" if steps.size else "eps"
