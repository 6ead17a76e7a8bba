"""The ratio at every eps: differences at steps from 1e-1 to 1e-12, with the floor that rounding puts under each.

A right gradient falls with eps^2 (truncation) until it meets the floor, which grows as 1 / eps; a wrong one stays level.
"""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np

from fastcheck.checks.announcing import POINTS, announce
from fastcheck.checks.opening import Opening, opened
from fastcheck.evaluate.progress import part_of
from fastcheck.judge.ratios import ratio_and_floor
from fastcheck.measure.pilots import piloted
from fastcheck.measure.stencil import differences, fitted
from fastcheck.measure.steps import planned, sigma
from fastcheck.problem import accept as accepting
from fastcheck.problem import choose as choosing
from fastcheck.problem.layout import Layout
from fastcheck.problem.question import CENTRAL
from fastcheck.problem.selection import sample
from fastcheck.problem.typed import (
    BoundsOption,
    ComponentsOption,
    Cost,
    KwargsOption,
    ProgressOption,
    TensorsOption,
    WorkersOption,
)
from fastcheck.results.concluding import Step
from fastcheck.results.swept import Sweep
from fastcheck.vectors import Vector, norm

_DECADES = [float(f"1e-{k}") for k in range(1, 13)]  # as they are written, so that 1e-7 is one of them
EPS = tuple(sorted([*_DECADES, *(eps * math.sqrt(0.1) for eps in _DECADES[:-1])], reverse=True))
_ALL = 1000  # components up to which all are looked at, and the size of the sample beyond


def sweep(
    cost: Cost,
    grad: Any,
    theta: Any,
    args: tuple[Any, ...] = (),
    *,
    layout: Layout | None = None,
    bounds: BoundsOption = None,
    components: ComponentsOption = None,
    tensors: TensorsOption = None,
    workers: WorkersOption = None,
    progress: ProgressOption = None,
    kwargs: KwargsOption = None,
    checkpoint: None = None,
) -> Sweep:
    """The ratio of a gradient at steps from 1e-1 to 1e-12, half a decade apart.

    Parameters are those of `check`, but with ``components=None`` a sample of 1000 that covers every tensor is looked at
    where there are more. A step at which J overflows, or that is lost in the rounding of theta, or that leaves its bounds, gives nan.
    """
    choosing.no_checkpoint(checkpoint, "sweep")
    question = accepting.question(cost, grad, theta, args, kwargs, layout, bounds=bounds)
    if components is None and tensors is None and question.layout.size > _ALL:
        n_filled = sum(tensor.size > 0 for tensor in question.layout.tensors)
        components = sample(question.layout, max(_ALL, n_filled))
    options = choosing.options(
        question.layout, question.theta, components=components, tensors=tensors, workers=workers, progress=progress
    )
    with opened(question, options) as opening, np.errstate(all="ignore"):  # a Python cost may overflow far from theta
        return _swept(opening)


def _swept(opening: Opening) -> Sweep:
    evaluator, selection = opening.evaluator, opening.options.selection
    analytic = opening.analytic.at(selection).first
    begin = time.perf_counter()
    numeric = _at_every_eps(opening)
    pilots = piloted(evaluator, selection, opening.question.units)
    noise, auto = pilots.overall_noise, planned(evaluator, pilots, opening.question.units, auto=True).steps
    return Sweep(
        steps=tuple(_step(eps, row, analytic, noise) for eps, row in zip(EPS, numeric, strict=True)),
        chosen=float(np.median(auto)),
        evaluations=evaluator.evaluations,
        seconds=time.perf_counter() - begin,
        n_checked=selection.size,
        n=selection.layout.size,
        noise=noise,
    )


def _at_every_eps(opening: Opening) -> list[Vector | None]:
    """The numeric gradient at every eps; None where that is lost in the rounding of theta, or leaves its bounds."""
    evaluator, selection = opening.evaluator, opening.options.selection
    lost_below = np.spacing(np.abs(selection.of(evaluator.theta)).max())
    n, found = selection.size, list[Vector | None]()
    announce(evaluator, selection, POINTS[CENTRAL] * len(EPS), opening.progress)
    with opening.progress(len(EPS) * n) as show:
        for k, eps in enumerate(EPS):
            leaves = fitted(evaluator, selection, eps) is not eps
            found.append(
                None if eps < lost_below or leaves else differences(evaluator, selection, eps, part_of(show, k * n))
            )
    return found


def _step(eps: float, numeric: Vector | None, analytic: Vector, noise: float) -> Step:
    if numeric is None or not np.isfinite(numeric[np.isfinite(analytic)]).all():
        return Step(eps, math.nan, math.nan)
    rounding = math.sqrt(analytic.size) * float(sigma(noise, eps))
    both = np.isfinite(analytic)
    size = norm(numeric[both]) + norm(analytic[both])
    return Step(eps, *ratio_and_floor(numeric, analytic, rounding), size)
