"""Numeric against analytic, in the light of the noise: ratio, floor and verdict, for everything and per tensor.

For a set S of components with e = numeric - analytic:

    ratio_S = ||e_S|| / ( ||numeric_S|| + ||analytic_S|| )
    floor_S = sqrt(|S|) sigma / ( ||numeric_S|| + ||analytic_S|| )        sigma = epsJ / (sqrt(2) eps)

    WRONG       ratio_S >= 1e-3  and ratio_S > c floor_S
    SUSPECT     ratio_S >  1e-7  and ratio_S > c floor_S
    UNRESOLVED  ratio_S <= c floor_S, and c floor_S is above what the bands need
    CORRECT     otherwise; 0 against 0 too

and a component is wrong by itself if |e_i| > 10 sigma and |e_i| > 1e-7 times the largest entry of its tensor.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass

import numpy as np

from fastcheck.layout import Layout, Vector

GREAT = 1e-7  # the bands of the ratio
WORRY = 1e-3
LOOK = 1e-5

C = 3.0  # a norm of rounding errors stays below this many times its expectation
C_COMPONENT = 10.0  # and one rounding error below this many sigma, also where sigma is underestimated


class Verdict(enum.Enum):
    """What is to be thought of a gradient; the value is the sentence a person reads."""

    CORRECT = "the gradient agrees with the differences of J"
    UNRESOLVED = "this check cannot tell right from wrong at this eps"
    SUSPECT = "the gradient differs from the differences of J by more than rounding explains"
    WRONG = "the gradient is wrong"

    @property
    def severity(self) -> int:
        return list(Verdict).index(self)


@dataclass(frozen=True)
class Component:
    """One entry of theta, with both its derivatives; ``error`` is numeric - analytic."""

    index: int
    name: str
    analytic: float
    numeric: float
    error: float


@dataclass(frozen=True)
class Judgement:
    """A verdict on a set of components, with the numbers and the condition that decided."""

    ratio: float
    floor: float
    verdict: Verdict
    reason: str


@dataclass(frozen=True)
class TensorReport:
    """The verdict on one tensor; ``worst`` is its component with the largest error (None if it has no components)."""

    name: str
    shape: tuple[int, ...]
    ratio: float
    floor: float
    verdict: Verdict
    reason: str
    worst: Component | None
    n_components: int  # of this tensor that were looked at
    ratio_low: float | None = None  # of a screen: the 95 % interval of the ratio
    ratio_high: float | None = None


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
    error = numeric - analytic
    if not np.isfinite(error).all():
        both = np.isfinite(error)
        numeric, analytic, error = numeric[both], analytic[both], error[both]
    return Size(error.size, norm(error), norm(numeric), norm(analytic), math.sqrt(error.size) * sigma)


def joined(sizes: list[Size]) -> Size:
    """The norms of the union of disjoint sets."""
    return Size(
        sum(s.n for s in sizes),
        *(math.hypot(*(getattr(s, name) for s in sizes)) for name in ("error", "numeric", "analytic", "rounding")),
    )


def judge(s: Size, too_high: float) -> Judgement:
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


def tolerance(numeric: Vector, analytic: Vector, sigma: float) -> float:
    """The error above which one component of a tensor is wrong by itself."""
    return max(C_COMPONENT * sigma, GREAT * largest(numeric, analytic))


def wrong_alone(numeric: Vector, analytic: Vector, sigma: float, settled: np.ndarray) -> np.ndarray:
    """Positions of the components of a tensor that are wrong by themselves, those ``settled`` otherwise left out."""
    error = np.abs(numeric - analytic)
    error[settled] = 0.0
    return np.flatnonzero((error > tolerance(numeric, analytic, sigma)) & np.isfinite(error))


def judge_component(c: Component, sigma: float) -> Judgement:
    """The verdict on a component that is wrong by itself."""
    relative = abs(c.error) / (abs(c.numeric) + abs(c.analytic))
    verdict = Verdict.WRONG if relative >= WORRY else Verdict.SUSPECT
    return Judgement(
        relative, math.nan, verdict, f"{c.name} is off by {abs(c.error):.1e}, {_times(abs(c.error), sigma)} sigma"
    )


def unrepeatable(first: Vector, again: Vector) -> bool:
    """Whether two calls at the same theta gave different gradients, beyond the order in which threads may add."""
    return size(first, again, 0.0).ratio > GREAT


def component(index: int, numeric: float, analytic: float, layout: Layout) -> Component:
    return Component(index, layout.name(index), float(analytic), float(numeric), float(numeric) - float(analytic))


def worst(numeric: Vector, analytic: Vector, k: int = 1) -> np.ndarray:
    """Positions of the ``k`` largest errors, largest first; what is not finite comes before all."""
    error = numeric - analytic
    np.abs(error, out=error)
    error[~np.isfinite(error)] = np.inf
    if k >= error.size:
        return np.argsort(-error, kind="stable")
    top = np.argpartition(error, error.size - k)[error.size - k :]
    return top[np.argsort(-error[top], kind="stable")]


def norm(vector: Vector) -> float:
    """The Euclidean norm, scaled where squares would overflow or vanish."""
    with np.errstate(over="ignore", under="ignore"):
        plain = float(np.linalg.norm(vector))
    if 1e-140 < plain < 1e140:
        return plain
    scale = largest(vector)
    return scale * float(np.linalg.norm(vector / scale)) if scale else 0.0


def largest(*vectors: Vector) -> float:
    """The largest finite entry in size, of all the vectors; 0 where there is none."""
    return max((_extreme(vector) for vector in vectors if vector.size), default=0.0)


def _extreme(vector: Vector) -> float:
    low, high = float(vector.min()), float(vector.max())
    if math.isfinite(low) and math.isfinite(high):
        return max(-low, high)
    return largest(vector[np.isfinite(vector)])


def _times(error: float, sigma: float) -> str:
    return f"{error / sigma:.2g}" if sigma else "infinitely many"
