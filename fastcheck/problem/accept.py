"""What is to be judged: whatever callers pass, accepted as a `Question`, or refused in one line before any work."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from fastcheck.errors import InputTypeError, shown
from fastcheck.problem.arguments import Arguments
from fastcheck.problem.brought import brought
from fastcheck.problem.domain import domain
from fastcheck.problem.each import is_number, of_each, require_positive
from fastcheck.problem.layout import Layout
from fastcheck.problem.point import point, taking
from fastcheck.problem.question import Gradient, Question, SecondOfPair, gradient_vector, precision_of
from fastcheck.problem.structure import is_structure
from fastcheck.vectors import Vector


def question(
    cost: Any,
    grad: Any,
    theta: Any,
    args: Any = (),
    kwargs: Any = None,
    layout: Any = None,
    scale: Any = None,
    bounds: Any = None,
) -> Question:
    """The record of what is to be judged; the caller's arrays are only read."""
    asked = unclaimed(cost, theta, args, kwargs, layout, scale, bounds)
    own = 0.0 if callable(grad) or grad is True else precision_of(grad, asked.layout)
    return replace(asked, grad=gradient(grad, asked), paired=grad is True, precision=own)


def unclaimed(
    cost: Any,
    theta: Any,
    args: Any = (),
    kwargs: Any = None,
    layout: Any = None,
    scale: Any = None,
    bounds: Any = None,
) -> Question:
    """The same without a gradient, where only differences are asked for."""
    function, given = _function(cost), replace(arguments(args, kwargs), names=brought(cost).fixed)
    at = point(theta, brought(cost).layout if layout is None and not is_structure(theta) else layout)
    given = given.wide() if at.structure is not None and at.structure.is_foreign else given
    sizes = None if scale is None else _sizes(scale, at.layout)
    inside = domain(bounds, at.theta, at.layout)
    return Question(function, None, at, given, scale=sizes, domain=inside)


def gradient(grad: Any, asked: Question) -> Gradient:
    """A function that returns the gradient, or the gradient as a vector; with True the cost returns it beside J."""
    if grad is True:
        return SecondOfPair(asked.cost)
    return grad if callable(grad) else gradient_vector(grad, asked.layout)


def taken(asked: Question) -> Question:
    """The question with functions of the vector, once it was tried what they take where theta came in a structure."""
    if asked.at.structure is None:
        return asked
    cost = taking(asked.cost, asked.at, asked.arguments, "cost")
    if asked.paired:
        return replace(asked, cost=cost, grad=SecondOfPair(cost))
    if not callable(asked.grad):
        return replace(asked, cost=cost)
    return replace(asked, cost=cost, grad=taking(asked.grad, asked.at, asked.arguments, "grad", is_gradient=True))


def _function(cost: Any) -> Callable[..., Any]:
    if not callable(cost):
        raise InputTypeError(
            f"cost must be a function cost(theta, *args) -> float, got {type(cost).__name__}: pass the function itself"
        )
    function: Callable[..., Any] = cost
    return function


def arguments(args: Any, kwargs: Any) -> Arguments:
    """What cost and gradient take beside theta."""
    if not isinstance(args, tuple):
        raise InputTypeError(
            f"args must be a tuple, got {type(args).__name__}: write args=(X, Y), and args=(X,) for one"
        )
    if kwargs is not None and not (isinstance(kwargs, Mapping) and all(isinstance(name, str) for name in kwargs)):
        raise InputTypeError(f"kwargs must be a dict of names and values, got {shown(kwargs)}: write kwargs={{'x': x}}")
    return Arguments(args, dict(kwargs or {}))


def _sizes(scale: Any, layout: Layout) -> Vector:
    """``scale`` for each component: a number, an array or a dict like the parameters."""
    if is_number(scale):
        sizes = np.full(layout.size, float(scale))
    elif is_structure(scale) or isinstance(scale, np.ndarray | list | tuple):
        sizes = of_each(scale, layout, "scale", "give one size for each component")
    else:
        raise InputTypeError(
            f"scale must be a number, an array or a dict like the parameters, got {shown(scale)}: give the typical size of each component"
        )
    require_positive(sizes, layout, "scale", "give the typical size of that component")
    return sizes
