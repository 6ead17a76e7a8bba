"""A cost compiled and vetted once, to be checked in a loop."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fastcheck.checks.announcing import POINTS, announce
from fastcheck.checks.full import report_of
from fastcheck.checks.opening import opening_of, vetted
from fastcheck.checks.passing import pass_of, plan_of
from fastcheck.evaluate.evaluator import Evaluator
from fastcheck.evaluate.progress import progress_of
from fastcheck.problem import accept as accepting
from fastcheck.problem import choose as choosing
from fastcheck.problem.layout import Layout
from fastcheck.problem.point import point
from fastcheck.problem.question import ACCEPT, CENTRAL, Question
from fastcheck.problem.typed import (
    BoundsOption,
    ComponentsOption,
    Cost,
    EpsOption,
    KwargsOption,
    MethodOption,
    ProgressOption,
    ScaleOption,
    TensorsOption,
    WorkersOption,
)
from fastcheck.results.report import Report
from fastcheck.vectors import Vector


class Checker:
    """A cost compiled and vetted once, to be checked in a loop: ``check(theta, grad)`` and ``gradient(theta)``.

    Parameters are those of `check`, ``method`` too; steps that are not given are chosen once, here. Arrays in ``args`` may change their values between calls. Nothing is held between
    calls but threads, or processes of its own, that wait, which end with the Checker or its ``with`` block; any number of threads may call at once.
    """

    def __init__(
        self,
        cost: Cost,
        theta: Any,
        args: tuple[Any, ...] = (),
        *,
        layout: Layout | None = None,
        eps: EpsOption = None,
        scale: ScaleOption = None,
        bounds: BoundsOption = None,
        accept: float = ACCEPT,
        workers: WorkersOption = None,
        chunk: int | None = None,
        progress: ProgressOption = None,
        kwargs: KwargsOption = None,
        checkpoint: None = None,
        method: MethodOption = CENTRAL,
    ) -> None:
        choosing.no_checkpoint(checkpoint, "Checker")
        self._question = accepting.unclaimed(cost, theta, args, kwargs, layout, scale, bounds)
        self._options = choosing.options(
            self._question.layout,
            self._question.theta,
            eps=eps,
            method=method,
            accept=accept,
            workers=workers,
            chunk=chunk,
            progress=progress,
        )
        self._progress = progress_of(self._options.progress)
        self._question = accepting.taken(self._question)
        evaluator = vetted(self._question, self._options)
        options = self._options
        self._plan, _ = plan_of(evaluator, options.selection, self._question.units, options.eps, options.method)
        self._source, self._workers, self._seconds = evaluator.source, evaluator.workers, evaluator.seconds

    def __enter__(self) -> Checker:
        return self

    def __exit__(self, *exception: object) -> None:
        """End the threads or processes that wait; a later call starts new ones."""
        self._workers.let_go()

    def gradient(self, theta: Any, components: ComponentsOption = None, tensors: TensorsOption = None) -> Vector:
        """The numeric gradient at ``theta``, shape (n,), or at ``components``, in the order asked for."""
        question = self._at(theta)
        selection = choosing.selection(components, tensors, question.layout)
        evaluator = self._evaluator(question)
        ordered = selection.sorted()
        announce(evaluator, ordered, POINTS[self._options.method], self._progress)
        plan, _ = plan_of(evaluator, ordered, question.units, self._plan, self._options.method)
        numeric = pass_of(evaluator, ordered, plan, self._progress)
        evaluator.require_unchanged(question.arguments)
        return selection.from_sorted(numeric)

    def check(
        self, theta: Any, grad: Any, components: ComponentsOption = None, tensors: TensorsOption = None
    ) -> Report:
        """Compare ``grad`` (an array, a dict or a function) with the differences of the cost at ``theta``."""
        question = self._at(theta)
        question = accepting.taken(replace(question, grad=accepting.gradient(grad, question)))
        selection = choosing.selection(components, tensors, question.layout).sorted()
        evaluator = self._evaluator(question).at_theta()
        options = replace(self._options, selection=selection)
        opening = opening_of(question, options, evaluator, self._progress)
        report = report_of(opening, self._plan)
        evaluator.require_unchanged(question.arguments)
        return report

    def _at(self, theta: Any) -> Question:
        asked = self._question
        at = point(theta, asked.layout)
        if not self._plan.imaginary:
            choosing.step(self._plan.steps, at.theta, at.layout)
        domain = asked.domain and asked.domain.holding(at.theta, at.layout)
        return replace(asked, at=at, domain=domain)

    def _evaluator(self, question: Question) -> Evaluator:
        """J near theta, not vetted again, with the values that the arguments have now."""
        source = self._source.of(question.arguments.private())
        evaluator = Evaluator(source, question.theta, question.layout, self._workers, question.domain)
        evaluator.seconds = self._seconds
        return evaluator
