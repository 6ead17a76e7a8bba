"""What was decided, as frozen records; what decides stands in `fastcheck.judge.rule`."""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace

import numpy as np

from fastcheck.problem.layout import Layout
from fastcheck.problem.selection import Selection
from fastcheck.vectors import Indices, Vector


class Verdict(enum.Enum):
    """What is to be thought of a gradient; the value is the sentence a person reads."""

    CORRECT = "the gradient agrees with the differences of J"
    UNRESOLVED = "this check cannot tell right from wrong at this eps"
    SUSPECT = "the gradient differs from the differences of J by more than rounding explains"
    WRONG = "the gradient is wrong"

    @property
    def severity(self) -> int:
        return list(Verdict).index(self)

    @property
    def accuses(self) -> bool:
        return self in (Verdict.WRONG, Verdict.SUSPECT)


@dataclass(frozen=True)
class Component:
    """One entry of theta, with both its derivatives; ``error`` is numeric - analytic."""

    index: int
    name: str
    analytic: float
    numeric: float
    error: float

    @classmethod
    def of(cls, index: int, numeric: float, analytic: float, layout: Layout) -> Component:
        return cls(index, layout.name(index), analytic, numeric, numeric - analytic)


@dataclass(frozen=True)
class Judgement:
    """A verdict on a set of components, with the numbers and the condition that decided."""

    ratio: float
    floor: float
    verdict: Verdict
    reason: str

    def lowered(self, verdict: Verdict, reason: str) -> Judgement:
        """With a graver verdict, if it is one."""
        return replace(self, verdict=verdict, reason=reason) if verdict.severity > self.verdict.severity else self


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


@dataclass(frozen=True, eq=False)
class Judged:
    """Everything that the rule decided about a gradient looked at component by component.

    Attributes
    ----------
    whole : Judgement
    tensors : tuple of TensorReport
    selection : Selection
        The components looked at.
    analytic : ndarray of float64, shape (k,)
    slopes : ndarray of float64, shape (k,)
        The best that are known, of those that a kink allows the nearest to the analytic value.
    bound : ndarray of float64, shape (k,)
        How far these may be off.
    shares : tuple of float
        For each tensor, the error that is none in any of its components, however well the slopes are known.
    wrong : ndarray of int64
        Positions of the components that are wrong by themselves, sorted.
    """

    whole: Judgement
    tensors: tuple[TensorReport, ...]
    selection: Selection
    analytic: Vector
    slopes: Vector
    bound: Vector
    shares: tuple[float, ...]
    wrong: Indices

    def tolerance(self, k: int) -> Vector:
        """The error that is none in one component, for each that was looked at of the k-th tensor."""
        return np.maximum(self.bound[self.selection.spans[k]], self.shares[k])
