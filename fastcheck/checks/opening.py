"""How every check begins and ends: the cost vetted, the gradient called twice, and at the end the arguments as they were."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from fastcheck.evaluate.analytic import Analytic, analytic_of
from fastcheck.evaluate.evaluator import Evaluator
from fastcheck.evaluate.progress import Progress, progress_of
from fastcheck.evaluate.source import Source
from fastcheck.evaluate.workers import Threads
from fastcheck.problem.question import Options, Question


@dataclass(frozen=True, eq=False)
class Opening:
    """A question that can be looked at: J near theta, and the gradient that is to be judged."""

    question: Question
    options: Options
    evaluator: Evaluator
    analytic: Analytic

    @property
    def progress(self) -> Progress:
        return progress_of(self.options.progress)


@contextmanager
def opened(question: Question, options: Options) -> Iterator[Opening]:
    """The opening of a check; what the cost did to its arguments is found out when the check is done."""
    evaluator = vetted(question, options)
    with closing(question, evaluator):
        yield Opening(question, options, evaluator, analytic_of(question))


def vetted(question: Question, options: Options) -> Evaluator:
    """J near theta, compiled and vetted."""
    source = Source(question.cost, question.arguments.private(), question.paired)
    threads = Threads(options.workers, options.chunk)
    return Evaluator(source, question.theta, question.layout, threads).vetted(question.arguments)


@contextmanager
def closing(question: Question, evaluator: Evaluator) -> Iterator[None]:
    """Refuse, at the very end, a cost that wrote into its arguments."""
    yield
    evaluator.source.arguments.require_unchanged(question.arguments, "cost")
