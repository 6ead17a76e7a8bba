"""Slopes of J to either side of theta at steps around eps: what a second look at a component goes by."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fastcheck.evaluate.evaluator import Evaluator
from fastcheck.evaluate.moves import ComponentMoves
from fastcheck.vectors import Indices

STEPS = 4.0 ** np.array([0, 1, -1, 2, -2, -3, -4, -5])  # times eps; the first for the slopes to either side
QUARTER, SIXTEENTH = 2, 4  # where in that table the steps eps / 4 and eps / 16 stand


def slopes_around(evaluator: Evaluator, indices: Indices, eps: float) -> npt.NDArray[np.float64]:
    """D+ and D- at every step: shape (2, steps, components)."""
    offsets = np.concatenate([eps * STEPS, -eps * STEPS])
    j = evaluator.values(ComponentMoves(indices, offsets[None, :]))
    at = evaluator.theta[indices][:, None]
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):  # a step lost in rounding tells nothing
        slopes = (j - evaluator.value) / ((at + offsets) - at)
    return np.ascontiguousarray(slopes.T).reshape(2, STEPS.size, indices.size)
