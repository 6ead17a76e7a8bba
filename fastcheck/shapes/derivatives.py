"""Where the matrix of derivatives comes from: what a function returns at x, what was handed over, or products with vectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from scipy.sparse.linalg import LinearOperator

from fastcheck.errors import InputError
from fastcheck.problem.structure import Structure
from fastcheck.shapes.matrices import Dense, Matrix, Operator, Products, matrix_of
from fastcheck.vectors import Vector

_SAME = 1e-12  # up to which two vectors are the same but for rounding


@dataclass(frozen=True)
class Kind:
    """What is on trial: what the function and its derivatives are called, and what the derivatives are."""

    f: str
    name: str
    symmetric: bool = False
    by_products: bool = False  # with vectors

    def entry(self, row: int, column: int) -> str:
        return f"{self.name}[{column}, {row}]" if self.by_products else f"{self.name}[{row}, {column}]"


@dataclass(frozen=True, eq=False)
class Returned:
    """The matrix at x that a function returns, or that was handed over; of the shape that it has to have."""

    jac: Any
    kind: Kind
    shape: tuple[int, int]
    structure: Structure | None

    def __call__(self, x: Vector, *args: Any) -> Matrix:
        matrix = (
            self.jac
            if isinstance(self.jac, Dense | Operator)
            else matrix_of(_called(self.jac, self.structure, (x,), args), self.kind.name)
        )
        if matrix.shape == self.shape:
            return matrix
        is_turned = matrix.shape == self.shape[::-1]
        if is_turned and isinstance(matrix, Dense) and matrix.flat:
            return replace(matrix, held=matrix.held.T)
        name, f = self.kind.name, self.kind.f
        advice = ", the transpose: return its .T" if is_turned else f": {f}(x) has {self.shape[0]} values"
        given = (matrix.shape[1],) if isinstance(matrix, Dense) and matrix.flat else matrix.shape
        raise InputError(f"{name} must have shape {self.shape}, one row for each value of {f}, got {given}{advice}")


@dataclass(frozen=True, eq=False)
class Multiplied:
    """The matrix at x of which a function returns products with vectors."""

    hvp: Callable[..., Any]
    structure: Structure | None

    def __call__(self, x: Vector, *args: Any) -> Products:
        return Products(partial(self._times, x, args), x.size, "hvp")

    def _times(self, x: Vector, args: Any, v: Vector) -> Any:
        return _called(self.hvp, self.structure, (x.copy(), v.copy()), args)


def _called(function: Callable[..., Any], structure: Structure | None, vectors: Sequence[Vector], args: Any) -> Any:
    """The function of vectors, in the form in which x came."""
    if structure is None:
        return function(*vectors, *args)
    with structure.wide():
        return function(*map(structure.filled, vectors), *args)


def held(jac: Any, name: str) -> Any:
    """A function as it is, of a matrix a copy."""
    return jac if callable(jac) and not isinstance(jac, LinearOperator) else matrix_of(jac, name)


def turned(matrix: Matrix) -> Callable[[Vector], Vector] | None:
    """What multiplies by the transpose, where that could have been handed over by mistake."""
    if not isinstance(matrix, Dense | Operator) or matrix.shape[0] != matrix.shape[1]:
        return None
    w = np.cos(np.arange(matrix.shape[0]))
    with np.errstate(invalid="ignore"):
        symmetric = np.allclose(matrix.transposed(w), matrix.times(w), rtol=_SAME, atol=0.0)
    return None if symmetric else matrix.transposed
