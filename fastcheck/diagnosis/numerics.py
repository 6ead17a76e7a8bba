"""What the numbers themselves say: J or the gradient not finite, J constant, and what the step is to blame for."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fastcheck.diagnosis.finding import Finding
from fastcheck.judge import rule
from fastcheck.judge.rule import Measured
from fastcheck.judge.verdict import Judged, Judgement, TensorReport, Verdict
from fastcheck.measure.estimates import Cause
from fastcheck.problem.layout import Layout
from fastcheck.problem.selection import Selection
from fastcheck.vectors import Vector

_LARGEST_EPS = 1e-4  # beyond it, truncation is the more likely trouble


def not_finite(what: str, vector: Vector, selection: Selection) -> Finding | None:
    bad = np.flatnonzero(~np.isfinite(vector))
    if not bad.size:
        return None
    tensors, names = selection.named(bad)
    return Finding(
        "nonfinite",
        tensors,
        f"{what} is nan or inf at {names}; the other components were compared. Look for log(0), 0 / 0 or overflow there.",
    )


def constant(whole: Judgement, numeric: Vector, layout: Layout) -> Finding | None:
    if numeric.any() or whole.verdict is not Verdict.WRONG:
        return None
    return Finding(
        "constant",
        layout.names,
        "J is the same at theta_i + eps and theta_i - eps for every i. Does the cost use theta, or a copy that numba froze?",
    )


def of_step(measured: Measured, judged: Judged, eps: float) -> Iterator[Finding | None]:
    """Errors that the step made, not the gradient."""
    for cause in (Cause.KINK, Cause.TRUNCATION):
        yield _step(cause, measured, eps)
    layout = measured.selection.layout
    yield _undecided(tuple(layout.tensors[k].name for k in measured.undecided), eps)
    others = tuple(t for k, t in enumerate(judged.tensors) if k not in measured.undecided)
    by_step = bool(np.isin(measured.best.cause, (Cause.KINK, Cause.TRUNCATION)).any())
    yield _rounding(judged.whole, others, eps, by_step)


def _step(cause: Cause, measured: Measured, eps: float) -> Finding | None:
    positions = np.flatnonzero(measured.best.cause == cause)
    if not positions.size:
        return None
    tensors, names = measured.selection.named(positions)
    kind = cause.name.lower()
    words = {
        "kink": f"a kink (ReLU, max, abs) lies within eps of theta at {names}: with smaller steps, or between the slopes on its two sides, the gradient agrees. Not a bug.",
        "truncation": f"at {names} the error falls as eps^2: it comes from the step eps = {eps:g}, not from the gradient, which agrees at smaller steps.",
    }
    return Finding(kind, tensors, words[kind])


def _undecided(tensors: tuple[str, ...], eps: float) -> Finding | None:
    if not tensors:
        return None
    return Finding(
        "step",
        tensors,
        f"in {', '.join(tensors)} the step eps = {eps:g} explains every error looked at again, and too many are left. Repeat with eps = {eps / 16:.0e}.",
    )


def _rounding(whole: Judgement, tensors: tuple[TensorReport, ...], eps: float, by_step: bool) -> Finding | None:
    """Why a ratio above 1e-7 is no error (unless the step explains it), or why nothing can be told, and what can be done."""
    unresolved = tuple(t.name for t in tensors if t.verdict is Verdict.UNRESOLVED)
    better = min(eps * 10 ** np.ceil(np.log10(max(rule.C * whole.floor / rule.GREAT, 10.0))), max(_LARGEST_EPS, eps))
    remedy = (
        f"repeat with eps = {better:.0e}"
        if better > eps
        else "the gradient may be zero to within rounding: check at another theta"
    )
    if whole.verdict is Verdict.UNRESOLVED and (unresolved or rule.C * whole.floor > rule.LOOK):
        return Finding(
            "rounding",
            unresolved,
            f"rounding in J alone gives a ratio near {whole.floor:.1e} at eps = {eps:g}, too much to tell right from wrong: {remedy}.",
        )
    if whole.verdict is Verdict.CORRECT and whole.ratio > rule.GREAT and not by_step:
        return Finding(
            "rounding",
            (),
            f"the ratio {whole.ratio:.2e} is above 1e-7 through rounding in J alone, whose measured floor is {whole.floor:.1e} at eps = {eps:g}; {remedy} to see it fall.",
        )
    if unresolved:
        return Finding(
            "rounding",
            unresolved,
            f"the gradient of {', '.join(unresolved)} is lost in the rounding of J at eps = {eps:g}: {remedy}.",
        )
    return None
