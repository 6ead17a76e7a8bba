"""Functions of JAX: a pytree of parameters is theta, jax.grad or a gradient of the user's own is on trial.

Everything is evaluated in float64, with JAX's x64 switched on for the call, and compiled where JAX can trace it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import jax
import numpy as np

from fastcheck.checks.problem import Problem
from fastcheck.errors import InputError, InputTypeError, noting, shown
from fastcheck.problem.brought import Brought
from fastcheck.problem.foreign import in_x64
from fastcheck.problem.question import gradient_vector
from fastcheck.problem.structure import Structure, structured
from fastcheck.shapes.pytrees import by_name, in_float64, notes, require_pytree, taken_apart
from fastcheck.vectors import Vector, number

_MUTE = frozenset({"python", "threads"})
_UNTRACEABLE = (
    jax.errors.ConcretizationTypeError,
    jax.errors.NonConcreteBooleanIndexError,
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerBoolConversionError,
    jax.errors.TracerIntegerConversionError,
    jax.errors.UnexpectedTracerError,
)
_BLAMED = (
    "raised by the {} at the parameters as they were given, in float64 with JAX's x64 switched on: "
    "arrays in params and args are taken to it, those that the function makes or closes over are not"
)
_ALIKE = 1e-6  # relative: J compiled and J as it is differ by rounding


@dataclass(frozen=True, eq=False)
class _Function:
    """A function of (params, *args) as one of theta."""

    function: Callable[..., Any]
    structure: Structure
    args: tuple[Any, ...]
    traced: bool = True

    @cached_property
    def _compiled(self) -> Callable[[Vector], Any]:
        together = taken_apart(self.structure.template).together
        given, spec = jax.tree_util.tree_flatten(self.args)
        numeric = tuple(isinstance(leaf, jax.Array) for leaf in given)  # the others are part of the code
        arrays = [leaf for leaf, is_array in zip(given, numeric, strict=True) if is_array]

        def called(leaves: Any, arrays: Any) -> Any:
            left = iter(arrays)
            own = [next(left) if is_array else leaf for leaf, is_array in zip(given, numeric, strict=True)]
            return self.function(together(leaves), *jax.tree_util.tree_unflatten(spec, own))

        run = jax.jit(called)  # theta in pieces: cut up inside, many of them take XLA long
        return lambda theta: run(list(self.structure.layout.unpack(theta).values()), arrays)

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in vars(self).items() if key != "_compiled"}

    def __call__(self, theta: Vector) -> Any:
        own = np.array(theta)  # of which JAX may keep the memory
        with in_x64():
            return jax.device_get(self._compiled(own) if self.traced else self._as_it_is(own))

    def _as_it_is(self, theta: Vector) -> Any:
        args = jax.tree_util.tree_map(lambda leaf: leaf, self.args)  # containers of its own, which it may change
        return self.function(self.structure.filled(theta), *args)


@dataclass(frozen=True, eq=False)
class _Cost:
    """J as a number."""

    of: _Function
    fastcheck_brings: Brought

    def __call__(self, theta: Vector) -> float | complex:
        return number(self.of(theta))


@dataclass(frozen=True, eq=False)
class _ByJax:
    """``jax.grad`` of a function, which pickles where the function does."""

    function: Callable[..., Any]

    def __call__(self, *given: Any) -> Any:
        return jax.grad(self.function)(*given)


@dataclass(frozen=True, eq=False)
class _Gradient:
    """A gradient like the parameters, by the names of its tensors, each in the dtype in which it came."""

    of: _Function

    def __call__(self, theta: Vector) -> dict[str, Any]:
        return by_name(self.of(theta), self.of.structure.layout)


def from_jax(function: Callable[..., Any], params: Any, *args: Any, grad: Any = None) -> Problem:
    """A problem of a function of JAX, and its gradient by JAX or by hand.

    Parameters
    ----------
    function : callable
        ``function(params, *args)`` returns one real number, the same one for the same params. It is compiled where JAX can
        trace it, else run as it is.
    params : pytree
        Of floating arrays and numbers: the parameters.
    *args
        What ``function`` takes beside it; floating arrays are taken to float64.
    grad : callable or pytree, optional
        ``grad(params, *args)`` returns a pytree like ``params``; or that itself. By default ``jax.grad(function)``: right
        unless a rule is wrong that was written by hand (``custom_vjp``, ``custom_jvp``).

    Returns
    -------
    Problem
        Its tensors are named by their paths: ``layers[0].W``.

    Raises
    ------
    InputError
        A leaf of params that is not floating, or a function that does not return one real number, or not the same twice.

    Examples
    --------
    >>> from_jax(lambda p, x: jnp.sum(jnp.tanh(x @ p["W"]) ** 2), {"W": W}, x).check().passed  # doctest: +SKIP
    True
    """
    if not callable(function):
        raise InputTypeError(f"function must be a function of params, got {shown(function)}: pass the function itself")
    require_pytree(params)
    with in_x64():
        wide, taken_to = in_float64(args), in_float64(params)
        theta, structure = structured(taken_to, apart=taken_apart)
        said = notes(params, args)
    cost = _cost(_Function(function, structure, wide), theta)
    analytic = _gradient(function, grad, cost, theta)
    brings = Brought(structure.layout, said, mute=_MUTE)
    return Problem(_Cost(cost, brings), analytic, theta, layout=structure.layout)


def _cost(function: _Function, theta: Vector) -> _Function:
    """The function compiled, or as it is where JAX cannot trace it; it has to return one real number, the same each time."""
    with noting(_BLAMED.format("function")):
        try:
            function, value = _traceable(function, theta)
        except TypeError:
            _require_number(replace(function, traced=False), theta)
            raise
        _require_repeatable(function, theta, _number(value))
    return function


def _traceable(function: _Function, theta: Vector) -> tuple[_Function, Any]:
    """The function compiled, or as it is where JAX cannot trace it; and what it returns."""
    try:
        return function, function(theta)
    except _UNTRACEABLE:
        plain = replace(function, traced=False)
        return plain, plain(theta)


def _number(value: Any) -> float:
    array = np.asarray(value) if isinstance(value, np.ndarray | np.generic | float | int | complex) else None
    if array is None:
        got, advice = type(value).__name__, "return J alone"
    elif array.ndim:
        got, advice = f"{array.dtype} of shape {array.shape}", "return a sum or a mean"
    elif array.dtype.kind == "f" or type(value) is int:
        return float(array)
    else:
        got, advice = str(array.dtype), "compute J in floating point, and return its real part"
    raise InputTypeError(f"function must return one real number, got {got}: {advice}")


def _require_number(plain: _Function, theta: Vector) -> None:
    """Say in our words what JAX says of a result that is no array; an error of the function's own is left to stand."""
    try:
        value = plain(theta)
    except Exception:
        return
    _number(value)


def _require_repeatable(function: _Function, theta: Vector, value: float) -> None:
    """Refuse what draws or counts: tracing freezes it, in J and in the gradient apart."""
    plain = replace(function, traced=False)
    try:
        first, second = _number(plain(theta)), _number(plain(theta))
    except Exception:  # it needs the trace
        first = second = math.nan
    if _alike(first, second) and not _alike(value, first):
        # compiled or not, J may differ by more where most of it cancels; from one trace to the next it does not
        first, second = value, _number(replace(function)(theta))
    if not _alike(first, second):
        raise InputError(
            f"function must be repeatable, got {first!r} and then {second!r} at the same params: "
            "pass what it draws in args, and count nothing in it"
        )


def _alike(a: float, b: float) -> bool:
    return a == b or (math.isnan(a) and math.isnan(b)) or abs(a - b) <= _ALIKE * max(abs(a), abs(b)) < math.inf


def _gradient(function: Callable[..., Any], grad: Any, cost: _Function, theta: Vector) -> Any:
    """What gives the gradient; called once here, and compiled where JAX can trace it."""
    structure = cost.structure
    if isinstance(grad, str | bool):
        raise InputTypeError(
            f"grad must be a function of params, or a pytree like them, got {shown(grad)}: leave it out for jax.grad"
        )
    if grad is not None and not callable(grad):
        return by_name(grad, structure.layout)
    own = _ByJax(function) if grad is None else grad
    with noting(_BLAMED.format("gradient")):
        try:
            of, returned = _traceable(replace(cost, function=own, traced=True), theta)
        except _UNTRACEABLE as error:
            if grad is not None:
                raise
            raise InputError(
                f"function must be one that JAX can differentiate, got {type(error).__name__}: compute with jax.numpy, or pass grad"
            ) from error
        gradient_vector(by_name(returned, structure.layout), structure.layout)
    return _Gradient(of)
