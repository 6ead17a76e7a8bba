"""From what was measured to the verdict on every tensor and on the whole, which is as good as its worst tensor."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from fastcheck import compare, steps
from fastcheck.compare import Judgement, Size, TensorReport, Verdict
from fastcheck.layout import Tensor, Vector
from fastcheck.noise import Noise
from fastcheck.recheck import Look, Second


def verdicts(
    look: Look, numeric: Vector, analytic: Vector, noise: Noise, second: Second
) -> tuple[Judgement, tuple[TensorReport, ...]]:
    """The judgement on everything looked at, and the report on each tensor."""
    sizes, tensors = [], []
    for k, (tensor, span) in enumerate(zip(look.layout.tensors, look.layout.spans(look.components), strict=True)):
        sizes.append(_size(look, numeric[span], analytic[span], noise.tensors[k], second, span))
        decisive = _size(look, numeric[span], analytic[span], noise.of(k), second, span)
        judged = _judged(look, decisive, numeric, analytic, steps.sigma(noise.of(k), look.eps), second, span, k)
        tensors.append(_reported(look, tensor, judged, numeric, analytic, span))
    whole = compare.joined(sizes)
    decided = compare.joined([size for k, size in enumerate(sizes) if k not in second.undecided])
    judged = replace(compare.judge(decided, compare.LOOK), ratio=whole.ratio, floor=whole.floor)
    return as_its_worst(judged, whole, sizes, tensors), tuple(tensors)


def as_its_worst(judged: Judgement, whole: Size, sizes: list[Size], tensors: list[TensorReport]) -> Judgement:
    """The judgement on the whole, lowered to that of its worst tensor, unresolved ones that do not matter left out."""
    for size, tensor in zip(sizes, tensors, strict=True):
        if tensor.verdict.severity > judged.verdict.severity and not _too_small(size, tensor, whole):
            judged = replace(judged, verdict=tensor.verdict, reason=f"{tensor.name}: {tensor.reason}")
    return judged


def if_repeatable(judged: Judgement, first: Vector, again: Vector | None) -> Judgement:
    """The judgement on the whole, WRONG where a second call of the gradient at the same theta gave another one."""
    if again is None:
        return judged
    reason = f"a second call of grad at the same theta gives another gradient (ratio {compare.size(first, again, 0.0).ratio:.1e})"
    return replace(judged, verdict=Verdict.WRONG, reason=reason)


def _too_small(size: Size, tensor: TensorReport, whole: Size) -> bool:
    """Whether an unresolved tensor is too small to matter: wrong throughout, it would not lift the whole off its floor."""
    if tensor.verdict is not Verdict.UNRESOLVED or size.n < tensor.n_components:
        return False
    return size.norm <= max(compare.GREAT, whole.tolerance) * whole.norm


def _size(look: Look, numeric: Vector, analytic: Vector, noise: float, second: Second, span: slice) -> Size:
    """The norms of one tensor, with the rounding of components that were measured again at another step."""
    sigma = steps.sigma(noise, look.eps)
    size = compare.size(numeric, analytic, sigma)
    again = [second.sigmas[span.start + int(p)] for p in second.within(span)]
    rounding = math.hypot(math.sqrt(max(size.n - len(again), 0)) * sigma, *again)
    return replace(size, rounding=rounding)


def _judged(
    look: Look, size: Size, numeric: Vector, analytic: Vector, sigma: float, second: Second, span: slice, k: int
) -> Judgement:
    """The verdict on one tensor: by its norm, by its components, and by what could not be evaluated or decided."""
    numeric, analytic = numeric[span], analytic[span]
    judged = compare.judge(size, compare.WORRY)
    if not np.isfinite(analytic).all() and np.isfinite(numeric[~np.isfinite(analytic)]).any():
        return replace(judged, verdict=Verdict.WRONG, reason="the gradient is nan or inf where J is finite")
    if k in second.undecided:
        return replace(judged, verdict=Verdict.UNRESOLVED, reason="the step explains every error looked at again")
    wrong = _worst_alone(look, numeric, analytic, sigma, second, span)
    if wrong and wrong.verdict.severity > judged.verdict.severity:
        judged = replace(judged, verdict=wrong.verdict, reason=wrong.reason)
    if size.n < numeric.size and judged.verdict is Verdict.CORRECT:
        return replace(judged, verdict=Verdict.UNRESOLVED, reason="J is not finite at some components")
    return judged


def _worst_alone(
    look: Look, numeric: Vector, analytic: Vector, sigma: float, second: Second, span: slice
) -> Judgement | None:
    """The gravest judgement on a component that is wrong by itself, at every step."""
    alone = compare.wrong_alone(numeric, analytic, sigma, second.within(span))
    if not alone.size:
        return None
    relative = np.abs(numeric[alone] - analytic[alone]) / (np.abs(numeric[alone]) + np.abs(analytic[alone]))
    position = int(alone[np.argmax(relative)])
    index = span.start + position if look.components is None else int(look.components[span.start + position])
    return compare.judge_component(compare.component(index, numeric[position], analytic[position], look.layout), sigma)


def _reported(
    look: Look, tensor: Tensor, judged: Judgement, numeric: Vector, analytic: Vector, span: slice
) -> TensorReport:
    numeric, analytic = numeric[span], analytic[span]
    worst = None
    if numeric.size:
        position = int(compare.worst(numeric, analytic)[0])
        index = span.start + position if look.components is None else int(look.components[span.start + position])
        worst = compare.component(index, numeric[position], analytic[position], look.layout)
    return TensorReport(
        tensor.name, tensor.shape, judged.ratio, judged.floor, judged.verdict, judged.reason, worst, numeric.size
    )
