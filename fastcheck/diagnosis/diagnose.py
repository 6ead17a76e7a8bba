"""What the numbers mean, in plain words: findings, each of one kind, with the evidence and what to do."""

from __future__ import annotations

import numpy as np

from fastcheck import compare
from fastcheck.compare import Judgement, TensorReport, Verdict
from fastcheck.cost import Cost
from fastcheck.diagnosis.finding import Finding
from fastcheck.inputs import Point
from fastcheck.layout import Layout, Vector
from fastcheck.recheck import Second

_SHOWN = 3  # components named in one sentence
_LARGEST_EPS = 1e-4  # beyond it, truncation is the more likely trouble


def findings(
    point: Point, cost: Cost, components: np.ndarray | None, numeric: Vector, analytic: Vector,
    tensors: tuple[TensorReport, ...], whole: Judgement, second: Second, eps: float,
) -> tuple[Finding, ...]:  # fmt: skip
    """Everything there is to say about one check, the gravest first."""
    layout = point.layout
    said = [
        _not_finite("gradient", analytic, components, layout),
        _not_finite("J at theta_i +- eps", numeric, components, layout),
        _constant(whole, numeric, layout),
        *(_step(kind, second, components, layout, eps) for kind in ("kink", "truncation")),
        _undecided(second, layout, eps),
        _rounding(whole, tensors, eps),
        _sampled(components, layout),
        _narrow(point),
        _slow(cost),
    ]
    return tuple(finding for finding in said if finding)


def findings_of_screen(
    point: Point, cost: Cost, analytic: Vector, whole: Judgement, guarantee: float, kinked: tuple[str, ...]
) -> tuple[Finding, ...]:
    """Everything there is to say about a screen."""
    said = [
        _not_finite("gradient", analytic, None, point.layout),
        Finding("kink", kinked, f"theta sits on a kink (ReLU, max, abs) of {', '.join(kinked)}: slopes between those of its two sides were taken for right.")
        if kinked
        else None,
        Finding("rounding", (), "rounding in J, or its bends, leave the slopes too uncertain: check in full, or at another theta.")
        if whole.verdict is Verdict.UNRESOLVED
        else None,
        Finding("locate", (), "which components are wrong: fastcheck.locate, or fastcheck screen --locate.")
        if whole.verdict in (Verdict.WRONG, Verdict.SUSPECT)
        else Finding("guarantee", (), f"along random directions, an error with a ratio of {guarantee:.1e} or more passes with a probability below 1e-9; a smaller one may pass."),
        _narrow(point),
        _slow(cost),
    ]  # fmt: skip
    return tuple(finding for finding in said if finding)


def _named(positions: np.ndarray, components: np.ndarray | None, layout: Layout) -> tuple[tuple[str, ...], str]:
    """The tensors of these components, and the first few components by name."""
    indices = [int(p if components is None else components[p]) for p in positions]
    tensors = tuple(dict.fromkeys(layout.tensor_of(i).name for i in indices))
    more = f" and {len(indices) - _SHOWN} more" if len(indices) > _SHOWN else ""
    return tensors, ", ".join(layout.name(i) for i in indices[:_SHOWN]) + more


def _not_finite(what: str, vector: Vector, components: np.ndarray | None, layout: Layout) -> Finding | None:
    bad = np.flatnonzero(~np.isfinite(vector))
    if not bad.size:
        return None
    tensors, names = _named(bad, components, layout)
    return Finding(
        "nonfinite",
        tensors,
        f"{what} is nan or inf at {names}; the other components were compared. Look for log(0), 0 / 0 or overflow there.",
    )


def _constant(whole: Judgement, numeric: Vector, layout: Layout) -> Finding | None:
    if numeric.any() or whole.verdict is not Verdict.WRONG:
        return None
    return Finding(
        "constant",
        layout.names,
        "J is the same at theta_i + eps and theta_i - eps for every i. Does the cost use theta, or a copy that numba froze?",
    )


def _step(kind: str, second: Second, components: np.ndarray | None, layout: Layout, eps: float) -> Finding | None:
    positions = np.array(sorted(second.settled[kind]), dtype=np.int64)
    if not positions.size:
        return None
    tensors, names = _named(positions, components, layout)
    words = {
        "kink": f"a kink (ReLU, max, abs) lies within eps of theta at {names}: with smaller steps, or between the slopes on its two sides, the gradient agrees. Not a bug.",
        "truncation": f"at {names} the error falls as eps^2: it comes from the step eps = {eps:g}, not from the gradient, which agrees at smaller steps.",
    }
    return Finding(kind, tensors, words[kind])


def _undecided(second: Second, layout: Layout, eps: float) -> Finding | None:
    if not second.undecided:
        return None
    tensors = tuple(layout.tensors[k].name for k in second.undecided)
    return Finding(
        "step",
        tensors,
        f"in {', '.join(tensors)} the step eps = {eps:g} explains every error looked at again, and too many are left. Repeat with eps = {eps / 16:.0e}.",
    )


def _rounding(whole: Judgement, tensors: tuple[TensorReport, ...], eps: float) -> Finding | None:
    """Why a ratio above 1e-7 is no error, or why nothing can be told, and the eps at which it can."""
    unresolved = tuple(t.name for t in tensors if t.verdict is Verdict.UNRESOLVED)
    better = min(
        eps * 10 ** np.ceil(np.log10(max(compare.C * whole.floor / compare.GREAT, 10.0))), max(_LARGEST_EPS, eps)
    )
    remedy = (
        f"repeat with eps = {better:.0e}"
        if better > eps
        else "the gradient may be zero to within rounding: check at another theta"
    )
    if whole.verdict is Verdict.UNRESOLVED:
        return Finding(
            "rounding",
            unresolved,
            f"rounding in J alone gives a ratio near {whole.floor:.1e} at eps = {eps:g}, too much to tell right from wrong: {remedy}.",
        )
    if whole.verdict is Verdict.CORRECT and whole.ratio > compare.GREAT:
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


def _sampled(components: np.ndarray | None, layout: Layout) -> Finding | None:
    if components is None:
        return None
    share = 1 - 0.05 ** (1 / components.size)
    return Finding(
        "sample",
        (),
        f"{components.size} of {layout.size} components were checked; a drawn sample of that size finds, with probability 95 %, a bug in {share:.1%} of the components or more.",
    )


def _narrow(point: Point) -> Finding | None:
    if not point.narrow:
        return None
    return Finding(
        "float32",
        point.narrow,
        f"{', '.join(point.narrow)} came in less than float64 and was taken to float64: float32 cannot carry eps = 1e-7.",
    )


def _slow(cost: Cost) -> Finding | None:
    if cost.compiled:
        return None
    return Finding(
        "python",
        (),
        "the cost is plain Python: same results, more slowly, on one worker. Compile it with numba.njit to check on every core.",
    )
