"""Rows and columns of a tensor: their names as an index, and their places in theta."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fastcheck.problem.layout import Tensor
from fastcheck.vectors import Indices, Vector


@dataclass(frozen=True)
class Line:
    """A row (first axis), a column (last axis) or all of a tensor: its name as an index, and its place in theta."""

    name: str
    place: slice

    @property
    def indices(self) -> Indices:
        return np.arange(self.place.start, self.place.stop, self.place.step or 1)


def row_of(tensor: Tensor, k: int) -> Line:
    """The k-th row of a tensor with two axes or more."""
    length, rest = tensor.size // tensor.shape[0], ", ".join(":" * (len(tensor.shape) - 1))
    start = tensor.start + k * length
    return Line(f"{tensor.name}[{k}, {rest}]", slice(start, start + length))


def column_of(tensor: Tensor, k: int) -> Line:
    """The k-th column of a tensor with two axes or more."""
    rest = ", ".join(":" * (len(tensor.shape) - 1))
    return Line(f"{tensor.name}[{rest}, {k}]", slice(tensor.start + k, tensor.stop, tensor.shape[-1]))


def row_around(tensor: Tensor, start: int, stop: int) -> Line | None:
    """The row in which all components from ``start`` to ``stop`` lie, if they are in one."""
    first, last = _rows(tensor, start, stop)
    return row_of(tensor, first) if first == last and len(tensor.shape) > 1 else None


def middle_of(tensor: Tensor, start: int, stop: int) -> int:
    """Where to halve these components: between rows, as long as they lie in several."""
    first, last = _rows(tensor, start, stop)
    length = tensor.size // tensor.shape[0]
    return tensor.start + length * ((first + last + 1) // 2) if first < last else (start + stop) // 2


def _rows(tensor: Tensor, start: int, stop: int) -> tuple[int, int]:
    """The first and the last row in which these components lie."""
    length = tensor.size // tensor.shape[0]
    return (start - tensor.start) // length, (stop - 1 - tensor.start) // length


def shared_lines(tensor: Tensor, indices: Sequence[int]) -> list[Line]:
    """Rows and columns that hold at least two of the components."""
    if len(tensor.shape) < 2 or len(indices) < 2:
        return []
    places = np.unravel_index(np.array(indices) - tensor.start, tensor.shape)
    rows = [row_of(tensor, k) for k in _repeated(places[0])]
    return rows + [column_of(tensor, k) for k in _repeated(places[-1])]


def blank_lines(tensor: Tensor, gradient: Vector) -> list[Line]:
    """Rows and columns whose gradient is 0 throughout, as of one that was never written."""
    sizes = np.abs(gradient[tensor.slice])
    if len(tensor.shape) < 2:
        return []
    by_row, by_column = sizes.reshape(tensor.shape[0], -1), sizes.reshape(-1, tensor.shape[-1])
    rows = [row_of(tensor, int(k)) for k in np.flatnonzero(by_row.max(axis=1) == 0)]
    return rows + [column_of(tensor, int(k)) for k in np.flatnonzero(by_column.max(axis=0) == 0)]


def _repeated(places: Indices) -> list[int]:
    values, counts = np.unique(places, return_counts=True)
    return [int(value) for value in values[counts > 1]]
