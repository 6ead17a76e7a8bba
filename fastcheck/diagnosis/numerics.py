"""What the numbers themselves say: J or the gradient not finite, J constant, and what the step is to blame for."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fastcheck import compare
from fastcheck.compare import Judgement, TensorReport, Verdict
from fastcheck.diagnosis.finding import Finding
from fastcheck.layout import Layout, Vector
from fastcheck.recheck import Look, Second

_SHOWN = 3  # components named in one sentence
_LARGEST_EPS = 1e-4  # beyond it, truncation is the more likely trouble


def _named(positions: np.ndarray, components: np.ndarray | None, layout: Layout) -> tuple[tuple[str, ...], str]:
    """The tensors of these components, and the first few components by name."""
    indices = [int(p if components is None else components[p]) for p in positions]
    tensors = tuple(dict.fromkeys(layout.tensor_of(i).name for i in indices))
    more = f" and {len(indices) - _SHOWN} more" if len(indices) > _SHOWN else ""
    return tensors, ", ".join(layout.name(i) for i in indices[:_SHOWN]) + more


def not_finite(what: str, vector: Vector, components: np.ndarray | None, layout: Layout) -> Finding | None:
    bad = np.flatnonzero(~np.isfinite(vector))
    if not bad.size:
        return None
    tensors, names = _named(bad, components, layout)
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


def of_step(
    look: Look, second: Second, whole: Judgement, tensors: tuple[TensorReport, ...]
) -> Iterator[Finding | None]:
    """Errors that the step made, not the gradient."""
    for kind in ("kink", "truncation"):
        yield _step(kind, second, look.components, look.layout, look.eps)
    yield _undecided(second, look.layout, look.eps)
    by_step = {look.layout.tensors[k].name for k in second.undecided}
    yield _rounding(whole, tuple(t for t in tensors if t.name not in by_step), look.eps)


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
    if whole.verdict is Verdict.UNRESOLVED and (unresolved or compare.C * whole.floor > compare.LOOK):
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
