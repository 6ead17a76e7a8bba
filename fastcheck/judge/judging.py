"""From the pass and the ladders to the verdict on every tensor and on the whole, by the rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fastcheck.judge import rule
from fastcheck.judge.measured import Known, Measured, Tie, best_slopes, known, numeric_bound
from fastcheck.judge.ratios import ratio_and_floor, worst_of
from fastcheck.judge.verdict import Cause, Component, Judged, Judgement, Outcome, TensorReport, Verdict, Witness
from fastcheck.judge.worst import worst_first
from fastcheck.problem.selection import Selection
from fastcheck.vectors import Flags, Indices, Vector, largest, norm


@dataclass(frozen=True)
class _Tensor:
    """The judgement on one tensor, with what the whole needs of it; sizes are in J per unit of scale."""

    verdict: Verdict
    reason: str
    cause: Cause = Cause.NONE
    refuted: tuple[int, ...] = ()  # positions, the deciding one first
    error: float = 0.0  # ||E||
    open_: float = 0.0  # ||max(E, B)||
    size: float = 0.0  # ||G|| + ||S||
    weight: float = 0.0  # how much the deciding condition is above its edge

    def shifted(self, start: int) -> _Tensor:
        """With positions among all components, of which the tensor's begin at ``start``."""
        return replace(self, refuted=tuple(start + p for p in self.refuted))


def judge(measured: Measured, analytic: Vector, accept: float) -> Judged:
    """The judgement on everything looked at, and the report on each tensor; ``analytic`` has shape (k,)."""
    selection = measured.selection
    n_tensors = len(selection.spans)
    whole = _largest(measured, analytic)
    power = float(np.ldexp(1.0, min(int(np.frexp(whole)[1]), 1000))) if whole else 1.0  # so that squares stay in range
    top = whole / power
    tensors = [
        _tensor(known(measured, analytic, k, power), selection.spans[k].start, top, accept, measured.unfit[k])
        for k in range(n_tensors)
    ]
    judged, order = _whole(tensors, selection, accept)
    off, (slope, bound) = numeric_bound(measured), best_slopes(measured)
    for tie in measured.ties:  # what each of them should be is not known
        slope[tie.positions], bound[tie.positions] = analytic[tie.positions], np.inf
    shares = tuple(max(rule.GREAT, accept) * largest(slope[span], analytic[span]) for span in selection.spans)
    ratio, floor = _pass_ratio(measured, analytic, slice(0, selection.size), norm(np.array(measured.sigmas)))
    wrong = [_wrong(measured, analytic, k, tensors[k], shares[k]) for k in range(n_tensors)]
    reports = tuple(_reported(measured, analytic, off, k, tensor, wrong[k]) for k, tensor in enumerate(tensors))
    size = norm(np.array([t.size for t in tensors]))
    return Judged(
        whole=replace(judged, ratio=ratio, floor=floor),
        tensors=reports,
        causes=tuple(t.cause for t in tensors),
        selection=selection,
        analytic=analytic,
        slopes=slope,
        bound=bound,
        numeric_bound=off,
        shares=shares,
        wrong=np.concatenate(wrong),
        witnesses=_witnesses(measured, analytic, [p for k in order for p in tensors[k].refuted]),
        agreement=norm(np.array([t.error for t in tensors])) / size if size else 0.0,
    )


def _largest(measured: Measured, analytic: Vector) -> float:
    with np.errstate(all="ignore"):
        sizes = [
            largest(analytic * measured.units),
            largest(measured.numeric * measured.units),
            largest(measured.said.slope),
        ]
    return max(sizes)


def _tensor(found: Known, start: int, top: float, accept: float, unfit: str) -> _Tensor:
    error, odd = found.error, ~np.isfinite(found.analytic)
    size = norm(np.where(odd, 0.0, found.analytic) if odd.any() else found.analytic) + norm(found.slope)
    open_ = np.fmax(error, found.bound)
    open_[odd] = np.inf
    total = float(norm(open_)) if np.isfinite(open_).all() else np.inf
    told: dict[str, Any] = {"error": norm(error), "open_": total, "size": size}
    largest_here = largest(found.analytic, found.slope)
    counts = odd | (error > max(max(rule.GREAT, accept) * largest_here, rule.OWN_ROUNDING * top))
    refuted = (found.outcome == Outcome.REFUTED) & counts
    if refuted.any():
        return replace(_accused(refuted, odd, error, found.sizes, size, accept), **told).shifted(start)
    edge, share = max(rule.LOOK, accept), _share(total, size)
    bends = bool(found.bends.any())
    still = size == 0 and not bends and bool((found.outcome == Outcome.SUPPORTED).all())
    if total <= edge * size or (total <= rule.OWN_ROUNDING * top and not bends) or still or not found.slope.size:
        if unfit:
            return _Tensor(Verdict.UNRESOLVED, unfit, Cause.ROUNDING, **told)
        words = f"every slope agrees: ||max(E, B)|| / (||G|| + ||S||) = {share:.1e} <= {edge:g}"
        return _Tensor(Verdict.CORRECT, words if size else "zero against zero, J stands still", **told)
    cause = _cause(found, open_)
    if unfit:
        return _Tensor(Verdict.UNRESOLVED, unfit, Cause.ROUNDING, **told)
    return _Tensor(
        Verdict.UNRESOLVED, f"{cause.words}: ||max(E, B)|| / (||G|| + ||S||) = {share:.1e} > {edge:g}", cause, **told
    )


def _accused(refuted: Flags, odd: Flags, error: Vector, sizes: Vector, size: float, accept: float) -> _Tensor:
    positions = np.flatnonzero(refuted)
    if (refuted & odd).any():
        order = positions[np.argsort(~odd[positions], kind="stable")]
        return _Tensor(
            Verdict.WRONG, "the gradient is nan or inf where J is finite", refuted=tuple(map(int, order)), weight=np.inf
        )
    own = np.where(refuted, error / np.where(refuted, sizes, 1.0), -np.inf)
    together, alone = _share(norm(error[refuted]), size), float(own.max())
    edge = max(rule.WORRY, accept)
    most = max(together, alone)
    first = error if together >= max(edge, alone) else own
    order = positions[np.argsort(-first[positions], kind="stable")]
    verdict, sign = (Verdict.WRONG, ">=") if most >= edge else (Verdict.SUSPECT, "<")
    what = "E / (G + S) of a component" if alone >= together else "||E|| / (||G|| + ||S||) of the refuted"
    return _Tensor(
        verdict, f"refuted: {what} = {most:.1e} {sign} {edge:g}", refuted=tuple(map(int, order)), weight=most
    )


def _cause(found: Known, open_: Vector) -> Cause:
    """Why a tensor is not resolved: stationary where J bends and no bound tells an analytic value from 0; else what most of it is."""
    tells = bool((open_ < np.abs(found.analytic)).any())
    unmeasured = bool((found.cause == Cause.BUDGET).any())
    if found.bends.any() and not tells and not unmeasured:
        hard = np.isin(found.cause, (Cause.KINK, Cause.JUMP, Cause.DOMAIN)) & (found.outcome != Outcome.SUPPORTED)
        return Cause(int(found.cause[hard][0])) if hard.any() else Cause.STATIONARY
    share = np.where(np.isfinite(open_), open_, np.finfo(float).max)
    causes = np.flatnonzero(found.cause != Cause.NONE)
    if not causes.size:
        return Cause.ROUNDING
    return Cause(int(found.cause[causes[np.argmax(share[causes])]]))


def _whole(tensors: Sequence[_Tensor], selection: Selection, accept: float) -> tuple[Judgement, list[int]]:
    """As good as the worst tensor, and the order of those that count, the worst first."""
    size = norm(np.array([t.size for t in tensors]))
    order = worst_first(tensors, size, accept)
    worst = tensors[order[0]]
    name = f"{selection.layout.names[order[0]]}: " if len(tensors) > 1 and worst.verdict is not Verdict.CORRECT else ""
    reason = worst.reason
    if worst.verdict is Verdict.CORRECT:
        open_ = norm(np.array([tensors[k].open_ for k in order]))
        if size:
            reason = f"every slope agrees: ||max(E, B)|| / (||G|| + ||S||) = {_share(open_, size):.1e}"
    return Judgement(0.0, 0.0, worst.verdict, name + reason, worst.cause), order


def _reported(
    measured: Measured, analytic: Vector, bound: Vector, k: int, tensor: _Tensor, wrong: Indices
) -> TensorReport:
    span, own = measured.selection.spans[k], measured.selection.layout.tensors[k]
    ratio, floor = _pass_ratio(measured, analytic, span, measured.sigmas[k])
    worst = None
    if span.stop > span.start:
        among = wrong if wrong.size else span
        first = int(worst_of(measured.numeric[among], analytic[among], bound[among])[0])
        position = int(wrong[first]) if wrong.size else span.start + first
        worst = component(measured.selection, position, measured.numeric, analytic)
    return TensorReport(own.name, own.shape, ratio, floor, tensor.verdict, tensor.reason, worst, span.stop - span.start)


def component(selection: Selection, position: int, numeric: Vector, analytic: Vector) -> Component:
    index = selection.index(position)
    return Component.of(index, float(numeric[position]), float(analytic[position]), selection.layout)


def _pass_ratio(measured: Measured, analytic: Vector, span: slice, rounding: float) -> tuple[float, float]:
    """Ratio and floor of the lecture, over the components at which both derivatives are finite."""
    return ratio_and_floor(measured.numeric[span], analytic[span], rounding)


def _wrong(measured: Measured, analytic: Vector, k: int, tensor: _Tensor, share: float) -> Indices:
    """Positions in an accused tensor of what is refuted, and of what no ladder looked at but the pass excludes."""
    if not tensor.verdict.accuses:
        return np.empty(0, dtype=np.int64)
    span = measured.selection.spans[k]
    with np.errstate(invalid="ignore", over="ignore"):
        error = np.abs(measured.numeric[span] - analytic[span])
        excluded = error > np.fmax(rule.CLEAR * measured.margin[span], share)
    first, last = np.searchsorted(measured.positions, (span.start, span.stop))
    excluded[measured.positions[first:last] - span.start] = False
    return np.union1d(span.start + np.flatnonzero(excluded), np.array(tensor.refuted, dtype=np.int64))


def _witnesses(measured: Measured, analytic: Vector, positions: Sequence[int]) -> tuple[Witness, ...]:
    ties = {int(p): tie for tie in measured.ties for p in tie.positions}
    told: dict[Witness, None] = {}  # a tie, which several positions stand for, once
    shown = _first_of_tensors(measured.selection, positions)[: rule.LADDERS]
    for p in positions[: rule.WITNESSES]:
        told[_of_tie(measured, ties[p]) if p in ties else _of_component(measured, analytic, p, p in shown)] = None
    return tuple(told)


def _first_of_tensors(selection: Selection, positions: Sequence[int]) -> list[int]:
    owners = np.searchsorted([span.stop for span in selection.spans], positions, side="right")
    return [positions[k] for k in sorted(np.unique(owners, return_index=True)[1].tolist())]


def _of_component(measured: Measured, analytic: Vector, p: int, shown: bool) -> Witness:
    row, selection = int(np.searchsorted(measured.positions, p)), measured.selection
    return measured.said.witness(
        row, selection.name(p), selection.index(p), float(analytic[p]), float(measured.units[p]), shown
    )


def _of_tie(measured: Measured, tie: Tie) -> Witness:
    _, names = measured.selection.named(tie.positions)
    return tie.said.witness(0, f"the sum of {names}", None, tie.claimed)


def _share(part: float, whole: float) -> float:
    return part / whole if whole > 0 and np.isfinite(whole) else (0.0 if part == 0 else np.inf)
