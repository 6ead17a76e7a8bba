"""From slopes along random directions to the verdict on every tensor and on the whole, by the rule; and what would be missed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fastcheck.evaluate.direction import DENSITY
from fastcheck.judge import rule
from fastcheck.judge.outcomes import Outcomes
from fastcheck.judge.verdict import Cause, Judgement, Outcome, Verdict, Witness
from fastcheck.judge.worst import worst_first
from fastcheck.vectors import Flags, Vector, largest


@dataclass(frozen=True, eq=False)
class Slopes:
    """Along each direction, in J per unit of scale: what its ladder says, and the claimed slope.

    ``size`` is ||G|| of the components that it moves, ``sharpest`` the largest entry of G there.
    """

    said: Outcomes
    claimed: Vector
    size: float
    sharpest: float

    @property
    def error(self) -> Vector:
        """|u.e|; inf where nothing is known."""
        with np.errstate(invalid="ignore"):
            return np.where(np.isfinite(self.said.slope), np.abs(self.said.slope - self.claimed), np.inf)

    @property
    def bound(self) -> Vector:
        return np.where(np.isnan(self.said.bound), np.inf, self.said.bound)

    @property
    def refuted(self) -> Flags:
        """Which directions exclude the gradient; what is rounding of the gradient itself is counted by the caller."""
        return np.asarray(self.said.outcome == Outcome.REFUTED)

    def joined(self, other: Slopes) -> Slopes:
        """These directions and more over the same components."""
        claimed = np.concatenate([self.claimed, other.claimed])
        return replace(self, said=Outcomes.joined([self.said, other.said]), claimed=claimed)


@dataclass(frozen=True)
class Estimate:
    """A set of components as its directions show it, in units of scale: the ratio, its 95 % interval, what would be missed."""

    ratio: float
    floor: float
    low: float
    high: float
    guarantee: float
    size: float  # ||G|| + ||S||


def estimate(slopes: Slopes, accept: float) -> Estimate:
    """For m directions with residuals r: ||e||^2 ~ mean r^2, and sum r^2 / ||e||^2 is chi-square with m degrees of freedom.

    An error is missed with P <= product over the directions of DENSITY tolerance / ||e||, where tolerance is what a
    direction lets pass.
    """
    from scipy.special import chdtri  # loaded only here

    known = np.isfinite(slopes.error)
    residual = np.where(known, slopes.said.slope - slopes.claimed, 0.0)
    bound = slopes.bound
    unit = max(largest(slopes.claimed, residual), slopes.size) or 1.0  # so that squares stay in range
    m, length = residual.size, slopes.size / unit
    square = float(np.mean((residual / unit) ** 2))
    inner = float(np.mean(residual / unit * (slopes.claimed / unit)))
    numeric = math.sqrt(max(length**2 + 2 * inner + square, (length - math.sqrt(square)) ** 2))
    below = length + numeric or 1.0
    low, high = (math.sqrt(m * square / chdtri(m, tail)) for tail in rule.TAILS)
    slack = float(bound.max()) / unit if known.all() else math.inf
    passes = np.fmax(rule.CLEAR * bound, max(rule.GREAT, accept) * slopes.size) / unit
    with np.errstate(divide="ignore"):
        typical = math.exp(min(float(np.mean(np.log(passes))), 700.0)) if slack < math.inf else math.inf
    heard = float(np.sqrt(np.mean(np.where(np.isfinite(bound), bound / unit, 0.0) ** 2))) / rule.PASS_MARGIN
    return Estimate(
        ratio=math.sqrt(square) / below,
        floor=heard / below,
        low=max(low - slack, 0.0) / below,
        high=(high + slack) / below,
        guarantee=min(DENSITY * typical * rule.MISSED ** (-1 / m) / below, 1.0),
        size=(length + numeric) * unit,
    )


def judged(slopes: Slopes, top: float, accept: float, accuses: Flags) -> Judgement:
    """The verdict of directions over one set of components; ``top`` is ||G|| of everything.

    ``accuses`` says which of the refuted ones may accuse: where no kinks hide, or where components confirmed it.
    """
    found = estimate(slopes, accept)
    said = [_of_direction(slopes, k, top, accept, bool(accuses[k])) for k in range(slopes.claimed.size)]
    worst = max(said, key=lambda judged: judged[0].severity)
    if worst[0] is Verdict.UNRESOLVED and _agree_together(slopes, accept):
        worst = (Verdict.CORRECT, "the slopes agree together, within what their noise lets one see", Cause.NONE)
    verdict, words, cause = worst
    if verdict is Verdict.CORRECT and not words:
        words = f"every slope agrees within its bound; ratio below {found.high:.1e}"
    return Judgement(found.ratio, found.floor, verdict, words, cause)


def _of_direction(slopes: Slopes, k: int, top: float, accept: float, accuses: bool) -> tuple[Verdict, str, Cause]:
    error, bound, claimed = float(slopes.error[k]), float(slopes.bound[k]), float(slopes.claimed[k])
    slope = float(slopes.said.slope[k])
    size = slopes.size + (abs(slope) if math.isfinite(slope) else 0.0)
    if counts(slopes, top, accept)[k]:
        if not accuses:
            cause = Cause.KINK if (slopes.said.cause == Cause.KINK).any() else Cause.ROUNDING
            return Verdict.UNRESOLVED, f"{cause.words}: a direction disagrees, and no component confirms it", cause
        verdict = Verdict.WRONG if error >= max(rule.WORRY, accept) * size else Verdict.SUSPECT
        sign = ">=" if verdict is Verdict.WRONG else "<"
        return (
            verdict,
            f"refuted: E / (||G|| + S) of a direction = {error / size:.1e} {sign} {max(rule.WORRY, accept):g}",
            Cause.NONE,
        )
    edge, open_ = max(rule.LOOK, accept), max(error, bound)
    bends, cause = bool(slopes.said.bends[k]), Cause(int(slopes.said.cause[k]))
    still = size == 0 and not bends and slopes.said.outcome[k] == Outcome.SUPPORTED
    if (size > 0 and open_ <= edge * size) or (open_ <= rule.OWN_ROUNDING * top and not bends) or still:
        return Verdict.CORRECT, "", Cause.NONE
    if bends and not open_ < abs(claimed) and cause in (Cause.NONE, Cause.NOISE, Cause.ROUNDING):
        cause = Cause.STATIONARY
    share = open_ / size if size else math.inf
    cause = cause if cause is not Cause.NONE else Cause.ROUNDING
    return Verdict.UNRESOLVED, f"{cause.words}: max(E, B) / (||G|| + S) of a direction = {share:.1e} > {edge:g}", cause


def counts(slopes: Slopes, top: float, accept: float) -> Flags:
    """Which directions are refuted by more than the bands allow, and by more than the gradient's own rounding."""
    beyond = slopes.error > np.fmax(max(rule.GREAT, accept) * slopes.size, rule.OWN_ROUNDING * top)
    by_itself = slopes.error > np.fmax(max(rule.GREAT, accept) * slopes.sharpest, rule.OWN_ROUNDING * top)
    return np.asarray(slopes.refuted & (beyond | by_itself))


def accuse_alone(slopes: Slopes, kinks: bool) -> Flags:
    """Which refuted directions need no confirmation: no kink was seen, and the error is far beyond what kinks could hide."""
    return np.asarray((slopes.error > rule.ALONE * slopes.bound) & (not kinks))


def _agree_together(slopes: Slopes, accept: float) -> bool:
    """Where independent directions all support, their errors together bound ||e||: noise of their own only adds to them."""
    if not slopes.size or slopes.claimed.size < rule.ENOUGH or not (slopes.said.outcome == Outcome.SUPPORTED).all():
        return False
    error = slopes.error
    together = float(np.sqrt(np.mean((error / (slopes.size or 1.0)) ** 2)))
    return bool(rule.TOGETHER * together <= max(rule.LOOK, accept) * 2)


def blamed(own: Judgement, witnesses: Sequence[Witness], accept: float) -> Judgement:
    """The judgement on a tensor with what components of it refute by themselves."""
    shares = [abs(w.slope - w.analytic) / (abs(w.slope) + abs(w.analytic)) for w in witnesses]
    edge, most = max(rule.WORRY, accept), max(shares, default=0.0)
    verdict, sign = (Verdict.WRONG, ">=") if most >= edge else (Verdict.SUSPECT, "<")
    if not shares or verdict.severity <= own.verdict.severity:
        return own
    reason = f"refuted: E / (G + S) of a component = {most:.1e} {sign} {edge:g}"
    return replace(own, verdict=verdict, reason=reason, cause=Cause.NONE)


def left_open(own: OfTensor, words: str) -> OfTensor:
    """A tensor with a component that is refuted, ``words``, by less than counts in units of scale."""
    reason = f"{Cause.FAINT.words}: {words}, but small in units of scale"
    judgement = replace(own.judgement, verdict=Verdict.UNRESOLVED, reason=reason, cause=Cause.FAINT)
    return replace(own, judgement=judgement, open_=math.inf)


@dataclass(frozen=True)
class OfTensor:
    """The judgement on one tensor, with what the whole needs of it."""

    name: str
    judgement: Judgement
    open_: float

    @property
    def verdict(self) -> Verdict:
        return self.judgement.verdict

    @property
    def weight(self) -> float:
        return self.judgement.ratio


def as_its_worst(
    whole: Judgement, size: float, tensors: Sequence[OfTensor], accept: float
) -> tuple[Judgement, list[OfTensor]]:
    """The judgement on the whole, as good as its worst tensor, and those on the tensors.

    Where the directions over everything leave open what no tensor's own do, any of the tensors may be what they see.
    """
    if len(tensors) < 2:
        return replace(whole, **_said(tensors[0].judgement)), list(tensors)
    worst = tensors[worst_first(tensors, size, accept)[0]]
    if worst.verdict is Verdict.CORRECT and whole.verdict is Verdict.UNRESOLVED:
        opened = [replace(t, judgement=replace(t.judgement, **_said(whole))) for t in tensors]
        return whole, opened
    if worst.verdict is Verdict.CORRECT:
        return whole, list(tensors)
    told = replace(worst.judgement, reason=f"{worst.name}: {worst.judgement.reason}")
    return replace(whole, **_said(told)), list(tensors)


def _said(judgement: Judgement) -> dict[str, Any]:
    """Verdict, reason and cause."""
    return {"verdict": judgement.verdict, "reason": judgement.reason, "cause": judgement.cause}
