"""What a check or a screen knows, tensor by tensor, and whether a corrected gradient would agree with it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from fastcheck.judge import ratios
from fastcheck.judge.rule import GREAT
from fastcheck.judge.verdict import Judged
from fastcheck.problem.layout import Tensor
from fastcheck.vectors import Flags, Indices, Vector, largest, norm

_NEARLY = 1e-3  # a hypothesis that leaves this part of the error explains it but for something else
_DIGITS = 6.0  # decimal digits of agreement, all entries together, below which it may be chance
_NEGLIGIBLE = 1e-3  # entries below this part of the largest agree with anything


@dataclass(frozen=True)
class Hypothesis:
    """One way a tensor's gradient may have gone wrong; with it undone the gradient would be ``corrected``
    (None where that is plain without a comparison).

    ``words`` continue "the gradient ...", ``look`` says where to look in the code. ``free`` counts the numbers that
    were fitted. ``among`` are the positions it speaks of, None for all. ``same`` is what the words begin with where one
    mistake makes them differ from tensor to tensor, empty where they do not.
    """

    kind: str
    corrected: Vector | None
    words: str
    look: str
    free: int = 0
    among: Indices | None = None
    same: str = ""

    @property
    def cause(self) -> str:
        """What the hypothesis has in common with that of another tensor, if it is the same mistake."""
        return self.same or self.words


@dataclass(frozen=True)
class Part:
    """One tensor, or those of its components that were looked at.

    ``observed`` is what was measured: the numeric gradient, or of a screen its slopes along directions; ``sees`` is
    how a gradient would be seen there. ``slack`` is the error that the rule takes for none in one entry, ``slack_norm``
    in their norm; ``noise`` is the part of it that was measured, and is owed to no claim; ``sigma`` is the rounding of one entry, ``wrong`` where the rule found entries wrong by themselves.
    """

    tensor: Tensor
    theta: Vector
    analytic: Vector
    observed: Vector
    slack: Vector
    slack_norm: float
    sigma: float
    wrong: Flags
    offsets: Indices | None  # where in the tensor the components lie, sorted; None: all of them
    sees: Callable[[Vector], Vector] | None = None  # None: every component by itself
    noise: Vector | None = None

    @property
    def numeric(self) -> Vector | None:
        """The numeric gradient, where there is one."""
        return self.observed if self.sees is None else None

    @property
    def whole(self) -> bool:
        """Whether every component of the tensor is there."""
        return self.offsets is None or self.offsets.size == self.tensor.size

    @property
    def places(self) -> Indices:
        """Where in the tensor the components lie."""
        return np.arange(self.tensor.size) if self.offsets is None else self.offsets

    def some(self, positions: Indices) -> Part:
        """Those of the components that stand at ``positions``."""
        names = ("theta", "analytic", "observed", "slack", "wrong")
        offsets = positions if self.offsets is None else self.offsets[positions]
        noise = None if self.noise is None else self.noise[positions]
        return replace(self, offsets=offsets, noise=noise, **{name: getattr(self, name)[positions] for name in names})

    def seen(self, vector: Vector) -> Vector:
        return vector if self.sees is None else self.sees(vector)

    def fit(self, *basis: Vector, rest: Vector | None = None) -> Vector:
        """The coefficients with which ``basis``, added to ``rest``, comes nearest to what was observed."""
        target = self.observed if rest is None else self.observed - self.seen(rest)
        columns = np.stack([self.seen(b) for b in basis], axis=1)
        if not (np.isfinite(columns).all() and np.isfinite(target).all()):  # sizes whose products leave the range
            return np.zeros(len(basis))
        return np.asarray(np.linalg.lstsq(columns, target, rcond=None)[0], dtype=np.float64)

    def ratio(self, gradient: Vector) -> float:
        """The ratio that ``gradient`` would have."""
        return ratios.ratio(self.observed, self.seen(gradient))

    def explained(self, h: Hypothesis, nearly: bool = False) -> bool:
        """Whether the gradient, corrected by the hypothesis, would agree; and not by chance."""
        if h.corrected is None:
            return True
        among = slice(None) if h.among is None else h.among
        observed, corrected = self.observed[among], self.seen(h.corrected)[among]
        analytic = self.seen(self.analytic)[among]
        left = np.abs(observed - corrected)
        # A gradient of zero leaves no more than what was observed: what does not better than that explains nothing.
        error = min(norm(observed - analytic), norm(observed))
        share = largest(observed) / (largest(observed, analytic) or 1.0)  # of what the slack may owe to a large claim
        share = share or np.finfo(float).tiny  # a slack that is not known stays so
        noise = (np.zeros_like(self.slack) if self.noise is None else self.noise)[among]
        slack_norm = max(self.slack_norm * share, norm(noise), GREAT * (norm(observed) + norm(corrected)))
        agrees = bool((left <= np.maximum(noise, self.slack[among] * share)).all()) and norm(left) <= slack_norm
        if not agrees and not (nearly and norm(left) <= _NEARLY * error):
            return False
        return _digits(observed, error, max(norm(left), min(slack_norm, error)), h.free) >= _DIGITS

    def left(self, h: Hypothesis) -> float:
        """The norm of what the hypothesis leaves unexplained."""
        if h.corrected is None:
            return 0.0
        among = slice(None) if h.among is None else h.among
        return norm(self.observed[among] - self.seen(h.corrected)[among])


def parts_of(judged: Judged, theta: Vector) -> tuple[Part, ...]:
    """Every tensor as a full check knows it, the components at which both gradients are finite."""
    return tuple(_part(judged, theta, k) for k in range(len(judged.tensors)))


def _part(judged: Judged, theta: Vector, k: int) -> Part:
    """One tensor; views, as copies of everything would take as much memory as the check itself."""
    selection = judged.selection
    tensor, span = selection.layout.tensors[k], selection.spans[k]
    at = span if selection.indices is None else selection.indices[span]
    slack = judged.tolerance(k)
    wrong = np.zeros(span.stop - span.start, dtype=bool)
    first, last = np.searchsorted(judged.wrong, (span.start, span.stop))
    wrong[judged.wrong[first:last] - span.start] = True
    slopes, analytic, bound = judged.slopes[span], judged.analytic[span], judged.bound[span]
    part = Part(
        tensor, theta[at], analytic, slopes, slack, norm(slack), ratios.sigma_of(slack),
        wrong, selection.offsets(tensor, span), noise=np.where(np.isfinite(bound), bound, 0.0),
    )  # fmt: skip
    unknown = np.isinf(judged.bound[span]) & (slopes == analytic)  # the claim stands where nothing was measured
    finite = np.isfinite(slopes) & np.isfinite(analytic) & ~unknown
    return part if finite.all() else part.some(np.flatnonzero(finite))


def _digits(observed: Vector, error: float, left: float, free: int) -> float:
    """How many decimal digits, over all entries that matter, agree beyond the numbers that were fitted."""
    if not left or not error:  # nothing is left, or there was nothing to explain
        return math.inf if error else 0.0
    matter = np.count_nonzero(np.abs(observed) > _NEGLIGIBLE * largest(observed))
    return (matter - free) * math.log10(error / left)
