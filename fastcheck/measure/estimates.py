"""What was measured along lines: the slope of J, how far it may be off, and what a kink allows; one entry a line."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

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
        return self._each(lambda field: field[span])

    def some(self, which: Flags) -> Estimates:
        """Those of the lines for which it is true."""
        return self._each(lambda field: field[which])

    def replaced(self, positions: Indices, others: Estimates) -> Estimates:
        """With ``others`` at these positions."""
        new = self._each(np.copy)
        for field in fields(self):
            getattr(new, field.name)[positions] = getattr(others, field.name)
        return new

    def nearest(self, analytic: Vector) -> Vector:
        """The right slope that is nearest to the claimed one: the value, or what a kink allows."""
        if self.low is self.value or not (self.low != self.high).any():
            return self.value
        return np.clip(analytic, self.low, self.high)

    def _each(self, change: Callable[[npt.NDArray[Any]], npt.NDArray[Any]]) -> Estimates:
        return Estimates(**{field.name: change(getattr(self, field.name)) for field in fields(self)})
