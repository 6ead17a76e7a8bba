"""Matrices of derivatives in the forms that users bring them: arrays, sparse matrices, operators, products with vectors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from scipy.sparse import csr_array, issparse
from scipy.sparse.linalg import LinearOperator

from fastcheck.errors import InputError
from fastcheck.problem.brought import Note
from fastcheck.problem.foreign import array_of
from fastcheck.problem.layout import real_array
from fastcheck.vectors import Array, Vector

_DRAWS = 8  # directions that tell the size of an operator's rows
_SAME = 1e-7  # up to which two entries that mirror each other are called the same,
_ALIKE = 1e-5  # likewise two products with vectors, which may be differences
_NOTHING = 1e-12  # or the part of the largest entry that is nothing


class Matrix(Protocol):
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
class Dense:
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
class Operator:
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
class Products:
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


def matrix_of(value: Any, name: str) -> Matrix:
    if isinstance(value, LinearOperator):
        return Operator(value)
    if issparse(value):
        rows = csr_array(value if value.ndim == 2 else value.reshape(1, -1))
        real_array(rows.data, name)
        return Dense(rows)
    array = real_array(array_of(value), name)
    if array.ndim == 1:  # of one value
        array = array[None, :]
    if array.ndim != 2:
        raise InputError(
            f"{name} must have shape (m, n), got {array.shape}: one row for each value, one column for each x"
        )
    return Dense(np.array(array, dtype=np.float64))


def asymmetry(matrix: Matrix, name: str, f_name: str, rng: np.random.Generator) -> tuple[Note, ...]:
    """Whether a Hessian is no Hessian."""
    if isinstance(matrix, Dense):
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


def require_one_matrix(matrix: Matrix, name: str, rng: np.random.Generator) -> None:
    """An operator's two products are those of one matrix, and products with vectors are linear."""
    w, u = rng.standard_normal(matrix.shape[0]), rng.standard_normal(matrix.shape[1])
    if isinstance(matrix, Operator):
        forward, backward = np.asarray(matrix.held.matvec(u)), matrix.times(w)
        one, other = float(w @ forward), float(backward @ u)
        if abs(one - other) > _ALIKE * float(np.abs(w) @ np.abs(forward) + np.abs(backward) @ np.abs(u)):
            raise InputError(
                f"{name} must be one matrix, got w . ({name} u) = {one:.9g} by matvec and {other:.9g} by rmatvec: one of the two is wrong"
            )
    if isinstance(matrix, Products):
        once, twice = matrix.times(w), matrix.times(2 * w)
        off = np.abs(twice - 2 * once)
        if off.max() > _ALIKE * (np.abs(twice).max() + np.abs(2 * once).max()):
            i = int(np.argmax(off))
            raise InputError(
                f"{name} must be linear in v, got {twice[i]:.9g} for 2 v where v gives {once[i]:.9g}, at {i}: "
                "return the product of the Hessian with v"
            )
