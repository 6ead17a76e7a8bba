"""Every njit loop over a cost or a direction: a theta that may be written to goes in, numbers come out.

The cost is an argument, never captured. `probe` and `probe_complex` are what checks run; they are compiled for costs of
`numba.types.FunctionType` only, once per kind of args (`fastcheck.evaluate.source`). `central_difference` is for njit
code of users and specialises on their own function: one dispatcher cannot serve both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba
import numpy as np
import numpy.typing as npt

from fastcheck.problem.domain import Sides
from fastcheck.vectors import ComplexVector, Indices, Vector

Function = TypeVar("Function", bound=Callable[..., Any])

_jit: Callable[..., Any] = numba.njit  # whose types know no dictionary of options
# nogil lets threads run kernels side by side; the numpy error model makes x / 0 an inf, not an exception.
_options: dict[str, Any] = {"nogil": True, "error_model": "numpy"}

_GOLDEN, _MIX_1, _MIX_2 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_SHIFT_30, _SHIFT_27, _SHIFT_31, _SHIFT_32 = (np.uint64(bits) for bits in (30, 27, 31, 32))
PART = 2.0**-16  # entries of a direction are odd multiples of it
_VALUES = np.uint64(2 * round(np.sqrt(3.0) / (2 * PART)))  # from -sqrt 3 to sqrt 3
BLOCK = 4096  # terms per partial sum, so that rounding does not grow with n


def cached_njit(function: Function, **more: Any) -> Function:
    """``numba.njit`` with the disk cache, or without where no folder for it can be written to; ``more`` are its options."""
    compiled: Function
    try:
        compiled = _jit(cache=True, **_options, **more)(function)
    except RuntimeError:  # numba's "no locator available": a read-only installation without a home
        compiled = _jit(**_options, **more)(function)
    return compiled


def _njit(function: Function) -> Function:
    """Without the disk cache, for what specialises on the user's own function."""
    compiled: Function = _jit(**_options)(function)
    return compiled


def _inlined(function: Function) -> Function:
    compiled: Function = _jit(inline="always")(function)
    return compiled


@cached_njit
def probe(
    cost: Callable[..., float],
    theta: Vector,
    args: tuple[Any, ...],
    components: Indices,
    offsets: Vector,
    out: Vector,
    mark: Vector,
) -> None:
    """``out[k] = J(theta + offsets[k] e_i)`` with ``i = components[k]``, one component perturbed at a time.

    If the cost raises, theta stays perturbed there: ``mark`` holds k and what the component was.
    """
    for k in range(components.size):
        i = components[k]
        saved = theta[i]
        mark[0] = k
        mark[1] = saved
        theta[i] = saved + offsets[k]
        out[k] = cost(theta, *args)
        theta[i] = saved


@cached_njit
def probe_complex(
    cost: Callable[..., complex],
    theta: ComplexVector,
    args: tuple[Any, ...],
    components: Indices,
    offsets: Vector,
    out: Vector,
    mark: Vector,
) -> None:
    """``out[k] = Im J(theta + i offsets[k] e_i)`` with ``i = components[k]``; theta is real but for that, ``mark`` as in `probe`."""
    for k in range(components.size):
        i = components[k]
        saved = theta[i]
        mark[0] = k
        mark[1] = saved.real
        theta[i] = complex(saved.real, offsets[k])
        out[k] = cost(theta, *args).imag
        theta[i] = saved


# for costs whose arguments are of classes of the user's, which other processes may not know
probe_of_process: Callable[..., None] = _njit(probe.py_func)  # type: ignore[attr-defined]
probe_complex_of_process: Callable[..., None] = _njit(probe_complex.py_func)  # type: ignore[attr-defined]


@_njit
def central_difference(
    cost: Callable[..., float],
    theta: Vector,
    args: tuple[Any, ...],
    start: int,
    stop: int,
    eps: float,
    out: Vector,
) -> None:
    """Two-sided differences of components ``start`` to ``stop`` (excluded); njit, callable from njit code.

    Parameters
    ----------
    cost : njit function
        ``cost(theta, *args) -> float``.
    theta : ndarray of float64, shape (n,)
        Perturbed in place, one component at a time, and restored to the same bits. If the cost raises, the component
        at which it did stays perturbed.
    args : tuple
        What the cost takes beside theta; ``()`` for nothing.
    start, stop : int
        ``0 <= start <= stop <= n``; not verified.
    eps : float
        The perturbation, in the units of theta.
    out : ndarray of float64, shape (stop - start,)
        Receives ``(J(theta + eps e_i) - J(theta - eps e_i)) / ((theta_i + eps) - (theta_i - eps))``. Nothing is
        allocated.
    """
    for i in range(start, stop):
        saved = theta[i]
        plus = saved + eps
        minus = saved - eps
        theta[i] = plus
        j_plus = cost(theta, *args)
        theta[i] = minus
        j_minus = cost(theta, *args)
        theta[i] = saved
        out[i - start] = (j_plus - j_minus) / (plus - minus)


@_inlined
def _entry(seed: np.uint64, i: int) -> float:
    """Component i of the direction: splitmix64 of (seed, i), as a number in [-sqrt 3, sqrt 3].

    Of few bits: beside theta, whose unit is a power of two, a move by 2^-36 units and more is not rounded, which
    would be the same on both sides and show in no even residual. Of odd parts, so that none is 0.
    """
    z = seed + np.uint64(i) * _GOLDEN
    z = (z ^ (z >> _SHIFT_30)) * _MIX_1
    z = (z ^ (z >> _SHIFT_27)) * _MIX_2
    z = z ^ (z >> _SHIFT_31)
    drawn = ((z >> _SHIFT_32) * _VALUES) >> _SHIFT_32
    value: float = np.float64(2 * np.int64(drawn) + 1 - np.int64(_VALUES)) * PART
    return value


@_inlined
def _draw(seed: np.uint64, sides: Sides, start: int, out: Vector) -> None:
    """The components from ``start`` on, each turned to the side that is left of it; ``sides`` is empty where all are free.

    Loops run from 0, over slices: an index that may be negative keeps a loop from being vectorised.
    """
    for k in range(out.size):
        out[k] = _entry(seed, start + k)
    if sides.size > 0:
        own = sides[start : start + out.size]
        for k in range(out.size):
            if own[k] != 0:
                out[k] = abs(out[k]) * own[k]


@cached_njit
def shift(
    theta: Vector, scale: Vector, seed: np.uint64, sides: Sides, step: float, start: int, stop: int, out: Vector
) -> None:
    """out = theta + step scale u on the range."""
    block = np.empty(BLOCK)
    for first in range(start, stop, BLOCK):
        last = min(first + BLOCK, stop)
        u, at, unit, moved = block[: last - first], theta[first:last], scale[first:last], out[first:last]
        _draw(seed, sides, first, u)
        for k in range(u.size):
            moved[k] = at[k] + step * unit[k] * u[k]


@cached_njit
def reflect(theta: Vector, start: int, stop: int, out: Vector) -> None:
    """out = theta - (out - theta) on the range: the other side, at exactly the same distance."""
    at, moved = theta[start:stop], out[start:stop]
    for k in range(at.size):
        moved[k] = at[k] - (moved[k] - at[k])


@cached_njit
def partial_dots(
    vector: Vector, scale: Vector, seed: np.uint64, sides: Sides, start: int, stop: int, out: Vector
) -> None:
    """u.(scale vector) on the range, in partial sums."""
    block = np.empty(BLOCK)
    for j in range(out.size):
        first = start + j * BLOCK
        last = min(first + BLOCK, stop)
        u, value, unit = block[: last - first], vector[first:last], scale[first:last]
        _draw(seed, sides, first, u)
        total = 0.0
        for k in range(u.size):
            total += value[k] * unit[k] * u[k]
        out[j] = total


@cached_njit
def reach(below: Vector, above: Vector, scale: Vector, seed: np.uint64, sides: Sides, start: int, stop: int) -> float:
    """How far one may go along scale u on the range, on both sides, or on the one of components that have one."""
    least = np.inf
    block = np.empty(BLOCK)
    for first in range(start, stop, BLOCK):
        drawn = block[: min(BLOCK, stop - first)]
        _draw(seed, sides, first, drawn)
        for k in range(drawn.size):
            i = first + k
            u = scale[i] * drawn[k]
            if u != 0.0:
                ahead = above[i] if u > 0.0 else below[i]
                room = min(below[i], above[i]) if sides[i] == 0 else ahead
                least = min(least, room / abs(u))
    return least


@cached_njit
def match(
    seeds: npt.NDArray[np.uint64],
    starts: Indices,
    stops: Indices,
    sides: Sides,
    residuals: Vector,
    weights: Vector,
    start: int,
    out: Vector,
) -> None:
    """How much of sum_k weights_k residuals_k^2 an error in each component from ``start`` on would explain alone."""
    block, along, square = np.empty(BLOCK), np.empty(BLOCK), np.empty(BLOCK)
    for begin in range(0, out.size, BLOCK):
        first, n = start + begin, min(BLOCK, out.size - begin)
        along[:n] = 0.0
        square[:n] = 0.0
        for j in range(seeds.size):
            low, high = max(starts[j], first), min(stops[j], first + n)
            if low < high:
                u, a, b = block[: high - low], along[low - first : high - first], square[low - first : high - first]
                _draw(seeds[j], sides, low, u)
                for k in range(u.size):
                    a[k] += weights[j] * residuals[j] * u[k]
                    b[k] += weights[j] * u[k] * u[k]
        explained = out[begin : begin + n]
        for k in range(n):
            explained[k] = along[k] * along[k] / square[k] if square[k] > 0 else 0.0


@cached_njit
def entry(seed: np.uint64, sides: Sides, i: int) -> float:
    """Component i of the direction."""
    one = np.empty(1)
    _draw(seed, sides, i, one)
    value: float = one[0]
    return value
