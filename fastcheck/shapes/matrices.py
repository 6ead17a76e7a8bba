"""Matrices of derivatives in the forms that users bring them: arrays, sparse matrices, operators, products with vectors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from scipy.sparse import csr_array, issparse
from scipy.sparse.linalg import LinearOperator

from fastcheck.errors import InputError
from fastcheck.problem.foreign import precision
from fastcheck.problem.layout import real_array
from fastcheck.vectors import Vector

_DRAWS = 8  # directions that tell the size of an operator's rows
_MANY = 64  # rows, of which each single one is no longer looked at
_FOUND = 8  # of them that are


class Matrix(Protocol):
    """A Jacobian at x, in whatever form it was returned."""

    @property
    def shape(self) -> tuple[int, int]: ...

    @property
    def precision(self) -> float:
        """The spacing of its numbers at 1, where they are not float64."""
        ...

    def times(self, w: Vector) -> Vector:
        """w J, shape (n,)."""
        ...

    def column(self, i: int, near: Vector) -> Vector:
        """The derivative of f by x_i, shape (m,); where it is not looked at, ``near``, what it seems to be."""
        ...

    def sizes(self, units: Vector, rng: np.random.Generator) -> Vector:
        """How much each row moves, in units of x, shape (m,)."""
        ...


@dataclass(frozen=True, eq=False)
class Dense:
    """Of an array, or of a sparse matrix; ``flat`` where it had no two dimensions and may be a row or a column."""

    held: Any
    precision: float = 0.0
    flat: bool = False

    @property
    def shape(self) -> tuple[int, int]:
        m, n = self.held.shape
        return int(m), int(n)

    def times(self, w: Vector) -> Vector:
        return np.asarray(self.held.T @ w)

    def column(self, i: int, near: Vector) -> Vector:
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
    name: str

    @property
    def shape(self) -> tuple[int, int]:
        m, n = self.held.shape
        return int(m), int(n)

    @property
    def precision(self) -> float:
        return precision(np.asarray(self.held.matvec(np.ones(self.shape[1]))))

    def forward(self, v: Vector) -> Vector:
        """J v."""
        return self._real(self.held.matvec(v))

    def times(self, w: Vector) -> Vector:
        try:
            return self._real(self.held.rmatvec(w))
        except NotImplementedError:  # it only knows how to multiply from the left
            n = self.shape[1]
            return np.array([w @ self.forward(_unit_vector(n, i)) for i in range(n)])

    def column(self, i: int, near: Vector) -> Vector:
        return self.forward(_unit_vector(self.shape[1], i))

    def sizes(self, units: Vector, rng: np.random.Generator) -> Vector:
        return _typical(self.forward, units, rng)

    def transposed(self, w: Vector) -> Vector:
        return self.forward(w)

    def _real(self, product: Any) -> Vector:
        return np.array(real_array(product, f"a product with {self.name}", whole=True), dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Products:
    """Of a symmetric matrix of which only products with vectors are known."""

    product: Callable[[Vector], Any]  # what was returned
    n: int
    name: str

    @property
    def shape(self) -> tuple[int, int]:
        return self.n, self.n

    @property
    def precision(self) -> float:
        return precision(self.product(np.ones(self.n)))

    def times(self, w: Vector) -> Vector:
        product = np.atleast_1d(real_array(self.product(w), f"what {self.name} returns", whole=True))
        if product.shape != (self.n,):
            raise InputError(
                f"{self.name} must return shape ({self.n},) like x, got {product.shape}: return the product with v"
            )
        return np.array(product, dtype=np.float64)

    def column(self, i: int, near: Vector) -> Vector:
        """As `times` has it: what it makes of each single row, at i; of many rows those that halving finds to be off."""
        rows = range(self.n) if self.n <= _MANY else self._off(i, near)
        column = near.copy()
        for j in rows:
            column[j] = self.times(_unit_vector(self.n, j))[i]
        return column

    def _off(self, i: int, near: Vector) -> list[int]:
        """The rows at which row i of the matrix is furthest from ``near``: sums over half of what is left, the worst first."""
        draws = np.random.default_rng(0).uniform(0.5, 1.5, self.n)

        def off(rows: slice) -> float:
            v = np.zeros(self.n)
            v[rows] = draws[rows]
            return float(np.nan_to_num(self.times(v)[i] - v @ near, nan=np.inf))

        found: list[int] = []
        open_ = [(off(slice(0, self.n)), 0, self.n)]
        while open_ and len(found) < _FOUND:
            whole, start, stop = open_.pop(max(range(len(open_)), key=lambda k: abs(open_[k][0])))
            if stop - start == 1:
                found.append(start)
                continue
            middle = (start + stop) // 2
            one = off(slice(start, middle))
            other = whole - one if np.isfinite(whole) else off(slice(middle, stop))
            open_ += [(one, start, middle), (other, middle, stop)]
        return found

    def sizes(self, units: Vector, rng: np.random.Generator) -> Vector:
        return _typical(self.times, units, rng)


def _unit_vector(n: int, i: int) -> Vector:
    vector = np.zeros(n)
    vector[i] = 1.0
    return vector


def _typical(product: Callable[[Vector], Vector], units: Vector, rng: np.random.Generator) -> Vector:
    """The size of each value of products with a few random vectors."""
    squares = [product(u) ** 2 for u in rng.standard_normal((_DRAWS, units.size)) * units]
    return np.asarray(np.sqrt(np.mean(squares, axis=0)))


def matrix_of(value: Any, name: str) -> Matrix:
    """A copy, but for operators; numbers of an integer type are as good as others, as f may be linear."""
    if isinstance(value, LinearOperator):
        return Operator(value, name)
    if issparse(value):
        flat = value.ndim < 2
        rows = csr_array(value.reshape(1, -1) if flat else value, copy=True)
        rows.data = real_array(rows.data, name, whole=True).astype(np.float64)
        return Dense(rows, precision(np.empty(0, value.dtype)), flat)
    array = real_array(value, name, whole=True)
    if array.ndim > 2:
        raise InputError(
            f"{name} must have shape (m, n), got {array.shape}: one row for each value, one column for each x"
        )
    return Dense(
        np.atleast_2d(np.array(array, dtype=np.float64)), max(precision(value), precision(array)), array.ndim < 2
    )
