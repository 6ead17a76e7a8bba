"""By what the values of a function are multiplied, so that in their sum no one hides beside another, nor does its rounding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fastcheck.evaluate.source import has_no_value
from fastcheck.vectors import Flags, Vector

_STEP = 2.0**-13  # in units of x, at which it is seen how much f moves
_SEEN = 64  # units in the last place of f that a move of it has to be worth


@dataclass(frozen=True, eq=False)
class Weights:
    """Of 0.5 to 1.5 in size and of either sign, in units of how much each value moves, as claimed or as seen.

    Attributes
    ----------
    of_values : ndarray of float64, shape (m,)
    moving : ndarray of bool, shape (m,)
        The values that are not constant, as claimed or as seen.
    """

    of_values: Vector
    moving: Flags

    def offset(self, values: Vector, precision: float) -> float:
        """The size at which a sum in float64 is rounded as coarsely as its largest term that moves.

        The ``values`` have a spacing of ``precision`` at 1, 0 for that of float64.
        """
        largest = float(np.abs(self.of_values * values)[self.moving].max(initial=0.0))
        return largest * max(precision / float(np.finfo(np.float64).eps), 1.0)


def weights_of(
    f: Callable[[Vector], Vector], values: Vector, claimed: Vector, x: Vector, units: Vector, rng: np.random.Generator
) -> Weights:
    """The weights of the ``values`` of f at x, which are said to move by ``claimed`` per unit."""
    claimed = np.where(np.isfinite(claimed), claimed, 0.0)
    moved, seen = _moves(f, values, x, units, rng)
    sizes = np.maximum(claimed, np.where(seen, moved, 0.0))
    typical = np.exp(np.log(sizes[sizes > 0]).mean()) if (sizes > 0).any() else 1.0
    drawn = rng.uniform(0.5, 1.5, sizes.size) * rng.choice([-1.0, 1.0], sizes.size)
    return Weights(drawn / np.where(sizes > 0, sizes, typical), np.asarray((claimed > 0) | (moved > 0)))


def _moves(
    f: Callable[[Vector], Vector], values: Vector, x: Vector, units: Vector, rng: np.random.Generator
) -> tuple[Vector, Flags]:
    """How much each value of f moves in a random direction, per unit, and whether that is more than its rounding."""
    u = rng.standard_normal(x.size) * units * _STEP
    try:
        with np.errstate(all="ignore"):
            up, down = f(x + u), f(x - u)
            moved = np.abs(up - down)
            seen = moved > _SEEN * np.spacing(np.maximum(np.abs(up), np.abs(down)))
    except Exception as error:
        if not has_no_value(error):
            raise
        return np.zeros(values.size), np.zeros(values.size, dtype=bool)
    finite = np.isfinite(moved)
    return np.where(finite, moved, 0.0) / (2 * _STEP), np.asarray(seen & finite)
