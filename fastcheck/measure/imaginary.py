"""The complex step: components in, Im J(theta + i h e_i) / h out, which is dJ/dtheta_i to rounding where J is analytic.

No difference is taken, so h may be as small as one likes (Squire and Trapp, SIAM Review 40(1), 1998; Martins, Sturdza and
Alonso, ACM TOMS 29(3), 2003).
"""

from __future__ import annotations

import numpy as np

from fastcheck.evaluate.evaluator import Evaluator
from fastcheck.evaluate.moves import ComponentMoves
from fastcheck.evaluate.progress import Show, nothing
from fastcheck.problem.selection import Selection
from fastcheck.vectors import Array, Vector

# A power of two, by which one divides exactly; far above the least float32, and its square is nothing beside any theta.
STEP = 2.0**-100
_OTHER = 4 / 3  # of it: a step that single precision rounds otherwise


def complex_steps(
    evaluator: Evaluator, selection: Selection, show: Show = nothing, found: Vector | None = None
) -> Vector:
    """The derivatives of J at the components of ``selection``, in its order, shape (k,); ``found`` (k,) gets them as they come."""
    slopes = np.empty(selection.size) if found is None else found

    def keep(first: int, j: Array) -> None:
        slopes[first : first + len(j)] = j[:, 0] / STEP

    moves = ComponentMoves(selection.run(0, selection.size), np.array([[STEP]]))
    slopes[:] = evaluator.imaginary.values(moves, show, keep)[:, 0] / STEP
    return slopes


def at_two_steps(evaluator: Evaluator, selection: Selection) -> Array:
    """The derivatives taken by two imaginary steps, shape (k, 2): alike to rounding, unless J has less than double precision."""
    steps = np.array([STEP, _OTHER * STEP])
    moves = ComponentMoves(selection.run(0, selection.size), steps[None, :])
    return np.asarray(evaluator.imaginary.values(moves) / steps)
