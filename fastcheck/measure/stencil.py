"""Two-sided differences: components, their steps and an order in, moves and the weights of their J out."""

from __future__ import annotations

import numpy as np

from fastcheck.evaluate.evaluator import Evaluator
from fastcheck.evaluate.moves import ComponentMoves
from fastcheck.evaluate.progress import Show, nothing
from fastcheck.problem.question import Steps
from fastcheck.problem.selection import Selection
from fastcheck.vectors import Vector

# For each order of the error the points in steps and the weights of J there: the sums are 2 h J' but for that error.
_STENCILS = {
    2: (np.array([1.0, -1.0]), np.array([1.0, -1.0])),
    4: (np.array([1.0, -1.0, 2.0, -2.0]), np.array([8.0, -8.0, -1.0, 1.0]) / 6),
}


def stencil(selection: Selection, steps: Steps, order: int = 2) -> ComponentMoves:
    """Moves whose weighted J are the differences of these components; ``steps`` is h, one for all or one for each, shape (k,).

    Of order 2 ``(J(theta + h e_i) - J(theta - h e_i)) / ((theta_i + h) - (theta_i - h))``: the divisor is the step really
    taken.
    """
    points, weights = _STENCILS[order]
    offsets = np.multiply.outer(steps, points) if isinstance(steps, np.ndarray) else (steps * points)[None, :]
    return ComponentMoves(selection.run(0, selection.size), offsets, weights)


def differences(
    evaluator: Evaluator, selection: Selection, steps: Steps, show: Show = nothing, order: int = 2
) -> Vector:
    """The two-sided differences of J at the components of ``selection``, in its order, shape (k,)."""
    return evaluator.values(stencil(selection, steps, order), show)
