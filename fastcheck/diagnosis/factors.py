"""A factor of its own for every line: a parameter forgotten in the backward pass, or a statistic of each unit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from fastcheck.diagnosis.evidence import Hypothesis, Part

_LEAST_LINE = 3  # components that a line must have for its factor to mean anything


def factors(part: Part, parameters: Mapping[str, np.ndarray]) -> Iterator[Hypothesis]:
    """Every hypothesis about factors by line of one tensor, named parameters before fitted numbers."""
    if not part.whole:
        return
    array = part.analytic.reshape(part.tensor.shape)
    for name, values in parameters.items():
        if name != part.tensor.name and values.size > 1 and values.all():
            yield from _by_parameter(array, name, values.ravel())
    if part.numeric is not None:
        yield from _by_line(part, array, part.numeric.reshape(part.tensor.shape))


def _by_parameter(array: np.ndarray, name: str, values: np.ndarray) -> Iterator[Hypothesis]:
    for axis, length in enumerate(array.shape):
        if length != values.size:
            continue
        along = values.reshape([-1 if k == axis else 1 for k in range(array.ndim)])
        where = "component by component" if array.ndim == 1 else f"line by line along axis {axis}"
        look = f"Look at where {name} enters the backward pass."
        for corrected, same in (
            (array * along, f"lacks the factor {name}"),
            (array / along, f"has the factor {name} too much"),
        ):
            yield Hypothesis("scale", corrected.ravel(), f"{same}, {where}", look, same=same)


def _by_line(part: Part, array: np.ndarray, numeric: np.ndarray) -> Iterator[Hypothesis]:
    """analytic = c_k numeric on the k-th line along one axis, c fitted."""
    for axis, length in enumerate(array.shape):
        if length < 2 or array.size < _LEAST_LINE * length:
            continue
        others = tuple(k for k in range(array.ndim) if k != axis)
        products, squares = (array * numeric).sum(others), (numeric**2).sum(others)
        matters = squares > (10 * part.sigma) ** 2 * (array.size / length)
        if np.count_nonzero(matters) < 2 or not products[matters].all():
            continue
        c = np.where(matters, products, 1.0) / np.where(matters, squares, 1.0)
        corrected = array / c.reshape([-1 if k == axis else 1 for k in range(array.ndim)])
        same = "is the numeric one times a factor for each line"
        words = f"{same} along axis {axis}, {c[matters].min():.4g} to {c[matters].max():.4g}"
        look = "Look at what each unit's signal is multiplied by on its way back: a statistic, a gain, a slope."
        yield Hypothesis("scale", corrected.ravel(), words, look, free=int(np.count_nonzero(matters)), same=same)
