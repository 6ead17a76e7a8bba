"""Components that share a kink: each may take any slope between its two sides, but together only one that their sum has.

Where components tie (a maximum, a sorted order, two inputs of one ReLU), the gaps of their kinks do not add up when they are
moved together. Those that do not are found by adding and halving, and a ladder along their sum decides.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from fastcheck.checks.settling import settled
from fastcheck.evaluate.evaluator import Evaluator
from fastcheck.evaluate.moves import JointMoves
from fastcheck.judge.measured import Measured, Tie
from fastcheck.judge.outcomes import Outcomes
from fastcheck.judge.verdict import Outcome
from fastcheck.measure.lines import JointLines
from fastcheck.measure.sight import Shape
from fastcheck.vectors import Array, Indices, Vector

_MOST = 64  # components on kinks that are told apart
_TESTS = 100  # sums that are looked at to tell them apart
_VISIBLE = 2.0**14  # the step at which the least of their gaps moves J by so many times its noise
_LEVELS = (-40, -11)  # within which that step is taken
_OFF = 1 / 8  # of the least gap: what does not add up by more is shared


def tied(evaluator: Evaluator, measured: Measured, analytic: Vector, noise: float) -> Measured:
    """The same, with components refuted that hold one by one but not together; ``noise`` is that of J."""
    said = measured.said
    on_kinks = np.flatnonzero((said.gap != 0) & (said.outcome == Outcome.SUPPORTED))
    if on_kinks.size < 2:
        return measured
    on_kinks = np.sort(on_kinks[np.argsort(-np.abs(said.gap[on_kinks]), kind="stable")[:_MOST]])
    at, gaps = measured.positions[on_kinks], said.gap[on_kinks]
    h = _step(gaps, noise)

    def along(weights: Array) -> Vector:
        """The gaps of these sums, as far as they are seen at one step; ``weights`` has shape (m, k)."""
        moved = [np.flatnonzero(row) for row in weights]
        indices = tuple(measured.selection.at(at[each]) for each in moved)
        units = tuple(row[each] * measured.units[at[each]] for row, each in zip(weights, moved, strict=True))
        j = evaluator.values(JointMoves(indices, units, np.tile([h, -h], (len(moved), 1))))
        return np.asarray((j.sum(axis=1) - 2 * evaluator.value) / h)

    with np.errstate(all="ignore"):
        for group in sharing(gaps, along):
            measured = _together(evaluator, measured, analytic, at[group], gaps[group])
    return measured


def _step(gaps: Vector, noise: float) -> float:
    with np.errstate(all="ignore"):
        level = np.ceil(np.log2(_VISIBLE * noise / np.abs(gaps).min()))
    return float(2.0 ** np.clip(level, *_LEVELS)) if np.isfinite(level) else 2.0 ** _LEVELS[1]


def _together(evaluator: Evaluator, measured: Measured, analytic: Vector, at: Indices, gaps: Vector) -> Measured:
    """What a ladder along the sum of components says; kinks of both signs may cancel in it, and then it accuses nobody."""
    units = measured.units[at]
    claimed = analytic[at] * units
    own = measured.said.some(np.isin(measured.positions, at))
    lines = JointLines(evaluator, (measured.selection.at(at),), (units,))
    joint = settled(lines, np.array([claimed.sum()]))
    if joint.said.outcome[0] != Outcome.REFUTED:
        return measured
    alike = bool((gaps > 0).all() or (gaps < 0).all())
    error = float(joint.said.slope[0] - claimed.sum())
    if not alike and joint.sight.shape[0] != Shape.SMOOTH:
        return measured.measured(at, _open(own, abs(error)))
    tie = Tie(at, float(claimed.sum()), joint.said)
    return replace(measured.measured(at, _refuted(own, claimed, error)), ties=(*measured.ties, tie))


def _refuted(said: Outcomes, claimed: Vector, error: float) -> Outcomes:
    """Each takes its part of what is wrong with the sum."""
    every = np.full(claimed.size, int(Outcome.REFUTED))
    return replace(said, outcome=every, slope=claimed + error / claimed.size)


def _open(said: Outcomes, error: float) -> Outcomes:
    every = np.full(said.outcome.size, int(Outcome.UNKNOWN))
    return replace(said, outcome=every, bound=np.full(every.size, error))


# --- which of them share a kink ----------------------------------------------------------------------------------------
def sharing(gaps: Vector, along: Callable[[Array], Vector]) -> list[Indices]:
    """Groups of two and more that share kinks; ``along`` measures the gaps of sums, given their weights, shape (m, k)."""
    search = _Search(gaps, along, _OFF * float(np.abs(gaps).min()))
    return [np.array(sorted(group)) for group in search.groups(tuple(range(gaps.size))) if len(group) > 1]


Group = tuple[int, ...]


@dataclass
class _Search:
    """Groups found by halving, with what was measured of their sums."""

    gaps: Vector
    along: Callable[[Array], Vector]
    tolerance: float
    left: int = _TESTS
    known: dict[Group, float] = field(default_factory=dict)
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))

    def groups(self, members: Group) -> list[Group]:
        """A partition of the members."""
        if len(members) == 1 or self._adds_up(members):
            return [(i,) for i in members]
        half = len(members) // 2
        first, others = self.groups(members[:half]), self.groups(members[half:])
        apart = []
        for group in first:
            partners = self._partners(group, others)
            if partners:
                others = [other for other in others if other not in partners]
                others.append(tuple(sorted(sum(partners, group))))
            else:
                apart.append(group)
        return apart + others

    def _partners(self, group: Group, others: list[Group]) -> list[Group]:
        """Those of the others that share a kink with the group."""
        if not others or self._add_up(group, sum(others, ())):
            return []
        if len(others) == 1:
            return others
        half = len(others) // 2
        return self._partners(group, others[:half]) + self._partners(group, others[half:])

    def _adds_up(self, members: Group) -> bool:
        """Whether the gaps of single components add up, whatever their signs."""
        signs = np.ones((3, len(members)))
        signs[1:] = self.rng.choice([-1.0, 1.0], signs[1:].shape)
        return self._near(self._measured(members, signs), float(self.gaps[list(members)].sum()))

    def _add_up(self, one: Group, other: Group) -> bool:
        """Whether the gaps of two sums add up, whatever their signs."""
        signs = np.ones((2, len(one) + len(other)))
        signs[1, len(one) :] = -1.0
        return self._near(self._measured(one + other, signs), self._gap(one) + self._gap(other))

    def _gap(self, group: Group) -> float:
        if len(group) == 1:
            return float(self.gaps[group[0]])
        if group not in self.known:
            self.known[group] = float(self._measured(group, np.ones((1, len(group))))[0])
        return self.known[group]

    def _measured(self, members: Group, signs: Array) -> Vector:
        """The gaps of sums; nan, which adds up with anything, once too many were looked at."""
        self.left -= 1
        if self.left < 0:
            return np.full(len(signs), np.nan)
        weights = np.zeros((len(signs), self.gaps.size))
        weights[:, list(members)] = signs
        return self.along(weights)

    def _near(self, found: Vector, expected: float) -> bool:
        return not bool((np.abs(found - expected) > self.tolerance).any())
