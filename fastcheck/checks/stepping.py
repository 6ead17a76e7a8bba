"""The pass of a full check, which takes the complex step where that is asked for and J is fit for it, else differences.

A J that is not analytic, or whose code drops an imaginary part, gives a wrong derivative without a sign of it. So the
derivatives are compared with ladders of J at real theta: at the pilots before the pass, along a direction through each tensor after it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fastcheck.checks.opening import Opening
from fastcheck.checks.passing import pass_of, plan_of
from fastcheck.checks.settling import doubted, settled
from fastcheck.diagnosis.finding import Finding
from fastcheck.errors import first_line, of_the_cost
from fastcheck.evaluate.evaluator import Evaluator
from fastcheck.evaluate.forms import Unfit
from fastcheck.judge import rule
from fastcheck.judge.outcomes import Outcomes
from fastcheck.judge.verdict import Outcome
from fastcheck.measure.imaginary import at_several_steps
from fastcheck.measure.lines import JointLines
from fastcheck.measure.pilots import Pilots, piloted, piloted_by_one
from fastcheck.measure.steps import Plan
from fastcheck.problem.question import Steps
from fastcheck.problem.selection import Selection
from fastcheck.vectors import Array, Indices, Vector, largest

_LEAST, _MOST = 0.5, 1.5  # of its unit, that each component is moved along a direction: errors do not cancel
_PARTS = 1024  # in such parts of it, so that theta takes the moves without rounding them


@dataclass(frozen=True, eq=False)
class Way:
    """How the pass is taken, the pilots that it is compared with, and what was seen where it is not the way asked for."""

    plan: Plan
    pilots: Pilots
    unfit: Finding | None = None


def way_of(opening: Opening, asked: Steps | str | Plan | None) -> Way:
    """The way of the pass, as the pilots tell; ``asked`` are the caller's steps, or such as were chosen before."""
    evaluator, selection, units = opening.evaluator, opening.options.selection, opening.question.units
    plan, pilots = plan_of(evaluator, selection, units, asked, opening.options.method)
    if not plan.imaginary:
        return Way(plan, pilots or piloted(evaluator, selection, units))
    try:
        evaluator.imaginary  # noqa: B018 (before ladders are spent on it)
        pilots = piloted_by_one(evaluator, selection, units)
        unfit = _unfit_at(pilots, plan)
    except Exception as error:
        return _by_differences(opening, _raised(error))
    return Way(plan, pilots) if unfit is None else _by_differences(opening, unfit)


def passed_if_fit(opening: Opening, way: Way, numeric: Vector) -> Way:
    """The pass, into ``numeric`` (k,); the way that it took in the end."""
    unfit = _unfit_all_along(opening, way, numeric) if way.plan.imaginary else None
    if way.plan.imaginary and unfit is None:
        return way
    if unfit is not None:
        way = _by_differences(opening, unfit)
        numeric.fill(np.nan)
    pass_of(opening.evaluator, opening.options.selection, way.plan, opening.progress, numeric)
    return way


def _by_differences(opening: Opening, unfit: Finding) -> Way:
    """That of a check without a method, step by step."""
    plan, pilots = plan_of(opening.evaluator, opening.options.selection, opening.question.units, None)
    assert pilots is not None
    return Way(plan, pilots, unfit)


def _unfit_at(pilots: Pilots, plan: Plan) -> Finding | None:
    """What is seen at the pilots of a J that is not fit for complex steps; the cost may raise anything there."""
    some = Selection(pilots.selection.layout, pilots.lines.indices)
    slopes = at_several_steps(pilots.lines.evaluator, some, plan.of(pilots.positions))
    return _refuted(pilots, slopes[:, 0]) or _apart(pilots, some, slopes)


def _unfit_all_along(opening: Opening, way: Way, numeric: Vector) -> Finding | None:
    """The pass by complex steps, or what is seen of a J that is not fit for them."""
    evaluator, selection = opening.evaluator, opening.options.selection
    try:
        pass_of(evaluator, selection, way.plan, opening.progress, numeric)
    except Exception as error:
        return _raised(error)
    evaluator.rest()
    return _along_directions(evaluator, selection, numeric, opening.question.units)


def _raised(error: Exception) -> Finding:
    """The cost may raise anything at complex theta, and if it does at real theta it will once more; what others raise passes."""
    if isinstance(error, Unfit):
        return _said(f"at complex theta it gives {error.seen}")
    if not of_the_cost(error):
        raise error
    return _said(f"at complex theta it raises {type(error).__name__}: {first_line(error)}")


def _said(seen: str, tensors: tuple[str, ...] = ()) -> Finding:
    return Finding(
        "complex", tensors, f"J is not fit for a complex step: {seen}; two-sided differences were taken instead."
    )


def _apart(pilots: Pilots, some: Selection, slopes: Array) -> Finding | None:
    """The pilot at which other steps differ most from the usual one, if by more than rounding of J."""
    rounding = rule.JUST_SEEN * np.spacing(abs(pilots.lines.evaluator.value)) / pilots.lines.units
    with np.errstate(invalid="ignore", over="ignore"):
        differ = np.maximum(np.abs(slopes - slopes[:, :1]) - rounding[:, None], 0.0)
    differ[~np.isfinite(slopes).all(axis=1)] = np.inf
    k = int(np.argmax(differ.max(axis=1)))
    if differ[k].max() <= rule.OTHER_STEPS * largest(slopes):
        return None
    tensors, name = some.named(np.array([k]))
    one, other = slopes[k, 0], slopes[k, np.argmax(differ[k])]
    told = f"at {name} it gives {one:.9g} at one imaginary step and {other:.9g} at another (less than double precision inside?)"
    return _said(told if np.isfinite(one) else f"at {name} it gives {one}", tensors)


def _refuted(pilots: Pilots, slopes: Vector) -> Finding | None:
    """The pilot whose ladder most excludes its derivative, if any does."""
    units = pilots.lines.units
    with np.errstate(over="ignore", invalid="ignore"):
        claimed = slopes * units
    said = doubted(pilots.lines, pilots.table, claimed).said
    k = _worst(said, claimed)
    if k is None:
        return None
    tensors, name = pilots.selection.named(pilots.positions[[k]])
    slope, bound = said.slope[k] / units[k], said.bound[k] / units[k]
    return _said(f"at {name} it gives {slopes[k]:.9g}, its ladder {slope:.9g} +- {bound:.1e}", tensors)


def _along_directions(evaluator: Evaluator, selection: Selection, numeric: Vector, units: Vector) -> Finding | None:
    """A tensor of whose derivatives the sum along a direction is not that of J, if there is one."""
    lost = np.flatnonzero(~np.isfinite(numeric))
    if lost.size:
        tensors, names = selection.named(lost)
        return _said(f"it gives nan or inf at {names}", tensors)
    spans = [np.arange(span.start, span.stop) for span in selection.spans if span.stop > span.start]
    weights = list(_weights(selection, spans, units))
    with np.errstate(over="ignore", invalid="ignore"):
        claimed = np.array([numeric[at] @ own for at, own in zip(spans, weights, strict=True)])
    lines = JointLines(evaluator, tuple(selection.at(at) for at in spans), tuple(weights))
    said = settled(lines, claimed).said
    k = _worst(said, claimed)
    if k is None:
        return None
    tensors, _ = selection.named(spans[k][:1])
    told = f"along a random direction of {tensors[0]} it gives {claimed[k]:.9g}, its ladder {said.slope[k]:.9g} +- {said.bound[k]:.1e}"
    return _said(told, tensors)


def _weights(selection: Selection, spans: list[Indices], units: Vector) -> Iterator[Vector]:
    """How far each component of a tensor is moved."""
    rng = np.random.default_rng(2)
    for at in spans:
        drawn = np.round(rng.uniform(_LEAST, _MOST, at.size) * _PARTS) / _PARTS
        yield units[selection.at(at)] * drawn


def _worst(said: Outcomes, claimed: Vector) -> int | None:
    """The line that is most refuted."""
    refuted = said.outcome == Outcome.REFUTED
    if not refuted.any():
        return None
    with np.errstate(invalid="ignore", over="ignore"):
        return int(np.argmax(np.where(refuted, np.abs(said.slope - claimed), -np.inf)))
