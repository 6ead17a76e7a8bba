"""Functions of JAX: a pytree of parameters is theta, jax.grad or a gradient of the user's own is on trial.

Everything is evaluated in float64, with JAX's x64 switched on for the call, and compiled where JAX can trace it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, is_dataclass, replace
from functools import cached_property
from typing import Any

import jax
import numpy as np
from jax import numpy as jnp

from fastcheck.checks.problem import Problem
from fastcheck.errors import InputError, InputTypeError, noting, shown
from fastcheck.problem.brought import Brought, Note
from fastcheck.problem.foreign import array_of, in_x64
from fastcheck.problem.paths import Step
from fastcheck.problem.question import gradient_vector
from fastcheck.problem.structure import Structure, Taken, structured
from fastcheck.vectors import Vector

_MUTE = frozenset({"python", "threads"})
_UNTRACEABLE = (
    jax.errors.ConcretizationTypeError,
    jax.errors.NonConcreteBooleanIndexError,
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerBoolConversionError,
    jax.errors.TracerIntegerConversionError,
    jax.errors.UnexpectedTracerError,
)
_BLAMED = "raised by the {} at the parameters as they were given, with JAX's x64 switched on"
_ALIKE = 1e-6  # relative: J compiled and J as it is differ by rounding


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
        numeric = tuple(isinstance(leaf, jax.Array) for leaf in leaves)  # the others are part of the code

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
        with in_x64():
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
    """A gradient like the parameters, by the names of its tensors, each in the dtype in which it came."""

    of: _Function

    def __call__(self, theta: Vector) -> dict[str, Any]:
        return _by_name(self.of(theta), self.of.structure)


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
    _require_pytree(params)
    with in_x64():
        wide, taken_to = _in_float64(args), _in_float64(params)
        theta, structure = structured(taken_to, apart=taken_apart)
        notes = _notes(params, args)
    cost = _cost(_Function(function, structure, wide), theta)
    analytic = _gradient(function, grad, cost, theta)
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


def _require_pytree(params: Any) -> None:
    """Refuse leaves that JAX would need to be told of, or that have no slope."""
    taken = taken_apart(params)
    for name, leaf in zip(taken.names("params"), taken.leaves, strict=True):
        if is_dataclass(leaf):
            kind = leaf.__name__ if isinstance(leaf, type) else type(leaf).__name__
            raise InputTypeError(
                f"params must be a pytree, got the dataclass {kind} at {name}: register it with jax.tree_util.register_dataclass"
            )
        if isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            raise InputTypeError(
                f"params must hold real floating-point arrays, got a PRNG key at {name}: pass it in args"
            )


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
    if array is None or array.ndim or array.dtype.kind not in "fiu":
        got = type(value).__name__ if array is None else f"{array.dtype} of shape {array.shape}"
        raise InputTypeError(f"function must return one real number, got {got}: return a sum or a mean")
    return float(array)


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
    if grad is not None and not callable(grad):
        return _by_name(grad, structure)
    own = jax.grad(function) if grad is None else grad
    with noting(_BLAMED.format("gradient")):
        try:
            of, returned = _traceable(replace(cost, function=own, traced=True), theta)
        except _UNTRACEABLE as error:
            if grad is not None:
                raise
            raise InputError(
                f"function must be one that JAX can differentiate, got {type(error).__name__}: compute with jax.numpy, or pass grad"
            ) from error
        gradient_vector(_by_name(returned, structure), structure.layout)
    return _Gradient(of)


def _by_name(gradient: Any, structure: Structure) -> dict[str, Any]:
    """The tensors of a pytree like the parameters, or of a vector, as arrays."""
    taken, layout = taken_apart(gradient), structure.layout
    arrays = [_array(leaf) for leaf in taken.leaves]
    if len(arrays) == 1 and np.shape(arrays[0]) == (layout.size,):
        whole = np.asarray(arrays[0])
        return layout.unpack(whole.astype(np.float64) if whole.dtype.kind in "iu" else whole)
    return dict(zip(taken.names("params"), arrays, strict=True))


def _array(leaf: Any) -> Any:
    """The same in a dtype that numpy knows."""
    array = array_of(leaf)
    of_jax = isinstance(array, np.ndarray) and array.dtype.kind == "V" and jnp.issubdtype(array.dtype, jnp.floating)
    return array.astype(np.float32) if of_jax else array


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
