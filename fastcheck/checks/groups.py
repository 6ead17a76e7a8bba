"""Random directions in groups, over everything and on each tensor, with the slopes along them: what a screen measures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from fastcheck.checks.directing import Guide, directed, guided, unhurried
from fastcheck.checks.opening import Opening
from fastcheck.evaluate.direction import Direction, draw
from fastcheck.evaluate.evaluator import Evaluator
from fastcheck.judge.screening import Slopes, counts
from fastcheck.judge.verdict import Outcome
from fastcheck.measure.lines import DirectionLines
from fastcheck.problem.domain import FREE, Sides
from fastcheck.problem.layout import Layout, Tensor
from fastcheck.vectors import Flags, Vector, first_not_finite, largest, norm

N_WHOLE = 8  # directions over everything
N_TENSOR = 2  # and on each tensor
_MORE = 6  # further directions on each tensor, at most, if everything fails and no tensor does


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
    def sides(self) -> Sides:
        """Which side of each component is left, shape (n,); empty where all are free."""
        return self.whole.directions[0].sides

    @property
    def kinks(self) -> bool:
        return any(bool(group.kinks.any()) for group in (self.whole, *self.tensors.values()))

    @property
    def hurried(self) -> bool:
        """Whether there are directions of which two levels did not tell whether they support or refute."""
        groups = (self.whole, *self.tensors.values())
        return any(bool((group.slopes.said.outcome == Outcome.UNKNOWN).any()) for group in groups)

    def unhurried(self) -> Screened:
        """With whole ladders along these."""
        whole = self._unhurried(self.whole)
        tensors = {k: whole if group is self.whole else self._unhurried(group) for k, group in self.tensors.items()}
        return replace(self, whole=whole, tensors=tensors)

    def _unhurried(self, group: Group) -> Group:
        slopes = group.slopes
        lines = DirectionLines(self.evaluator, group.directions, self.units)
        sizes = np.full(lines.size, slopes.size)
        said, kinks = unhurried(lines, slopes.claimed, sizes, self.guide, slopes.said, group.kinks)
        return replace(group, slopes=replace(slopes, said=said), kinks=kinks)

    def failed(self, group: Group) -> Flags:
        return counts(group.slopes, self.top, self.accept)

    def along(self, directions: tuple[Direction, ...]) -> Group:
        """Further directions, all over the same components."""
        u = directions[0]
        lines = DirectionLines(self.evaluator, directions, self.units)
        return _group(lines, self.analytic, self.guide, slice(u.start, u.stop))


def measure(opening: Opening, rng: np.random.Generator, hunting: bool = False) -> Screened:
    """The slopes of a screen, or where wrong components are hunted what two levels tell of them."""
    question, evaluator = opening.question, opening.evaluator
    evaluator.sparing(2)  # copies of theta are what limits n
    analytic, layout, n = opening.analytic.first, question.layout, question.theta.size
    if first_not_finite(analytic) is not None:
        analytic = np.where(np.isfinite(analytic), analytic, 0.0)
    filled = [k for k, tensor in enumerate(layout.tensors) if tensor.size]
    n_whole = N_WHOLE if len(filled) > 1 else N_WHOLE + N_TENSOR
    sides = FREE if evaluator.domain is None else evaluator.domain.sides(evaluator.theta, slice(None), question.units)
    whole = tuple(draw(rng, 0, n, sides) for _ in range(n_whole))
    own = {k: tuple(_on(layout.tensors[k], rng, sides) for _ in range(N_TENSOR)) for k in filled if len(filled) > 1}
    first = DirectionLines(evaluator, whole[:1], question.units)
    guide, said, kink = guided(first, claims_along(first, analytic), hunting)
    everything = DirectionLines(evaluator, (*whole[1:], *(u for us in own.values() for u in us)), question.units)
    groups = _groups(
        everything,
        analytic,
        guide,
        [(n_whole - 1, slice(0, n))] + [(N_TENSOR, layout.tensors[k].slice) for k in own],
        hunting,
    )
    sizes = groups[0].slopes
    begin = Group(whole[:1], replace(sizes, said=said, claimed=claims_along(first, analytic)), kink)
    measured = Screened(
        evaluator, layout, question.units, analytic, guide, begin.joined(groups[0]),
        dict(zip(own, groups[1:], strict=True)), opening.options.accept,
    )  # fmt: skip
    if not own:
        return replace(measured, tensors={filled[0]: measured.whole})
    return measured if hunting else told_apart(measured, rng)


def claims_along(lines: DirectionLines, analytic: Vector) -> Vector:
    return np.array([u.dot(analytic, lines.units) for u in lines.directions])


def _group(lines: DirectionLines, analytic: Vector, guide: Guide, span: slice) -> Group:
    (group,) = _groups(lines, analytic, guide, [(lines.size, span)], hunting=False)
    return group


def _groups(
    lines: DirectionLines, analytic: Vector, guide: Guide, parts: list[tuple[int, slice]], hunting: bool
) -> list[Group]:
    """All directions measured together, and taken apart into groups of so many over these components."""
    claimed = claims_along(lines, analytic)
    with np.errstate(over="ignore", under="ignore"):
        sized = [analytic[span] * lines.units[span] for _, span in parts]
    sizes, sharpest = [norm(g) for g in sized], [largest(g) for g in sized]
    said, kinks = directed(lines, claimed, np.repeat(sizes, [n for n, _ in parts]), guide, hunting)
    groups, start = [], 0
    for (n, _), size, sharp in zip(parts, sizes, sharpest, strict=True):
        which = slice(start, start + n)
        slopes = Slopes(said.some(which), claimed[which], size, sharp)
        groups.append(Group(lines.directions[which], slopes, kinks[which]))
        start += n
    return groups


def told_apart(measured: Screened, rng: np.random.Generator) -> Screened:
    """More directions on every tensor, as long as the whole fails and no tensor does."""
    for _ in range(_MORE):
        fails = measured.failed(measured.whole).any()
        if not fails or any(measured.failed(group).any() for group in measured.tensors.values()):
            break
        more = {
            k: group.joined(measured.along((_on(measured.layout.tensors[k], rng, measured.sides),)))
            for k, group in measured.tensors.items()
        }
        measured = replace(measured, tensors=more)
    return measured


def _on(tensor: Tensor, rng: np.random.Generator, sides: Sides) -> Direction:
    return draw(rng, tensor.start, tensor.stop, sides)
