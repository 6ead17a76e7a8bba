"""The unit of each component: its typical size as a power of two, by which steps and comparisons are measured."""

from __future__ import annotations

import numpy as np

from fastcheck.problem.layout import Layout
from fastcheck.vectors import Array, Integers, Vector

_BESIDE = 1e-12  # of the width between its bounds, below which a component is zero
_NOTHING = 2.0**-1000  # a size below it is none: its steps would be lost
_QUARTER = 3  # of a number in exponents, as frexp counts them
_LARGEST = 1000  # units stay within 2^-1000 .. 2^1000


def units_of(theta: Vector, layout: Layout, scale: Vector | None = None, width: Vector | None = None) -> Vector:
    """The power of two nearest to each component's typical size, shape (n,).

    That is ``scale``, or abs(theta); where theta is zero the geometric mean of its tensor's other entries, then
    theta's, then 1. Of a component that is bounded to an interval of some ``width`` it is a quarter of that at most.
    """
    if width is not None:  # a point beside a bound at zero is at that bound
        theta = np.where(np.isfinite(width) & (np.abs(theta) < _BESIDE * width), 0.0, theta)
    sizes = _typical(theta, layout) if scale is None else scale
    exponent = nearest_exponent(sizes)
    if width is not None:
        bounded = np.isfinite(width)
        exponent[bounded] = np.minimum(exponent[bounded], np.frexp(width[bounded])[1] - _QUARTER)
    return np.asarray(np.ldexp(1.0, np.clip(exponent, -_LARGEST, _LARGEST)))


def nearest_exponent(size: Array) -> Integers:
    """The exponent of the power of two nearest to each size, in logarithm; the same steps for a size times a power of two."""
    mantissa, exponent = np.frexp(size)
    found = exponent.astype(np.int64) - (mantissa < np.sqrt(0.5))
    return np.asarray(np.where((size > 0) & np.isfinite(size), found, 0), dtype=np.int64)


def _typical(theta: Vector, layout: Layout) -> Vector:
    scale = np.abs(theta)
    zero = scale < _NOTHING
    if not zero.any():
        return scale
    everywhere = _mean(scale[~zero]) or 1.0
    for tensor in layout.tensors:
        own, empty = scale[tensor.slice], zero[tensor.slice]
        if empty.any():
            own[empty] = _mean(own[~empty]) or everywhere
    return scale


def _mean(sizes: Vector) -> float:
    """The geometric mean; 0 of nothing."""
    return float(np.exp(np.log(sizes).mean())) if sizes.size else 0.0
