"""The errors of one tensor as a matrix small enough to be looked at, with the scale on which a wrong entry stands out.

The error |numeric - analytic| is told in parts of the tensor's largest entry, and every component that the verdict did
not take for wrong is of one colour: what stands out is wrong. Where no component is so by itself, all are shown.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fastcheck.judge.verdict import TensorReport
from fastcheck.problem.layout import Tensor
from fastcheck.results.report import Report
from fastcheck.results.seen import Seen
from fastcheck.vectors import Vector, largest

_PIXELS = 256  # along each side, at most
_BELOW = 0.999  # the scale begins just below the smallest error that is wrong


@dataclass(frozen=True)
class Heat:
    """What a heat map of one tensor shows.

    Attributes
    ----------
    tensor : Tensor
    n_row_axes : int
        How many of the tensor's axes are folded into rows; the others are columns.
    size : tuple of int
        Rows and columns, of entries.
    block : tuple of int
        Rows and columns of entries that one pixel stands for: it shows the largest error of them.
    pixels : ndarray of float64, two dimensions
        Errors in parts of the tensor's largest entry; nan where nothing was looked at, inf where one is not finite.
    low, high : float
        The ends of the scale: what is not wrong is below ``low``, ``high`` is the largest error.
    worst : tuple of int
        Row and column of the entry with the largest error.
    """

    tensor: Tensor
    n_row_axes: int
    size: tuple[int, int]
    block: tuple[int, int]
    pixels: npt.NDArray[np.float64]
    low: float
    high: float
    worst: tuple[int, int]


def worst_first(tensors: tuple[TensorReport, ...]) -> list[TensorReport]:
    """The tensors by verdict and ratio, the worst first; what is not finite before all."""
    return sorted(tensors, key=lambda t: (-t.verdict.severity, is_finite(t), -t.ratio))


def is_finite(t: TensorReport) -> bool:
    """Whether both gradients are finite all over the tensor, as far as it was looked at."""
    return t.worst is None or math.isfinite(t.worst.error)


def wrong_tensors(report: Report) -> list[Tensor]:
    """The tensors that are WRONG or SUSPECT, the worst first."""
    named = {tensor.name: tensor for tensor in report.layout.tensors}
    return [named[t.name] for t in worst_first(report.tensors) if t.verdict.accuses]


def errors(seen: Seen, largest: float) -> Vector:
    """|numeric - analytic| in parts of the largest entry, inf where it is not finite."""
    with np.errstate(invalid="ignore", over="ignore"):
        error = np.abs(seen.numeric - seen.analytic) / largest
    return np.where(np.isfinite(error), error, np.inf)


def scale(seen: Seen) -> float:
    """The largest entry of what was seen, or 1."""
    return largest(seen.numeric, seen.analytic) or 1.0


def heat(seen: Seen, tensor: Tensor) -> Heat:
    """The errors of one tensor, of which ``seen`` is the part."""
    error = errors(seen, scale(seen))
    high = float(error.max(initial=0.0, where=np.isfinite(error)))
    low = float(error.min(initial=high, where=seen.wrong & np.isfinite(error)))
    told = np.where(seen.wrong | np.isinf(error), error, 0.0) if seen.wrong.any() else error
    n_row_axes, size = folded(tensor.shape)
    everywhere = np.full(tensor.size, np.nan)
    everywhere[seen.selection.at(np.arange(error.size))] = told
    pixels, block = reduced(everywhere.reshape(size))
    worst = divmod(seen.selection.index(int(told.argmax())), size[1])
    ends = limits(low * _BELOW, high)
    return Heat(tensor, n_row_axes, size, block, pixels, *ends, worst)


def limits(low: float, high: float) -> tuple[float, float]:
    """The ends of the scale, at least a decade apart, with the largest error at the top."""
    if high == 0:
        return 0.1, 1.0  # every finite error is none
    low = max(min(low, high / 10), np.finfo(float).tiny)
    return low, max(high, 10 * low)


def folded(shape: tuple[int, ...]) -> tuple[int, tuple[int, int]]:
    """How many leading axes become rows, so that the matrix of the others as columns is most like a square."""
    if len(shape) < 2:
        return 0, (1, math.prod(shape))
    splits = [(k, (math.prod(shape[:k]), math.prod(shape[k:]))) for k in range(1, len(shape))]
    return min(splits, key=lambda split: abs(math.log(split[1][0] / split[1][1])))


def reduced(matrix: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], tuple[int, int]]:
    """The largest entry of each block, with at most 256 x 256 blocks, nan only where all are; and the size of a block."""
    n_rows, n_columns = matrix.shape
    block = -(-n_rows // _PIXELS), -(-n_columns // _PIXELS)
    rows = np.fmax.reduceat(matrix, np.arange(0, n_rows, block[0]), axis=0)
    return np.fmax.reduceat(rows, np.arange(0, n_columns, block[1]), axis=1), block
