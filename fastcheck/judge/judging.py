"""From the pass and the ladders to the verdict on every tensor and on the whole, by the rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fastcheck.judge import rule
from fastcheck.judge.outcomes import Outcomes
from fastcheck.judge.verdict import Cause, Component, Judged, Judgement, Outcome, TensorReport, Verdict, Witness
from fastcheck.problem.selection import Selection
from fastcheck.vectors import Flags, Indices, Vector, largest, norm


@dataclass(frozen=True, eq=False)
class Measured:
    """What a full check measured.

    Attributes
    ----------
    selection : Selection
    units : ndarray of float64, shape (k,)
    numeric : ndarray of float64, shape (k,)
        The pass.
    margin : ndarray of float64, shape (k,)
        How far it may be off, in J per unit of theta; inf where that is not known.
    sigmas : tuple of float
        For each tensor the norm of what rounding alone does to its differences.
    unfit : tuple of str
        For each tensor "", or why a step that the caller chose does not serve there.
    positions : ndarray of int64, shape (m,)
        Where ladders were taken, sorted.
    said : Outcomes
        What they say, in J per unit of scale.
    """

    selection: Selection
    units: Vector
    numeric: Vector
    margin: Vector
    sigmas: tuple[float, ...]
    unfit: tuple[str, ...]
    positions: Indices
    said: Outcomes

    def measured(self, positions: Indices, said: Outcomes) -> Measured:
        """With the outcomes of further ladders, or better ones of the same."""
        kept = ~np.isin(self.positions, positions)
        every = np.concatenate([self.positions[kept], positions])
        order = np.argsort(every, kind="stable")
        joined = Outcomes.joined([self.said.some(kept), said]).some(order)
        return replace(self, positions=every[order], said=joined)


@dataclass(frozen=True, eq=False)
class Known:
    """What is known of each component of one tensor, in J per unit of scale and divided by ``whole``, a power of two."""

    analytic: Vector
    slope: Vector  # the best
    bound: Vector
    outcome: Indices
    cause: Indices
    bends: Flags

    @property
    def error(self) -> Vector:
        """|slope - analytic|; 0 where the analytic value is not finite, which is counted apart."""
        return np.where(np.isfinite(self.analytic), np.abs(self.slope - self.analytic), 0.0)

    @property
    def sizes(self) -> Vector:
        """G + S, where both are finite."""
        return np.where(np.isfinite(self.analytic), np.abs(self.analytic), 0.0) + np.abs(self.slope)


def known(measured: Measured, analytic: Vector, k: int, whole: float = 1.0) -> Known:
    """What pass and ladders know of the k-th tensor; ``analytic`` has shape (k,)."""
    span = measured.selection.spans[k]
    first, last = np.searchsorted(measured.positions, (span.start, span.stop))
    at, said = measured.positions[first:last] - span.start, measured.said.some(slice(int(first), int(last)))
    with np.errstate(all="ignore"):
        unit = measured.units[span] / whole
        claimed, slope, margin = analytic[span] * unit, measured.numeric[span] * unit, measured.margin[span] * unit
        slope = np.where(np.isfinite(slope), slope, np.where(np.isfinite(claimed), claimed, 0.0))
        error = np.abs(slope - claimed)
        agrees = (margin <= rule.LOOK * norm(slope) / np.sqrt(max(slope.size, 1))) & (error <= margin)
        rests = bool(said.outcome.size and (said.outcome == Outcome.SUPPORTED).all() and not said.slope.any())
        quiet = (rests and not said.bends.any()) & (slope == 0) & (claimed == 0)  # J stands still wherever it was looked at
        agrees |= quiet
        bound = np.where(quiet, 0.0, margin)
        outcome = np.where(agrees, Outcome.SUPPORTED, Outcome.UNKNOWN)
        cause = np.where(agrees, Cause.NONE, Cause.BUDGET)
        bends = ~quiet
        seen = np.isfinite(said.slope)
        slope[at[seen]] = said.slope[seen] / whole
        bound[at] = np.where(seen & ~np.isnan(said.bound), said.bound / whole, np.inf)
    outcome[at], cause[at], bends[at] = said.outcome, said.cause, said.bends
    if measured.unfit[k]:  # what the pass cannot see at the step that was asked for accuses nobody
        unseen = (outcome == Outcome.REFUTED) & ~(error > margin) & np.isfinite(claimed)
        outcome[unseen], cause[unseen] = Outcome.UNKNOWN, Cause.ROUNDING
    return Known(claimed, slope, bound, outcome, cause, bends)


def numeric_bound(measured: Measured) -> Vector:
    """How far the pass may be off, shape (k,): what the pilots tell, or where a ladder was taken, what that does."""
    bound, said, at = measured.margin.copy(), measured.said, measured.positions
    with np.errstate(all="ignore"):
        told = np.abs(measured.numeric[at] - said.slope / measured.units[at]) + said.bound / measured.units[at]
    bound[at] = np.where(np.isfinite(told), told, bound[at])
    return bound


def open_in(measured: Measured, analytic: Vector, k: int) -> Indices:
    """Positions in the k-th tensor that neither the pass nor a ladder settled, those with the largest errors first."""
    found = known(measured, analytic, k)
    open_ = np.flatnonzero(found.cause == Cause.BUDGET)
    error = np.where(np.isfinite(found.analytic[open_]), found.error[open_], np.inf)
    ordered: Indices = measured.selection.spans[k].start + open_[np.argsort(-error, kind="stable")]
    return ordered


def visible_in(measured: Measured, analytic: Vector, k: int) -> Indices:
    """Positions in the k-th tensor that the pass settled although it shows an error of their own, the largest first.

    Within what the pass may be off such an error may be a tenth of a small component.
    """
    found = known(measured, analytic, k)
    span = measured.selection.spans[k]
    with np.errstate(over="ignore"):
        size = np.fmax(np.abs(found.analytic), np.abs(found.slope))
    shows = found.error > np.fmax(rule.SETTLED * size, rule.GREAT * largest(size))
    shows &= (found.outcome == Outcome.SUPPORTED) & ~np.isin(np.arange(span.start, span.stop), measured.positions)
    at = np.flatnonzero(shows)
    ordered: Indices = span.start + at[np.argsort(-found.error[at], kind="stable")]
    return ordered


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
    tensors, slopes, bounds = [], [], []
    for k in range(n_tensors):
        found = known(measured, analytic, k, power)
        tensors.append(_tensor(found, selection.spans[k].start, top, accept, measured.unfit[k]))
        with np.errstate(all="ignore"):
            back = power / measured.units[selection.spans[k]]
            slopes.append(found.slope * back)
            bounds.append(found.bound * back)
    off = numeric_bound(measured)
    judged, order = _whole(tensors, selection, accept)
    slope, bound = np.concatenate(slopes), np.concatenate(bounds)
    shares = tuple(max(rule.GREAT, accept) * largest(slope[span], analytic[span]) for span in selection.spans)
    ratio, floor = _pass_ratio(measured, analytic, slice(0, selection.size), norm(np.array(measured.sigmas)))
    wrong = [_wrong(measured, slope, bound, analytic, k, tensors[k], shares[k]) for k in range(n_tensors)]
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
    error, sizes, bound = found.error, found.sizes, found.bound
    odd = ~np.isfinite(found.analytic)
    size = norm(np.where(odd, 0.0, found.analytic)) + norm(found.slope)
    open_ = np.where(odd, np.inf, np.fmax(error, bound))
    total = float(norm(open_)) if np.isfinite(open_).all() else np.inf
    told: dict[str, Any] = {"error": norm(error), "open_": total, "size": size}
    largest_here = float(np.where(odd, 0.0, np.fmax(np.abs(found.analytic), np.abs(found.slope))).max(initial=0.0))
    counts = odd | (error > max(max(rule.GREAT, accept) * largest_here, rule.OWN_ROUNDING * top))
    refuted = (found.outcome == Outcome.REFUTED) & counts
    if refuted.any():
        return replace(_accused(refuted, odd, error, sizes, size, accept), **told).shifted(start)
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
    """As good as the worst tensor, and the order of the tensors, the worst first.

    One too small to matter, even if all that is open in it were error, does not spoil it.
    """
    size = norm(np.array([t.size for t in tensors]))
    small = max(rule.GREAT, accept) * size
    counted = [k for k, t in enumerate(tensors) if t.verdict is not Verdict.UNRESOLVED or not t.open_ <= small] or list(
        range(len(tensors))
    )
    order = sorted(counted, key=lambda k: (-tensors[k].verdict.severity, -tensors[k].weight, -tensors[k].open_))
    worst = tensors[order[0]]
    name = f"{selection.layout.names[order[0]]}: " if len(tensors) > 1 and worst.verdict is not Verdict.CORRECT else ""
    reason = worst.reason
    if worst.verdict is Verdict.CORRECT:
        open_ = norm(np.array([tensors[k].open_ for k in counted]))
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


def ratio_and_floor(numeric: Vector, analytic: Vector, rounding: float) -> tuple[float, float]:
    """||numeric - analytic|| / (||numeric|| + ||analytic||), and ``rounding``, a norm, in its place above the line."""
    with np.errstate(invalid="ignore", over="ignore"):
        error = numeric - analytic
    if not np.isfinite(error).all():
        both = np.isfinite(error)
        numeric, analytic, error = numeric[both], analytic[both], error[both]
    below = norm(numeric) + norm(analytic)
    return (norm(error) / below, rounding / below) if below else (0.0, 0.0)


def ratio(numeric: Vector, analytic: Vector) -> float:
    return ratio_and_floor(numeric, analytic, 0.0)[0]


def _wrong(
    measured: Measured, slope: Vector, bound: Vector, analytic: Vector, k: int, tensor: _Tensor, share: float
) -> Indices:
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
    chosen = np.array(positions[: rule.WITNESSES], dtype=np.int64)
    at = np.searchsorted(measured.positions, chosen)
    told = []
    for position, row in zip(chosen.tolist(), at.tolist(), strict=True):
        unit, said = float(measured.units[position]), measured.said
        told.append(
            Witness(
                name=measured.selection.name(position),
                index=measured.selection.index(position),
                analytic=float(analytic[position]),
                slope=float(said.slope[row]) / unit,
                bound=float(said.bound[row]) / unit,
                step=float(np.ldexp(unit, int(said.level[row]))),
                order=int(said.order[row]),
            )
        )
    return tuple(told)


def worst_of(numeric: Vector, analytic: Vector, bound: Vector | float, k: int = 1) -> Indices:
    """Positions of the ``k`` errors that are most above their bounds, worst first; what is not finite comes before all."""
    with np.errstate(invalid="ignore", over="ignore"):
        error = numeric - analytic
        np.abs(error, out=error)
        error -= np.where(np.isfinite(bound), bound, 0.0)
    error[~np.isfinite(error)] = np.inf
    if k >= error.size:
        return np.argsort(-error, kind="stable")
    top = np.argpartition(error, error.size - k)[error.size - k :] if k > 0 else np.empty(0, dtype=np.int64)
    return top[np.argsort(-error[top], kind="stable")]


def sigma_of(tolerance: Vector) -> float:
    """The rounding of one component, of which the largest of these tolerances is some times."""
    return float(tolerance.max()) / rule.PASS_MARGIN if tolerance.size else 0.0


def if_repeatable(judged: Judgement, first: Vector, again: Vector | None) -> Judgement:
    """WRONG where a second call of the gradient at the same theta gave another one, ``again``."""
    if again is None or not unrepeatable(first, again):
        return judged
    reason = f"a second call of grad at the same theta gives another gradient (ratio {ratio(first, again):.1e})"
    return replace(judged, verdict=Verdict.WRONG, reason=reason, cause=Cause.NONE)


def unrepeatable(first: Vector, again: Vector) -> bool:
    """Whether two calls at the same theta gave different gradients, beyond the order in which threads may add."""
    return ratio(first, again) > rule.GREAT or not np.array_equal(np.isfinite(first), np.isfinite(again))


def _share(part: float, whole: float) -> float:
    return part / whole if whole > 0 and np.isfinite(whole) else (0.0 if part == 0 else np.inf)
