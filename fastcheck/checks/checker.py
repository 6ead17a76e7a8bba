"""A cost compiled and vetted once, to be checked in a loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from fastcheck.checks.full import passed, report_of, step_of
from fastcheck.checks.opening import Opening, vetted
from fastcheck.evaluate.analytic import analytic_of
from fastcheck.evaluate.evaluator import Evaluator
from fastcheck.evaluate.progress import progress_of
from fastcheck.problem import accept
from fastcheck.problem.layout import Layout
from fastcheck.problem.question import EPS, Question
from fastcheck.results.report import Report
from fastcheck.vectors import Vector


class Checker:
    """A cost compiled and vetted once, to be checked in a loop: ``check(theta, grad)`` and ``gradient(theta)``.

    Parameters are those of `check`. Arrays in ``args`` may change their values between calls. Nothing is held between
    calls, no thread and no lock, and any number of threads may call at once.
    """

    def __init__(
        self,
        cost: Callable[..., Any],
        theta: Any,
        args: tuple[Any, ...] = (),
        *,
        layout: Layout | None = None,
        eps: float | str = EPS,
        workers: int | None = None,
        chunk: int | None = None,
        progress: bool | Callable[[int, int], None] | None = None,
        kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        self._question = accept.unclaimed(cost, theta, args, kwargs, layout)
        self._options = accept.options(
            self._question.layout, self._question.theta, eps=eps, workers=workers, chunk=chunk, progress=progress
        )
        self._progress = progress_of(self._options.progress)
        evaluator = vetted(self._question, self._options)
        self._eps = step_of(self._options, evaluator)
        self._source, self._threads, self._seconds = evaluator.source, evaluator.threads, evaluator.seconds

    def __enter__(self) -> Checker:
        return self

    def __exit__(self, *exception: object) -> None:
        """Nothing to release."""

    def gradient(self, theta: Any, components: Any = None, tensors: Any = None) -> Vector:
        """The numeric gradient at ``theta``, shape (n,), or at ``components``, in the order asked for."""
        question = self._at(theta)
        selection = accept.selection(components, tensors, question.layout)
        evaluator = self._evaluator(question)
        numeric = passed(evaluator, selection, self._eps, self._progress)
        evaluator.require_unchanged(question.arguments)
        return numeric

    def check(self, theta: Any, grad: Any, components: Any = None, tensors: Any = None) -> Report:
        """Compare ``grad`` (an array, a dict or a function) with the differences of the cost at ``theta``."""
        question = self._at(theta)
        question = replace(question, grad=accept.gradient(grad, question.layout, question.cost))
        selection = accept.selection(components, tensors, question.layout).sorted()
        evaluator = self._evaluator(question).at_theta()
        options = replace(self._options, selection=selection)
        opening = Opening(question, options, evaluator, self._progress, analytic_of(question))
        report = report_of(opening, self._eps)
        evaluator.require_unchanged(question.arguments)
        return report

    def _at(self, theta: Any) -> Question:
        asked = self._question
        vector, layout, narrow = accept.point(theta, asked.layout)
        accept.step(self._eps, vector, layout)
        return Question(asked.cost, None, vector, layout, asked.arguments, narrow=narrow)

    def _evaluator(self, question: Question) -> Evaluator:
        """J near theta, not vetted again, with the values that the arguments have now."""
        source = self._source.of(question.arguments.private())
        evaluator = Evaluator(source, question.theta, question.layout, self._threads)
        evaluator.seconds = self._seconds
        return evaluator
