"""What was measured along lines: the slope of J, how far it may be off, and what a kink allows; one entry a line."""

from __future__ import annotations

import enum
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fastcheck.vectors import Flags, Indices, Vector


class Cause(enum.IntEnum):
    """What was seen to disturb the difference at eps."""

    NONE = 0
    KINK = 1
    TRUNCATION = 2
    ROUNDING = 3


@dataclass(frozen=True, eq=False)
class Estimates:
    """Slopes of J along lines, every field of shape (m,).

    Attributes
    ----------
    value : ndarray of float64
    bound : ndarray of float64
        How far the value may be off.
    low, high : ndarray of float64
        Any slope between them is right; both are the value where theta sits on no kink.
    step : ndarray of float64
        With which the value was taken.
    cause : ndarray of int8
        A `Cause` each.
    """

    value: Vector
    bound: Vector
    low: Vector
    high: Vector
    step: Vector
    cause: npt.NDArray[np.int8]

    @classmethod
    def plain(cls, value: Vector, bound: Vector, step: float) -> Estimates:
        """Of differences that nothing was seen to disturb; costs no further vectors."""
        steps = np.broadcast_to(np.float64(step), value.shape)
        return cls(value, bound, value, value, steps, np.broadcast_to(np.int8(Cause.NONE), value.shape))

    def part(self, span: slice) -> Estimates:
        """Those of the lines."""
        return Estimates(*(field[span] for field in self._fields))

    def some(self, which: Flags) -> Estimates:
        """Those of the lines for which it is true."""
        return Estimates(*(field[which] for field in self._fields))

    def replaced(self, positions: Indices, others: Estimates) -> Estimates:
        """With ``others`` at these positions."""
        fields = []
        for field, other in zip(self._fields, others._fields, strict=True):
            new = field.copy()
            new[positions] = other
            fields.append(new)
        return Estimates(*fields)

    def nearest(self, analytic: Vector) -> Vector:
        """The right slope that is nearest to the claimed one: the value, or what a kink allows."""
        if self.low is self.value or not (self.low != self.high).any():
            return self.value
        return np.clip(analytic, self.low, self.high)

    @property
    def _fields(self) -> tuple[npt.NDArray[np.generic], ...]:
        return (self.value, self.bound, self.low, self.high, self.step, self.cause)
