"""A verdict in a few dozen evaluations at any n: slopes along random directions, in units of scale, against the gradient's.

Directions over everything test all tensors at once; directions on one tensor are more precise there, by the square root
of its share, and tell which tensor it is. A direction that disagrees is confirmed along components before it accuses,
unless no kink can hide in it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fastcheck.checks.directing import Guide, directed, guided
from fastcheck.checks.opening import Opening, opened
from fastcheck.checks.settling import settled
from fastcheck.diagnosis.diagnose import findings_of_screen
from fastcheck.diagnosis.evidence import Part
from fastcheck.evaluate.direction import Direction, draw, matched
from fastcheck.evaluate.evaluator import Evaluator
from fastcheck.judge import rule
from fastcheck.judge.judging import if_repeatable
from fastcheck.judge.outcomes import Outcomes
from fastcheck.judge.screening import Estimate, Slopes, accuse_alone, as_its_worst, counts, estimate, judged
from fastcheck.judge.verdict import Cause, Judgement, Outcome, TensorReport, Verdict, Witness
from fastcheck.measure.lines import ComponentLines, DirectionLines
from fastcheck.problem import accept as accepting
from fastcheck.problem.layout import Layout, Tensor
from fastcheck.problem.question import ACCEPT
from fastcheck.results.report import Report
from fastcheck.vectors import Flags, Indices, Vector, first_not_finite, largest, norm

N_WHOLE = 8  # directions over everything
N_TENSOR = 2  # and on each tensor
_MORE = 6  # further directions on each tensor, at most, if everything fails and no tensor does
_CANDIDATES = 4  # components that the slopes point at, looked at by themselves
_FEW = 8  # components to which a direction is followed down


@dataclass(frozen=True, eq=False)
class Group:
    """Directions over one set of components: all, or a tensor's."""

    directions: tuple[Direction, ...]
    slopes: Slopes
    kinks: Flags  # where one was seen

    def joined(self, other: Group) -> Group:
        return Group(
            (*self.directions, *other.directions),
            self.slopes.joined(other.slopes),
            np.concatenate([self.kinks, other.kinks]),
        )


@dataclass(frozen=True, eq=False)
class Screened:
    """What was measured: slopes over everything and on every tensor with components."""

    evaluator: Evaluator
    layout: Layout
    units: Vector
    analytic: Vector  # 0 where it is not finite
    guide: Guide
    whole: Group
    tensors: Mapping[int, Group]  # by position in the layout
    accept: float

    @property
    def top(self) -> float:
        """||G|| of everything."""
        return self.whole.slopes.size

    @property
    def kinks(self) -> bool:
        return any(bool(group.kinks.any()) for group in (self.whole, *self.tensors.values()))

    def failed(self, group: Group) -> Flags:
        return counts(group.slopes, self.top, self.accept)

    def along(self, directions: tuple[Direction, ...], still: tuple[slice, ...] = ()) -> Group:
        """Further directions, all over the same components."""
        u = directions[0]
        lines = DirectionLines(self.evaluator, directions, self.units, still)
        return _group(lines, self.analytic, self.guide, slice(u.start, u.stop))


def screen(
    cost: Callable[..., Any],
    grad: Any,
    theta: Any,
    args: tuple[Any, ...] = (),
    *,
    layout: Layout | None = None,
    scale: Any = None,
    accept: float = ACCEPT,
    seed: int = 0,
    workers: int | None = None,
    chunk: int | None = None,
    progress: bool | Callable[[int, int], None] | None = None,
    kwargs: Mapping[str, Any] | None = None,
) -> Report:
    """Check a gradient along random directions: a few dozen evaluations of the cost, however many components.

    Parameters are those of `check`; ``seed`` draws the directions, in units of ``scale``.

    Returns
    -------
    Report
        ``ratio``, in units of scale, is an estimate with the 95 % interval ``ratio_low`` to ``ratio_high``;
        ``guarantee`` is the smallest ratio that would have been missed with a probability below 1e-9. ``numeric`` is None: no component was looked at
        by itself; `locate` names those that are wrong.
    """
    question = accepting.question(cost, grad, theta, args, kwargs, layout, scale)
    options = accepting.options(
        question.layout, question.theta, accept=accept, workers=workers, chunk=chunk, progress=progress, seed=seed
    )
    with opened(question, options) as opening:
        begin = time.perf_counter()
        measured = measure(opening, np.random.default_rng(options.seed))
        return _report(measured, opening, begin)


def measure(opening: Opening, rng: np.random.Generator) -> Screened:
    """The slopes of a screen."""
    question, evaluator = opening.question, opening.evaluator
    evaluator.sparing(2)  # copies of theta are what limits n
    analytic, layout, n = opening.analytic.first, question.layout, question.theta.size
    if first_not_finite(analytic) is not None:
        analytic = np.where(np.isfinite(analytic), analytic, 0.0)
    filled = [k for k, tensor in enumerate(layout.tensors) if tensor.size]
    n_whole = N_WHOLE if len(filled) > 1 else N_WHOLE + N_TENSOR
    whole = tuple(draw(rng, 0, n) for _ in range(n_whole))
    own = {k: tuple(_on(layout.tensors[k], rng) for _ in range(N_TENSOR)) for k in filled} if len(filled) > 1 else {}
    first = DirectionLines(evaluator, whole[:1], question.units)
    guide, said, kink = guided(first, _claims(first, analytic))
    everything = DirectionLines(evaluator, (*whole[1:], *(u for us in own.values() for u in us)), question.units)
    groups = _groups(
        everything, analytic, guide, [(n_whole - 1, slice(0, n))] + [(N_TENSOR, layout.tensors[k].slice) for k in own]
    )
    sizes = groups[0].slopes
    begin = Group(whole[:1], replace(sizes, said=said, claimed=_claims(first, analytic)), kink)
    measured = Screened(
        evaluator, layout, question.units, analytic, guide, begin.joined(groups[0]),
        dict(zip(own, groups[1:], strict=True)), opening.options.accept,
    )  # fmt: skip
    if not own:
        return replace(measured, tensors={filled[0]: measured.whole})
    return _told_apart(measured, rng)


def _claims(lines: DirectionLines, analytic: Vector) -> Vector:
    return np.array([u.dot(analytic, lines.units) for u in lines.directions])


def _group(lines: DirectionLines, analytic: Vector, guide: Guide, span: slice) -> Group:
    (group,) = _groups(lines, analytic, guide, [(lines.size, span)])
    return group


def _groups(lines: DirectionLines, analytic: Vector, guide: Guide, parts: list[tuple[int, slice]]) -> list[Group]:
    """All directions measured together, and taken apart into groups of so many over these components."""
    claimed = _claims(lines, analytic)
    with np.errstate(over="ignore", under="ignore"):
        sized = [analytic[span] * lines.units[span] for _, span in parts]
    sizes, sharpest = [norm(g) for g in sized], [largest(g) for g in sized]
    said, kinks = directed(lines, claimed, np.repeat(sizes, [n for n, _ in parts]), guide)
    groups, start = [], 0
    for (n, _), size, sharp in zip(parts, sizes, sharpest, strict=True):
        which = slice(start, start + n)
        slopes = Slopes(said.some(which), claimed[which], size, sharp)
        groups.append(Group(lines.directions[which], slopes, kinks[which]))
        start += n
    return groups


def _told_apart(measured: Screened, rng: np.random.Generator) -> Screened:
    """More directions on every tensor, as long as the whole fails and no tensor does."""
    for _ in range(_MORE):
        fails = measured.failed(measured.whole).any()
        if not fails or any(measured.failed(group).any() for group in measured.tensors.values()):
            break
        more = {
            k: group.joined(measured.along((_on(measured.layout.tensors[k], rng),)))
            for k, group in measured.tensors.items()
        }
        measured = replace(measured, tensors=more)
    return measured


def _on(tensor: Tensor, rng: np.random.Generator) -> Direction:
    return draw(rng, tensor.start, tensor.stop)


@dataclass(frozen=True, eq=False)
class Confirmed:
    """Which of a group's refuted directions may accuse, and who says so."""

    accuses: Flags
    witnesses: tuple[Witness, ...]


def confirm(measured: Screened, group: Group, name: str, left: list[int]) -> Confirmed:
    """The refuted directions of a group, followed down to components where kinks could hide in them.

    ``left`` holds how many may still be followed in this screen.
    """
    failed = measured.failed(group)
    if not failed.any():
        return Confirmed(failed, ())
    alone = failed & accuse_alone(group.slopes, measured.kinks)
    if alone.any():
        return Confirmed(failed, tuple(_direction_witness(group, int(k), name) for k in np.flatnonzero(alone)))
    if left[0] < 1:
        return Confirmed(np.zeros_like(failed), ())
    left[0] -= 1
    found = _by_match(measured, group) or _by_halving(measured, group)
    return Confirmed(failed & bool(found), found)


def _direction_witness(group: Group, k: int, name: str) -> Witness:
    said = group.slopes.said
    step = float(np.ldexp(1.0, int(said.level[k])))
    return Witness(
        f"direction on {name}",
        None,
        float(group.slopes.claimed[k]),
        float(said.slope[k]),
        float(said.bound[k]),
        step,
        int(said.order[k]),
    )


def _by_match(measured: Screened, group: Group) -> tuple[Witness, ...]:
    """The components that the slopes over everything and on their tensor point at, if their own ladders refute them."""
    known = [g for g in {id(g): g for g in (measured.whole, group)}.values()]
    directions = [u for g in known for u in g.directions]
    error = np.concatenate([g.slopes.said.slope - g.slopes.claimed for g in known])
    bound = np.concatenate([g.slopes.bound for g in known])
    told = np.isfinite(error) & np.isfinite(bound)
    if told.sum() < 3:
        return ()
    chosen = [u for u, tells in zip(directions, told, strict=True) if tells]
    score = matched(chosen, error[told], bound[told], measured.analytic.size)
    first = group.directions[0]
    score[: first.start] = score[first.stop :] = 0.0
    k = min(_CANDIDATES, score.size)
    return component_witnesses(measured, np.argpartition(-score, k - 1)[:k].astype(np.int64))


def _by_halving(measured: Screened, group: Group) -> tuple[Witness, ...]:
    """The worst direction cut in halves, as long as one of them is refuted, and then the components that are left."""
    failed = measured.failed(group)
    worst = int(np.argmax(np.where(failed, group.slopes.error, -1.0)))
    u = group.directions[worst]
    while u.size > _FEW // 2:
        middle = (u.start + u.stop) // 2
        halves = (u.part(u.start, middle), u.part(middle, u.stop))
        lines = DirectionLines(measured.evaluator, halves, measured.units)
        claimed = _claims(lines, measured.analytic)
        said = settled(lines, claimed).said
        error = np.where(said.outcome == Outcome.REFUTED, np.abs(said.slope - claimed), -1.0)
        if error.max() < 0:
            break
        u = halves[int(np.argmax(error))]
    span = np.arange(u.start, u.stop)
    sizes = np.abs(measured.analytic[span]) * measured.units[span]
    return component_witnesses(measured, span[np.argsort(-sizes, kind="stable")[:_FEW]])


def component_witnesses(measured: Screened, indices: Indices) -> tuple[Witness, ...]:
    """Those of the components whose own ladders refute the gradient, the largest error first."""
    indices = np.sort(indices)
    units = measured.units[indices]
    claimed = measured.analytic[indices] * units
    said = settled(ComponentLines(measured.evaluator, indices, units), claimed).said
    return witnesses_of(measured, indices, said, claimed)


def witnesses_of(measured: Screened, indices: Indices, said: Outcomes, claimed: Vector) -> tuple[Witness, ...]:
    layout, analytic, units = measured.layout, measured.analytic, measured.units
    error = np.abs(said.slope - claimed)
    told = []
    for k in np.argsort(-error, kind="stable").tolist():
        index = int(indices[k])
        span = layout.tensor_of(index).slice
        share = max(rule.GREAT, measured.accept) * largest(analytic[span] * units[span])
        if said.outcome[k] == Outcome.REFUTED and error[k] > max(share, rule.OWN_ROUNDING * measured.top):
            unit = float(units[index])
            told.append(
                Witness(
                    layout.name(index), index, float(analytic[index]), float(said.slope[k]) / unit,
                    float(said.bound[k]) / unit, float(np.ldexp(unit, int(said.level[k]))), int(said.order[k]),
                )
            )  # fmt: skip
    return tuple(told)


def _report(measured: Screened, opening: Opening, begin: float) -> Report:
    question, evaluator, analytic = opening.question, opening.evaluator, opening.analytic.first
    layout, accept, left = question.layout, measured.accept, [rule.CONFIRMED]
    own = {k: confirm(measured, group, layout.tensors[k].name, left) for k, group in measured.tensors.items()}
    if len(measured.tensors) > 1 and not any(c.accuses.any() for c in own.values()):
        whole = confirm(measured, measured.whole, "all tensors", left)
    else:
        accused = any(c.accuses.any() for c in own.values())
        whole = Confirmed(measured.failed(measured.whole) & accused, ())
    seconds = time.perf_counter() - begin
    judgements = {
        k: judged(group.slopes, measured.top, accept, own[k].accuses) for k, group in measured.tensors.items()
    }
    estimates = {k: estimate(group.slopes, accept) for k, group in measured.tensors.items()}
    tensors = tuple(
        _tensor_report(tensor, analytic[tensor.slice], judgements.get(k), estimates.get(k))
        for k, tensor in enumerate(layout.tensors)
    )
    found = estimate(measured.whole.slopes, accept)
    together = judged(measured.whole.slopes, measured.top, accept, whole.accuses)
    parts = [
        (
            t.name,
            Judgement(t.ratio, t.floor, t.verdict, t.reason, judgements[k].cause),
            _open(measured.tensors[k]),
            estimates[k].size,
        )
        for k, t in enumerate(tensors)
        if k in judgements
    ]
    told = if_repeatable(as_its_worst(together, found.size, parts, accept), analytic, opening.analytic.again)
    witnesses = tuple(w for c in (*own.values(), whole) for w in c.witnesses)
    said = findings_of_screen(
        question, evaluator, opening.analytic, told, tensors, [_part(measured, k) for k in measured.tensors],
        found.guarantee, _kinked(measured),
    )  # fmt: skip
    return Report(
        ratio=found.ratio,
        floor=found.floor,
        verdict=told.verdict,
        reason=told.reason,
        numeric=None,
        analytic=analytic,
        witnesses=witnesses if told.verdict.accuses else (),
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
        guarantee=found.guarantee,
    )


def _open(group: Group) -> float:
    """What is open along a tensor's directions."""
    return float(np.fmax(group.slopes.error, group.slopes.bound).max())


def _tensor_report(
    tensor: Tensor, analytic: Vector, judgement: Judgement | None, found: Estimate | None
) -> TensorReport:
    if judgement is None or found is None:
        return TensorReport(tensor.name, tensor.shape, 0.0, 0.0, Verdict.CORRECT, "no components", None, 0)
    if first_not_finite(analytic) is not None:
        judgement = replace(judgement, verdict=Verdict.WRONG, reason="the gradient is nan or inf", cause=Cause.NONE)
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
    return Part(tensor, theta, analytic, slopes.said.slope, slack, norm(slack), sigma, slopes.refuted, None, sees)


def _kinked(measured: Screened) -> tuple[str, ...]:
    """The tensors along whose directions theta sits on a kink."""
    return tuple(measured.layout.tensors[k].name for k, group in measured.tensors.items() if group.kinks.any())
