"""Jacobians, Hessians and Hessian-vector products: J = w . f(x), whose gradient by x is w times the Jacobian.

The weights w are drawn, and divided by how much each row of the Jacobian moves, so that no row hides beside another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse.linalg import LinearOperator

from fastcheck.checks.problem import Problem
from fastcheck.errors import InputError, InputTypeError, noting, shown
from fastcheck.problem.accept import arguments
from fastcheck.problem.arguments import Arguments
from fastcheck.problem.brought import Brought, Note, Parts
from fastcheck.problem.foreign import array_of, is_foreign
from fastcheck.problem.layout import Layout, real_array
from fastcheck.problem.point import Point, Structured, point
from fastcheck.problem.structure import Structure, is_structure
from fastcheck.problem.units import units_of
from fastcheck.shapes.matrices import Dense, Matrix, Operator, Products, asymmetry, matrix_of, require_one_matrix
from fastcheck.vectors import Vector, number

_STEP = 2.0**-13  # in units of x, at which it is seen how much f moves
_SEEN = 64  # units in the last place of f that a move of it has to be worth


@dataclass(frozen=True, eq=False)
class _Function:
    """f as a function of x that returns a vector of m real numbers, or says in one line what else it returned."""

    function: Callable[..., Any]
    name: str
    m: int | None = None

    def __call__(self, x: Vector, *args: Any) -> Vector:
        returned = self.function(x, *args)
        complex_step = x.dtype.kind == "c"
        value = np.asarray(array_of(returned)) if complex_step else real_array(returned, f"what {self.name} returns")
        if value.ndim > 1 or (self.m is not None and value.size != self.m):
            wanted = "(m,)" if self.m is None else f"({self.m},)"
            raise InputError(
                f"{self.name} must return shape {wanted}, got {value.shape}: return one vector of fixed length"
            )
        if not value.size:
            raise InputError(
                f"{self.name} must return at least one number, got none: return what is to be differentiated"
            )
        return np.array(value, dtype=None if complex_step else np.float64).reshape(
            -1
        )  # it may be a buffer that the function uses again


@dataclass(frozen=True, eq=False)
class _Weighted:
    """J = w . (f(x) - f(x0)): the difference, as values that are large beside their slopes would drown the others."""

    f: _Function
    weights: Vector
    at: Vector
    fastcheck_brings: Brought

    def __call__(self, x: Vector, *args: Any) -> float | complex:
        return number(self.weights @ (self.f(x, *args) - self.at))


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
        being the derivative of f_i by x_j.
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
    return _problem("f", f, "jac", _maker(jac, "jac"), x, args)


def from_hessian(grad: Callable[..., Any], hess: Any, x: Any, args: tuple[Any, ...] = ()) -> Problem:
    """A problem of a gradient and its Hessian; ``hess(x, *args)`` returns shape (n, n), the rest is as for `from_jacobian`.

    A Hessian that is not symmetric is said to be so.
    """
    return _problem("grad", grad, "hess", _maker(hess, "hess"), x, args, symmetric=True)


def from_hvp(grad: Callable[..., Any], hvp: Callable[..., Any], x: Any, args: tuple[Any, ...] = ()) -> Problem:
    """A problem of a gradient and products of its Hessian with vectors.

    ``hvp(x, v, *args)`` returns the product with v, shape (n,), as the ``hessp`` of `scipy.optimize.minimize`; the rest is as
    for `from_hessian`, what is wrong being named ``hvp[i, j]``: at i of the product with the j-th unit vector.
    """
    _require_function(hvp, "hvp")

    def matrix(x: Vector, *args: Any) -> Matrix:
        return Products(lambda v: _product(hvp(x.copy(), v.copy(), *args), x.size), x.size)

    return _problem("grad", grad, "hvp", matrix, x, args, symmetric=True)


def _product(value: Any, n: int) -> Vector:
    product = real_array(value, "what hvp returns")
    if product.shape != (n,):
        raise InputError(f"hvp must return shape ({n},) like x, got {product.shape}: return the product with v")
    return np.array(product, dtype=np.float64)


def _maker(jac: Any, name: str) -> Callable[..., Matrix]:
    """What makes the matrix at x, from a function or from the matrix itself."""
    if callable(jac) and not isinstance(jac, LinearOperator):
        return lambda x, *args: matrix_of(jac(x, *args), name)
    held = matrix_of(jac, name)
    return lambda x, *args: held


def _problem(
    f_name: str,
    f: Any,
    name: str,
    maker: Callable[..., Matrix],
    x: Any,
    args: tuple[Any, ...],
    symmetric: bool = False,
) -> Problem:
    _require_function(f, f_name)
    at = _at(x)
    theta, layout, given = at.theta, Layout.of({"x": at.theta.shape}), arguments(args, None)
    if at.structure is not None:  # a tensor, or a number
        f, maker = Structured(f, at.structure), _of_structure(maker, at.structure)
    own = given.private()
    with noting(f"raised by {f_name} at x"):
        value = _Function(f, f_name)(theta.copy(), *own.args)
    if not np.isfinite(value).all():
        raise InputError(f"{f_name} must return finite numbers, got {value[~np.isfinite(value)][0]}: choose another x")
    function = _Function(f, f_name, value.size)
    with noting(f"raised by {name} at x"):
        matrix = maker(theta.copy(), *own.args)
    _require_shape(matrix, (value.size, theta.size), name, f_name)
    rng = np.random.default_rng(0)
    weights = _weights(function, matrix, theta, units_of(theta, layout), own, rng)
    require_one_matrix(matrix, name, rng)
    notes = asymmetry(matrix, name, f_name, rng) if symmetric else ()
    square = value.size == theta.size and not symmetric
    transposed = matrix.transposed(weights) if square and isinstance(matrix, Dense | Operator) else None
    by_rows = isinstance(matrix, Products)
    parts = Parts(
        lambda moved: function(moved, *own.args),
        weights,
        matrix.column,
        lambda i, j: f"{name}[{j}, {i}]" if by_rows else f"{name}[{i}, {j}]",
        name,
        transposed,
    )
    notes += (
        Note(
            "weighted",
            f"J = w . ({f_name}(x) - {f_name}(x0)) with drawn w: analytic values and slopes are of J, entries of {name}.",
        ),
    )
    return Problem(
        _Weighted(function, weights, value, Brought(layout, notes)),
        _Gradient(maker, weights, Brought(parts=parts)),
        theta,
        args,
        layout,
    )


def _require_function(function: Any, name: str) -> None:
    if not callable(function):
        raise InputTypeError(f"{name} must be a function, got {shown(function)}: pass the function itself")


def _require_shape(matrix: Matrix, shape: tuple[int, int], name: str, f_name: str) -> None:
    if matrix.shape == shape:
        return
    transposed = (
        ", the transpose: return its .T" if matrix.shape == shape[::-1] else f": {f_name}(x) has {shape[0]} values"
    )
    raise InputError(
        f"{name} must have shape {shape}, one row for each value of {f_name}, got {matrix.shape}{transposed}"
    )


def _weights(
    f: _Function, matrix: Matrix, x: Vector, units: Vector, own: Arguments, rng: np.random.Generator
) -> Vector:
    """Of 0.5 to 1.5 in size and of either sign, in units of how much each row moves, as claimed or as seen."""
    sizes = matrix.sizes(units, rng)
    sizes = np.maximum(np.where(np.isfinite(sizes), sizes, 0.0), _moves(f, x, units, own, rng))
    typical = np.exp(np.log(sizes[sizes > 0]).mean()) if (sizes > 0).any() else 1.0
    drawn = rng.uniform(0.5, 1.5, sizes.size) * rng.choice([-1.0, 1.0], sizes.size)
    return np.asarray(drawn / np.where(sizes > 0, sizes, typical))


def _moves(f: _Function, x: Vector, units: Vector, own: Arguments, rng: np.random.Generator) -> Vector:
    """How much each value of f moves in a random direction, per unit; 0 where that drowns in its rounding, or has no value."""
    u = rng.standard_normal(x.size) * units * _STEP
    try:
        with np.errstate(all="ignore"):
            up, down = f(x + u, *own.args), f(x - u, *own.args)
            moved = np.abs(up - down)
            seen = moved > _SEEN * np.spacing(np.maximum(np.abs(up), np.abs(down)))
    except (ValueError, ArithmeticError):
        return np.zeros(f.m or 0)
    return np.where(seen & np.isfinite(moved), moved / (2 * _STEP), 0.0)


def _at(x: Any) -> Point:
    """Where the matrix is looked at."""
    if is_structure(x):
        raise InputTypeError(f"x must be a vector, got a {type(x).__name__}: join it with fastcheck.pack")
    if not is_foreign(x):
        real_array(x, "x")
    return point(x, None)


def _of_structure(maker: Callable[..., Matrix], structure: Structure) -> Callable[..., Matrix]:
    def made(x: Vector, *args: Any) -> Matrix:
        with structure.wide():
            return maker(structure.filled(x), *args)

    return made
