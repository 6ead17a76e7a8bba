"""A verdict in a few dozen evaluations at any n: slopes along random directions against those of the gradient.

For m directions u with residuals r = u.numeric - u.analytic, each with an error bound,

    ||e||^2 ~ mean r^2                   unbiased; sum r^2 / ||e||^2 is chi-square with m degrees of freedom, or narrower
    failed    |r| > 3 bound              for any of them
    missed    with P <= product over the directions of DENSITY tolerance / ||e||

where tolerance is what a direction lets pass. Directions over everything test all tensors at once; directions on one
tensor are more precise there, by the square root of its share, and tell which tensor it is.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fastcheck import compare, engine, inputs
from fastcheck import cost as costs
from fastcheck.compare import Judgement, Size, TensorReport, Verdict
from fastcheck.cost import Cost
from fastcheck.diagnosis import findings_of_screen
from fastcheck.diagnosis.evidence import Part
from fastcheck.directions import DENSITY, STEP, Direction, Rays, Slopes, draw, listen
from fastcheck.inputs import Point
from fastcheck.layout import Layout, Tensor, Vector, first_not_finite
from fastcheck.progress import progress as progress_of
from fastcheck.report import Report
from fastcheck.verdicts import as_its_worst

N_WHOLE = 8  # directions over everything
N_TENSOR = 2  # and on each tensor
_MORE = 6  # further directions on each tensor, at most, if everything fails and no tensor does
_MISSED = 1e-9  # the probability of the guarantee
_PASSES = 25.0  # an error of this many bounds of an accepted direction does not pass it, whatever further steps show


@dataclass(frozen=True)
class Screened:
    """What was measured: slopes over everything and on every tensor with components."""

    rays: Rays
    analytic: Vector
    directions: list[Direction]  # over everything
    whole: Slopes
    tensors: dict[int, tuple[list[Direction], Slopes]]  # by position in the layout
    evaluations: int


def screen(
    cost: Callable[..., float],
    grad: Any,
    theta: Any,
    args: tuple[Any, ...] = (),
    *,
    layout: Layout | None = None,
    seed: int = 0,
    workers: int | None = None,
    chunk: int | None = None,
    progress: bool | Callable[[int, int], None] | None = None,
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
    chosen = engine.settings(workers, chunk, progress_of(progress))
    at = inputs.point(theta, layout)
    prepared = costs.prepare(cost, at.theta, args, at.layout)
    analytic = inputs.gradient(grad, at, args)
    begin = time.perf_counter()
    measured = measure(prepared, at, analytic, inputs.seeded(seed), chosen)
    costs.require_unchanged(prepared.args, args, "cost")
    return _report(measured, prepared, at, analytic, time.perf_counter() - begin)


def measure(cost: Cost, at: Point, analytic: Vector, rng: np.random.Generator, chosen: engine.Settings) -> Screened:
    """The slopes of a screen; entries of ``analytic`` that are not finite are taken for 0."""
    if first_not_finite(analytic) is not None:
        analytic = np.where(np.isfinite(analytic), analytic, 0.0)
    rays, n_evaluations = listen(Rays.around(cost, at.theta, at.layout, chosen), rng)
    n = at.theta.size
    filled = [k for k, tensor in enumerate(at.layout.tensors) if tensor.size]
    whole = [draw(rng, 0, n) for _ in range(N_WHOLE)]
    own = {k: [_on(at.layout.tensors[k], rng) for _ in range(N_TENSOR)] for k in filled} if len(filled) > 1 else {}
    slopes, n_slopes = rays.slopes([*whole, *(u for us in own.values() for u in us)], analytic)
    tensors = {k: (us, slopes.part(N_WHOLE + i * N_TENSOR, N_TENSOR)) for i, (k, us) in enumerate(own.items())}
    measured = Screened(
        rays, analytic, whole, slopes.part(0, N_WHOLE), tensors, cost.evaluations + n_evaluations + n_slopes
    )
    if not own:
        return replace(measured, tensors={filled[0]: (whole, measured.whole)})
    return _told_apart(measured, rng)


def _told_apart(measured: Screened, rng: np.random.Generator) -> Screened:
    """More directions on every tensor, as long as the whole fails and no tensor does."""
    for _ in range(_MORE):
        if not measured.whole.failed.any() or any(slopes.failed.any() for _, slopes in measured.tensors.values()):
            break
        tensors = measured.rays.layout.tensors
        more = {k: _on(tensors[k], rng) for k in measured.tensors}
        slopes, n_evaluations = measured.rays.slopes(list(more.values()), measured.analytic)
        joined = {
            k: ([*us, more[k]], own.joined(slopes.part(i, 1)))
            for i, (k, (us, own)) in enumerate(measured.tensors.items())
        }
        measured = replace(measured, tensors=joined, evaluations=measured.evaluations + n_evaluations)
    return measured


def _on(tensor: Tensor, rng: np.random.Generator) -> Direction:
    return draw(rng, tensor.start, tensor.stop)


@dataclass(frozen=True)
class _Estimate:
    """A set of components as its directions show it: norms, the interval of the ratio, what would be missed."""

    size: Size
    failed: bool
    low: float
    high: float
    tolerance: float  # the largest ratio that the bounds explain
    guarantee: float


def _estimate(slopes: Slopes, analytic: Vector) -> _Estimate:
    from scipy.special import chdtri  # loaded only here

    m, norm = slopes.value.size, compare.norm(analytic)
    square = float(np.mean(slopes.residual**2))
    numeric = math.sqrt(
        max(norm**2 + 2 * float(np.mean(slopes.residual * slopes.expected)) + square, (norm - math.sqrt(square)) ** 2)
    )
    rounding = math.sqrt(float(np.mean((slopes.bound / 4) ** 2)))
    size = Size(analytic.size, math.sqrt(square), numeric, norm, rounding)
    below = size.norm or 1.0
    low, high = (math.sqrt(m * square / chdtri(m, tail)) for tail in (0.025, 0.975))
    slack = float(slopes.bound.max())
    passes = _PASSES * math.exp(float(np.mean(np.log(slopes.bound)))) if slack < math.inf else math.inf
    return _Estimate(
        size,
        bool(slopes.failed.any()),
        max(low - slack, 0.0) / below,
        (high + slack) / below,
        compare.C * slack / below,
        min(DENSITY * passes * _MISSED ** (-1 / m) / below, 1.0),
    )


def _judged(estimate: _Estimate, analytic: Vector, too_high: float) -> Judgement:
    """The bands, for an estimate: significant is what the bounds do not explain."""
    ratio, floor = estimate.size.ratio, estimate.size.floor
    by_itself = estimate.size.error > compare.GREAT * compare.largest(analytic)  # it may be all in one component
    if estimate.failed and (ratio > compare.GREAT or by_itself):
        verdict = Verdict.WRONG if ratio >= compare.WORRY else Verdict.SUSPECT
        reason = f"slopes differ by more than their error bounds; ratio near {ratio:.1e}"
    elif not estimate.failed and estimate.tolerance > too_high and estimate.size.norm:
        verdict, reason = (
            Verdict.UNRESOLVED,
            f"error bounds of the slopes explain any ratio up to {estimate.tolerance:.1e}",
        )
    else:
        verdict, reason = Verdict.CORRECT, f"every slope agrees within its error bound; ratio below {estimate.high:.1e}"
    return Judgement(ratio, floor, verdict, reason)


def _report(measured: Screened, cost: Cost, at: Point, analytic: Vector, seconds: float) -> Report:
    estimates = {
        k: _estimate(slopes, measured.analytic[at.layout.tensors[k].slice])
        for k, (_, slopes) in measured.tensors.items()
    }
    tensors = [
        _tensor_report(tensor, analytic[tensor.slice], estimates.get(k)) for k, tensor in enumerate(at.layout.tensors)
    ]
    whole = _estimate(measured.whole, measured.analytic)
    parts = [_part(measured, k) for k in estimates]
    sizes = [estimates[k].size if k in estimates else compare.joined([]) for k in range(len(tensors))]
    judged = as_its_worst(_judged(whole, measured.analytic, compare.LOOK), whole.size, sizes, tensors)
    return Report(
        ratio=judged.ratio,
        floor=judged.floor,
        verdict=judged.verdict,
        reason=judged.reason,
        numeric=None,
        analytic=analytic,
        components=None,
        layout=at.layout,
        tensors=tuple(tensors),
        findings=findings_of_screen(
            at, cost, analytic, judged, tensors, parts, whole.guarantee, _kinked(measured, at.layout)
        ),
        eps=STEP,
        evaluations=measured.evaluations,
        seconds=seconds,
        noise=measured.rays.noise,
        workers=engine.n_workers(cost, measured.rays.chosen),
        compiled=cost.compiled,
        ratio_low=whole.low,
        ratio_high=whole.high,
        guarantee=whole.guarantee,
    )


def _tensor_report(tensor: Tensor, analytic: Vector, estimate: _Estimate | None) -> TensorReport:
    if estimate is None:
        return TensorReport(tensor.name, tensor.shape, 0.0, 0.0, Verdict.CORRECT, "no components", None, 0)
    judged = _judged(estimate, analytic, compare.WORRY)
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
        estimate.low,
        estimate.high,
    )


def _part(measured: Screened, k: int) -> Part:
    """What the directions on one tensor show, for the diagnosis."""
    directions, slopes = measured.tensors[k]
    tensor = measured.rays.layout.tensors[k]
    own = tensor.slice

    def sees(vector: Vector) -> Vector:
        joined = np.empty_like(measured.analytic)
        joined[own] = vector
        return np.array([u.dot(joined) for u in directions])

    theta, analytic = measured.rays.theta[own], measured.analytic[own]
    slack = compare.C * slopes.bound
    return Part(tensor, theta, analytic, slopes.value, slack, compare.norm(slack), None, sees)


def _kinked(measured: Screened, layout: Layout) -> tuple[str, ...]:
    """The tensors along whose directions theta sits on a kink."""
    return tuple(layout.tensors[k].name for k, (_, slopes) in measured.tensors.items() if slopes.on_kink.any())
