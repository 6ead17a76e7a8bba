"""How every check begins and ends: the cost vetted, the gradient called twice, and at the end the arguments as they were."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from fastcheck.errors import InputError
from fastcheck.evaluate.analytic import Analytic, analytic_of
from fastcheck.evaluate.checkpoint import Keeping, Store
from fastcheck.evaluate.compiling import NotCompiled
from fastcheck.evaluate.evaluator import Evaluator
from fastcheck.evaluate.fingerprint import digest
from fastcheck.evaluate.forms import Unfit
from fastcheck.evaluate.progress import Progress, progress_of
from fastcheck.evaluate.source import source_of
from fastcheck.evaluate.workers import workers_of
from fastcheck.judge.ratios import asked_of
from fastcheck.problem.accept import taken
from fastcheck.problem.question import COMPLEX, Options, Question


@dataclass(frozen=True, eq=False)
class Opening:
    """A question that can be looked at: J near theta, and the gradient that is to be judged."""

    question: Question
    options: Options
    evaluator: Evaluator
    progress: Progress
    analytic: Analytic


def opening_of(question: Question, options: Options, evaluator: Evaluator, progress: Progress) -> Opening:
    """With the gradient; of one in float32, no more is asked than its own numbers can tell."""
    analytic = analytic_of(question)
    accept = max(options.accept, asked_of(analytic.precision))
    return Opening(question, replace(options, accept=accept), evaluator, progress, analytic)


@contextmanager
def opened(question: Question, options: Options) -> Iterator[Opening]:
    """The opening of a check; what the cost did to its arguments is found out when the check is done."""
    question = taken(question)
    with working(question, options) as evaluator:
        yield opening_of(question, options, evaluator, progress_of(options.progress))


@contextmanager
def working(question: Question, options: Options) -> Iterator[Evaluator]:
    """J near theta, whose workers end here; only then is it found out what the cost did to its arguments."""
    question = taken(question)
    evaluator = vetted(question, options)
    try:
        yield evaluator
    finally:
        evaluator.workers.let_go()
    evaluator.require_unchanged(question.arguments)


def vetted(question: Question, options: Options) -> Evaluator:
    """J near theta, compiled and vetted."""
    source = source_of(question.cost, question.arguments.private(), question.paired)
    workers = workers_of(options.workers, options.chunk, question.arguments)
    if options.checkpoint is not None:
        workers = Keeping(workers, Store(options.checkpoint, _asked(question, options)))
    try:
        evaluator = Evaluator(source, question.theta, question.layout, workers, question.domain)
        evaluator.vetted(question.arguments)
        if options.method == COMPLEX:
            with suppress(Unfit):  # said where derivatives are taken; here it is compiled before it is timed
                source.at_complex().kernel  # noqa: B018
        return evaluator
    except BaseException as error:
        workers.let_go()
        if isinstance(error, NotCompiled) and question.at.structure is not None:
            raise InputError(
                f"an njit cost must take theta as one vector, got a {type(question.at.structure.template).__name__}: "
                f"join it with fastcheck.pack and unpack theta inside with layout.jit_unpack() ({error})"
            ) from error
        raise


def _asked(question: Question, options: Options) -> dict[str, str]:
    """What a checkpoint is of, in digests; what evaluates J and what judges it is left open."""
    domain, layout = question.domain, question.layout
    parts = {
        "theta": question.theta,
        "layout": [(tensor.name, tensor.shape) for tensor in layout.tensors],
        "components": options.selection.indices,
        "eps": options.eps,
        "method": options.method,
        "scale": question.scale,
        "bounds": None if domain is None else (domain.low, domain.high),
        "args": (question.arguments.args, dict(question.arguments.kwargs)),
        "cost": question.cost,
    }
    size = options.selection.size
    return {name: digest(value) for name, value in parts.items()} | {"number of components": f"{size:,}"}
