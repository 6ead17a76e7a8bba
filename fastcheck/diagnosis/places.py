"""The right values in the wrong places: transposed, raveled in another order, reversed, off by one, permuted.

Each hypothesis undoes one such rearrangement of a whole tensor.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, combinations, permutations

import numpy as np

from fastcheck.diagnosis.evidence import Hypothesis, Part
from fastcheck.vectors import Vector

_MOST_AXES = 5  # beyond it there are too many orders of axes to try
_RUNS = 4  # of a permutation, that are still named one by one
_SHIFTS = (1, -1, 2, -2)

FORTRAN = "has the right values in Fortran order"
RAVEL = "Look at ravel and reshape: theta is joined in C order."
AS_WELL = " (which is Fortran order as well)"


def places(part: Part) -> Iterator[Hypothesis]:
    """Every hypothesis about the places of one tensor's values, the plainest first."""
    shape = part.tensor.shape
    if not part.whole or part.analytic.size < 2:
        return
    array = part.analytic.reshape(shape)
    if len(shape) <= _MOST_AXES:
        yield from _transposed(array, shape)
    yield from _reversed(array)
    yield from _shifted(array, part)
    yield from _factored(array)
    if part.numeric is not None:
        yield from _permuted_lines(array, part.numeric.reshape(shape))
        yield from _permuted(part.analytic, part.numeric)


def _transposed(array: np.ndarray, shape: tuple[int, ...]) -> Iterator[Hypothesis]:
    """Values of the array with its axes in another order, raveled; and the reverse, for Fortran order.

    A transposed matrix and one in Fortran order are the same; of more axes all are reversed by ravel, hardly by hand.
    """
    axes = tuple(range(len(shape)))
    look = "Look at .T, at the order of indices, or of the operands of an outer product."
    for order in permutations(axes):
        if order == axes:
            continue
        moved = tuple(shape[axis] for axis in order)
        corrected = array.reshape(moved).transpose(np.argsort(order)).ravel()
        if len(shape) == 2:
            yield Hypothesis("transpose", corrected, f"has the right values in transposed order{AS_WELL}", look)
        elif order == axes[::-1]:
            yield Hypothesis("order", corrected, FORTRAN, RAVEL)
        else:
            yield Hypothesis("transpose", corrected, f"has the right values in transposed order, axes {order}", look)
    if len(shape) > 1:
        words = "has the right values, reshaped in Fortran order"
        yield Hypothesis("order", array.ravel(order="F"), words, RAVEL)


def _reversed(array: np.ndarray) -> Iterator[Hypothesis]:
    axes = [axis for axis, length in enumerate(array.shape) if length > 1]
    look = "Look for [::-1], for rot90, and for convolution where the cost correlates."
    for chosen in chain.from_iterable(combinations(axes, k) for k in range(len(axes), 0, -1)):
        along = f"axis {chosen[0]}" if len(chosen) == 1 else f"axes {', '.join(map(str, chosen))}"
        words = f"has the right values, reversed along {along}"
        yield Hypothesis("reverse", np.flip(array, chosen).ravel(), words, look)


def _shifted(array: np.ndarray, part: Part) -> Iterator[Hypothesis]:
    """Off by k along an axis, or in the vector: rolled around, or with the lines at the edge lost."""
    look = "Look for an index or a slice that is off by one."
    flat = [(array.ravel(), 0, "entries of the vector")] if array.ndim > 1 else []
    lines = [(array, axis, f"along axis {axis}") for axis in range(array.ndim) if array.shape[axis] > 2]
    for values, axis, along in [*lines, *flat]:
        for k in _SHIFTS:
            corrected = np.roll(values, -k, axis).ravel()
            words = f"has the right values, off by {abs(k)} {along}"
            yield Hypothesis("shift", corrected, words, look)
            if part.numeric is not None and values.shape[axis] > 2 + abs(k):
                yield Hypothesis(
                    "shift", corrected, words + ", those at the edge lost", look, among=_inside(values, axis, k)
                )


def _inside(values: np.ndarray, axis: int, k: int) -> np.ndarray:
    """Positions whose value was not rolled around the edge."""
    length = values.shape[axis]
    kept = np.arange(length)
    kept = kept[: length - k] if k > 0 else kept[-k:]
    return np.take(np.arange(values.size).reshape(values.shape), kept, axis).ravel()


def _factored(array: np.ndarray) -> Iterator[Hypothesis]:
    """One axis is two in truth, (a, b), and is raveled as (b, a): features of a convolution, heads of an attention."""
    look = "Look at the reshape between the layers: is it flattened in the order in which the cost flattens it?"
    for axis, length in enumerate(array.shape):
        for a in _divisors(length):
            split = (*array.shape[:axis], length // a, a, *array.shape[axis + 1 :])
            corrected = np.swapaxes(array.reshape(split), axis, axis + 1).ravel()
            words = (
                f"has the right values with axis {axis} in another order, ({length // a}, {a}) for ({a}, {length // a})"
            )
            yield Hypothesis("order", corrected, words, look)


def _divisors(length: int) -> list[int]:
    return [a for a in range(2, length // 2 + 1) if length % a == 0]


def _permuted_lines(array: np.ndarray, numeric: np.ndarray) -> Iterator[Hypothesis]:
    """Lines along one axis in another order: gates, heads, units."""
    if array.ndim < 2:
        return
    look = "Look at the order in which blocks are cut out and put together."
    for axis in range(array.ndim):
        ours, theirs = (np.moveaxis(a, axis, 0).reshape(array.shape[axis], -1) for a in (array, numeric))
        weights = np.random.default_rng(0).standard_normal(ours.shape[1])
        source = _matched(ours @ weights, theirs @ weights)
        corrected = np.moveaxis(np.moveaxis(array, axis, 0)[source], 0, axis).ravel()
        yield _in_another_order(corrected, _runs(source), f", along axis {axis}", look)


def _permuted(analytic: Vector, numeric: Vector) -> Iterator[Hypothesis]:
    """The same values, whatever the order."""
    source = _matched(analytic, numeric)
    look = "Look at indices, and at every ravel, reshape and transpose."
    yield _in_another_order(analytic[source], _runs(source), "", look)


def _in_another_order(corrected: Vector, runs: str, along: str, look: str) -> Hypothesis:
    """The same mistake in every tensor in which the same blocks are moved."""
    words = f"has the right values in another order{runs}"
    return Hypothesis("order", corrected, words + along, look, same=words if runs else "")


def _matched(ours: Vector, theirs: Vector) -> np.ndarray:
    """For each of their numbers the position of ours with the same rank."""
    source = np.empty(ours.size, dtype=np.int64)
    source[np.argsort(theirs, kind="stable")] = np.argsort(ours, kind="stable")
    return source


def _runs(source: np.ndarray) -> str:
    """The permutation in words, if it consists of a few blocks."""
    starts = np.flatnonzero(np.diff(source, prepend=source[0] - 2) != 1)
    stops = [*starts[1:], source.size]
    moved = [(a, b) for a, b in zip(starts, stops, strict=True) if source[a] != a]
    if len(moved) > _RUNS:
        return ""
    return ": " + ", ".join(f"what belongs to {a}:{b} is at {source[a]}:{source[a] + b - a}" for a, b in moved)
