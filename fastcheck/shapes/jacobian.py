"""Jacobians, Hessians and Hessian-vector products: J = w . f(x), whose gradient by x is w times the Jacobian.

The weights w are drawn, and divided by how much each row of the Jacobian moves, so that no row hides beside another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from fastcheck.checks.problem import Problem
from fastcheck.errors import InputError, InputTypeError, noting, shown
from fastcheck.problem.accept import arguments
from fastcheck.problem.brought import Brought, Note, Parts
from fastcheck.problem.choose import drawn_from
from fastcheck.problem.foreign import precision
from fastcheck.problem.layout import Layout, real_array, require_finite
from fastcheck.problem.point import Point, Structured, point
from fastcheck.problem.structure import is_structure
from fastcheck.problem.units import units_of
from fastcheck.shapes.consistency import asymmetry, require_one_matrix
from fastcheck.shapes.derivatives import Kind, Multiplied, Returned, held, turned
from fastcheck.shapes.matrices import Matrix
from fastcheck.shapes.weights import weights_of
from fastcheck.vectors import Vector


@dataclass(frozen=True, eq=False)
class _Function:
    """f as a function of x that returns a vector of m real numbers, or says in one line what else it returned."""

    function: Callable[..., Any]
    name: str
    m: int | None = None

    def __call__(self, x: Vector, *args: Any) -> Vector:
        value = self.returned(x, *args)  # it may be a buffer that the function uses again
        return np.array(value, dtype=np.result_type(value, np.float64))

    def returned(self, x: Vector, *args: Any) -> np.ndarray:
        """In the type in which it was returned; at complex x it may be complex."""
        told = self.function(x, *args)
        both = np.iscomplexobj(x) and np.iscomplexobj(told)
        value = np.asarray(told) if both else real_array(told, f"what {self.name} returns")
        if value.ndim > 1 or (self.m is not None and value.size != self.m):
            wanted = "(m,)" if self.m is None else f"({self.m},)"
            raise InputError(
                f"{self.name} must return shape {wanted}, got {value.shape}: return one vector of fixed length"
            )
        if not value.size:
            raise InputError(
                f"{self.name} must return at least one number, got none: return what is to be differentiated"
            )
        return value.reshape(-1)


@dataclass(frozen=True, eq=False)
class _Weighted:
    """J = w . (f(x) - f(x0)) + offset: the difference, as constants that are large would drown what moves.

    The offset is as large as what moves, so that J shows the rounding of f as that of its own last place.
    """

    f: _Function
    weights: Vector
    at: Vector
    offset: float
    fastcheck_brings: Brought

    def __call__(self, x: Vector, *args: Any) -> Any:
        return self.weights @ (self.f(x, *args) - self.at) + self.offset


@dataclass(frozen=True, eq=False)
class _Gradient:
    """Its gradient, from the Jacobian."""

    matrix: Callable[..., Matrix]
    weights: Vector
    fastcheck_brings: Brought

    def __call__(self, x: Vector, *args: Any) -> Vector:
        return self.matrix(x, *args).times(self.weights)


def from_jacobian(f: Callable[..., Any], jac: Any, x: Any, args: tuple[Any, ...] = ()) -> Problem:
    """A problem of a function of several values and its Jacobian.

    Parameters
    ----------
    f : callable
        ``f(x, *args)`` returns shape (m,).
    jac : callable, or what it returns
        ``jac(x, *args)`` returns shape (m, n): an array, a matrix of `scipy.sparse`, or a `LinearOperator`, entry (i, j)
        being the derivative of f_i by x_j. One row, or one column, may come without its second dimension.
    x : ndarray of float, shape (n,)
    args : tuple

    Returns
    -------
    Problem
        Of J = w . f(x), with drawn w in units of how much each row moves. What is wrong in a component of x is then taken
        apart by differences of f itself: the report names ``jac[i, j]``.

    Raises
    ------
    InputError
        f returns no vector of real numbers, or jac another shape; the transpose is told as such.

    Examples
    --------
    >>> from_jacobian(lambda x: x**2, lambda x: np.diag(2 * x), np.array([1.0, 3.0])).check().passed
    True
    """
    return _problem(Kind("f", "jac"), f, jac, x, args)


def from_hessian(grad: Callable[..., Any], hess: Any, x: Any, args: tuple[Any, ...] = ()) -> Problem:
    """A problem of a gradient and its Hessian; ``hess(x, *args)`` returns shape (n, n), the rest is as for `from_jacobian`.

    A Hessian that is not symmetric is said to be so.
    """
    return _problem(Kind("grad", "hess", symmetric=True), grad, hess, x, args)


def from_hvp(grad: Callable[..., Any], hvp: Callable[..., Any], x: Any, args: tuple[Any, ...] = ()) -> Problem:
    """A problem of a gradient and products of its Hessian with vectors.

    ``hvp(x, v, *args)`` returns the product with v, shape (n,), as the ``hessp`` of `scipy.optimize.minimize`; the rest is as
    for `from_hessian`, what is wrong being named ``hvp[i, j]``: at i of the product with the j-th unit vector.
    """
    _require_function(hvp, "hvp")
    return _problem(Kind("grad", "hvp", symmetric=True, by_products=True), grad, hvp, x, args)


def _problem(kind: Kind, f: Any, derivatives: Any, x: Any, args: tuple[Any, ...]) -> Problem:
    _require_function(f, kind.f)
    at, own, rng = _at(x, kind.f), arguments(args, None).private(), drawn_from(0)
    theta = at.theta
    function = _Function(f if at.structure is None else Structured(f, at.structure), kind.f)
    with noting(f"raised by {kind.f} at x"):
        returned = own.call(function.returned, theta.copy())
    value = _usable(returned, theta.size, kind)
    function = replace(function, m=value.size)
    maker = (
        Multiplied(derivatives, at.structure)
        if kind.by_products
        else Returned(held(derivatives, kind.name), kind, (value.size, theta.size), at.structure)
    )
    values, units = partial(own.call, function), units_of(theta, at.layout)
    with noting(f"raised by {kind.name} at x"):
        matrix = own.call(maker, theta.copy())
        sizes, spacing = matrix.sizes(units, rng), matrix.precision
        notes = asymmetry(matrix, kind.name, kind.f, units, rng) if kind.symmetric else ()
        other = None if kind.symmetric else turned(matrix)
    with noting(f"raised by {kind.f} near x"):
        weights = weights_of(values, value, sizes, theta, units, rng)
    w, offset = weights.of_values, weights.offset(value, precision(returned))
    require_one_matrix(matrix, w, units, rng)
    parts = Parts(values, w, matrix.column, kind.entry, kind.name, None if other is None else other(w))
    return Problem(
        _Weighted(function, w, value, offset, Brought(at.layout, notes + _notes(kind, returned))),
        _Gradient(maker, w, Brought(parts=parts, precision=spacing)),
        theta,
        args,
        at.layout,
    )


def _usable(returned: np.ndarray, n: int, kind: Kind) -> Vector:
    """What the function returned at x, in float64."""
    value = np.array(returned, dtype=np.float64)
    if kind.symmetric and value.size != n:
        raise InputError(f"{kind.f} must return shape ({n},) like x, got ({value.size},): return the gradient by x")
    if not np.isfinite(value).all():
        raise InputError(f"{kind.f} must return finite numbers, got {value[~np.isfinite(value)][0]}: choose another x")
    return value


def _notes(kind: Kind, returned: np.ndarray) -> tuple[Note, ...]:
    """How J is made, and how coarsely."""
    spacing, f = precision(returned), kind.f
    narrow = f"what {f} returns has a spacing of {spacing:.0e} (float32 or less). In float64 more can be told."
    made = f"J = w . ({f}(x) - {f}(x0)) with drawn w: analytic values and slopes are of J, entries of {kind.name}."
    return (Note("float32", narrow),) * bool(spacing) + (Note("weighted", made),)


def _require_function(function: Any, name: str) -> None:
    if not callable(function):
        raise InputTypeError(f"{name} must be a function, got {shown(function)}: pass the function itself")


def _at(x: Any, f: str) -> Point:
    """Where the matrix is looked at."""
    if is_structure(x):
        raise InputTypeError(f"x must be a vector, got a {type(x).__name__}: join it with fastcheck.pack")
    array = real_array(x, "x")
    if array.ndim > 1 or not array.size:
        raise InputError(f"x must be a vector, got shape {array.shape}: join what {f} takes")
    layout = Layout.of({"x": array.shape}, {"x": array.dtype.name})
    require_finite(array.reshape(-1), layout, "x")
    return replace(point(x, None), layout=layout)
