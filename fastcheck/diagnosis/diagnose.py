"""Everything there is to say about a check or a screen, in plain words: what is wrong first, advice last."""

from __future__ import annotations

from collections.abc import Sequence

from fastcheck.diagnosis import advice, numerics
from fastcheck.diagnosis.causes import Case, Means, causes
from fastcheck.diagnosis.constants import Constants
from fastcheck.diagnosis.evidence import Part, parts_of
from fastcheck.diagnosis.finding import Finding
from fastcheck.diagnosis.repeats import repeats
from fastcheck.evaluate.analytic import Analytic, called
from fastcheck.evaluate.evaluator import Evaluator
from fastcheck.judge.measured import Measured
from fastcheck.judge.verdict import Judged, Judgement, TensorReport, Verdict
from fastcheck.measure.pilots import Pilots
from fastcheck.measure.steps import Plan
from fastcheck.problem.brought import brought
from fastcheck.problem.question import Question
from fastcheck.problem.selection import Selection
from fastcheck.words import listed


def findings(
    question: Question,
    evaluator: Evaluator,
    measured: Measured,
    analytic: Analytic,
    judged: Judged,
    pilots: Pilots,
    plan: Plan,
    seconds: float,
    unfit: Finding | None = None,
) -> tuple[Finding, ...]:
    """Everything there is to say about a check; ``analytic`` is at the components looked at, ``unfit`` what the pass said of itself."""
    selection = judged.selection
    parts = parts_of(judged, question.theta)
    constant = numerics.constant(judged.whole, measured.numeric, question.layout)
    changing = repeats(analytic.first, analytic.again, measured.numeric, selection)
    case = _case(question, parts, judged.tensors)
    why: list[Finding] = []
    if case and not constant and not (changing and changing.kind == "random"):
        gradient = (lambda arguments: called(question, arguments)) if callable(question.grad) else None
        echo = {"scale"} if changing else set()  # what accumulates has been called before
        why = [f for f in causes(case, analytic.first, Means(evaluator, plan, gradient)) if f.kind not in echo]
    said = [
        numerics.not_finite("gradient", analytic.first, selection),
        None
        if judged.whole.verdict is Verdict.CORRECT
        else numerics.not_finite("J at theta_i +- eps", measured.numeric, selection),
        constant,
        changing,
        *why,
        *numerics.of_ladders(measured, judged, pilots, plan),
        *_noted(question),
        unfit,
        advice.coarse(analytic),
        *advice.advice(question, evaluator, parts, selection, seconds),
    ]
    return _apt(said, question)


def findings_of_screen(
    question: Question,
    evaluator: Evaluator,
    analytic: Analytic,
    whole: Judgement,
    tensors: Sequence[TensorReport],
    parts: Sequence[Part],
    guarantee: float | None,
    kinked: tuple[str, ...],
) -> tuple[Finding, ...]:
    """Everything there is to say about a screen."""
    everything = Selection(question.layout)
    case = _case(question, parts, tensors)
    changing = repeats(analytic.first, analytic.again, None, everything)
    said = [
        numerics.not_finite("gradient", analytic.first, everything),
        changing,
        *(causes(case, analytic.first) if case and not (changing and changing.kind == "random") else []),
        Finding("kink", kinked, f"theta sits on a kink (ReLU, max, abs) of {listed(kinked)}: slopes between those of its two sides were taken for right.")
        if kinked
        else None,
        numerics.at_bounds(evaluator, everything, question.units),
        numerics.open_of_screen(whole),
        Finding("locate", (), "which components are wrong: fastcheck.locate, or fastcheck screen --locate.")
        if whole.verdict.accuses
        else numerics.guaranteed(guarantee),
        *_noted(question),
        advice.symmetric(question),
        advice.narrow(question),
        advice.coarse(analytic),
        advice.one_thread(evaluator),
        advice.slow(evaluator),
    ]  # fmt: skip
    return _apt(said, question)


def _apt(said: Sequence[Finding | None], question: Question) -> tuple[Finding, ...]:
    """What there is, without advice that does not apply to how the cost was made."""
    mute = brought(question.cost).mute
    return tuple(finding for finding in said if finding and finding.kind not in mute)


def _noted(question: Question) -> list[Finding]:
    """What is to be said of how cost and gradient were made."""
    return [Finding(note.kind, (), note.message) for note in question.notes]


def _case(question: Question, parts: Sequence[Part], tensors: Sequence[TensorReport]) -> Case | None:
    """The tensors to be explained, those that are not right; None if all are."""
    verdicts = {t.name: t.verdict for t in tensors}
    wrong = tuple(part for part in parts if verdicts[part.tensor.name].accuses and part.wrong.any())
    if not wrong:
        return None
    right = frozenset(name for name, verdict in verdicts.items() if verdict is Verdict.CORRECT)
    constants = Constants.of(question.arguments, question.layout)
    return Case(question.layout, tuple(parts), wrong, right, constants, question.layout.unpack(question.theta))
