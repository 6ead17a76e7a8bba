"""A verdict in a few dozen evaluations at any n: slopes along random directions against those of the gradient.

For m directions u with residuals r = u.numeric - u.analytic, each with an error bound,

    ||e||^2 ~ mean r^2                   unbiased; sum r^2 / ||e||^2 is chi-square with m degrees of freedom, or narrower
    failed    |r| > 3 bound              for any of them
    missed    with P <= product over the directions of DENSITY tolerance / ||e||

where tolerance is what a direction lets pass. Directions over everything test all tensors at once; directions on one
tensor are more precise there, by the square root of its share, and tell which tensor it is.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fastcheck.checks.opening import Opening, opened
from fastcheck.diagnosis.diagnose import findings_of_screen
from fastcheck.diagnosis.evidence import Part
from fastcheck.evaluate.direction import Direction, draw
from fastcheck.judge import rule
from fastcheck.judge.slopes import Estimate, Slopes, estimate, judged_by, slopes_along
from fastcheck.judge.verdict import TensorReport, Verdict
from fastcheck.measure.rays import STEP, Rays, listened
from fastcheck.problem import accept
from fastcheck.problem.layout import Layout, Tensor
from fastcheck.results.report import Report
from fastcheck.vectors import Vector, first_not_finite, norm

N_WHOLE = 8  # directions over everything
N_TENSOR = 2  # and on each tensor
_MORE = 6  # further directions on each tensor, at most, if everything fails and no tensor does


@dataclass(frozen=True, eq=False)
class Screened:
    """What was measured: slopes over everything and on every tensor with components."""

    rays: Rays
    layout: Layout
    analytic: Vector  # 0 where it is not finite
    directions: list[Direction]  # over everything
    whole: Slopes
    tensors: dict[int, tuple[list[Direction], Slopes]]  # by position in the layout


def screen(
    cost: Callable[..., Any],
    grad: Any,
    theta: Any,
    args: tuple[Any, ...] = (),
    *,
    layout: Layout | None = None,
    seed: int = 0,
    workers: int | None = None,
    chunk: int | None = None,
    progress: bool | Callable[[int, int], None] | None = None,
    kwargs: Mapping[str, Any] | None = None,
) -> Report:
    """Check a gradient along random directions: a few dozen evaluations of the cost, however many components.

    Parameters are those of `check`; ``seed`` draws the directions.

    Returns
    -------
    Report
        ``ratio`` is an estimate with the 95 % interval ``ratio_low`` to ``ratio_high``; ``guarantee`` is the smallest
        ratio that would have been missed with a probability below 1e-9. ``numeric`` is None: no component was looked at
        by itself; `locate` names those that are wrong.
    """
    question = accept.question(cost, grad, theta, args, kwargs, layout)
    options = accept.options(
        question.layout, question.theta, workers=workers, chunk=chunk, progress=progress, seed=seed
    )
    with opened(question, options) as opening:
        begin = time.perf_counter()
        measured = measure(opening, np.random.default_rng(options.seed))
        return _report(measured, opening, time.perf_counter() - begin)


def measure(opening: Opening, rng: np.random.Generator) -> Screened:
    """The slopes of a screen."""
    analytic, layout, n = opening.analytic.first, opening.question.layout, opening.question.theta.size
    if first_not_finite(analytic) is not None:
        analytic = np.where(np.isfinite(analytic), analytic, 0.0)
    rays = listened(opening.evaluator, rng)
    filled = [k for k, tensor in enumerate(layout.tensors) if tensor.size]
    whole = [draw(rng, 0, n) for _ in range(N_WHOLE)]
    own = {k: [_on(layout.tensors[k], rng) for _ in range(N_TENSOR)] for k in filled} if len(filled) > 1 else {}
    slopes = slopes_along(rays, [*whole, *(u for us in own.values() for u in us)], analytic)
    tensors = {k: (us, slopes.part(N_WHOLE + i * N_TENSOR, N_TENSOR)) for i, (k, us) in enumerate(own.items())}
    measured = Screened(rays, layout, analytic, whole, slopes.part(0, N_WHOLE), tensors)
    if not own:
        return replace(measured, tensors={filled[0]: (whole, measured.whole)})
    return _told_apart(measured, rng)


def _told_apart(measured: Screened, rng: np.random.Generator) -> Screened:
    """More directions on every tensor, as long as the whole fails and no tensor does."""
    for _ in range(_MORE):
        if not measured.whole.failed.any() or any(slopes.failed.any() for _, slopes in measured.tensors.values()):
            break
        more = {k: _on(measured.layout.tensors[k], rng) for k in measured.tensors}
        slopes = slopes_along(measured.rays, list(more.values()), measured.analytic)
        joined = {
            k: ([*us, more[k]], own.joined(slopes.part(i, 1)))
            for i, (k, (us, own)) in enumerate(measured.tensors.items())
        }
        measured = replace(measured, tensors=joined)
    return measured


def _on(tensor: Tensor, rng: np.random.Generator) -> Direction:
    return draw(rng, tensor.start, tensor.stop)


def _report(measured: Screened, opening: Opening, seconds: float) -> Report:
    question, evaluator, analytic = opening.question, opening.evaluator, opening.analytic.first
    layout = question.layout
    estimates = {
        k: estimate(slopes, measured.analytic[layout.tensors[k].slice]) for k, (_, slopes) in measured.tensors.items()
    }
    tensors = [
        _tensor_report(tensor, analytic[tensor.slice], estimates.get(k)) for k, tensor in enumerate(layout.tensors)
    ]
    whole = estimate(measured.whole, measured.analytic)
    sizes = [estimates[k].size if k in estimates else rule.joined([]) for k in range(len(tensors))]
    judged = rule.as_its_worst(judged_by(whole, measured.analytic, rule.LOOK), whole.size, sizes, tensors)
    judged = rule.if_repeatable(judged, analytic, opening.analytic.again)
    parts = [_part(measured, k) for k in estimates]
    said = findings_of_screen(
        question, evaluator, opening.analytic, judged, tensors, parts, whole.guarantee, _kinked(measured)
    )
    return Report(
        ratio=judged.ratio,
        floor=judged.floor,
        verdict=judged.verdict,
        reason=judged.reason,
        numeric=None,
        analytic=analytic,
        components=None,
        layout=layout,
        tensors=tuple(tensors),
        findings=said,
        eps=STEP,
        evaluations=evaluator.evaluations,
        seconds=seconds,
        noise=measured.rays.noise,
        workers=evaluator.n_workers,
        compiled=evaluator.source.compiled,
        ratio_low=whole.low,
        ratio_high=whole.high,
        guarantee=whole.guarantee,
    )


def _tensor_report(tensor: Tensor, analytic: Vector, found: Estimate | None) -> TensorReport:
    if found is None:
        return TensorReport(tensor.name, tensor.shape, 0.0, 0.0, Verdict.CORRECT, "no components", None, 0)
    judged = judged_by(found, analytic, rule.WORRY)
    if first_not_finite(analytic) is not None:
        judged = replace(judged, verdict=Verdict.WRONG, reason="the gradient is nan or inf")
    return TensorReport(
        tensor.name,
        tensor.shape,
        judged.ratio,
        judged.floor,
        judged.verdict,
        judged.reason,
        None,
        tensor.size,
        found.low,
        found.high,
    )


def _part(measured: Screened, k: int) -> Part:
    """What the directions on one tensor show, for the diagnosis."""
    directions, slopes = measured.tensors[k]
    tensor = measured.layout.tensors[k]
    own = tensor.slice

    def sees(vector: Vector) -> Vector:
        joined = np.empty_like(measured.analytic)
        joined[own] = vector
        return np.array([u.dot(joined) for u in directions])

    theta, analytic = measured.rays.evaluator.theta[own], measured.analytic[own]
    slack = rule.C * slopes.bound
    sigma = float(slopes.bound.max()) / rule.BOUNDS_PER_SIGMA
    return Part(tensor, theta, analytic, slopes.value, slack, norm(slack), sigma, slopes.failed, None, sees)


def _kinked(measured: Screened) -> tuple[str, ...]:
    """The tensors along whose directions theta sits on a kink."""
    return tuple(measured.layout.tensors[k].name for k, (_, slopes) in measured.tensors.items() if slopes.on_kink.any())
