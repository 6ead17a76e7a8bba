"""Ladders along the components that the pass leaves open: of every tensor the worst, then a sample, as far as the budget goes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from fastcheck.checks.settling import Looked, doubted, looked, settled
from fastcheck.checks.tying import tied
from fastcheck.evaluate.evaluator import Evaluator
from fastcheck.judge import rule
from fastcheck.judge.measured import Measured, open_in, visible_in
from fastcheck.judge.outcomes import Outcomes
from fastcheck.judge.verdict import Outcome
from fastcheck.measure.lines import ComponentLines
from fastcheck.measure.pilots import Pilots
from fastcheck.vectors import Indices, Vector

_BATCH = 500  # lines that are measured together


@dataclass(frozen=True, eq=False)
class _Ladders:
    """Ladders that were taken, and where."""

    positions: Indices
    seen: Looked

    @property
    def quantum(self) -> float:
        """The least move of J that they know of."""
        return float(np.ldexp(self.seen.table.quantum, self.seen.table.shift))


def laddered(evaluator: Evaluator, measured: Measured, pilots: Pilots, analytic: Vector) -> Measured:
    """The same with ladders where pass and gradient do not agree; ``analytic`` has shape (k,)."""
    n_tensors = len(measured.selection.spans)
    always = rule.BUDGET[0] + rule.BUDGET[1] * n_tensors
    budget = evaluator.evaluations + max(2 * measured.numeric.size, always)
    little = 2 * measured.numeric.size + always
    taken = [
        _Ladders(pilots.positions, doubted(pilots.lines, pilots.table, _claims(measured, analytic, pilots.positions)))
    ]
    measured = measured.measured(pilots.positions, taken[0].seen.said)
    picks, owners = _picked(measured, analytic)
    levels = np.array([pilots.first_level(k) for k in range(n_tensors)])
    n = rule.WORST * n_tensors + rule.BUDGET[1]

    def along(now: Indices, tensors: Indices) -> Outcomes:
        lines = ComponentLines(evaluator, measured.selection.at(now), measured.units[now])
        taken.append(_Ladders(now, settled(lines, _claims(measured, analytic, now), levels[tensors], _quantum(taken))))
        return taken[-1].seen.said

    while picks.size:
        n = min(n, (budget - evaluator.evaluations) // rule.LADDER)
        if n < 1:
            break
        now, picks, tensors, owners = picks[:n], picks[n:], owners[:n], owners[n:]
        said = along(now, tensors)
        measured = measured.measured(now, said)
        going = ~np.isin(owners, tensors[said.outcome == Outcome.REFUTED])  # a tensor with a witness needs no more
        picks, owners, n = picks[going], owners[going], _BATCH
    shown, owners = _shown(measured, analytic, max(0, (little - evaluator.evaluations) // rule.LADDER))
    if shown.size:
        measured = measured.measured(shown, along(shown, owners))
    noise = max(float(np.spacing(abs(evaluator.value))), _quantum(taken))
    return tied(evaluator, _once_more(measured, taken, analytic), analytic, noise)


def _picked(measured: Measured, analytic: Vector) -> tuple[Indices, Indices]:
    """Positions that are open in the order in which they are to be measured, and the tensor of each.

    Of every tensor first the worst, then a sample; of large tensors more than of small ones.
    """
    rng = np.random.default_rng(0)
    positions, ranks, owners = [], [], []
    for k, span in enumerate(measured.selection.spans):
        open_ = open_in(measured, analytic, k)
        positions.append(np.concatenate([open_[: rule.WORST], rng.permutation(open_[rule.WORST :])]))
        ranks.append(np.arange(open_.size) / np.sqrt(max(span.stop - span.start, 1)))
        owners.append(np.full(open_.size, k))
    order = np.argsort(np.concatenate(ranks), kind="stable")
    return np.concatenate(positions)[order], np.concatenate(owners)[order]


def _shown(measured: Measured, analytic: Vector, n: int) -> tuple[Indices, Indices]:
    """At most n positions that the pass settled although it shows an error there, and the tensor of each.

    Of every tensor without a witness the worst, one by one.
    """
    witnessed = measured.positions[measured.said.outcome == Outcome.REFUTED]
    ranked = []
    for k, span in enumerate(measured.selection.spans):
        if not ((witnessed >= span.start) & (witnessed < span.stop)).any():
            ranked += [(rank, k, p) for rank, p in enumerate(visible_in(measured, analytic, k)[: rule.WORST].tolist())]
    chosen = sorted(ranked)[:n]
    return np.array([p for _, _, p in chosen], dtype=np.int64), np.array([k for _, k, _ in chosen], dtype=np.int64)


def _claims(measured: Measured, analytic: Vector, positions: Indices) -> Vector:
    """The analytic values there, in J per unit of scale."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(analytic[positions] * measured.units[positions])


def _quantum(taken: list[_Ladders]) -> float:
    """The least move of J on any line so far."""
    return min(own.quantum for own in taken)


def _once_more(measured: Measured, taken: list[_Ladders], analytic: Vector) -> Measured:
    """Every ladder judged again: what later lines said of J's least move, they say for all."""
    quantum = _quantum(taken)
    for own in taken:
        if own.quantum > quantum:
            table = replace(own.seen.table, quantum=float(np.ldexp(quantum, -own.seen.table.shift)))
            measured = measured.measured(own.positions, looked(table, _claims(measured, analytic, own.positions)).said)
    return measured
