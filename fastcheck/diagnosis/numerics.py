"""What the numbers themselves say: J or the gradient not finite, J constant, what was seen of J, and why something is open."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from fastcheck.diagnosis.finding import Finding
from fastcheck.evaluate.evaluator import Evaluator
from fastcheck.judge import rule
from fastcheck.judge.measured import Measured
from fastcheck.judge.verdict import Cause, Judged, Judgement, Outcome, Verdict
from fastcheck.measure.pilots import Pilots
from fastcheck.measure.steps import Plan
from fastcheck.problem.layout import Layout
from fastcheck.problem.selection import Selection
from fastcheck.vectors import Vector
from fastcheck.words import listed

_COARSE = 8  # units in J's last place: moves of so many and more are no rounding of float64
_ALIKE = 2  # times J's least move on any line: stairs have one height
_FLOAT32 = (2.0**-26, 2.0**-21)  # of J: between these its least move is that of float32

_STEPS_OF_J = "Look for what changes with theta by steps while the gradient holds it fixed: adaptive steps of a solver, a number of iterations, a branch, a sorted order."

_OPEN = {
    Cause.STATIONARY: "J is bent here and its slope is zero, as far as can be told: any multiple of the gradient would pass. Move theta away from this point (before convergence) and check there.",
    Cause.ROUNDING: "the gradient is lost in the rounding of J.",
    Cause.NOISE: "J has noise of its own beyond its last place, which leaves the gradient open.",
    Cause.KINK: "theta sits on kinks of J (ReLU, max, abs), which leave the slope open.",
    Cause.JUMP: "J jumps at theta: it has no slope there. " + _STEPS_OF_J,
    Cause.DOMAIN: "J has no value at some steps from theta, and the others do not tell.",
    Cause.TWO_SCALES: "J varies on two scales, and its slope is another one seen from near than from far.",
    Cause.FAINT: "components whose gradient is too small to show along directions in units of scale are off: theta is almost zero there, which may not be its scale.",
    Cause.BUDGET: "not every component that the differences leave open could be measured by itself. Check fewer components (components=, tensors=), or a smaller model of the same kind.",
}

_ON_KINK = "theta sits on a kink (ReLU, max, abs) at {}: the gradient lies between the slopes of its two sides, and was taken for right there."
_AT_END = "J has no value at some steps from {}: its slope was taken nearer to theta, or on the side that answers, and the gradient agrees."


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


def of_ladders(measured: Measured, judged: Judged, pilots: Pilots, plan: Plan) -> Iterator[Finding | None]:
    """What was seen of J along the way, and why something is open."""
    yield _seen(measured, Cause.KINK, _ON_KINK)
    yield _ties(measured)
    yield _jumps(measured, judged)
    yield _seen(measured, Cause.DOMAIN, _AT_END)
    yield at_bounds(pilots.lines.evaluator, measured.selection, measured.units)
    yield _step(measured, judged, plan)
    yield from _open(measured, judged, pilots)
    yield _grain(judged, pilots)
    yield _floor(measured, judged)
    yield _plan(plan, measured.selection)


def _seen(measured: Measured, cause: Cause, words: str) -> Finding | None:
    """Components at which something was seen of J that does not speak against the gradient."""
    said = measured.said
    at = measured.positions[(said.cause == cause) & (said.outcome == Outcome.SUPPORTED)]
    if not at.size:
        return None
    tensors, names = measured.selection.named(at)
    return Finding(cause.words, tensors, words.format(names))


def _ties(measured: Measured) -> Finding | None:
    """Components that share a kink and do not hold together, the worst of them in words."""
    if not measured.ties:
        return None
    tie = max(measured.ties, key=lambda tie: abs(tie.claimed - float(tie.said.slope[0])))
    tensors, _ = measured.selection.named(np.concatenate([tie.positions for tie in measured.ties]))
    _, names = measured.selection.named(tie.positions)
    slope, others = float(tie.said.slope[0]), len(measured.ties) - 1
    error = (
        f"{tie.claimed / slope:.4g} times the slope of J along their sum"
        if slope
        else "not zero, as J is along their sum"
    )
    more = f" So it is with {others} more." if others else ""
    message = f"{names} share a kink (a maximum, inputs of one ReLU): each may be right by itself, but together the gradient is {error}.{more} Look at who gets the gradient where several tie."
    return Finding("tie", tensors, message)


def _jumps(measured: Measured, judged: Judged) -> Finding | None:
    """Components at which J jumps, in tensors that are not open for it, as those say so themselves."""
    open_ = {k for k, cause in enumerate(judged.causes) if cause is Cause.JUMP}
    spans = [span for k, span in enumerate(measured.selection.spans) if k not in open_]
    jumps = measured.positions[measured.said.cause == Cause.JUMP]
    at = np.array([p for p in jumps if any(span.start <= p < span.stop for span in spans)], dtype=np.int64)
    if not at.size:
        return None
    tensors, names = measured.selection.named(at)
    return Finding("jump", tensors, f"J jumps at {names}. {_STEPS_OF_J}")


def _step(measured: Measured, judged: Judged, plan: Plan) -> Finding | None:
    """Components at which the difference at a step that was not chosen for them is off, and ladders agree with the gradient."""
    at, said = measured.positions, measured.said
    with np.errstate(invalid="ignore"):
        off = np.abs(measured.numeric[at] - judged.analytic[at]) > np.fmax(
            rule.CLEAR * measured.margin[at], _shares(judged)[at]
        )
    sizes = [span.stop - span.start for span in judged.selection.spans]
    off &= plan.asked | np.repeat(plan.lecture, sizes)[at]
    settled = at[off & (said.outcome == Outcome.SUPPORTED) & (said.cause != Cause.KINK)]
    if not settled.size:
        return None
    tensors, names = measured.selection.named(settled)
    message = f"at {names} the difference at eps is off: at other steps the slopes of J are those of the gradient."
    return Finding("step", tensors, message)


def _shares(judged: Judged) -> Vector:
    sizes = [span.stop - span.start for span in judged.selection.spans]
    return np.repeat(judged.shares, sizes)


def _open(measured: Measured, judged: Judged, pilots: Pilots) -> Iterator[Finding | None]:
    """For each cause the tensors that it leaves unresolved."""
    names = measured.selection.layout.names
    causes = {k: cause for k, cause in enumerate(judged.causes) if judged.tensors[k].verdict is Verdict.UNRESOLVED}
    unfit = [k for k in causes if measured.unfit[k]]
    for k in unfit:
        causes.pop(k)
    for serve in (True, False):
        if same := [k for k in unfit if pilots.serve(k) is serve]:
            yield _unfit([names[k] for k in same], [measured.unfit[k] for k in same], serve)
    for cause in dict.fromkeys(causes.values()):
        tensors = tuple(names[k] for k, own in causes.items() if own is cause)
        kind = cause.words if cause is not Cause.TWO_SCALES else "scales"
        yield Finding(kind, tensors, f"{listed(tensors)}: {_OPEN.get(cause, _OPEN[Cause.ROUNDING])}")


def _unfit(names: list[str], why: list[str], serve: bool) -> Finding:
    """Tensors for which the steps asked for do not serve, and whether others do."""
    each = why if len(names) == 1 else [f"{what} ({name})" for name, what in zip(names, why, strict=True)]
    served = " Without eps, ladders along a few of its components found steps that do." if serve else ""
    return Finding("rounding", tuple(names), f"{listed(names)}: {listed(each, 3)}.{served}")


def _grain(judged: Judged, pilots: Pilots) -> Finding | None:
    """A J that is rounded more coarsely than float64 is."""
    coarse = ~pilots.sight.rounding
    value = abs(pilots.lines.evaluator.value)
    stairs = coarse & (pilots.grain > _COARSE * np.spacing(value)) & (pilots.grain <= _ALIKE * pilots.sight.quantum)
    if not stairs.any():
        return None
    grain = float(np.median(pilots.grain[stairs]))
    kind = ": float32 inside J; use float64" if _FLOAT32[0] <= grain / (value or 1.0) <= _FLOAT32[1] else ""
    digits = f" The gradient was seen to agree to {_digits(judged.agreement)} digits." if judged.agreement < 0.1 else ""
    return Finding("noise", (), f"J moves in steps of {grain:.0e}{kind}.{digits}")


def _digits(ratio: float) -> int:
    return int(-math.log10(max(ratio, 1e-16)))


def _floor(measured: Measured, judged: Judged) -> Finding | None:
    """A ratio above 1e-7 that is rounding: what every checker shows, and users ask about."""
    whole = judged.whole
    if whole.verdict is not Verdict.CORRECT or not rule.GREAT < whole.ratio <= rule.HEARD_AS_FLOOR * whole.floor:
        return None
    message = f"the ratio {whole.ratio:.2e} is above 1e-7 through rounding in J alone, whose measured floor is {whole.floor:.1e}; the slopes agree to {judged.agreement:.0e}."
    return Finding("rounding", (), message)


def _plan(plan: Plan, selection: Selection) -> Finding | None:
    """Which tensors have steps of their own, and what fourth order cost."""
    if plan.asked or all(plan.lecture) or not isinstance(plan.steps, np.ndarray):
        return None
    names, spans = selection.layout.names, selection.spans
    told = []
    for name, span, lecture in zip(names, spans, plan.lecture, strict=True):
        if not lecture and span.stop > span.start:
            steps = plan.steps[span]
            told.append(
                f"{name} {steps.min():.1e} to {steps.max():.1e}" if steps.size > 1 else f"{name} {steps[0]:.1e}"
            )
    fourth = [name for name, order in zip(names, plan.orders, strict=True) if order == 4]
    n_more = 2 * sum(span.stop - span.start for span, order in zip(spans, plan.orders, strict=True) if order == 4)
    cost = f" Fourth order in {listed(fourth, 4)}, for {n_more:,} more evaluations." if fourth else ""
    shown = ", ".join(told[:4]) + (f" and {len(told) - 4} more" if len(told) > 4 else "")
    rest = "; 1e-7 elsewhere" if any(plan.lecture) else ""
    return Finding("steps", (), f"a step for each component: {shown}{rest}.{cost}")


def at_bounds(evaluator: Evaluator, selection: Selection, units: Vector) -> Finding | None:
    """Components that are looked at on one side alone, as theta lies on its bounds; ``units`` are theirs, shape (k,)."""
    if evaluator.domain is None:
        return None
    sides = evaluator.domain.sides(evaluator.theta, selection.at(np.arange(selection.size)), units)
    at = np.flatnonzero(sides)
    if not at.size:
        return None
    tensors, names = selection.named(at)
    return Finding(
        "bounds", tensors, f"theta lies on its bounds, or next to them, at {names}: slopes are taken from inside there."
    )


def guaranteed(guarantee: float | None) -> Finding:
    """What a screen would have missed."""
    if guarantee is None:
        message = "where theta lies on its bounds the signs of a random direction are forced, so the probability that an error passes is not known."
    else:
        message = f"along random directions, an error with a ratio of {guarantee:.1e} or more passes with a probability below 1e-9; a smaller one may pass."
    return Finding("guarantee", (), message)


def open_of_screen(whole: Judgement) -> Finding | None:
    """Why a screen cannot tell."""
    if whole.verdict is not Verdict.UNRESOLVED:
        return None
    words = _OPEN.get(whole.cause, _OPEN[Cause.ROUNDING])
    kind = whole.cause.words if whole.cause not in (Cause.TWO_SCALES, Cause.NONE) else "rounding"
    return Finding(kind, (), words)
