"""Two-sided differences: components, their steps and an order in, moves and the weights of their J out; slopes from what comes back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fastcheck.evaluate.evaluator import Evaluator
from fastcheck.evaluate.moves import ComponentMoves
from fastcheck.evaluate.progress import Show, nothing
from fastcheck.problem.question import Steps
from fastcheck.problem.selection import Selection
from fastcheck.vectors import Array, Vector

# For each order of the error the points in steps and the weights of J there: the sums are 2 h J' but for that error.
_STENCILS = {
    2: (np.array([1.0, -1.0]), np.array([1.0, -1.0])),
    4: (np.array([1.0, -1.0, 2.0, -2.0]), np.array([8.0, -8.0, -1.0, 1.0]) / 6),
}
_BLOCK = 1 << 16  # slopes divided together


@dataclass(frozen=True, eq=False)
class Stencil:
    """``(J(theta + h e_i) - J(theta - h e_i)) / ((theta_i + h) - (theta_i - h))`` at the components of a selection, or of order 4.

    The divisor is the step really taken. ``steps`` is h, one for all or one for each, shape (k,).
    """

    selection: Selection
    theta: Vector  # shape (n,)
    steps: Steps
    order: int = 2

    def moves(self) -> ComponentMoves:
        """Where J is needed, and how the J of a component are summed."""
        points, weights = _STENCILS[self.order]
        h = self.steps
        offsets = np.multiply.outer(h, points) if isinstance(h, np.ndarray) else (h * points)[None, :]
        return ComponentMoves(self.selection.run(0, self.selection.size), offsets, weights)

    def slopes(self, sums: Array) -> Vector:
        """The differences from the sums of J, in place."""
        for start in range(0, sums.size, _BLOCK):
            stop = min(start + _BLOCK, sums.size)
            which = self.selection.run(start, stop)
            at = self.theta[which.start : which.stop] if isinstance(which, range) else self.theta[which]
            h = self.steps[start:stop] if isinstance(self.steps, np.ndarray) else self.steps
            with np.errstate(invalid="ignore", divide="ignore", over="ignore"):  # nan stays nan
                sums[start:stop] /= (at + h) - (at - h)
        return sums


def differences(
    evaluator: Evaluator, selection: Selection, steps: Steps, show: Show = nothing, order: int = 2
) -> Vector:
    """The two-sided differences of J at the components of ``selection``, in its order, shape (k,)."""
    stencil = Stencil(selection, evaluator.theta, steps, order)
    return stencil.slopes(evaluator.values(stencil.moves(), show))
