"""Everything there is to say about a check or a screen, in plain words: what is wrong first, advice last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fastcheck.compare import Judgement, TensorReport, Verdict
from fastcheck.cost import Cost
from fastcheck.diagnosis import advice, numerics
from fastcheck.diagnosis.causes import Case, Means, causes
from fastcheck.diagnosis.constants import Constants
from fastcheck.diagnosis.evidence import Part, parts_of
from fastcheck.diagnosis.examples import Gradient
from fastcheck.diagnosis.finding import Finding
from fastcheck.diagnosis.repeats import repeats
from fastcheck.inputs import Point
from fastcheck.layout import Vector
from fastcheck.noise import Noise
from fastcheck.recheck import Look, Second


@dataclass(frozen=True)
class Checked:
    """What a check measured and judged.

    If the gradient is a function, ``gradient`` gives it for other args, and ``again`` is what a second call returned, if
    that was something else.
    """

    point: Point
    look: Look
    numeric: Vector
    analytic: Vector
    again: Vector | None
    gradient: Gradient | None
    noise: Noise
    second: Second
    whole: Judgement
    tensors: tuple[TensorReport, ...]
    seconds: float


def findings(checked: Checked) -> tuple[tuple[Finding, ...], int]:
    """Everything there is to say about a check, and the evaluations that it took to find out."""
    c, look = checked, checked.look
    parts = parts_of(look, c.numeric, c.analytic, c.noise, c.second)
    constant = numerics.constant(c.whole, c.numeric, look.layout)
    changing = repeats(c.analytic, c.again, c.numeric, look.layout, look.components)
    case = _case(c.point, look.cost, parts, c.tensors)
    why, spent = [], 0
    random = changing is not None and changing.kind == "random"
    if case and not constant and not random:
        why, spent = causes(case, c.analytic, Means(look, c.noise.overall, c.gradient))
    said = [
        numerics.not_finite("gradient", c.analytic, look.components, look.layout),
        numerics.not_finite("J at theta_i +- eps", c.numeric, look.components, look.layout),
        constant,
        changing,
        *why,
        *numerics.of_step(look, c.second, c.whole, c.tensors),
        *advice.advice(c.point, look.cost, parts, look.components, c.seconds),
    ]
    return tuple(finding for finding in said if finding), spent


def findings_of_screen(
    point: Point, cost: Cost, analytic: Vector, whole: Judgement, tensors: Sequence[TensorReport],
    parts: Sequence[Part], guarantee: float, kinked: tuple[str, ...],
) -> tuple[Finding, ...]:  # fmt: skip
    """Everything there is to say about a screen."""
    case = _case(point, cost, parts, tensors)
    wrong = whole.verdict in (Verdict.WRONG, Verdict.SUSPECT)
    said = [
        numerics.not_finite("gradient", analytic, None, point.layout),
        *(causes(case, analytic)[0] if case else []),
        Finding("kink", kinked, f"theta sits on a kink (ReLU, max, abs) of {', '.join(kinked)}: slopes between those of its two sides were taken for right.")
        if kinked
        else None,
        Finding("rounding", (), "rounding in J, or its bends, leave the slopes too uncertain: check in full, or at another theta.")
        if whole.verdict is Verdict.UNRESOLVED
        else None,
        Finding("locate", (), "which components are wrong: fastcheck.locate, or fastcheck screen --locate.")
        if wrong
        else Finding("guarantee", (), f"along random directions, an error with a ratio of {guarantee:.1e} or more passes with a probability below 1e-9; a smaller one may pass."),
        advice.symmetric(point),
        advice.narrow(point),
        advice.slow(cost),
    ]  # fmt: skip
    return tuple(finding for finding in said if finding)


def _case(point: Point, cost: Cost, parts: Sequence[Part], tensors: Sequence[TensorReport]) -> Case | None:
    """The tensors to be explained, those that are not right; None if all are."""
    verdicts = {t.name: t.verdict for t in tensors}
    wrong = tuple(
        part for part in parts if verdicts[part.tensor.name] in (Verdict.WRONG, Verdict.SUSPECT) and part.observed.size
    )
    if not wrong:
        return None
    right = frozenset(name for name, verdict in verdicts.items() if verdict is Verdict.CORRECT)
    constants = Constants.of(cost.args, point.layout)
    return Case(point.layout, tuple(parts), wrong, right, constants, point.layout.unpack(point.theta))
