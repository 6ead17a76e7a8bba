"""Jacobians, Hessians and Hessian-vector products: J = w . f(x), whose gradient by x is w times the Jacobian.

The weights w are drawn, and divided by how much each row of the Jacobian moves, so that no row hides beside another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from scipy.sparse import csr_array, issparse
from scipy.sparse.linalg import LinearOperator

from fastcheck.checks.problem import Problem
from fastcheck.errors import InputError, InputTypeError, add_note, shown
from fastcheck.problem.accept import arguments
from fastcheck.problem.arguments import Arguments
from fastcheck.problem.brought import Brought, Note, Parts
from fastcheck.problem.foreign import array_of, is_foreign
from fastcheck.problem.layout import Layout, real_array
from fastcheck.problem.point import Point, Structured, point
from fastcheck.problem.structure import Structure, is_structure
from fastcheck.problem.units import units_of
from fastcheck.vectors import Array, Vector

_STEP = 2.0**-13  # in units of x, at which it is seen how much f moves
_DRAWS = 8  # directions that tell the size of an operator's rows
_SEEN = 64  # units in the last place of f that a move of it has to be worth
_SAME = 1e-7  # up to which two entries that mirror each other are called the same,
_ALIKE = 1e-5  # likewise two products with vectors, which may be differences
_NOTHING = 1e-12  # or the part of the largest entry that is nothing


class _Matrix(Protocol):
    """A Jacobian at x, in whatever form it was returned."""

    @property
    def shape(self) -> tuple[int, int]: ...

    def times(self, w: Vector) -> Vector:
        """w J, shape (n,)."""
        ...

    def column(self, i: int) -> Vector:
        """The derivative of f by x_i, shape (m,)."""
        ...

    def sizes(self, units: Vector, rng: np.random.Generator) -> Vector:
        """How much each row moves, in units of x, shape (m,)."""
        ...


@dataclass(frozen=True, eq=False)
class _Dense:
    """Of an array, or of a sparse matrix."""

    held: Any

    @property
    def shape(self) -> tuple[int, int]:
        m, n = self.held.shape
        return int(m), int(n)

    def times(self, w: Vector) -> Vector:
        return np.asarray(self.held.T @ w)

    def column(self, i: int) -> Vector:
        column = self.held[:, [i]]  # no product: a nan elsewhere in a row would spread
        return np.asarray(column.toarray() if issparse(column) else column, dtype=np.float64).ravel()

    def sizes(self, units: Vector, rng: np.random.Generator) -> Vector:
        with np.errstate(over="ignore", invalid="ignore"):
            squares = (abs(self.held) ** 2) @ (units**2)
        return np.asarray(np.sqrt(squares), dtype=np.float64)

    def transposed(self, w: Vector) -> Vector:
        """What the matrix handed over the other way round would give."""
        return np.asarray(self.held @ w)


@dataclass(frozen=True, eq=False)
class _Operator:
    """Of a LinearOperator."""

    held: LinearOperator

    @property
    def shape(self) -> tuple[int, int]:
        m, n = self.held.shape
        return int(m), int(n)

    def times(self, w: Vector) -> Vector:
        try:
            return np.asarray(self.held.rmatvec(w), dtype=np.float64)
        except NotImplementedError:  # it only knows how to multiply from the left
            return np.array([w @ self.column(i) for i in range(self.shape[1])])

    def column(self, i: int) -> Vector:
        at = np.zeros(self.shape[1])
        at[i] = 1.0
        return np.asarray(self.held.matvec(at), dtype=np.float64)

    def sizes(self, units: Vector, rng: np.random.Generator) -> Vector:
        draws = rng.standard_normal((_DRAWS, units.size)) * units
        moved = np.array([self.held.matvec(u) for u in draws], dtype=np.float64)
        return np.asarray(np.sqrt((moved**2).mean(axis=0)))

    def transposed(self, w: Vector) -> Vector:
        return np.asarray(self.held.matvec(w), dtype=np.float64)


@dataclass(frozen=True, eq=False)
class _Products:
    """Of a symmetric matrix of which only products with vectors are known."""

    product: Callable[[Vector], Vector]
    n: int

    @property
    def shape(self) -> tuple[int, int]:
        return self.n, self.n

    def times(self, w: Vector) -> Vector:
        return self.product(w)

    def column(self, i: int) -> Vector:
        """As `times` has it: what it makes of each single row, at i."""
        return np.array([self.product(row)[i] for row in np.eye(self.n)])

    def sizes(self, units: Vector, rng: np.random.Generator) -> Vector:
        draws = rng.standard_normal((_DRAWS, self.n)) * units
        return np.asarray(np.sqrt(np.mean([self.product(u) ** 2 for u in draws], axis=0)))


@dataclass(frozen=True, eq=False)
class _Function:
    """f as a function of x that returns a vector of m real numbers, or says in one line what else it returned."""

    function: Callable[..., Any]
    name: str
    m: int | None = None

    def __call__(self, x: Vector, *args: Any) -> Vector:
        value = real_array(self.function(x, *args), f"what {self.name} returns")
        if value.ndim > 1 or (self.m is not None and value.size != self.m):
            wanted = "(m,)" if self.m is None else f"({self.m},)"
            raise InputError(
                f"{self.name} must return shape {wanted}, got {value.shape}: return one vector of fixed length"
            )
        if not value.size:
            raise InputError(
                f"{self.name} must return at least one number, got none: return what is to be differentiated"
            )
        return np.array(value, dtype=np.float64).reshape(-1)  # it may be a buffer that the function uses again


@dataclass(frozen=True, eq=False)
class _Weighted:
    """J = w . (f(x) - f(x0)): the difference, as values that are large beside their slopes would drown the others."""

    f: _Function
    weights: Vector
    at: Vector
    fastcheck_brings: Brought

    def __call__(self, x: Vector, *args: Any) -> float:
        return float(self.weights @ (self.f(x, *args) - self.at))


@dataclass(frozen=True, eq=False)
class _Gradient:
    """Its gradient, from the Jacobian."""

    matrix: Callable[..., _Matrix]
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

    def matrix(x: Vector, *args: Any) -> _Matrix:
        return _Products(lambda v: _product(hvp(x.copy(), v.copy(), *args), x.size), x.size)

    return _problem("grad", grad, "hvp", matrix, x, args, symmetric=True)


def _product(value: Any, n: int) -> Vector:
    product = real_array(value, "what hvp returns")
    if product.shape != (n,):
        raise InputError(f"hvp must return shape ({n},) like x, got {product.shape}: return the product with v")
    return np.array(product, dtype=np.float64)


def _maker(jac: Any, name: str) -> Callable[..., _Matrix]:
    """What makes the matrix at x, from a function or from the matrix itself."""
    if callable(jac) and not isinstance(jac, LinearOperator):
        return lambda x, *args: _matrix(jac(x, *args), name)
    held = _matrix(jac, name)
    return lambda x, *args: held


def _matrix(value: Any, name: str) -> _Matrix:
    if isinstance(value, LinearOperator):
        return _Operator(value)
    if issparse(value):
        rows = csr_array(value if value.ndim == 2 else value.reshape(1, -1))
        real_array(rows.data, name)
        return _Dense(rows)
    array = real_array(array_of(value), name)
    if array.ndim == 1:  # of one value
        array = array[None, :]
    if array.ndim != 2:
        raise InputError(
            f"{name} must have shape (m, n), got {array.shape}: one row for each value, one column for each x"
        )
    return _Dense(np.array(array, dtype=np.float64))


def _problem(
    f_name: str,
    f: Any,
    name: str,
    maker: Callable[..., _Matrix],
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
    value = _first(lambda: _Function(f, f_name)(theta.copy(), *own.args), f_name)
    if not np.isfinite(value).all():
        raise InputError(f"{f_name} must return finite numbers, got {value[~np.isfinite(value)][0]}: choose another x")
    function = _Function(f, f_name, value.size)
    matrix = _first(lambda: maker(theta.copy(), *own.args), name)
    _require_shape(matrix, (value.size, theta.size), name, f_name)
    rng = np.random.default_rng(0)
    weights = _weights(function, matrix, theta, units_of(theta, layout), own, rng)
    _require_one_matrix(matrix, name, rng)
    notes = _asymmetry(matrix, name, f_name, rng) if symmetric else ()
    square = value.size == theta.size and not symmetric
    transposed = matrix.transposed(weights) if square and isinstance(matrix, _Dense | _Operator) else None
    by_rows = isinstance(matrix, _Products)
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


def _first(call: Callable[[], Any], name: str) -> Any:
    """The user's function, called for the first time."""
    try:
        return call()
    except InputError:
        raise
    except Exception as error:
        add_note(error, f"raised by {name} at x")
        raise


def _require_shape(matrix: _Matrix, shape: tuple[int, int], name: str, f_name: str) -> None:
    if matrix.shape == shape:
        return
    transposed = (
        ", the transpose: return its .T" if matrix.shape == shape[::-1] else f": {f_name}(x) has {shape[0]} values"
    )
    raise InputError(
        f"{name} must have shape {shape}, one row for each value of {f_name}, got {matrix.shape}{transposed}"
    )


def _weights(
    f: _Function, matrix: _Matrix, x: Vector, units: Vector, own: Arguments, rng: np.random.Generator
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


def _asymmetry(matrix: _Matrix, name: str, f_name: str, rng: np.random.Generator) -> tuple[Note, ...]:
    """Whether a Hessian is no Hessian."""
    if isinstance(matrix, _Dense):
        said = _mirrored(matrix.held.toarray() if issparse(matrix.held) else matrix.held, name)
    else:
        u, v = rng.standard_normal((2, matrix.shape[0]))
        one, other = float(u @ matrix.times(v)), float(v @ matrix.times(u))
        size = float(np.abs(u) @ np.abs(matrix.times(v))) + float(np.abs(v) @ np.abs(matrix.times(u)))
        said = f"u . H v = {one:.9g} and v . H u = {other:.9g}" if abs(one - other) > _ALIKE * size else ""
    if not said:
        return ()
    message = f"{name} is not symmetric: {said}. One of the two is wrong, or {f_name} is no gradient."
    return (Note("asymmetric", message),)


def _mirrored(hess: Array, name: str) -> str:
    """The two entries that differ most, in words."""
    with np.errstate(invalid="ignore"):
        off, size = np.abs(hess - hess.T), np.abs(hess) + np.abs(hess.T)
        apart = (off > _SAME * size) & (off > _NOTHING * size.max())
    if not apart.any():
        return ""
    i, j = np.unravel_index(int(np.argmax(np.where(apart, off, 0.0))), off.shape)
    return f"{name}[{i}, {j}] = {hess[i, j]:.6g} and {name}[{j}, {i}] = {hess[j, i]:.6g}"


def _require_one_matrix(matrix: _Matrix, name: str, rng: np.random.Generator) -> None:
    """An operator's two products are those of one matrix, and products with vectors are linear."""
    w, u = rng.standard_normal(matrix.shape[0]), rng.standard_normal(matrix.shape[1])
    if isinstance(matrix, _Operator):
        forward, backward = np.asarray(matrix.held.matvec(u)), matrix.times(w)
        one, other = float(w @ forward), float(backward @ u)
        if abs(one - other) > _ALIKE * float(np.abs(w) @ np.abs(forward) + np.abs(backward) @ np.abs(u)):
            raise InputError(
                f"{name} must be one matrix, got w . ({name} u) = {one:.9g} by matvec and {other:.9g} by rmatvec: one of the two is wrong"
            )
    if isinstance(matrix, _Products):
        once, twice = matrix.times(w), matrix.times(2 * w)
        off = np.abs(twice - 2 * once)
        if off.max() > _ALIKE * (np.abs(twice).max() + np.abs(2 * once).max()):
            i = int(np.argmax(off))
            raise InputError(
                f"{name} must be linear in v, got {twice[i]:.9g} for 2 v where v gives {once[i]:.9g}, at {i}: "
                "return the product of the Hessian with v"
            )


def _at(x: Any) -> Point:
    """Where the matrix is looked at."""
    if is_structure(x):
        raise InputTypeError(f"x must be a vector, got a {type(x).__name__}: join it with fastcheck.pack")
    if not is_foreign(x):
        real_array(x, "x")
    return point(x, None)


def _of_structure(maker: Callable[..., _Matrix], structure: Structure) -> Callable[..., _Matrix]:
    def made(x: Vector, *args: Any) -> _Matrix:
        with structure.wide():
            return maker(structure.filled(x), *args)

    return made
