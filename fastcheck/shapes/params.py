"""Parameters in a structure, for a cost and a gradient that take the structure itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastcheck.checks.problem import Problem
from fastcheck.errors import InputTypeError, shown
from fastcheck.problem.accept import arguments
from fastcheck.problem.point import Structured, StructuredGradient, is_compiled, require_taken
from fastcheck.problem.question import gradient_vector
from fastcheck.problem.structure import structured


def from_params(cost: Callable[..., Any], grad: Any, params: Any, args: tuple[Any, ...] = ()) -> Problem:
    """A problem whose parameters come in a structure.

    Parameters
    ----------
    cost : callable
        ``cost(params, *args) -> float``, a Python function of the structure.
    grad : callable, structure, or True
        ``grad(params, *args)`` returns a structure like ``params``; or such a structure. True: ``cost`` returns the pair
        (J, gradient).
    params : structure
        Dicts, lists, tuples, named tuples and dataclasses, nested as you like, whose leaves are arrays of real
        floating-point numbers, such numbers, or tensors of torch or JAX; None is left out. Functions get leaves of the same
        kinds, in float64, which are views: they must not be written to. A dataclass is made anew from the fields of its
        ``__init__``, of which those marked static (``field(metadata={"static": True})``) hold what is no parameter.
    args : tuple
        What ``cost`` and ``grad`` take beside it.

    Returns
    -------
    Problem
        Its components are named by their paths: ``layers[1].W[3, 17]``; an index that comes first follows ``params``.

    Raises
    ------
    InputError
        A leaf that is no real floating-point array, or not finite; the first such leaf is named.

    Examples
    --------
    >>> params = {"layers": [{"W": np.ones((2, 3)), "b": np.zeros(2)}]}
    >>> problem = from_params(cost, grad, params)  # doctest: +SKIP
    >>> problem.check().worst(1)[0].name  # doctest: +SKIP
    'layers[0].W[0, 2]'
    """
    if not callable(cost):
        raise InputTypeError(
            f"cost must be a function cost(params, *args) -> float, got {shown(cost)}: pass the function"
        )
    theta, structure = structured(params)
    plain, given = Structured(cost, structure), arguments(args, None)
    given = given.wide() if structure.is_foreign else given
    if is_compiled(cost):
        require_taken(plain, theta, given)
    if callable(grad):
        grad = StructuredGradient(Structured(grad, structure))
    elif grad is not True:
        grad = gradient_vector(structure.gradient(grad), structure.layout)
    return Problem(plain, grad, theta, given.args, structure.layout)
