"""Costs in stages: each reads some tensors and hands a state on; the record that such a cost carries, and how it is made.

For a component of a stage's tensors only the tail from that stage on has to be evaluated, from the state kept at theta.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numba.core.dispatcher import Dispatcher as _Dispatcher

from fastcheck.errors import InputError, InputTypeError, shown
from fastcheck.problem.brought import MARK, Brought
from fastcheck.problem.layout import Layout
from fastcheck.vectors import Integers

Stage = Callable[..., Any]  # an njit function (theta, state, *args) -> state, the last -> J

_MARK = "fastcheck_stages"  # the attribute of a cost that holds its stages
_jit: Callable[..., Stage] = numba.njit


@dataclass(frozen=True, eq=False)
class Stages:
    """The stages of a cost.

    Attributes
    ----------
    functions : tuple of njit functions
    tails : tuple of njit functions
        ``tails[k](theta, state, *args)`` gives J from the state that stage k takes.
    layout : Layout
    of_component : ndarray of int64, shape (n,)
        The stage of each component: the first that names its tensor.
    """

    functions: tuple[Stage, ...]
    tails: tuple[Stage, ...]
    layout: Layout
    of_component: Integers


def staged(stages: Sequence[tuple[Stage, Any]], layout: Layout) -> Stage:
    """A cost in stages, which a check evaluates from the stage on that a component belongs to.

    Parameters
    ----------
    stages : sequence of (stage, names)
        ``stage`` is an njit function ``stage(theta, state, *args)``, ``names`` the tensors that it reads. The first gets
        the first of the cost's args as its state, each next one what the last returned, and the last returns J; the
        other args go to all. A state is an array, a number, or a tuple of these, and is never written to. A tensor that
        several stages read belongs to the first of them.
    layout : Layout
        What `fastcheck.pack` returned.

    Returns
    -------
    njit function
        ``cost(theta, *args)``, the same bits as the stages give one after the other.

    Raises
    ------
    InputError
        A stage that is no njit function, a name that the layout does not have, or a tensor that no stage names.

    Examples
    --------
    >>> cost = staged([(hidden, ("W1", "b1")), (loss, ("W2", "b2"))], layout)  # doctest: +SKIP
    """
    if not isinstance(layout, Layout):
        raise InputTypeError(f"layout must be a Layout, got {type(layout).__name__}: pass the one that pack returned")
    functions, named = zip(*(_stage(k, told, layout) for k, told in enumerate(_listed(stages))), strict=True)
    of_tensor: dict[str, int] = {}
    for k, names in enumerate(named):
        for name in names:
            of_tensor.setdefault(name, k)
    missing = [name for name in layout.names if name not in of_tensor]
    if missing:
        raise InputError(
            f"stages must name every tensor, got none that names {missing[0]}: name it in the first stage that reads it"
        )
    tails = [functions[-1]]
    for function in reversed(functions[:-1]):
        tails.append(_composed(function, tails[-1]))
    cost = _composed_of_one(functions[0]) if len(functions) == 1 else tails[-1]
    of_component = np.repeat([of_tensor[t.name] for t in layout.tensors], [t.size for t in layout.tensors])
    setattr(cost, MARK, Brought(layout))
    setattr(cost, _MARK, Stages(functions, tuple(tails[::-1]), layout, of_component.astype(np.int64)))
    return cost


def stages_of(function: Any) -> Stages | None:
    """The stages of a cost that was made of some; None of any other."""
    found = getattr(function, _MARK, None)
    return found if isinstance(found, Stages) else None


def _listed(stages: Any) -> list[Any]:
    if not isinstance(stages, list | tuple) or not stages:
        raise InputTypeError(
            f"stages must be a list of (stage, names), got {shown(stages)}: name what each stage reads"
        )
    return list(stages)


def _stage(k: int, told: Any, layout: Layout) -> tuple[Stage, tuple[str, ...]]:
    if not isinstance(told, list | tuple) or len(told) != 2:
        raise InputTypeError(f"stage {k} must be (stage, names), got {shown(told)}: name what it reads")
    function, names = told
    if not isinstance(function, _Dispatcher):
        raise InputTypeError(f"stage {k} must be an njit function, got {shown(function)}: compile it with numba.njit")
    names = (names,) if isinstance(names, str) else tuple(names)
    for name in names:
        if name not in layout.names:
            raise InputError(
                f"stage {k} must name tensors of the layout ({', '.join(layout.names)}), got {shown(name)}: rename it"
            )
    return function, names


def _composed(first: Stage, rest: Stage) -> Stage:
    """The stage, and what comes after it."""

    def tail(theta, state, *args):  # type: ignore[no-untyped-def]
        return rest(theta, first(theta, state, *args), *args)

    return _jit(tail)


def _composed_of_one(only: Stage) -> Stage:
    """The user's own function is not marked."""

    def tail(theta, state, *args):  # type: ignore[no-untyped-def]
        return only(theta, state, *args)

    return _jit(tail)
