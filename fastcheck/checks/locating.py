"""The wrong components of a gradient: a screen's slopes in, single components, lines or whole tensors out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from fastcheck.checks.apart import sampled_apart, taken_apart
from fastcheck.checks.groups import Screened, measure
from fastcheck.checks.hunting import Hunt
from fastcheck.checks.opening import opened
from fastcheck.checks.searching import Search
from fastcheck.diagnosis.repeats import repeats
from fastcheck.judge.verdict import Component
from fastcheck.problem import accept as accepting
from fastcheck.problem import choose as choosing
from fastcheck.problem.layout import Layout
from fastcheck.problem.question import ACCEPT, BUDGET, CENTRAL
from fastcheck.problem.selection import Selection
from fastcheck.problem.typed import (
    BoundsOption,
    Cost,
    KwargsOption,
    MethodOption,
    ProgressOption,
    ScaleOption,
    WorkersOption,
)
from fastcheck.results.location import Location
from fastcheck.vectors import Vector


def locate(
    cost: Cost,
    grad: Any,
    theta: Any,
    args: tuple[Any, ...] = (),
    *,
    layout: Layout | None = None,
    scale: ScaleOption = None,
    bounds: BoundsOption = None,
    accept: float = ACCEPT,
    seed: int = 0,
    budget: int = BUDGET,
    workers: WorkersOption = None,
    chunk: int | None = None,
    progress: ProgressOption = None,
    kwargs: KwargsOption = None,
    checkpoint: None = None,
    method: MethodOption = CENTRAL,
) -> Location:
    """Find the components at which a gradient is wrong, from slopes along random directions.

    Parameters are those of `screen`, which comes first; ``budget`` is the number of evaluations of the cost after which the
    search ends with what it knows.
    """
    choosing.no_checkpoint(checkpoint, "locate")
    choosing.only_central(method, "locate")
    question = accepting.question(cost, grad, theta, args, kwargs, layout, scale, bounds)
    options = choosing.options(
        question.layout, question.theta, accept=accept, workers=workers, chunk=chunk, progress=progress, seed=seed,
        budget=budget,
    )  # fmt: skip
    with opened(question, options) as opening:
        rng = np.random.default_rng(options.seed)
        found = _searched(measure(opening, rng, hunting=True), opening.analytic.first, rng, options.budget)
        changing = repeats(opening.analytic.first, opening.analytic.again, None, Selection(question.layout))
        evaluator, single = opening.evaluator, [component.index for component in found.components]
        apart = (
            taken_apart(question, evaluator, single)
            if single or not found.tensors
            else sampled_apart(question, evaluator)
        )
        return replace(found, findings=((changing,) if changing else ()) + apart, evaluations=evaluator.evaluations)


def _searched(measured: Screened, analytic: Vector, rng: np.random.Generator, budget: int) -> Location:
    """The wrong components of a screen that failed; nothing where it did not. ``analytic`` is as it was returned."""
    search = Search(Hunt(measured, measured.analytic.copy(), rng, budget))
    search.everything()
    hunt, layout = search.hunt, measured.layout
    found = [Component.of(i, numeric, float(analytic[i]), layout) for i, numeric in hunt.numeric.items()]
    return Location(
        tuple(sorted(found, key=lambda c: -abs(c.error) if np.isfinite(c.error) else -np.inf)),
        tuple(search.throughout),
        measured.evaluator.evaluations,
        tuple(search.lines),
        tuple(search.unsearched),
    )
