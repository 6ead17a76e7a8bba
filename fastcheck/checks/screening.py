"""A verdict in a few dozen evaluations at any n: slopes along random directions, in units of scale, against the gradient's.

Directions over everything test all tensors at once; directions on one tensor are more precise there, by the square root
of its share, and tell which tensor it is. A direction that disagrees is confirmed along components before it accuses,
unless no kink can hide in it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fastcheck.checks.confirming import Confirmed, confirm
from fastcheck.checks.faint import faint
from fastcheck.checks.groups import Group, Screened, measure
from fastcheck.checks.opening import Opening, opened
from fastcheck.diagnosis.diagnose import findings_of_screen
from fastcheck.diagnosis.evidence import Part
from fastcheck.judge import rule
from fastcheck.judge.ratios import if_repeatable
from fastcheck.judge.screening import Estimate, OfTensor, as_its_worst, blamed, estimate, judged, left_open
from fastcheck.judge.verdict import Cause, Judgement, TensorReport, Verdict, Witness
from fastcheck.problem import accept as accepting
from fastcheck.problem import choose as choosing
from fastcheck.problem.layout import Layout, Tensor
from fastcheck.problem.question import ACCEPT, CENTRAL
from fastcheck.problem.typed import (
    BoundsOption,
    Cost,
    KwargsOption,
    MethodOption,
    ProgressOption,
    ScaleOption,
    WorkersOption,
)
from fastcheck.results.report import Report
from fastcheck.vectors import Flags, Vector, first_not_finite, norm


def screen(
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
    workers: WorkersOption = None,
    chunk: int | None = None,
    progress: ProgressOption = None,
    kwargs: KwargsOption = None,
    checkpoint: None = None,
    method: MethodOption = CENTRAL,
) -> Report:
    """Check a gradient along random directions: a few dozen evaluations of the cost, however many components.

    Parameters are those of `check`; ``seed`` draws the directions, in units of ``scale``.

    Returns
    -------
    Report
        ``ratio``, in units of scale, is an estimate with the 95 % interval ``ratio_low`` to ``ratio_high``;
        ``guarantee`` is the smallest ratio that would have been missed with a probability below 1e-9; None where
        theta lies on its bounds, as directions have no free signs there. ``numeric`` is None: no component was looked at
        by itself; `locate` names those that are wrong.
    """
    choosing.no_checkpoint(checkpoint, "screen")
    choosing.only_central(method, "screen")
    question = accepting.question(cost, grad, theta, args, kwargs, layout, scale, bounds)
    options = choosing.options(
        question.layout, question.theta, accept=accept, workers=workers, chunk=chunk, progress=progress, seed=seed
    )
    with opened(question, options) as opening:
        begin = time.perf_counter()
        rng = np.random.default_rng(options.seed)
        return _report(measure(opening, rng), opening, rng, begin)


def _as_returned(witnesses: tuple[Witness, ...], analytic: Vector) -> tuple[Witness, ...]:
    """Slopes were compared with 0 where the gradient is not finite."""
    return tuple(w if w.index is None else replace(w, analytic=float(analytic[w.index])) for w in witnesses)


def _report(measured: Screened, opening: Opening, rng: np.random.Generator, begin: float) -> Report:
    question, evaluator, analytic = opening.question, opening.evaluator, opening.analytic.first
    layout, accept = question.layout, measured.accept
    found = estimate(measured.whole.slopes, accept)
    estimates = {k: estimate(group.slopes, accept) for k, group in measured.tensors.items()}
    accused = _accused(measured)
    together = judged(measured.whole.slopes, measured.top, accept, accused.whole)
    parts = _judged(measured, accused, analytic)
    told, parts = as_its_worst(together, found.size, parts, accept)
    if told.verdict is Verdict.CORRECT and (words := faint(measured, rng)):
        parts = [
            left_open(part, words[k]) if k in words else part for k, part in zip(measured.tensors, parts, strict=True)
        ]
        told, parts = as_its_worst(together, found.size, parts, accept)
    seconds = time.perf_counter() - begin
    judgements = {k: part.judgement for k, part in zip(measured.tensors, parts, strict=True)}
    tensors = tuple(
        _tensor_report(tensor, analytic[tensor.slice], judgements.get(k), estimates.get(k))
        for k, tensor in enumerate(layout.tensors)
    )
    guarantee = None if measured.sides.any() else found.guarantee  # it needs signs that are drawn
    told = if_repeatable(told, analytic, opening.analytic.again)
    said = findings_of_screen(
        question, evaluator, opening.analytic, told, tensors, [_part(measured, k) for k in measured.tensors],
        guarantee, _kinked(measured),
    )  # fmt: skip
    return Report(
        ratio=found.ratio,
        floor=found.floor,
        verdict=told.verdict,
        reason=told.reason,
        numeric=None,
        analytic=analytic,
        witnesses=_as_returned(accused.witnesses, analytic) if told.verdict.accuses else (),
        agreement=found.ratio,
        components=None,
        layout=layout,
        tensors=tensors,
        findings=said,
        eps=float(np.ldexp(1.0, measured.guide.level)),
        evaluations=evaluator.evaluations,
        seconds=seconds,
        noise=measured.guide.noise,
        workers=evaluator.n_workers,
        compiled=evaluator.source.compiled,
        ratio_low=found.low,
        ratio_high=found.high,
        guarantee=guarantee,
    )


@dataclass(frozen=True, eq=False)
class _Accused:
    """Which directions accuse, by tensor and over everything, and who says so."""

    tensors: Mapping[int, Flags]
    whole: Flags
    witnesses: tuple[Witness, ...]

    def of(self, layout: Layout, k: int) -> list[Witness]:
        """The components of one tensor that do."""
        own = layout.tensors[k].slice
        return [w for w in self.witnesses if w.index is not None and own.start <= w.index < own.stop]


def _accused(measured: Screened) -> _Accused:
    layout, left = measured.layout, [rule.CONFIRMED]
    own = {k: confirm(measured, group, left, layout.tensors[k].name) for k, group in measured.tensors.items()}
    accused = any(c.accuses.any() for c in own.values())
    whole = Confirmed(measured.failed(measured.whole) & accused, ())
    if len(own) > 1 and not accused:
        whole = confirm(measured, measured.whole, left)
    witnesses = tuple(w for c in (*own.values(), whole) for w in c.witnesses)
    return _Accused({k: c.accuses for k, c in own.items()}, whole.accuses, witnesses)


def _judged(measured: Screened, accused: _Accused, analytic: Vector) -> list[OfTensor]:
    """The judgement on each tensor that was measured."""
    layout, top, accept = measured.layout, measured.top, measured.accept
    parts = []
    for k, group in measured.tensors.items():
        own = blamed(judged(group.slopes, top, accept, accused.tensors[k]), accused.of(layout, k), accept)
        if first_not_finite(analytic[layout.tensors[k].slice]) is not None:
            own = replace(own, verdict=Verdict.WRONG, reason="the gradient is nan or inf", cause=Cause.NONE)
        parts.append(OfTensor(layout.tensors[k].name, own, _open(group)))
    return parts


def _open(group: Group) -> float:
    """What is open along a tensor's directions."""
    return float(np.fmax(group.slopes.error, group.slopes.bound).max())


def _tensor_report(
    tensor: Tensor, analytic: Vector, judgement: Judgement | None, found: Estimate | None
) -> TensorReport:
    if judgement is None or found is None:
        return TensorReport(tensor.name, tensor.shape, 0.0, 0.0, Verdict.CORRECT, "no components", None, 0)
    return TensorReport(
        tensor.name, tensor.shape, judgement.ratio, judgement.floor, judgement.verdict, judgement.reason, None,
        tensor.size, found.low, found.high,
    )  # fmt: skip


def _part(measured: Screened, k: int) -> Part:
    """What the directions on one tensor show, for the diagnosis."""
    group, tensor, units = measured.tensors[k], measured.layout.tensors[k], measured.units
    own = tensor.slice

    def sees(vector: Vector) -> Vector:
        joined = np.empty_like(measured.analytic)
        joined[own] = vector
        return np.array([u.dot(joined, units) for u in group.directions])

    slopes = group.slopes
    theta, analytic = measured.evaluator.theta[own], measured.analytic[own]
    bound = np.where(np.isfinite(slopes.bound), slopes.bound, np.inf)
    slack = np.fmax(rule.CLEAR * bound, rule.GREAT * slopes.size)
    sigma = float(bound.max()) / rule.PASS_MARGIN
    return Part(
        tensor,
        theta,
        analytic,
        slopes.said.slope,
        slack,
        norm(slack),
        sigma,
        slopes.refuted,
        None,
        sees,
        rule.CLEAR * bound,
    )


def _kinked(measured: Screened) -> tuple[str, ...]:
    """The tensors along whose directions theta sits on a kink."""
    return tuple(measured.layout.tensors[k].name for k, group in measured.tensors.items() if group.kinks.any())
