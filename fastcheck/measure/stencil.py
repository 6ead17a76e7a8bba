"""Differences of components: their steps, an order and the bounds of theta in; moves and the weights of their J out."""

from __future__ import annotations

import numpy as np

from fastcheck.evaluate.evaluator import Evaluator
from fastcheck.evaluate.moves import ComponentMoves
from fastcheck.evaluate.progress import Show, nothing, part_of
from fastcheck.problem.question import Steps
from fastcheck.problem.selection import Selection
from fastcheck.vectors import Indices, Integers, Vector

# For each order of the error the points in steps and the weights of J there: the sums, over the distance of the first two
# points, are J' but for that error. Central, and to one side: three and five points (Fornberg, Math. Comp. 51, 1988).
_CENTRAL = {
    2: (np.array([1.0, -1.0]), np.array([1.0, -1.0])),
    4: (np.array([1.0, -1.0, 2.0, -2.0]), np.array([8.0, -8.0, -1.0, 1.0]) / 6),
}
_ONE_SIDED = {
    2: (np.array([2.0, 0.0, 1.0]), np.array([-1.0, -3.0, 4.0])),
    4: (np.array([2.0, 0.0, 1.0, 3.0, 4.0]), np.array([-36.0, -25.0, 48.0, 16.0, -3.0]) / 6),
}


def fitted(evaluator: Evaluator, selection: Selection, steps: Steps, order: int | Integers = 2) -> Steps:
    """The steps, shortened where neither side of a component has room for its points; ``order`` for all or for each."""
    if evaluator.domain is None:
        return steps
    below, above = _room(evaluator, selection)
    most = np.maximum(np.minimum(below, above) / (order // 2), np.maximum(below, above) / order)
    return steps if (steps <= most).all() else np.minimum(steps, most)


def sides(evaluator: Evaluator, selection: Selection, steps: Steps, order: int | Integers = 2) -> Integers:
    """0 where a component's difference is central, 1 or -1 where theta's bounds leave that side alone, shape (k,)."""
    below, above = _room(evaluator, selection)
    central = steps * (order // 2) <= np.minimum(below, above)
    return np.where(central, 0, np.where(above >= below, 1, -1))


def _room(evaluator: Evaluator, selection: Selection) -> tuple[Vector, Vector]:
    assert evaluator.domain is not None
    return evaluator.domain.room(evaluator.theta, selection.at(np.arange(selection.size)))


def stencil(selection: Selection, steps: Steps, order: int = 2, side: int = 0) -> ComponentMoves:
    """Moves whose weighted J are the differences of these components; ``steps`` is h, one for all or one for each, shape (k,).

    Of order 2 ``(J(theta + h e_i) - J(theta - h e_i)) / ((theta_i + h) - (theta_i - h))``: the divisor is the step really
    taken.
    """
    points, weights = (_ONE_SIDED if side else _CENTRAL)[order]
    points = points * (side or 1)
    offsets = np.multiply.outer(steps, points) if isinstance(steps, np.ndarray) else (steps * points)[None, :]
    return ComponentMoves(selection.run(0, selection.size), offsets, weights)


def differences(
    evaluator: Evaluator,
    selection: Selection,
    steps: Steps,
    show: Show = nothing,
    order: int = 2,
    found: Vector | None = None,
) -> Vector:
    """The differences of J at the components of ``selection``, in its order, shape (k,); central unless theta's bounds are near.

    ``found`` (k,) gets them as they come, so that not all is lost where a run is interrupted.
    """
    found = np.empty(selection.size) if found is None else found
    if evaluator.domain is None:
        _filled(evaluator, stencil(selection, steps, order), show, found, np.arange(selection.size))
        return found
    steps = fitted(evaluator, selection, steps, order)
    side = sides(evaluator, selection, steps, order)
    done = 0
    for one in (0, 1, -1):
        at = np.flatnonzero(side == one)
        if at.size:
            some = Selection(selection.layout, selection.at(at))
            own = steps[at] if isinstance(steps, np.ndarray) else steps
            _filled(evaluator, stencil(some, own, order, one), part_of(show, done), found, at)
            done += at.size
    return found


def _filled(evaluator: Evaluator, moves: ComponentMoves, show: Show, found: Vector, at: Indices) -> None:
    """Differences into these places of ``found``, as they come."""

    def keep(first: int, differences: Vector) -> None:
        found[at[first : first + differences.size]] = differences

    found[at] = evaluator.values(moves, show, keep)
