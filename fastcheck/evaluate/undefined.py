"""Where J(theta) is not finite: the tensors whose zeros, negative or large values make it so, if a few evaluations tell."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fastcheck.problem.domain import Domain, inside
from fastcheck.problem.layout import Layout
from fastcheck.problem.units import units_of
from fastcheck.vectors import Vector

_MOST = 20  # tensors that are tried one by one


def culprits(value: Callable[[Vector], float], theta: Vector, layout: Layout, domain: Domain | None) -> str:
    """In words what J is finite without, or nothing; ``value`` gives J, nan where it has none."""
    units = units_of(theta, layout)
    for words, change in _CHANGES.items():
        changed = inside(domain, np.concatenate([change(theta[t.slice], units[t.slice]) for t in layout.tensors]))
        if np.isfinite(value(changed)) and not np.array_equal(changed, theta):
            return (
                f"it is finite with other values for the {words} of {', '.join(_needed(value, theta, changed, layout))}"
            )
    return ""


def _needed(value: Callable[[Vector], float], theta: Vector, changed: Vector, layout: Layout) -> list[str]:
    """The changed tensors without whose change J is not finite; all of them where none is needed by itself."""
    tensors = [t for t in layout.tensors if not np.array_equal(theta[t.slice], changed[t.slice])]
    needed = []
    for tensor in tensors[:_MOST]:
        without = changed.copy()
        without[tensor.slice] = theta[tensor.slice]
        if not np.isfinite(value(without)):
            needed.append(tensor.name)
    return needed or [tensor.name for tensor in tensors]


def _without_zeros(values: Vector, units: Vector) -> Vector:
    return np.where(values == 0, units, values)


def _without_signs(values: Vector, units: Vector) -> Vector:
    return np.abs(values)


def _without_extremes(values: Vector, units: Vector) -> Vector:
    """None larger than 1, nor than the tensor's median."""
    most = min(1.0, float(np.median(np.abs(values)))) if values.size else 1.0
    return np.clip(values, -most, most)


_CHANGES: dict[str, Callable[[Vector, Vector], Vector]] = {
    "zeros": _without_zeros,
    "negative values": _without_signs,
    "largest values": _without_extremes,
}
