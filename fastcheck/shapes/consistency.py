"""What a matrix of derivatives has to be, whatever the function: one matrix, linear in what it multiplies, of a gradient symmetric."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import csr_array

from fastcheck.errors import InputError
from fastcheck.problem.brought import Note
from fastcheck.shapes.matrices import Dense, Matrix, Operator, Products
from fastcheck.vectors import Integers, Vector
from fastcheck.words import told_apart

_SAME = 1e-7  # up to which two entries that mirror each other are called the same,
_ALIKE = 1e-5  # likewise two products with vectors, which may be differences
_ROUNDED = 16.0  # or this many spacings of numbers that are not float64,
_NOTHING = 1e-12  # or the part of the largest entry that is nothing


def asymmetry(matrix: Matrix, name: str, f_name: str, units: Vector, rng: np.random.Generator) -> tuple[Note, ...]:
    """Whether a Hessian is no Hessian."""
    if isinstance(matrix, Dense):
        said = _mirrored(matrix, name, units)
    else:
        u, v = rng.standard_normal((2, units.size)) * units
        of_u, of_v = matrix.times(u), matrix.times(v)
        one, other = float(u @ of_v), float(v @ of_u)
        size = float(np.abs(u) @ np.abs(of_v)) + float(np.abs(v) @ np.abs(of_u))
        said = f"u . H v = {one:.9g} and v . H u = {other:.9g}" if abs(one - other) > _alike(matrix) * size else ""
    if not said:
        return ()
    message = f"{name} is not symmetric: {said}. One of the two is wrong, or {f_name} is no gradient."
    return (Note("asymmetric", message),)


def _alike(matrix: Matrix) -> float:
    """Up to which two products are called the same."""
    return max(_ALIKE, _ROUNDED * matrix.precision)


def _mirrored(matrix: Dense, name: str, units: Vector) -> str:
    """The two entries that differ most, in words."""
    rows, columns, entries, others = _pairs(matrix.held)
    with np.errstate(invalid="ignore"):
        off, size = np.abs(entries - others), np.abs(entries) + np.abs(others)
        apart = off > max(_SAME, matrix.precision) * size
        off, size = (values * units[rows] * units[columns] for values in (off, size))
        apart &= off > _NOTHING * np.fmax.reduce(size, initial=0.0)
    if not apart.any():
        return ""
    k = int(np.argmax(np.where(apart, off, 0.0)))
    i, j = sorted((int(rows[k]), int(columns[k])))
    one, other = told_apart(float(matrix.held[i, j]), float(matrix.held[j, i]))
    return f"{name}[{i}, {j}] = {one} and {name}[{j}, {i}] = {other}"


def _pairs(hess: Any) -> tuple[Integers, Integers, Vector, Vector]:
    """Of every entry that is there: its row, its column, what it is, and what stands in its mirror image."""
    by_rows = csr_array(hess, copy=True)
    by_rows.sum_duplicates()  # and sorts
    held: Any = by_rows.tocoo()
    rows, columns, n = held.row.astype(np.int64), held.col.astype(np.int64), held.shape[1]
    here, there = rows * n + columns, columns * n + rows
    at = np.minimum(np.searchsorted(here, there), max(here.size - 1, 0))
    return rows, columns, held.data, np.where(here[at] == there, held.data[at], 0.0)


def require_one_matrix(matrix: Matrix, weights: Vector, units: Vector, rng: np.random.Generator) -> None:
    """An operator's two products are those of one matrix, and products with vectors are linear.

    ``weights``, shape (m,), and ``units``, (n,), make its rows and its columns alike in size.
    """
    u = rng.standard_normal(units.size) * units
    with np.errstate(invalid="ignore", over="ignore"):  # what is not finite is left for the report
        if isinstance(matrix, Operator):
            _require_adjoint(matrix, weights, u)
        if isinstance(matrix, Products):
            v = -u * rng.uniform(0.5, 1.5, units.size)  # of other signs: what takes abs(v) adds up where they are alike
            of_v = matrix.times(v)
            _require_linear(matrix, units, "2 v where v gives", 2 * v, 2 * of_v)
            _require_linear(matrix, units, "v + w where those of v and w give", v + u, of_v + matrix.times(u))


def _require_adjoint(matrix: Operator, w: Vector, u: Vector) -> None:
    name, forward, backward = matrix.name, matrix.forward(u), matrix.times(w)
    one, other = float(w @ forward), float(backward @ u)
    if abs(one - other) > _alike(matrix) * float(np.abs(w) @ np.abs(forward) + np.abs(backward) @ np.abs(u)):
        raise InputError(
            f"{name} must be one matrix, got w . ({name} u) = {one:.9g} by matvec and {other:.9g} by rmatvec: one of the two is wrong"
        )


def _require_linear(matrix: Products, units: Vector, where: str, v: Vector, expected: Vector) -> None:
    found = matrix.times(v)
    off, size = np.abs(found - expected) * units, (np.abs(found) + np.abs(expected)) * units
    if off.max() > _alike(matrix) * size.max():
        i = int(np.argmax(off))
        raise InputError(
            f"{matrix.name} must be linear in v, got {found[i]:.9g} for {where} {expected[i]:.9g}, at {i}: "
            "return the product of the Hessian with v"
        )
