"""The rule: what was measured and what the user claims go in, verdicts come out. Every threshold stands in this file.

For a set S of components with e = numeric - analytic:

    ratio_S = ||e_S|| / ( ||numeric_S|| + ||analytic_S|| )
    floor_S = sqrt(|S|) sigma / ( ||numeric_S|| + ||analytic_S|| )        sigma = epsJ / (sqrt(2) eps)

    WRONG       ratio_S >= 1e-3  and ratio_S > c floor_S
    SUSPECT     ratio_S >  1e-7  and ratio_S > c floor_S
    UNRESOLVED  ratio_S <= c floor_S, and c floor_S is above what the bands need
    CORRECT     otherwise; 0 against 0 too

and a component is wrong by itself if |e_i| > 10 sigma and |e_i| > 1e-7 times the largest entry of its tensor. Ratio and
floor are told of the differences at eps; the verdict goes by the best slopes that are known.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from fastcheck.judge.verdict import Component, Judged, Judgement, TensorReport, Verdict
from fastcheck.measure.estimates import Cause, Estimates
from fastcheck.problem.layout import Tensor
from fastcheck.problem.selection import Selection
from fastcheck.vectors import Flags, Indices, Vector, largest, norm

GREAT = 1e-7  # the bands of the ratio
LOOK = 1e-5
WORRY = 1e-3

C = 3.0  # a norm of rounding errors stays below this many times its expectation
C_COMPONENT = 10.0  # and one rounding error below this many sigma, also where sigma is underestimated

FALL = 4.0  # an error that the step made falls at least this much at another step,
SURE = 6.0  # by this many sigma more than rounding there can feign
SQUARE = (8.0, 32.0)  # between these an error falls from eps to eps / 4, if it goes as the square of the step
STAYS = 0.5  # the part of a kink's gap that is left at eps / 16
CLEAR = 2.0  # tolerances that the gap of a kink is wide
BATCH = 16  # components of a tensor that are looked at again, the worst first; doubled while all turn out to be right
LEAST_BUDGET = 1024  # evaluations always allowed for that, however small n

FINEST = 10.0  # times curvature: a gap beyond it is a kink's
KINK = 6.0  # times the rounding of a slope: a jump of the slope beyond it is a kink's
CURVATURE = 0.05  # share of the gap between D+ and D- at a kink that curvature may add
MANY_KINKS = 20.0  # gaps of many kinks cancel; a residual above so many gaps is not of their making
HIDDEN = 0.27  # 1.5 standard deviations, in the bound for rounding
LOWER = 0.5  # part of a residual that is left where a step too long was to blame
BOUNDS_PER_SIGMA = 4.0  # the bound of a slope along a direction, in standard deviations
PASSES = 25.0  # an error of this many bounds of an accepted direction does not pass it, whatever further steps show
MISSED = 1e-9  # the probability of the guarantee
TAILS = (0.025, 0.975)  # of the interval of an estimated ratio

MOSTLY = 3  # wrong ones in a sample of six components that make a tensor, or a line of it, wrong throughout
MANY = 32  # single wrong components beyond which a tensor is named instead

ALIKE = 1e-3  # a ratio below which the change from call to call is the gradient once more


@dataclass(frozen=True)
class Size:
    """The norms that ratio and floor of a set of components are made of; sets that are disjoint can be joined."""

    n: int
    error: float
    numeric: float
    analytic: float
    rounding: float  # the norm of the error that rounding alone is expected to produce

    @property
    def norm(self) -> float:
        return self.numeric + self.analytic

    @property
    def ratio(self) -> float:
        return self.error / self.norm if self.norm else 0.0

    @property
    def floor(self) -> float:
        return self.rounding / self.norm if self.norm else 0.0

    @property
    def tolerance(self) -> float:
        """The largest ratio that rounding explains: c floor, with the c of one component for the smallest sets."""
        return max(C, C_COMPONENT / math.sqrt(max(self.n, 1))) * self.floor


def size(numeric: Vector, analytic: Vector, sigma: float) -> Size:
    """The norms of a set, over the components at which both derivatives are finite."""
    with np.errstate(invalid="ignore", over="ignore"):
        error = numeric - analytic
    if not np.isfinite(error).all():
        both = np.isfinite(error)
        numeric, analytic, error = numeric[both], analytic[both], error[both]
    return Size(error.size, norm(error), norm(numeric), norm(analytic), math.sqrt(error.size) * sigma)


def joined(sizes: Sequence[Size]) -> Size:
    """The norms of the union of disjoint sets."""
    return Size(
        sum(s.n for s in sizes),
        *(math.hypot(*(getattr(s, name) for s in sizes)) for name in ("error", "numeric", "analytic", "rounding")),
    )


def by_bands(s: Size, too_high: float) -> Judgement:
    """The verdict by the ratio alone; ``too_high`` is the tolerance above which the bands mean nothing."""
    explained = s.ratio <= s.tolerance
    if s.ratio == 0:
        verdict, reason = Verdict.CORRECT, "the two agree to the last bit"
    elif explained and s.tolerance > too_high:
        verdict, reason = Verdict.UNRESOLVED, f"rounding alone explains any ratio up to {s.tolerance:.1e}"
    elif explained and s.ratio > GREAT:
        verdict, reason = Verdict.CORRECT, f"ratio {s.ratio:.1e} is rounding in J: its floor here is {s.floor:.1e}"
    elif s.ratio <= GREAT:
        verdict, reason = Verdict.CORRECT, f"ratio {s.ratio:.1e} <= {GREAT:g}"
    else:
        verdict = Verdict.WRONG if s.ratio >= WORRY else Verdict.SUSPECT
        reason = f"ratio {s.ratio:.1e} {'>=' if s.ratio >= WORRY else '>'} {WORRY if s.ratio >= WORRY else GREAT:g}, the rounding floor is {s.floor:.1e}"
    return Judgement(s.ratio, s.floor, verdict, reason)


@dataclass(frozen=True, eq=False)
class Measured:
    """What a full check measured: the differences at eps, and the best slopes that are known after looking again.

    ``sigmas`` is the rounding of a difference in each tensor as it was heard there; the bounds of the estimates are
    `C_COMPONENT` times what a tensor is judged by. ``undecided`` are tensors that the evaluations did not suffice for.
    """

    selection: Selection
    numeric: Vector
    best: Estimates
    sigmas: tuple[float, ...]
    undecided: tuple[int, ...] = ()

    @classmethod
    def first(
        cls, selection: Selection, numeric: Vector, eps: float, sigmas: Sequence[float], judged_by: Sequence[float]
    ) -> Measured:
        """After the pass at eps, with the rounding of each tensor, and that which it is judged by."""
        sizes = [span.stop - span.start for span in selection.spans]
        bound = np.repeat(C_COMPONENT * np.array(judged_by), sizes)
        return cls(selection, numeric, Estimates.plain(numeric, bound, eps), tuple(sigmas))

    @property
    def bound(self) -> Vector:
        """How far the differences at eps may be off: as far as the better slopes are from them, where there are any."""
        again = np.flatnonzero(self.best.cause != Cause.NONE)
        if not again.size:
            return self.best.bound
        ends = np.stack([self.best.low[again], self.best.high[again]])
        bound = self.best.bound.copy()
        bound[again] += np.abs(ends - self.numeric[again]).max(axis=0)
        return bound


def judge(measured: Measured, analytic: Vector) -> Judged:
    """The judgement on everything looked at, and the report on each tensor; ``analytic`` has shape (k,)."""
    best, selection = measured.best, measured.selection
    slopes = best.nearest(analytic)
    tensors, passed, sizes, wrong = [], [], [], []
    shares = tuple(GREAT * largest(slopes[span], analytic[span]) for span in selection.spans)
    for k, (tensor, span) in enumerate(zip(selection.layout.tensors, selection.spans, strict=True)):
        own = best.part(span)
        passed.append(size(measured.numeric[span], analytic[span], measured.sigmas[k]))
        sizes.append(_best_size(slopes[span], analytic[span], own, measured.sigmas[k]))
        decisive = _best_size(slopes[span], analytic[span], own, None)
        alone = _wrong_alone(slopes[span], analytic[span], own, shares[k])
        judged = _of_tensor(selection, k, decisive, slopes[span], analytic[span], own, alone, k in measured.undecided)
        wrong.append(span.start + alone)
        tensors.append(
            _reported(tensor, replace(judged, ratio=passed[k].ratio, floor=passed[k].floor), measured, analytic, span)
        )
    whole = joined(passed)
    decided = [size for k, size in enumerate(sizes) if k not in measured.undecided]
    judged = replace(by_bands(joined(decided), LOOK), ratio=whole.ratio, floor=whole.floor)
    judged = as_its_worst(judged, joined(sizes), sizes, tensors)
    return Judged(judged, tuple(tensors), selection, analytic, slopes, best.bound, shares, np.concatenate(wrong))


def as_its_worst(judged: Judgement, whole: Size, sizes: Sequence[Size], tensors: Sequence[TensorReport]) -> Judgement:
    """The judgement on the whole, lowered to that of its worst tensor, unresolved ones that do not matter left out."""
    for own, tensor in zip(sizes, tensors, strict=True):
        if not _too_small(own, tensor, whole):
            judged = judged.lowered(tensor.verdict, f"{tensor.name}: {tensor.reason}")
    return judged


def if_repeatable(judged: Judgement, first: Vector, again: Vector | None) -> Judgement:
    """WRONG where a second call of the gradient at the same theta gave another one, ``again``."""
    if again is None or not unrepeatable(first, again):
        return judged
    ratio = size(first, again, 0.0).ratio
    reason = f"a second call of grad at the same theta gives another gradient (ratio {ratio:.1e})"
    return replace(judged, verdict=Verdict.WRONG, reason=reason)


def unrepeatable(first: Vector, again: Vector) -> bool:
    """Whether two calls at the same theta gave different gradients, beyond the order in which threads may add."""
    return size(first, again, 0.0).ratio > GREAT


def _too_small(own: Size, tensor: TensorReport, whole: Size) -> bool:
    """Whether an unresolved tensor is too small to matter: wrong throughout, it would not lift the whole off its floor."""
    if tensor.verdict is not Verdict.UNRESOLVED or own.n < tensor.n_components:
        return False
    return own.norm <= max(GREAT, whole.tolerance) * whole.norm


def _best_size(slopes: Vector, analytic: Vector, own: Estimates, sigma: float | None) -> Size:
    """The norms of one tensor by its best slopes; rounding by the bounds, or ``sigma`` where nothing was looked at again."""
    again = own.cause != Cause.NONE
    plain = size(slopes, analytic, 0.0)
    bounds = own.bound[again] if sigma is not None else own.bound
    rounding = norm(bounds) / C_COMPONENT
    if sigma is not None:
        rounding = math.hypot(rounding, math.sqrt(max(plain.n - int(again.sum()), 0)) * sigma)
    return replace(plain, rounding=rounding)


def _wrong_alone(slopes: Vector, analytic: Vector, own: Estimates, share: float) -> Indices:
    """Positions in one tensor of the components that are wrong by themselves; what was settled otherwise is not."""
    with np.errstate(invalid="ignore", over="ignore"):
        error = np.abs(slopes - analytic)
    return np.flatnonzero((error > np.maximum(own.bound, share)) & np.isfinite(error) & (own.cause == Cause.NONE))


def _of_tensor(
    selection: Selection,
    k: int,
    decisive: Size,
    slopes: Vector,
    analytic: Vector,
    own: Estimates,
    alone: Indices,
    undecided: bool,
) -> Judgement:
    """The verdict on one tensor: by its norm, by its components, and by what could not be evaluated or decided."""
    judged = by_bands(decisive, WORRY)
    if not np.isfinite(analytic).all() and np.isfinite(slopes[~np.isfinite(analytic)]).any():
        return replace(judged, verdict=Verdict.WRONG, reason="the gradient is nan or inf where J is finite")
    if undecided:
        return replace(judged, verdict=Verdict.UNRESOLVED, reason="the step explains every error looked at again")
    if alone.size:
        judged = judged.lowered(*_gravest(selection, k, slopes, analytic, own, alone))
    if decisive.n < slopes.size and judged.verdict is Verdict.CORRECT:
        return replace(judged, verdict=Verdict.UNRESOLVED, reason="J is not finite at some components")
    return judged


def _gravest(
    selection: Selection, k: int, slopes: Vector, analytic: Vector, own: Estimates, alone: Indices
) -> tuple[Verdict, str]:
    """Of the components that are wrong by themselves the one that is so most, and the verdict on it."""
    error = np.abs(slopes[alone] - analytic[alone])
    relative = error / (np.abs(slopes[alone]) + np.abs(analytic[alone]))
    most = int(np.argmax(relative))
    sigma = float(own.bound[alone[most]]) / C_COMPONENT
    times = f"{error[most] / sigma:.2g}" if sigma else "infinitely many"
    name = selection.name(selection.spans[k].start + int(alone[most]))
    verdict = Verdict.WRONG if relative[most] >= WORRY else Verdict.SUSPECT
    return verdict, f"{name} is off by {error[most]:.1e}, {times} sigma"


def _reported(tensor: Tensor, judged: Judgement, measured: Measured, analytic: Vector, span: slice) -> TensorReport:
    worst = None
    if span.stop > span.start:
        selection = measured.selection
        bound = measured.best.bound[span] if measured.best.low is measured.best.value else measured.bound[span]
        position = span.start + int(worst_of(measured.numeric[span], analytic[span], bound)[0])
        worst = Component.of(
            selection.index(position), float(measured.numeric[position]), float(analytic[position]), selection.layout
        )
    return TensorReport(
        tensor.name,
        tensor.shape,
        judged.ratio,
        judged.floor,
        judged.verdict,
        judged.reason,
        worst,
        span.stop - span.start,
    )


def worst_of(numeric: Vector, analytic: Vector, bound: Vector | float, k: int = 1) -> Indices:
    """Positions of the ``k`` errors that are most above their bounds, worst first; what is not finite comes before all."""
    with np.errstate(invalid="ignore", over="ignore"):
        error = numeric - analytic
        np.abs(error, out=error)
        error -= bound
    error[~np.isfinite(error)] = np.inf
    if k >= error.size:
        return np.argsort(-error, kind="stable")
    top = np.argpartition(error, error.size - k)[error.size - k :] if k > 0 else np.empty(0, dtype=np.int64)
    return top[np.argsort(-error[top], kind="stable")]


def norm_tolerance(bound: Vector) -> float:
    """The norm of the errors that is none in a set of components with these bounds."""
    return C * norm(bound) / C_COMPONENT


def sigma_of(bound: Vector) -> float:
    """The rounding of one component with the largest of these bounds."""
    return float(bound.max()) / C_COMPONENT if bound.size else 0.0


def wrong_of(numeric: Vector, analytic: Vector, bound: Vector, spans: Sequence[slice]) -> Flags:
    """Which components are wrong by themselves by differences alone, as reports without a later look knew it."""
    wrong = np.zeros(numeric.size, dtype=bool)
    for span in spans:
        share = GREAT * largest(numeric[span], analytic[span])
        with np.errstate(invalid="ignore"):
            error = np.abs(numeric[span] - analytic[span])
        wrong[span] = (error > np.maximum(bound[span], share)) & np.isfinite(error)
    return wrong
