"""A point on a manifold, moved by a retraction: the cost of coordinates in the tangent space there, at zero."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastcheck.checks.problem import Problem
from fastcheck.errors import InputError, InputTypeError, noting, shown
from fastcheck.problem.arguments import private
from fastcheck.problem.brought import Brought
from fastcheck.problem.foreign import array_of
from fastcheck.problem.layout import Layout
from fastcheck.problem.structure import taken_apart
from fastcheck.vectors import Vector


@dataclass(frozen=True, eq=False)
class _Moved:
    """J(t) = cost(retract(point, t))."""

    cost: Callable[..., Any]
    retract: Callable[..., Any]
    fastcheck_brings: Brought

    def __call__(self, t: Vector, point: Any) -> Any:
        return self.cost(self.retract(point, t))


@dataclass(frozen=True, eq=False)
class _AtPoint:
    """The gradient in the coordinates of the tangent space, at the point itself."""

    grad: Callable[..., Any]

    def __call__(self, t: Vector, point: Any) -> Any:
        return self.grad(point)


def from_retraction(cost: Callable[..., Any], grad: Any, point: Any, retract: Callable[..., Any], n: int) -> Problem:
    """A problem on a manifold: rotations, poses, the simplex.

    Parameters
    ----------
    cost : callable
        ``cost(point) -> float``.
    grad : callable or ndarray of float, shape (n,)
        ``grad(point)``, the derivative by the n coordinates of the tangent space at the point, or that itself.
    point : array, or structure of arrays
        Where the gradient is looked at.
    retract : callable
        ``retract(point, t)`` is the point reached from ``point`` by the tangent coordinates t, shape (n,); t = 0 stays.
    n : int
        How many coordinates there are.

    Returns
    -------
    Problem
        Of J(t) = cost(retract(point, t)) at t = 0, its components ``t[0]`` to ``t[n - 1]``.

    Raises
    ------
    InputError
        ``retract(point, 0)`` is not the point.

    Notes
    -----
    Any retraction has the same derivatives at t = 0 (Absil, Mahony and Sepulchre, Optimization Algorithms on Matrix
    Manifolds, 2008, chapter 4).

    Examples
    --------
    >>> def retract(R, t): return R @ scipy.linalg.expm(hat(t))
    >>> from_retraction(cost, grad, R, retract, 3).check()  # doctest: +SKIP
    """
    for what, function in (("cost", cost), ("retract", retract)):
        if not callable(function):
            raise InputTypeError(f"{what} must be a function, got {shown(function)}: pass the function itself")
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1:
        raise InputTypeError(
            f"n must be a positive integer, got {shown(n)}: it counts the coordinates of a tangent vector"
        )
    own = private(point)
    with noting("raised by retract(point, 0)"):
        reached = retract(private(own), np.zeros(n))
    _require_same(reached, own)
    brings = Brought(Layout.of({"t": (int(n),)}), mute=frozenset({"symmetric"}))
    return Problem(
        _Moved(cost, retract, brings), _AtPoint(grad) if callable(grad) else grad, np.zeros(n), (own,), brings.layout
    )


def _require_same(reached: Any, point: Any) -> None:
    """The point that t = 0 leads to is the point."""
    here, there = taken_apart(point), taken_apart(reached)
    if here.paths != there.paths:
        raise InputError(
            f"retract(point, 0) must be the point, got {shown(reached)} for {shown(point)}: return a point of the same form"
        )
    for name, a, b in zip(here.names("point"), here.leaves, there.leaves, strict=True):
        before, after = np.asarray(array_of(a)), np.asarray(array_of(b))
        if before.shape != after.shape:
            raise InputError(
                f"retract(point, 0) must be the point, got shape {after.shape} for {name} of shape {before.shape}: keep the shape"
            )
        if before.dtype.kind not in "fc" or not before.size:
            continue
        off = np.abs(after - before)
        same = np.sqrt(np.finfo(before.dtype).eps)  # by which another way to write the same point may differ
        if not off.max() <= same * np.abs(before).max():
            place = (
                tuple(int(i) for i in np.unravel_index(int(np.argmax(np.nan_to_num(off, nan=np.inf))), off.shape))
                if off.ndim
                else ()
            )
            at = f"{name}[{', '.join(map(str, place))}]" if place else name
            raise InputError(
                f"retract(point, 0) must be the point, got {after[place]} for {before[place]} at {at}: "
                "t = 0 must not move it, and the point must lie on the manifold"
            )
