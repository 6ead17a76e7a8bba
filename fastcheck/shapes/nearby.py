"""A made cost tried beside theta: what must not depend on the values is found out before the work starts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fastcheck.errors import InputError
from fastcheck.problem.choose import drawn_from
from fastcheck.problem.layout import Layout
from fastcheck.problem.units import units_of
from fastcheck.vectors import Vector

_NEAR = 2.0**-20  # units


def nearby(theta: Vector, layout: Layout) -> tuple[Vector, Vector]:
    """Two points near theta, one on either side."""
    move = drawn_from(0).standard_normal(theta.size) * units_of(theta, layout) * _NEAR
    return theta + move, theta - move


def require_alike_nearby(cost: Callable[..., Any], theta: Vector, layout: Layout, args: Sequence[Any] = ()) -> None:
    """Raise what the cost itself refuses at two points near theta; that it has no value there is left for the check."""
    for moved in nearby(theta, layout):
        try:
            with np.errstate(all="ignore"):
                cost(moved, *args)
        except InputError:
            raise
        except Exception:  # the check will say where
            continue
