"""The complex step: components in, Im J(theta + i h e_i) / h out, which is dJ/dtheta_i to rounding where J is analytic.

No difference is taken, so h may be as small as one likes (Squire and Trapp, SIAM Review 40(1), 1998; Martins, Sturdza and
Alonso, ACM TOMS 29(3), 2003), if only h^2 is nothing beside theta_i^2: h is 2^-100, or 2^-100 of a unit that is far from 1.
"""

from __future__ import annotations

import numpy as np

from fastcheck.evaluate.evaluator import Evaluator
from fastcheck.evaluate.moves import ComponentMoves
from fastcheck.evaluate.progress import Show, nothing
from fastcheck.problem.question import Steps
from fastcheck.problem.selection import Selection
from fastcheck.vectors import Array, Vector

STEP = 2.0**-100  # a power of two, by which one divides exactly; far above the least float32
_NEAR = 2.0**60  # units from one over it up to it are taken for 1
_LEAST = 2.0**-960  # below it a slope times a step would lose digits
_OTHERS = 4 / 3, 1.1, 1.7  # of it: steps that single precision rounds, each otherwise


def steps_of(units: Vector) -> Steps:
    """The imaginary step of each component, one for all where their units allow it; ``units`` are powers of two."""
    near = (units >= 1 / _NEAR) & (units <= _NEAR)
    return STEP if near.all() else np.maximum(STEP * np.where(near, 1.0, units), _LEAST)


def complex_steps(
    evaluator: Evaluator, selection: Selection, steps: Steps, show: Show = nothing, found: Vector | None = None
) -> Vector:
    """The derivatives of J at the components of ``selection``, in its order, shape (k,); ``found`` (k,) gets them as they come."""
    slopes = np.empty(selection.size) if found is None else found
    every = np.broadcast_to(steps, selection.size)

    def keep(first: int, j: Array) -> None:
        last = first + len(j)
        slopes[first:last] = j[:, 0] / every[first:last]

    moves = ComponentMoves(selection.run(0, selection.size), np.reshape(steps, (-1, 1)))
    slopes[:] = evaluator.imaginary.values(moves, show, keep)[:, 0] / every
    return slopes


def at_several_steps(evaluator: Evaluator, selection: Selection, steps: Steps) -> Array:
    """The derivatives by these imaginary steps and by others, shape (k, 4): alike to rounding, unless J has less than double precision."""
    every = np.multiply.outer(np.broadcast_to(steps, selection.size), [1.0, *_OTHERS])
    moves = ComponentMoves(selection.run(0, selection.size), every)
    return np.asarray(evaluator.imaginary.values(moves) / every)
