"""Vectors of numbers: what they are called in annotations, and norms that neither overflow nor vanish."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]  # of one dimension
ComplexVector = npt.NDArray[np.complex128]  # of one dimension
Indices = npt.NDArray[np.int64]
Array = npt.NDArray[np.float64]  # of any shape
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_BLOCK = 1 << 16  # entries looked at together, so that a look costs no vector of length n


def number(value: Any) -> float | complex:
    """A number of Python's; a complex one stays complex, as J at complex theta."""
    return complex(value) if np.iscomplexobj(value) else float(value)


def norm(vector: Vector) -> float:
    """The Euclidean norm, scaled by a power of two where squares would overflow or vanish: other units round alike."""
    with np.errstate(over="ignore", under="ignore"):
        plain = float(np.linalg.norm(vector))
    if 1e-140 < plain < 1e140:
        return plain
    top = largest(vector)
    if not top:
        return 0.0
    power = int(np.frexp(top)[1])
    with np.errstate(over="ignore", under="ignore"):
        return float(np.ldexp(np.linalg.norm(np.ldexp(vector, -power)), power))


def root_mean_square(vector: Vector) -> float:
    """Of the entries that are finite; 0 where there is none."""
    finite = vector[np.isfinite(vector)]
    return norm(finite) / math.sqrt(finite.size) if finite.size else 0.0


def largest(*vectors: Vector) -> float:
    """The largest finite entry in size, of all the vectors; 0 where there is none."""
    return max((_extreme(vector) for vector in vectors if vector.size), default=0.0)


def _extreme(vector: Vector) -> float:
    low, high = float(vector.min()), float(vector.max())
    if math.isfinite(low) and math.isfinite(high):
        return max(-low, high)
    return largest(vector[np.isfinite(vector)])


def first_not_finite(vector: Vector) -> int | None:
    """The index of the first nan or inf, or None."""
    for start in range(0, vector.size, _BLOCK):
        bad = np.flatnonzero(~np.isfinite(vector[start : start + _BLOCK]))
        if bad.size:
            return start + int(bad[0])
    return None


def first_difference(vector: Vector, other: Vector) -> int | None:
    """The index of the first entry that differs in value, or None."""
    different = np.flatnonzero(vector != other)
    return int(different[0]) if different.size else None
