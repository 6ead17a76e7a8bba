"""Functions of JAX: a pytree of parameters is theta, jax.grad or a gradient of the user's own is on trial.

Everything is evaluated in float64, with JAX's x64 switched on for the call, and compiled where JAX can trace it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import Any

import jax
import numpy as np
from jax import numpy as jnp

from fastcheck.checks.problem import Problem
from fastcheck.errors import InputError, InputTypeError, add_note, shown
from fastcheck.problem.brought import Brought, Note
from fastcheck.problem.question import gradient_vector
from fastcheck.problem.structure import Step, Structure, Taken, structured
from fastcheck.vectors import Vector

_MUTE = frozenset({"python", "threads"})
_UNTRACEABLE = (
    jax.errors.ConcretizationTypeError,
    jax.errors.NonConcreteBooleanIndexError,
    jax.errors.UnexpectedTracerError,
)


def _x64() -> AbstractContextManager[Any]:
    """JAX in float64, for as long as the context lasts."""
    home = jax if hasattr(jax, "enable_x64") else import_module("jax.experimental")  # since 0.8, and before
    context: AbstractContextManager[Any] = home.enable_x64(True)
    return context


@dataclass(frozen=True, eq=False)
class _Function:
    """A function of (params, *args) as one of theta."""

    function: Callable[..., Any]
    structure: Structure
    args: tuple[Any, ...]
    traced: bool = True

    @cached_property
    def _compiled(self) -> Callable[..., Any]:
        leaves, spec = jax.tree_util.tree_flatten(self.args)
        numeric = tuple(isinstance(leaf, jax.Array | np.ndarray) for leaf in leaves)  # the others are part of the code

        def called(params: Any, arrays: Any) -> Any:
            given = iter(arrays)
            own = [next(given) if is_array else leaf for leaf, is_array in zip(leaves, numeric, strict=True)]
            return self.function(params, *jax.tree_util.tree_unflatten(spec, own))

        run = jax.jit(called) if self.traced else called
        arrays = [leaf for leaf, is_array in zip(leaves, numeric, strict=True) if is_array]
        return lambda params: run(params, arrays)

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in vars(self).items() if key != "_compiled"}

    def __call__(self, theta: Vector) -> Any:
        with _x64():
            return jax.device_get(self._compiled(self.structure.filled(jnp.array(theta))))


@dataclass(frozen=True, eq=False)
class _Cost:
    """J as a number."""

    of: _Function
    fastcheck_brings: Brought

    def __call__(self, theta: Vector) -> float:
        return float(self.of(theta))


@dataclass(frozen=True, eq=False)
class _Gradient:
    """A gradient like the parameters, as a vector."""

    of: _Function

    def __call__(self, theta: Vector) -> Vector:
        return _as_vector(self.of(theta), self.of.structure)


def from_jax(function: Callable[..., Any], params: Any, *args: Any, grad: Any = None) -> Problem:
    """A problem of a function of JAX, and its gradient by JAX or by hand.

    Parameters
    ----------
    function : callable
        ``function(params, *args)`` returns one real number. It is compiled where JAX can trace it, else run as it is.
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
        A leaf of params that is not floating, or a function that does not return one real number.

    Examples
    --------
    >>> from_jax(lambda p, x: jnp.sum(jnp.tanh(x @ p["W"]) ** 2), {"W": W}, x).check().passed  # doctest: +SKIP
    True
    """
    if not callable(function):
        raise InputTypeError(f"function must be a function of params, got {shown(function)}: pass the function itself")
    with _x64():
        wide, taken_to = _in_float64(args), _in_float64(params)
        theta, structure = structured(taken_to, apart=taken_apart)
        cost = _traceable(_Function(function, structure, wide), theta)
        notes = _notes(params, args)
    gradient = jax.grad(function) if grad is None else grad
    analytic = _gradient(gradient, structure, wide, theta)
    brings = Brought(structure.layout, notes, mute=_MUTE)
    return Problem(_Cost(cost, brings), analytic, theta, layout=structure.layout)


def taken_apart(params: Any) -> Taken:
    """A pytree, with whatever nodes JAX knows."""
    paths, spec = jax.tree_util.tree_flatten_with_path(params)
    return Taken(
        tuple(leaf for _, leaf in paths),
        tuple(tuple(map(_step, path)) for path, _ in paths),
        lambda leaves: jax.tree_util.tree_unflatten(spec, leaves),
    )


def _step(entry: Any) -> Step:
    if isinstance(entry, jax.tree_util.GetAttrKey):
        return "name", entry.name
    key = getattr(entry, "key", getattr(entry, "idx", entry))
    return ("name" if isinstance(key, str) else "item"), key


def _in_float64(tree: Any) -> Any:
    def wide(leaf: Any) -> Any:
        if isinstance(leaf, jax.Array | np.ndarray) and jnp.issubdtype(leaf.dtype, jnp.floating):
            return jnp.asarray(leaf, dtype=jnp.float64)
        return jnp.array(leaf) if isinstance(leaf, np.ndarray) and leaf.dtype.kind in "iubc" else leaf

    return jax.tree_util.tree_map(wide, tree)


def _traceable(function: _Function, theta: Vector) -> _Function:
    """The function compiled, or as it is where JAX cannot trace it; it has to return one real number."""
    try:
        try:
            value = function(theta)
        except _UNTRACEABLE:
            function = _Function(function.function, function.structure, function.args, traced=False)
            value = function(theta)
    except InputError:
        raise
    except Exception as error:
        add_note(error, "raised by the function at the parameters as they were given")
        raise
    array = np.asarray(value) if not isinstance(value, tuple | list | dict) else None
    if array is None or array.ndim or array.dtype.kind not in "fiu":
        got = type(value).__name__ if array is None else f"{array.dtype} of shape {array.shape}"
        raise InputTypeError(f"function must return one real number, got {got}: return a sum or a mean")
    return function


def _gradient(grad: Any, structure: Structure, args: tuple[Any, ...], theta: Vector) -> Any:
    """What gives the gradient; called once here, and compiled where JAX can trace it."""
    if not callable(grad):
        return _as_vector(grad, structure)
    function = _Function(grad, structure, args)
    try:
        try:
            returned = function(theta)
        except _UNTRACEABLE:
            function = _Function(grad, structure, args, traced=False)
            returned = function(theta)
    except InputError:
        raise
    except Exception as error:
        add_note(error, "raised by the gradient at the parameters as they were given")
        raise
    _as_vector(returned, structure)
    return _Gradient(function)


def _as_vector(gradient: Any, structure: Structure) -> Vector:
    """Of a pytree like the parameters, or of a vector."""
    taken = taken_apart(gradient)
    if len(taken.leaves) == 1 and np.shape(taken.leaves[0]) == (structure.layout.size,):
        return gradient_vector(np.asarray(taken.leaves[0], dtype=np.float64), structure.layout)
    return structure.layout.pack(dict(zip(taken.names("params"), taken.leaves, strict=True)), "gradient")


def _notes(params: Any, args: Any) -> tuple[Note, ...]:
    kinds = {str(leaf.dtype) for leaf in jax.tree_util.tree_leaves((params, args)) if isinstance(leaf, jax.Array)}
    narrow = sorted(kind for kind in kinds if "float" in kind and kind != "float64")
    if not narrow:
        return ()
    return (
        Note(
            "copies",
            f"what came in {', '.join(narrow)} was evaluated in float64, with JAX's x64 switched on for the call.",
        ),
    )
