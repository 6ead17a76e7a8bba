"""What was decided, as frozen records; what decides stands in `fastcheck.judge.rule`."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from fastcheck.measure.rungs import Rung
from fastcheck.problem.layout import Layout
from fastcheck.problem.selection import Selection
from fastcheck.vectors import Indices, Vector


class Verdict(enum.Enum):
    """What is to be thought of a gradient; the value is the sentence a person reads."""

    CORRECT = "the gradient agrees with the differences of J"
    UNRESOLVED = "this check cannot tell right from wrong here"
    SUSPECT = "the gradient differs from the slopes of J by more than their bounds explain"
    WRONG = "the gradient is wrong"

    @property
    def severity(self) -> int:
        return list(Verdict).index(self)

    @property
    def accuses(self) -> bool:
        return self in (Verdict.WRONG, Verdict.SUSPECT)


class Outcome(enum.IntEnum):
    """What a ladder says of an analytic value."""

    UNKNOWN = 0
    SUPPORTED = 1
    REFUTED = 2


class Cause(enum.IntEnum):
    """Why something is not resolved; where several hold, the first counts."""

    NONE = 0
    BUDGET = 1
    KINK = 2
    JUMP = 3
    DOMAIN = 4
    TWO_SCALES = 5
    STATIONARY = 6
    NOISE = 7
    ROUNDING = 8
    FAINT = 9

    @property
    def words(self) -> str:
        return self.name.lower().replace("_", " ")


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
class Witness:
    """A component or direction whose ladder refutes the analytic value.

    Attributes
    ----------
    name : str
        ``W2[3, 17]``, ``direction on W1``, or ``the sum of W2[0, 0], W2[0, 3]``.
    index : int, or None
        Of the component; None for a direction or a sum.
    analytic, slope, bound : float
        The claimed slope, the one found, and how far that may be off: in J per unit of theta, or along a direction per
        unit of scale.
    step : float
        From which J was looked at for it.
    order : int
        Of the difference's error in the step.
    outcome : str
        ``"refuted"``.
    rungs : tuple of Rung
        What the ladder read at each step, the finest first; of the first witness of a tensor. Left out of `to_dict`.
    """

    name: str
    index: int | None
    analytic: float
    slope: float
    bound: float
    step: float
    order: int
    outcome: str = "refuted"
    rungs: tuple[Rung, ...] = field(default=(), repr=False)

    def __str__(self) -> str:
        bound = f"{self.bound:.0e}" if self.bound else "0"
        return f"{self.name}: analytic {self.analytic:.5g}, slope {self.slope:.5g} +- {bound} (order {self.order})"

    def to_dict(self) -> dict[str, Any]:
        """All but the rungs."""
        return {each.name: getattr(self, each.name) for each in fields(self) if each.name != "rungs"}


@dataclass(frozen=True)
class Judgement:
    """A verdict on a set of components, with the numbers and the condition that decided.

    ``ratio`` and ``floor`` are the pass; ``cause`` says why it is UNRESOLVED.
    """

    ratio: float
    floor: float
    verdict: Verdict
    reason: str
    cause: Cause = Cause.NONE


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
    causes : tuple of Cause
        Why a tensor is UNRESOLVED, for each.
    selection : Selection
        The components looked at.
    analytic : ndarray of float64, shape (k,)
    slopes : ndarray of float64, shape (k,)
        The best that are known, of those that a kink allows the nearest to the analytic value.
    bound : ndarray of float64, shape (k,)
        How far these may be off; inf where it is not known.
    numeric_bound : ndarray of float64, shape (k,)
        How far the pass may be off.
    shares : tuple of float
        For each tensor, the error that is none in any of its components, however well the slopes are known.
    wrong : ndarray of int64
        Positions of the components that are wrong by themselves, sorted.
    witnesses : tuple of Witness
        The deciding one first.
    agreement : float
        The ratio of the best slopes.
    """

    whole: Judgement
    tensors: tuple[TensorReport, ...]
    causes: tuple[Cause, ...]
    selection: Selection
    analytic: Vector
    slopes: Vector
    bound: Vector
    numeric_bound: Vector
    shares: tuple[float, ...]
    wrong: Indices
    witnesses: tuple[Witness, ...]
    agreement: float

    def tolerance(self, k: int) -> Vector:
        """The error that is none in one component, for each that was looked at of the k-th tensor; what is not known adds nothing."""
        bound = self.bound[self.selection.spans[k]]
        return np.maximum(np.where(np.isfinite(bound), bound, 0.0), self.shares[k])
