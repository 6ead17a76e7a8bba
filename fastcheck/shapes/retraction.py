"""A point on a manifold, moved by a retraction: the cost of coordinates in the tangent space there, at zero."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastcheck.checks.problem import Problem
from fastcheck.errors import InputError, InputTypeError, noting, shown
from fastcheck.problem.arguments import Arguments, private
from fastcheck.problem.brought import Brought
from fastcheck.problem.containers import mapped
from fastcheck.problem.foreign import array_of, in_full, widened
from fastcheck.problem.layout import Layout, real_array
from fastcheck.problem.structure import taken_apart
from fastcheck.vectors import Vector

_ALIKE = 1e-7  # relative: J of the same point, written in another way


@dataclass(frozen=True, eq=False)
class _Moved:
    """J(t) = cost(retract(point, t))."""

    cost: Callable[..., Any]
    retract: Callable[..., Any]
    fastcheck_brings: Brought

    def __call__(self, t: Vector, point: Any, **kwargs: Any) -> Any:
        return self.cost(self.retract(point, t), **kwargs)


@dataclass(frozen=True, eq=False)
class _AtPoint:
    """The gradient in the coordinates of the tangent space, at the point itself."""

    grad: Callable[..., Any]
    layout: Layout

    def __call__(self, t: Vector, point: Any, **kwargs: Any) -> Any:
        return _of_tangent(self.grad(point, **kwargs), self.layout)


def _of_tangent(value: Any, layout: Layout) -> Any:
    """A gradient by the n coordinates, in its own dtype; where there is one of them, a number will do."""
    if isinstance(value, Mapping):
        return value
    gradient = real_array(value, "the gradient")
    if gradient.shape != (layout.size,) and not gradient.size == layout.size == 1:
        raise InputError(
            f"the gradient must have shape ({layout.size},), an entry for each coordinate of the tangent space, got {gradient.shape}: "
            "take the derivative of cost(retract(point, t)) by t at t = 0"
        )
    return gradient.reshape(layout.size)


def from_retraction(cost: Callable[..., Any], grad: Any, point: Any, retract: Callable[..., Any], n: int) -> Problem:
    """A problem on a manifold: rotations, poses, the simplex.

    Parameters
    ----------
    cost : callable
        ``cost(point) -> float``.
    grad : callable, ndarray of float, shape (n,), or True
        ``grad(point)``, the derivative by the n coordinates of the tangent space at the point, or that itself. True: ``cost``
        returns the pair (J, gradient).
    point : array, structure of arrays, or object
        Where the gradient is looked at. Tensors of torch and JAX are taken to float64. An object of another kind is handed on as
        it is; whether t = 0 leads to it is seen by J.
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
        ``retract(point, 0)`` is not the point, or a gradient that is given as it is has another shape.

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
    layout = Layout.of({"t": (int(n),)})
    own = mapped(widened, private(point))
    given = _AtPoint(grad, layout) if callable(grad) else grad if grad is True else _of_tangent(grad, layout)
    with noting("raised by retract(point, 0)"):
        reached, _ = in_full(lambda: retract(private(own), np.zeros(n)), Arguments((own,)).holds_jax)
    if not _require_same(reached, own):
        _require_same_value(cost, reached, own)
    brings = Brought(layout, mute=frozenset({"symmetric"}))
    return Problem(_Moved(cost, retract, brings), given, np.zeros(n), (own,), layout)


def _require_same(reached: Any, point: Any) -> bool:
    """The point that t = 0 leads to is the point; False where it holds something that cannot be compared."""
    here, there = taken_apart(point), taken_apart(reached)
    if here.paths != there.paths:
        raise InputError(
            f"retract(point, 0) must be the point, got {shown(reached)} for {shown(point)}: return a point of the same form"
        )
    pairs = [(_numbers(a), _numbers(b)) for a, b in zip(here.leaves, there.leaves, strict=True)]
    known = [before is not None for before, _ in pairs]
    largest = max((np.abs(before).max() for before, _ in pairs if before is not None and before.size), default=0.0)
    for name, (before, after) in zip(here.names("point"), pairs, strict=True):
        if before is not None:
            _require_near(name, before, after, largest)
    return all(known)


def _numbers(leaf: Any) -> np.ndarray[Any, Any] | None:
    try:
        array = np.asarray(array_of(leaf))
    except Exception:  # whatever an object makes of it
        return None
    return array if array.dtype.kind in "iufc" else None


def _require_near(name: str, before: np.ndarray[Any, Any], after: np.ndarray[Any, Any] | None, largest: float) -> None:
    """A leaf of the point is where it was, but for another way to write the same; ``largest`` is the whole point's."""
    if after is None or before.shape != after.shape:
        got = "no array" if after is None else f"shape {after.shape}"
        raise InputError(
            f"retract(point, 0) must be the point, got {got} for {name} of shape {before.shape}: keep the shape"
        )
    if not before.size:
        return
    spacing = max(np.finfo(array.dtype).eps if array.dtype.kind in "fc" else 0.0 for array in (before, after))
    off = np.abs(np.subtract(after, before, dtype=np.result_type(after, before, np.float64)))
    if off.max() <= np.sqrt(spacing) * (np.abs(before).max() or largest):
        return
    place = tuple(map(int, np.unravel_index(int(np.argmax(np.nan_to_num(off, nan=np.inf))), off.shape)))
    raise InputError(
        f"retract(point, 0) must be the point, got {after[place]} for {before[place]} at {name}{list(place) or ''}: "
        "t = 0 must not move it, and the point must lie on the manifold"
    )


def _require_same_value(cost: Callable[..., Any], reached: Any, point: Any) -> None:
    """J there and here, where the point is an object that cannot be looked into."""
    with noting("raised by the cost at the point"):
        here, there = (_numbers(_first(cost(private(at)))) for at in (point, reached))
    if here is None or there is None or here.shape != there.shape or not here.size:
        return  # said when J is vetted
    if not np.abs(there - here).max() <= _ALIKE * np.abs(here).max():
        raise InputError(
            f"retract(point, 0) must be the point, got J = {there} for J = {here}: "
            "t = 0 must not move it, and the point must lie on the manifold"
        )


def _first(value: Any) -> Any:
    """J, of a cost that returns its gradient as well."""
    return value[0] if isinstance(value, tuple | list) and value else value
