"""What a cost that fastcheck made brings along beside J: names, what there is to say of how it was made, and its parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fastcheck.problem.layout import Layout
from fastcheck.vectors import Vector

MARK = "fastcheck_brings"  # the attribute of the cost


@dataclass(frozen=True)
class Note:
    """Something that a report is to say: a short stable kind, and a sentence."""

    kind: str
    message: str


@dataclass(frozen=True, eq=False)
class Parts:
    """J = weights . f(theta): what is to be taken apart where a component is wrong.

    Attributes
    ----------
    f : callable
        ``f(theta) -> (m,)``.
    weights : ndarray of float64, shape (m,)
    column : callable
        ``column(i, near) -> (m,)``, the claimed derivative of f by theta_i, and ``near``, what it seems to be, where that is
        not looked at.
    entry : callable
        ``entry(row, i)``, what an entry of that is called.
    name : str
        What all of it is called.
    transposed : ndarray of float64, shape (n,), or None
        The gradient of J if the derivatives were handed over as their transpose.
    """

    f: Callable[[Vector], Vector]
    weights: Vector
    column: Callable[[int, Vector], Vector]
    entry: Callable[[int, int], str]
    name: str
    transposed: Vector | None = None


@dataclass(frozen=True, eq=False)
class Brought:
    """What a cost brings.

    Attributes
    ----------
    layout : Layout, or None
        Of its theta.
    notes : tuple of Note
    parts : Parts, or None
    mute : frozenset of str
        Kinds of advice that do not apply to it.
    precision : float
        The spacing at 1 of the numbers that it was made of, where they are not float64.
    fixed : tuple of str
        What messages call the arguments that it takes beside theta; none: as they come, ``args[0]`` ...
    """

    layout: Layout | None = None
    notes: tuple[Note, ...] = ()
    parts: Parts | None = None
    mute: frozenset[str] = frozenset()
    precision: float = 0.0
    fixed: tuple[str, ...] = ()


_NOTHING = Brought()


def is_made(function: Any) -> bool:
    """Whether a cost was made of the user's functions, so that he cannot compile it."""
    return hasattr(function, MARK)


def brought(function: Any) -> Brought:
    """What a cost or a gradient brings; nothing, if it is the user's own."""
    found = getattr(function, MARK, None)
    return found if isinstance(found, Brought) else _NOTHING  # a stand-in for a function has every attribute
