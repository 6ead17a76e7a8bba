"""A number for each component, as callers give it: in an array, or by tensor in a structure like the parameters."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastcheck.errors import InputError
from fastcheck.problem.layout import Layout, real_array
from fastcheck.problem.structure import is_structure, named
from fastcheck.vectors import Vector


def of_each(value: Any, layout: Layout, what: str, advice: str) -> Vector:
    """A new vector, shape (n,); in a structure one number may stand for all of a tensor."""
    if is_structure(value):
        told = dict(named(value, layout.names))
        whole = {t.name: np.full(t.shape, float(told[t.name])) for t in layout.tensors if is_number(told.get(t.name))}
        return layout.pack({**told, **whole}, what)
    array = real_array(value, what)
    if array.shape != (layout.size,):
        raise InputError(
            f"{what} must be a number, or have shape ({layout.size},) like theta, got {array.shape}: {advice}"
        )
    return np.array(array, dtype=np.float64)


def require_positive(numbers: Vector, layout: Layout, what: str, advice: str) -> None:
    """Raise with the first that is not positive and finite."""
    bad = np.flatnonzero(~(np.isfinite(numbers) & (numbers > 0)))
    if bad.size:
        raise InputError(
            f"{what} must be positive and finite, got {numbers[bad[0]]} for {layout.name(int(bad[0]))}: {advice}"
        )


def is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
