"""What a second look says of components that seem wrong: is it the gradient, or is it the step?

A wrong gradient is wrong at every step. An error made by the step is not: rounding falls as 1 / h with a larger step h,
truncation as h^2 with a smaller one, and a kink (a ReLU or max that changes side between theta_i - h and theta_i + h)
is no longer crossed once h is small enough. Where theta sits on the kink itself, the one-sided slopes D- and D+ differ
at every h, and any value between them is a right one.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from fastcheck.judge import rule
from fastcheck.judge.rule import C_COMPONENT, GREAT, C, Measured
from fastcheck.measure.around import QUARTER, SIXTEENTH, STEPS
from fastcheck.measure.estimates import Cause, Estimates
from fastcheck.measure.steps import sigma
from fastcheck.vectors import Flags, Indices, Vector, largest

Slopes = npt.NDArray[np.float64]  # D+ and D-, shape (2, steps, components)


def doubted(measured: Measured, analytic: Vector, k: int, most: int) -> tuple[Indices, bool]:
    """Positions in the k-th tensor to look at again, worst first; and whether only their norm seems wrong."""
    span = measured.selection.spans[k]
    own, claimed = measured.best.part(span), analytic[span]
    slopes = own.nearest(claimed)
    with np.errstate(invalid="ignore", over="ignore"):
        error = np.abs(slopes - claimed)
    open_ = (own.cause == Cause.NONE) & np.isfinite(error)
    alone = open_ & (error > np.maximum(own.bound, GREAT * largest(slopes, claimed)))
    together = not alone.any()
    which = np.flatnonzero(alone)
    if together and open_.any() and _norm_seems_wrong(slopes[open_], claimed[open_], own.bound[open_]):
        which = np.flatnonzero(open_)
    return which[np.argsort(-error[which], kind="stable")[:most]], together


def _norm_seems_wrong(slopes: Vector, analytic: Vector, bound: Vector) -> bool:
    norms = rule.size(slopes, analytic, float(bound[0]) / C_COMPONENT)
    return rule.by_bands(norms, math.inf).verdict.accuses


def explained(slopes: Slopes, analytic: Vector, noise: float, eps: float, scale: float, together: bool) -> Estimates:
    """For each component looked at again the estimate that explains its error; `Cause.NONE` if the step does not."""
    right, left = slopes
    central, gap = (right + left) / 2, right - left
    error = central - analytic
    sigmas = np.array([sigma(noise, eps * step) for step in STEPS])
    value, rounding, steps = central[0].copy(), np.full(analytic.size, sigmas[0]), np.full(analytic.size, eps)
    cause = np.full(analytic.size, Cause.NONE, dtype=np.int8)
    for step in range(STEPS.size - 1, 0, -1):  # the first in the table wins: it is nearest to eps
        for k in np.flatnonzero(_fallen(error[0], error[step], sigmas[step], scale, together)):
            cause[k] = Cause.ROUNDING if STEPS[step] > 1 else _bend(gap[:, k], error[0, k])
            value[k], rounding[k], steps[k] = central[step, k], sigmas[step], eps * STEPS[step]
    for k in np.flatnonzero(_falls_as_square(error, sigmas)):
        left_over = max(abs(error[SIXTEENTH, k]), sigmas[SIXTEENTH])  # still truncation, and no better known than that
        cause[k], value[k], rounding[k] = Cause.TRUNCATION, central[SIXTEENTH, k], left_over
        steps[k] = eps * STEPS[SIXTEENTH]
    low, high = value.copy(), value.copy()
    slack = C_COMPONENT * sigmas[SIXTEENTH] + GREAT * scale
    on_kink = _on_kink(right, left, analytic, slack)
    cause[on_kink], rounding[on_kink], steps[on_kink] = Cause.KINK, sigmas[SIXTEENTH], eps * STEPS[SIXTEENTH]
    value[on_kink] = central[SIXTEENTH, on_kink]
    sides = slopes[:, SIXTEENTH, on_kink]
    low[on_kink], high[on_kink] = sides.min(axis=0) - slack, sides.max(axis=0) + slack
    return Estimates(value, C_COMPONENT * rounding, low, high, steps, cause)


def _fallen(error: Vector, at_step: Vector, sigma: float, scale: float, together: bool) -> Flags:
    """Whether the error all but vanished at another step, and did so beyond what rounding there can feign."""
    slack = C_COMPONENT * sigma + GREAT * scale
    change = np.abs(at_step - error)
    size, after = np.abs(error), np.abs(at_step)
    if together:  # no component seems wrong by itself: compare the norms of all
        root = math.sqrt(error.size)
        size, after, change = (np.full(error.size, np.linalg.norm(v)) for v in (size, after, change))
        sigma, slack = sigma * root, C * sigma * root + GREAT * scale
    fallen: Flags = (after <= size / rule.FALL) & (change >= rule.SURE * sigma) & (after <= slack)
    return fallen


def _bend(gap: Vector, error: float) -> Cause:
    """Kink or truncation: D+ - D- is proportional to h where J is smooth, and not where a kink was crossed."""
    return Cause.KINK if abs(gap[0] - 4 * gap[QUARTER]) >= abs(error) else Cause.TRUNCATION


def _falls_as_square(error: Slopes, sigmas: Vector) -> Flags:
    """Whether the error goes with h^2 from eps to eps / 4 to eps / 16, clear of rounding: truncation, even if much is left."""
    first, second, third = np.abs(error[[0, QUARTER, SIXTEENTH]])
    least, most = rule.SQUARE
    clear = first - second >= rule.SURE * sigmas[QUARTER]
    falls = (second <= first / least) & (second >= first / most)
    ends: Flags = clear & falls & (third <= second / least + rule.SURE * sigmas[SIXTEENTH])
    return ends


def _on_kink(right: Slopes, left: Slopes, analytic: Vector, slack: float) -> Flags:
    """Whether the slopes differ as much at eps / 16 as at eps, and the analytic value lies between them."""
    gap = np.abs(right - left)
    stays = (gap[SIXTEENTH] >= rule.STAYS * gap[0]) & (gap[SIXTEENTH] > rule.CLEAR * slack)
    low, high = np.minimum(right, left)[SIXTEENTH], np.maximum(right, left)[SIXTEENTH]
    inside: Flags = stays & (analytic >= low - slack) & (analytic <= high + slack)
    return inside
