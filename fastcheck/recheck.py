"""A second look at components that seem wrong, with other steps: is it the gradient, or is it the step?

A wrong gradient is wrong at every step. An error made by the step is not: rounding falls as 1 / h with a larger step h,
truncation as h^2 with a smaller one, and a kink (a ReLU or max that changes side between theta_i - h and theta_i + h)
is no longer crossed once h is small enough. Where theta sits on the kink itself, the one-sided slopes D- and D+ differ
at every h, and any value between them is a right one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from fastcheck import compare, engine, steps
from fastcheck.compare import Verdict
from fastcheck.cost import Cost
from fastcheck.layout import Layout, Vector
from fastcheck.noise import Noise

_STEPS = 4.0 ** np.array([0, 1, -1, 2, -2, -3, -4, -5])  # times eps; the first for the slopes to either side
_QUARTER, _SIXTEENTH = 2, 4  # where in that table the steps eps / 4 and eps / 16 stand
_FALL = 4.0  # an error that the step made falls at least this much at another step,
_SURE = 6.0  # by this many sigma more than rounding there can feign
_FIRST_BATCH = 16  # components of a tensor, the worst first; doubled while all of them turn out to be right
_LEAST_BUDGET = 1024  # evaluations always allowed, however small n


@dataclass(frozen=True)
class Second:
    """What the second look found, in positions among the components looked at.

    ``settled`` gives for each kind of step error the components whose gradient is right; their numeric value has been
    replaced, and ``sigmas`` holds its rounding. ``undecided`` are tensors that the evaluations did not suffice for.
    """

    settled: dict[str, list[int]] = field(default_factory=lambda: {"kink": [], "truncation": [], "rounding": []})
    sigmas: dict[int, float] = field(default_factory=dict)
    undecided: list[int] = field(default_factory=list)

    def within(self, span: slice) -> np.ndarray:
        """The settled positions inside ``span``, relative to its start."""
        return np.array([p - span.start for p in self.sigmas if span.start <= p < span.stop], dtype=np.int64)


@dataclass(frozen=True)
class Look:
    """What is looked at: a cost near theta, and the components (sorted; None: all)."""

    cost: Cost
    theta: Vector
    layout: Layout
    components: np.ndarray | None
    eps: float
    chosen: engine.Settings


def second_look(look: Look, numeric: Vector, analytic: Vector, noise: Noise) -> tuple[Second, int]:
    """Look again wherever something seems wrong; ``numeric`` is improved in place where the step was at fault.

    Beside the first batch of each tensor, spends at most as many evaluations as the first look did. Returns what was
    found, and the evaluations spent.
    """
    found = Second()
    budget = max(2 * numeric.size, _LEAST_BUDGET)
    spent = 0
    for position, span in enumerate(look.layout.spans(look.components)):
        batches = _batches(numeric[span], analytic[span], steps.sigma(noise.of(position), look.eps), found, span)
        for batch, together in batches:
            cost_of_batch = 2 * _STEPS.size * batch.size
            if spent + cost_of_batch > budget and found.within(span).size:
                found.undecided.append(position)
                break
            spent += cost_of_batch
            if not _settle(look, numeric, analytic, noise.of(position), span, batch, together, found):
                break
    return found, spent


def _batches(
    numeric: Vector, analytic: Vector, sigma: float, found: Second, span: slice
) -> Iterator[tuple[np.ndarray, bool]]:
    """Positions in one tensor to look at, worst first, as long as it seems wrong; and whether only their norm does."""
    n = _FIRST_BATCH
    while True:
        settled = found.within(span)
        doubted = compare.wrong_alone(numeric, analytic, sigma, settled)
        together = not doubted.size
        if together and _norm_seems_wrong(numeric, analytic, sigma, settled):
            doubted = np.setdiff1d(np.flatnonzero(np.isfinite(numeric - analytic)), settled)
        if not doubted.size:
            return
        error = np.abs(numeric[doubted] - analytic[doubted])
        yield doubted[np.argsort(-error, kind="stable")[:n]], together
        n *= 2


def _norm_seems_wrong(numeric: Vector, analytic: Vector, sigma: float, settled: np.ndarray) -> bool:
    if settled.size:
        numeric, analytic = np.delete(numeric, settled), np.delete(analytic, settled)
    return compare.judge(compare.size(numeric, analytic, sigma), math.inf).verdict in (Verdict.SUSPECT, Verdict.WRONG)


def _settle(
    look: Look,
    numeric: Vector,
    analytic: Vector,
    noise: float,
    span: slice,
    batch: np.ndarray,
    together: bool,
    found: Second,
) -> bool:
    """Probe ``batch`` at all steps and settle the components whose step was at fault; False if any was not settled."""
    positions = span.start + batch
    indices = positions if look.components is None else look.components[positions]
    scale = compare.largest(analytic[span], numeric[span])
    slopes = _slopes(look, indices)
    kinds, values, sigmas = _explain(slopes, analytic[positions], noise, look.eps, scale, together)
    for position, kind, value, sigma in zip(positions, kinds, values, sigmas, strict=True):
        if kind:
            numeric[position] = value
            found.settled[kind].append(int(position))
            found.sigmas[int(position)] = float(sigma)
    return all(kinds)


def _slopes(look: Look, indices: np.ndarray) -> np.ndarray:
    """D+ and D- at every step: shape (2, steps, components)."""
    h = look.eps * _STEPS
    offsets = np.stack([np.multiply.outer(sign * h, np.ones(indices.size)) for sign in (1, -1)])
    where = np.broadcast_to(indices, offsets.shape)
    j = engine.probes(look.cost, look.theta, where.ravel(), offsets.ravel(), look.layout, look.chosen)
    at = look.theta[indices]
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):  # a step lost in rounding tells nothing
        return (j.reshape(offsets.shape) - look.cost.value) / ((at + offsets) - at)


def _explain(
    slopes: np.ndarray, analytic: Vector, noise: float, eps: float, scale: float, together: bool
) -> tuple[list[str], Vector, Vector]:
    """For each component the kind of step error ("" if none explains it), its better numeric value, and sigma there."""
    right, left = slopes
    central, gap = (right + left) / 2, right - left
    error = central - analytic
    sigmas = np.array([steps.sigma(noise, eps * step) for step in _STEPS])
    kinds, values, rounding = [""] * analytic.size, central[0].copy(), np.full(analytic.size, sigmas[0])
    for step in range(_STEPS.size - 1, 0, -1):  # the first in the table wins: it is nearest to eps
        fallen = _fallen(error[0], error[step], sigmas[step], scale, together)
        for k in np.flatnonzero(fallen):
            kinds[k] = "rounding" if _STEPS[step] > 1 else _bend(gap[:, k], error[0, k])
            values[k], rounding[k] = central[step, k], sigmas[step]
    for k in np.flatnonzero(_falls_as_square(error, sigmas)):
        left_over = max(
            abs(error[_SIXTEENTH, k]), sigmas[_SIXTEENTH]
        )  # still truncation, and no better known than that
        kinds[k], values[k], rounding[k] = "truncation", central[_SIXTEENTH, k], left_over
    for k in np.flatnonzero(_on_kink(right, left, analytic, sigmas[_SIXTEENTH], scale)):
        kinds[k], values[k], rounding[k] = "kink", analytic[k], sigmas[_SIXTEENTH]
    return kinds, values, rounding


def _fallen(error: Vector, at_step: Vector, sigma: float, scale: float, together: bool) -> np.ndarray:
    """Whether the error all but vanished at another step, and did so beyond what rounding there can feign."""
    slack = compare.C_COMPONENT * sigma + compare.GREAT * scale
    change = np.abs(at_step - error)
    size, after = np.abs(error), np.abs(at_step)
    if together:  # no component seems wrong by itself: compare the norms of all
        root = math.sqrt(error.size)
        size, after, change = (np.full(error.size, np.linalg.norm(v)) for v in (size, after, change))
        sigma, slack = sigma * root, compare.C * sigma * root + compare.GREAT * scale
    return (after <= size / _FALL) & (change >= _SURE * sigma) & (after <= slack)


def _bend(gap: Vector, error: float) -> str:
    """Kink or truncation: D+ - D- is proportional to h where J is smooth, and not where a kink was crossed."""
    return "kink" if abs(gap[0] - 4 * gap[_QUARTER]) >= abs(error) else "truncation"


def _falls_as_square(error: np.ndarray, sigmas: Vector) -> np.ndarray:
    """Whether the error goes with h^2 from eps to eps / 4 to eps / 16, clear of rounding: truncation, even if much is left."""
    first, second, third = np.abs(error[[0, _QUARTER, _SIXTEENTH]])
    clear = first - second >= _SURE * sigmas[_QUARTER]
    return clear & (second <= first / 8) & (second >= first / 32) & (third <= second / 8 + _SURE * sigmas[_SIXTEENTH])


def _on_kink(right: np.ndarray, left: np.ndarray, analytic: Vector, sigma: float, scale: float) -> np.ndarray:
    """Whether the slopes differ as much at eps / 16 as at eps, and the analytic value lies between them."""
    slack = compare.C_COMPONENT * sigma + compare.GREAT * scale
    gap = np.abs(right - left)
    stays = (gap[_SIXTEENTH] >= gap[0] / 2) & (gap[_SIXTEENTH] > 2 * slack)
    low, high = np.minimum(right, left)[_SIXTEENTH], np.maximum(right, left)[_SIXTEENTH]
    return stays & (analytic >= low - slack) & (analytic <= high + slack)
