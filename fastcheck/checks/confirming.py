"""Directions that disagree, followed down to components: their ladders accuse, or nobody does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fastcheck.checks.groups import Group, Screened, claims_along
from fastcheck.checks.settling import confirmed, settled
from fastcheck.evaluate.direction import matched
from fastcheck.judge import rule
from fastcheck.judge.screening import accuse_alone
from fastcheck.judge.verdict import Outcome, Witness
from fastcheck.measure.lines import ComponentLines, DirectionLines
from fastcheck.vectors import Flags, Indices, Vector, largest

_CANDIDATES = 4  # components that the slopes point at, looked at by themselves
_FEW = 8  # components to which a direction is followed down


@dataclass(frozen=True, eq=False)
class Confirmed:
    """Which of a group's refuted directions may accuse, and who says so."""

    accuses: Flags
    witnesses: tuple[Witness, ...]


def confirm(measured: Screened, group: Group, left: list[int], name: str | None = None) -> Confirmed:
    """The refuted directions of a group, followed down to components where kinks could hide in them.

    ``left`` holds how many may still be followed in this screen. ``name`` is that of the one tensor they are over:
    over several, a direction does not say which of them is wrong, and components must.
    """
    failed = measured.failed(group)
    if not failed.any():
        return Confirmed(failed, ())
    alone = failed & accuse_alone(group.slopes, measured.kinks)
    if alone.any() and name is not None:
        said, claimed = group.slopes.said, group.slopes.claimed
        along = f"direction on {name}"
        told = (said.witness(k, along, None, float(claimed[k])) for k in np.flatnonzero(alone).tolist())
        return Confirmed(failed, tuple(told))
    if left[0] < 1:
        return Confirmed(np.zeros_like(failed), ())
    left[0] -= 1
    found = _by_match(measured, group) or component_witnesses(measured, halved(measured, group))
    return Confirmed(failed & bool(found), found)


def _by_match(measured: Screened, group: Group) -> tuple[Witness, ...]:
    """The components that the slopes over everything and on their tensor point at, if their own ladders refute them."""
    known = list({id(g): g for g in (measured.whole, group)}.values())
    directions = [u for g in known for u in g.directions]
    error = np.concatenate([g.slopes.said.slope - g.slopes.claimed for g in known])
    bound = np.concatenate([g.slopes.bound for g in known])
    told = np.isfinite(error) & np.isfinite(bound)
    if told.sum() < 3:
        return ()
    chosen = [u for u, tells in zip(directions, told, strict=True) if tells]
    span = slice(group.directions[0].start, group.directions[0].stop)
    score = matched(chosen, error[told], bound[told], span)
    k = min(_CANDIDATES, score.size)
    return component_witnesses(measured, span.start + np.sort(np.argpartition(-score, k - 1)[:k]))


def halved(measured: Screened, group: Group) -> Indices:
    """The worst direction cut in halves, as long as one of them is refuted: the components that are left, a few."""
    failed = measured.failed(group)
    worst = int(np.argmax(np.where(failed, group.slopes.error, -1.0)))
    u = group.directions[worst]
    while u.size > _FEW // 2:
        middle = (u.start + u.stop) // 2
        halves = (u.part(u.start, middle), u.part(middle, u.stop))
        lines = DirectionLines(measured.evaluator, halves, measured.units)
        claimed = claims_along(lines, measured.analytic)
        said = settled(lines, claimed).said
        error = np.where(said.outcome == Outcome.REFUTED, np.abs(said.slope - claimed), -1.0)
        if error.max() < 0:
            break
        u = halves[int(np.argmax(error))]
    span = np.arange(u.start, u.stop)
    sizes = np.abs(measured.analytic[span]) * measured.units[span]
    return np.sort(span[np.argsort(-sizes, kind="stable")[:_FEW]])


def component_witnesses(
    measured: Screened, indices: Indices, expected: Vector | None = None, shown: bool = True
) -> tuple[Witness, ...]:
    """Those of the components, in order, whose own ladders refute the gradient, the largest error first.

    Where it is ``expected`` how far each may be off, in units of scale, few levels do. ``shown``: with their rungs.
    """
    units = measured.units[indices]
    claimed = measured.analytic[indices] * units
    lines = ComponentLines(measured.evaluator, indices, units)
    if expected is None:
        said = settled(lines, claimed).said
    else:
        said = confirmed(lines, claimed, expected, measured.guide.noise)
    error = np.abs(said.slope - claimed)
    told = []
    for k in np.argsort(-error, kind="stable").tolist():
        index = int(indices[k])
        span = measured.layout.tensor_of(index).slice
        share = max(rule.GREAT, measured.accept) * largest(measured.analytic[span] * measured.units[span])
        if said.outcome[k] == Outcome.REFUTED and error[k] > max(share, rule.OWN_ROUNDING * measured.top):
            name, analytic = measured.layout.name(index), float(measured.analytic[index])
            told.append(said.witness(k, name, index, analytic, float(units[k]), shown))
    return tuple(told)
