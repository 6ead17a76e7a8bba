"""Ratio and floor of the lecture, the worst errors, and gradients that change from call to call."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fastcheck.judge import rule
from fastcheck.judge.verdict import Cause, Judgement, Verdict
from fastcheck.vectors import Indices, Vector, norm


def ratio_and_floor(numeric: Vector, analytic: Vector, rounding: float) -> tuple[float, float]:
    """||numeric - analytic|| / (||numeric|| + ||analytic||), and ``rounding``, a norm, in its place above the line."""
    with np.errstate(invalid="ignore", over="ignore"):
        error = numeric - analytic
    if not np.isfinite(error).all():
        both = np.isfinite(error)
        numeric, analytic, error = numeric[both], analytic[both], error[both]
    below = norm(numeric) + norm(analytic)
    return (norm(error) / below, rounding / below) if below else (0.0, 0.0)


def ratio(numeric: Vector, analytic: Vector) -> float:
    return ratio_and_floor(numeric, analytic, 0.0)[0]


def worst_of(numeric: Vector, analytic: Vector, bound: Vector | float, k: int = 1) -> Indices:
    """Positions of the ``k`` errors that are most above their bounds, worst first; what is not finite comes before all."""
    with np.errstate(invalid="ignore", over="ignore"):
        error = numeric - analytic
        np.abs(error, out=error)
        error -= np.where(np.isfinite(bound), bound, 0.0)
    error[~np.isfinite(error)] = np.inf
    if k >= error.size:
        return np.argsort(-error, kind="stable")
    top = np.argpartition(error, error.size - k)[error.size - k :] if k > 0 else np.empty(0, dtype=np.int64)
    return top[np.argsort(-error[top], kind="stable")]


def sigma_of(tolerance: Vector) -> float:
    """The rounding of one component, of which the largest of these tolerances is some times."""
    return float(tolerance.max()) / rule.PASS_MARGIN if tolerance.size else 0.0


def if_repeatable(judged: Judgement, first: Vector, again: Vector | None) -> Judgement:
    """WRONG where a second call of the gradient at the same theta gave another one, ``again``."""
    if again is None or not unrepeatable(first, again):
        return judged
    reason = f"a second call of grad at the same theta gives another gradient (ratio {ratio(first, again):.1e})"
    return replace(judged, verdict=Verdict.WRONG, reason=reason, cause=Cause.NONE)


def unrepeatable(first: Vector, again: Vector) -> bool:
    """Whether two calls at the same theta gave different gradients, beyond the order in which threads may add."""
    return ratio(first, again) > rule.GREAT or not np.array_equal(np.isfinite(first), np.isfinite(again))


def asked_of(precision: float) -> float:
    """The ratio up to which a gradient is right whose numbers have this spacing at 1."""
    return min(rule.DIGITS * precision, rule.COARSEST)
