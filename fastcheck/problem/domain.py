"""Where J may be evaluated: the bounds of theta that the caller gave, and on which side of a component there is room."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fastcheck.errors import InputError, InputTypeError, shown
from fastcheck.problem.layout import Layout
from fastcheck.problem.structure import named
from fastcheck.vectors import Indices, Vector
from fastcheck.words import listed

Sides = npt.NDArray[np.int8]  # of each component: 0 for both, 1 or -1 where it may only grow, or shrink

FREE: Sides = np.empty(0, dtype=np.int8)  # where there are no bounds
_LEAST = 64  # units in the last place of a component that lie between its bounds
_EDGE = 2.0**-10  # of its unit: a component this near to a bound is looked at from the other side alone
_ROUNDING = 4  # units in the last place of a component that its room is taken to be smaller
_SHORT = 1 - 2.0**-50  # likewise of the room, so that theta + h is inside however it is rounded


@dataclass(frozen=True, eq=False)
class Domain:
    """``low <= theta <= high``, both float64 of shape (n,); infinite where theta is free."""

    low: Vector
    high: Vector

    def holding(self, theta: Vector, layout: Layout) -> Domain:
        """The same, once it is seen to hold theta; else an error that names the first component outside."""
        for i in np.flatnonzero((theta < self.low) | (theta > self.high))[:1].tolist():
            raise InputError(
                f"theta must lie within bounds, got {layout.name(i)} = {theta[i]:.6g} outside {self.low[i]:g} to "
                f"{self.high[i]:g}: move it inside, or widen the bounds"
            )
        return self

    @property
    def width(self) -> Vector:
        with np.errstate(over="ignore"):
            return np.asarray(self.high - self.low)

    def room(self, theta: Vector, indices: Indices | slice) -> tuple[Vector, Vector]:
        """How far these components can surely go down and up, shape (k,) each."""
        at, low, high = theta[indices], self.low[indices], self.high[indices]
        rounding = _ROUNDING * np.spacing(np.abs(at))
        with np.errstate(over="ignore"):
            below, above = ((at - low) - rounding) * _SHORT, ((high - at) - rounding) * _SHORT
        return np.maximum(below, 0.0), np.maximum(above, 0.0)

    def sides(self, theta: Vector, indices: Indices | slice, units: Vector) -> Sides:
        """Which sides of these components are looked at; ``units`` are their own, shape (k,)."""
        below, above = self.room(theta, indices)
        narrow = np.minimum(below, above) < _EDGE * units
        return np.where(narrow, np.where(above >= below, 1, -1), 0).astype(np.int8)


def inside(domain: Domain | None, theta: Vector) -> Vector:
    """The nearest point to theta at which J may be evaluated."""
    return theta if domain is None else np.clip(theta, domain.low, domain.high)


def domain(bounds: Any, theta: Vector, layout: Layout) -> Domain | None:
    """``bounds`` as callers pass them: (low, high), or anything with ``lb`` and ``ub`` as `scipy.optimize.Bounds`.

    Raises
    ------
    InputError
        They are no bounds, leave a component no room, or do not hold theta; the first such component is named.
    """
    if bounds is None:
        return None
    if hasattr(bounds, "lb") and hasattr(bounds, "ub"):
        bounds = (bounds.lb, bounds.ub)
    if not isinstance(bounds, tuple | list | np.ndarray) or len(bounds) != 2:
        raise InputTypeError(f"bounds must be (low, high), got {shown(bounds)}: give None for a side that is open")
    low, high = _side(bounds[0], -np.inf, "low", layout), _side(bounds[1], np.inf, "high", layout)
    with np.errstate(over="ignore", invalid="ignore"):
        tight = ~(high - low >= _LEAST * np.spacing(np.abs(theta)))
    for i in np.flatnonzero(tight)[:1].tolist():
        raise InputError(
            f"bounds must leave every component room, got {layout.name(i)} between {low[i]:g} and {high[i]:g}: "
            "make low less than high, or leave what is fixed out of theta"
        )
    return Domain(low, high).holding(theta, layout)


def _side(bound: Any, free: float, what: str, layout: Layout) -> Vector:
    """One bound for each component, shape (n,)."""
    found = np.full(layout.size, free)
    if bound is None:
        return found
    bound = named(bound, layout.names)
    if isinstance(bound, Mapping):
        unknown = [name for name in bound if name not in layout.names]
        if unknown:
            raise InputError(
                f"bounds must be of the tensors {listed(layout.names)}, got {shown(unknown[0])}: rename it"
            )
        for tensor in layout.tensors:
            if bound.get(tensor.name) is not None:
                told = f"the {what} bound of {tensor.name}"
                found[tensor.slice] = _numbers(bound[tensor.name], tensor.shape, told).ravel()
        return found
    found[:] = _numbers(bound, (layout.size,), f"the {what} bound")
    return found


def _numbers(bound: Any, shape: tuple[int, ...], what: str) -> np.ndarray:
    """A number for all, or one for each; infinite where theta is free."""
    try:
        array = np.asarray(bound)
    except ValueError:  # ragged
        array = np.empty(0, dtype=object)
    if array.dtype.kind not in "fiu":
        raise InputTypeError(
            f"{what} must be a number or an array of numbers, got {shown(bound)}: write bounds=(0, None)"
        )
    array = array.reshape(()) if array.size == 1 else array
    if array.ndim and array.shape != shape:
        raise InputError(
            f"{what} must be a number, or have shape {shape}, got {array.shape}: give one bound for each component"
        )
    if np.isnan(array).any():
        raise InputError(f"{what} must not be nan, got nan: give None or an infinite bound where theta is free")
    return np.broadcast_to(array.astype(np.float64), shape)
