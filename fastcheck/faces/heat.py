"""The errors of one tensor as a matrix small enough to be looked at, with the scale on which a wrong entry stands out.

The error |numeric - analytic| is told in parts of the tensor's largest entry, and everything up to what one component
may be off by (`compare.tolerance`) is one colour: what stands out is wrong by the rule of the verdict.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fastcheck import compare, steps
from fastcheck.compare import TensorReport, Verdict
from fastcheck.layout import Tensor

if TYPE_CHECKING:
    from fastcheck.report import Report

_PIXELS = 256  # along each side, at most


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
        The ends of the scale: up to ``low`` rounding explains it, ``high`` is the largest error.
    worst : tuple of int
        Row and column of the entry with the largest error.
    """

    tensor: Tensor
    n_row_axes: int
    size: tuple[int, int]
    block: tuple[int, int]
    pixels: np.ndarray
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
    return [named[t.name] for t in worst_first(report.tensors) if t.verdict in (Verdict.WRONG, Verdict.SUSPECT)]


def part(report: Report, tensor: Tensor) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of one tensor: where in it was looked (offsets), and there both gradients."""
    span = report.layout.spans(report.components)[report.layout.tensors.index(tensor)]
    offsets = np.arange(tensor.size) if report.components is None else report.components[span] - tensor.start
    return offsets, report.numeric[span], report.analytic[span]


def scale(report: Report, numeric: np.ndarray, analytic: np.ndarray) -> tuple[float, float]:
    """The largest entry of a tensor, or 1, and the error, in parts of it, up to which an entry is not wrong by itself."""
    largest = compare.largest(numeric, analytic) or 1.0
    return largest, compare.tolerance(numeric, analytic, steps.sigma(report.noise, report.eps)) / largest


def errors(numeric: np.ndarray, analytic: np.ndarray, largest: float) -> np.ndarray:
    """|numeric - analytic| in parts of the largest entry, inf where it is not finite."""
    with np.errstate(invalid="ignore", over="ignore"):
        error = np.abs(numeric - analytic) / largest
    return np.where(np.isfinite(error), error, np.inf)


def heat(report: Report, tensor: Tensor) -> Heat:
    """The errors of one tensor of a full or sampled check."""
    offsets, numeric, analytic = part(report, tensor)
    largest, low = scale(report, numeric, analytic)
    error = errors(numeric, analytic, largest)
    high = float(error.max(initial=0.0, where=np.isfinite(error)))
    n_row_axes, size = folded(tensor.shape)
    everywhere = np.full(tensor.size, np.nan)
    everywhere[offsets] = error
    pixels, block = reduced(everywhere.reshape(size))
    worst = divmod(int(offsets[error.argmax()]), size[1])
    return Heat(tensor, n_row_axes, size, block, pixels, *limits(low, high, bool(np.isinf(error).any())), worst)


def limits(low: float, high: float, not_finite: bool = False) -> tuple[float, float]:
    """The ends of the scale, at least a decade apart; where nothing stands out otherwise, the last decade is shown."""
    low = max(low, np.finfo(float).tiny)
    if high > low or high == 0 or not_finite:
        return low, max(high, 10 * low)
    return high / 10, high


def folded(shape: tuple[int, ...]) -> tuple[int, tuple[int, int]]:
    """How many leading axes become rows, so that the matrix of the others as columns is most like a square."""
    if len(shape) < 2:
        return 0, (1, math.prod(shape))
    splits = [(k, (math.prod(shape[:k]), math.prod(shape[k:]))) for k in range(1, len(shape))]
    return min(splits, key=lambda split: abs(math.log(split[1][0] / split[1][1])))


def reduced(matrix: np.ndarray) -> tuple[np.ndarray, tuple[int, int]]:
    """The largest entry of each block, with at most 256 x 256 blocks, nan only where all are; and the size of a block."""
    n_rows, n_columns = matrix.shape
    block = -(-n_rows // _PIXELS), -(-n_columns // _PIXELS)
    rows = np.fmax.reduceat(matrix, np.arange(0, n_rows, block[0]), axis=0)
    return np.fmax.reduceat(rows, np.arange(0, n_columns, block[1]), axis=1), block
