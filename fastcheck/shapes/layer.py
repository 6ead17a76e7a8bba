"""A layer's forward and backward: J is the output weighted by a fixed upstream gradient, theta the inputs.

The layer is run once when the problem is made: the shapes that forward and backward return are what later calls are held to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastcheck.checks.problem import Problem
from fastcheck.errors import InputError, InputTypeError, add_note, shown
from fastcheck.problem.accept import drawn_from
from fastcheck.problem.arguments import private
from fastcheck.problem.brought import Brought, Note
from fastcheck.problem.foreign import array_of, is_foreign, is_torch, kind_of
from fastcheck.problem.layout import real_array
from fastcheck.problem.structure import Structure, Taken, flat, structured
from fastcheck.vectors import Array, Vector

_ROOT = "inputs"
_NO_CACHE = object()


@dataclass(frozen=True, eq=False)
class _Layer:
    """The layer's two functions, and what its inputs look like."""

    forward: Callable[..., Any]
    backward: Callable[..., Any]
    names: tuple[str, ...]

    def ran(self, inputs: Sequence[Any]) -> tuple[Any, Any]:
        """The output, and the cache that comes with it."""
        result = self.forward(*inputs)
        if not isinstance(result, tuple):
            return result, _NO_CACHE
        if len(result) != 2:
            raise InputError(
                f"forward must return the output, or (output, cache), got a tuple of {len(result)}: put the rest into the cache"
            )
        return result

    def gradients(self, inputs: Sequence[Any], upstream: Array) -> tuple[Any, ...]:
        """What backward returns for each input, None where there is nothing."""
        output, cache = self.ran(inputs)
        given = kind_of(output)(upstream.copy()) if is_foreign(output) else upstream.copy()[()]
        returned = self.backward(given) if cache is _NO_CACHE else self.backward(given, cache)
        return self._in_order(returned, inputs)

    def _in_order(self, returned: Any, inputs: Sequence[Any]) -> tuple[Any, ...]:
        floating = [_is_floating(value) for value in inputs]
        if isinstance(returned, Mapping):
            unknown = [name for name in returned if name not in self.names]
            if unknown:
                raise InputError(
                    f"backward must name the inputs {', '.join(self.names)}, got {shown(unknown[0])}: rename it"
                )
            return tuple(returned.get(name) for name in self.names)
        told = tuple(returned) if isinstance(returned, tuple | list) else (returned,)
        if len(told) == len(inputs):
            return told
        if len(told) != sum(floating):
            raise InputError(
                f"backward must return a gradient for each of {', '.join(self.names)}, got {len(told)}: "
                "return them in the order of the inputs, None where there is none"
            )
        left = iter(told)
        return tuple(next(left) if own else None for own in floating)


@dataclass(frozen=True, eq=False)
class _Weighted:
    """J = sum(upstream * output)."""

    layer: _Layer
    structure: Structure
    upstream: Array
    fastcheck_brings: Brought

    def __call__(self, theta: Vector, *fixed: Any) -> float:
        output = array_of(self.layer.ran(_values(self.structure, theta, fixed))[0])
        if np.shape(output) != self.upstream.shape:
            raise InputError(
                f"forward must return outputs of one shape, got {np.shape(output)} after {self.upstream.shape}: "
                "the shape must not depend on the values"
            )
        return float((self.upstream * output).sum())


@dataclass(frozen=True, eq=False)
class _Backward:
    """The gradient of the same, by a forward and a backward at the same inputs."""

    layer: _Layer
    structure: Structure
    upstream: Array

    def __call__(self, theta: Vector, *fixed: Any) -> dict[str, Any]:
        told = self.layer.gradients(_values(self.structure, theta, fixed), self.upstream)
        return {
            name: _gradient(value, name)
            for name, value, free in zip(self.layer.names, told, self.structure.free, strict=True)
            if free
        }


def from_layer(
    forward: Callable[..., Any], backward: Callable[..., Any], inputs: Any, upstream: Any = None, seed: int = 0
) -> Problem:
    """A problem of a layer's forward and backward.

    Parameters
    ----------
    forward : callable
        ``forward(*inputs)`` returns the output, an array of any shape, or exactly (output, cache).
    backward : callable
        ``backward(upstream, cache)``, or ``backward(upstream)`` where forward returns no cache, returns the gradients in
        the order of the inputs, None where there is none; a dict of them by name; or, of one floating input, the array.
        A forward at the same inputs runs right before.
    inputs : sequence of arrays, or dict
        Whose keys name the tensors; without them they are ``inputs[0]``, ``inputs[1]`` ... What is not floating (indices,
        labels), and what backward returns None for, is held fixed.
    upstream : array, optional
        The gradient of J by the output. Drawn from N(0, 1) if not given.
    seed : int
        Of that draw.

    Returns
    -------
    Problem
        Of J = sum(upstream * output).

    Raises
    ------
    InputError
        Forward returns no array of real numbers, or backward too few gradients or one of another shape than its input.

    Examples
    --------
    >>> def forward(X, W, b): return X @ W + b, (X, W)
    >>> def backward(dY, cache): X, W = cache; return dY @ W.T, X.T @ dY, dY.sum(axis=0)
    >>> from_layer(forward, backward, {"X": X, "W": W, "b": b}).check()  # doctest: +SKIP
    """
    for what, function in (("forward", forward), ("backward", backward)):
        if not callable(function):
            raise InputTypeError(f"{what} must be a function, got {shown(function)}: pass the function itself")
    apart, given = _told(inputs)
    taken = apart(given)
    layer = _Layer(forward, backward, taken.names(_ROOT))
    output = _output(layer, taken.leaves)
    weights = _upstream(upstream, output, drawn_from(seed))
    told = _gradients(layer, taken.leaves, weights)
    free = tuple(value is not None and _is_floating(leaf) for value, leaf in zip(told, taken.leaves, strict=True))
    held = [n for n, leaf, own in zip(layer.names, taken.leaves, free, strict=True) if _is_floating(leaf) and not own]
    if not any(free):
        raise InputError(
            f"backward must return the gradient of a floating input, got none for {', '.join(layer.names)}: "
            "return one, and pass floating inputs as float arrays"
        )
    theta, structure = structured(given, _ROOT, free, apart)
    for tensor, value in zip(
        structure.layout.tensors, (v for v, own in zip(told, free, strict=True) if own), strict=True
    ):
        if np.shape(_gradient(value, tensor.name)) != tensor.shape:
            raise InputError(
                f"backward must return a gradient of shape {tensor.shape} for {tensor.name}, got {np.shape(array_of(value))}: "
                "sum it over the axes along which the input is broadcast"
            )
    notes = [Note("held", f"backward returns no gradient for {', '.join(held)}, which was held fixed.")] if held else []
    brings = Brought(structure.layout, tuple(notes))
    fixed = tuple(leaf for leaf, own in zip(taken.leaves, free, strict=True) if not own)
    cost = _Weighted(layer, structure, weights, brings)
    return Problem(cost, _Backward(layer, structure, weights), theta, fixed, structure.layout)


def _told(inputs: Any) -> tuple[Callable[[Any], Taken], Any]:
    """What takes the inputs apart, one by one, and the inputs, whose lists of numbers are arrays."""
    if isinstance(inputs, Mapping):
        if not all(isinstance(name, str) for name in inputs):
            raise InputTypeError(f"inputs must be named by strings, got {shown(list(inputs))}: name each input")
        return flat, {name: _array(value) for name, value in inputs.items()}
    if not isinstance(inputs, tuple | list):
        raise InputTypeError(
            f"inputs must be a sequence or a dict of what forward takes, got {type(inputs).__name__}: write inputs=(X, W, b)"
        )
    return _in_sequence, tuple(map(_array, inputs))


def _in_sequence(inputs: tuple[Any, ...]) -> Taken:
    return Taken(inputs, tuple((("item", k),) for k in range(len(inputs))), tuple)


def _array(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    array = np.array(value)
    return array if array.dtype.kind in "fiub" else value


def _is_floating(value: Any) -> bool:
    return np.asarray(array_of(value)).dtype.kind == "f" if _is_numeric(value) else False


def _is_numeric(value: Any) -> bool:
    return isinstance(value, np.ndarray | np.generic | float) or is_foreign(value)


def _values(structure: Structure, theta: Vector, fixed: Sequence[Any]) -> tuple[Any, ...]:
    filled = structure.filled(theta, fixed)
    return tuple(filled.values() if isinstance(filled, dict) else filled)


def _output(layer: _Layer, inputs: Sequence[Any]) -> Any:
    """Of a first run, on copies."""
    try:
        output = layer.ran(private(tuple(inputs)))[0]
    except InputError:
        raise
    except Exception as error:
        add_note(error, "raised by forward at the inputs as they were given")
        raise
    array = np.asarray(array_of(output)) if _is_numeric(output) or isinstance(output, list) else None
    if array is None or array.dtype.kind != "f":
        described = type(output).__name__ if array is None else f"{array.dtype}"
        raise InputTypeError(
            f"forward must return an array of real floating-point numbers, got {described}: return the output, or (output, cache)"
        )
    if not np.isfinite(array).all():
        raise InputError(
            f"forward must return finite numbers, got {array[~np.isfinite(array)][0]}: choose other inputs"
        )
    return array


def _upstream(upstream: Any, output: Array, rng: np.random.Generator) -> Array:
    """The weights of the output, in its own type, so that J and backward mean the same."""
    if upstream is None:
        return np.asarray(rng.standard_normal(output.shape)).astype(output.dtype)
    try:
        weights = np.array(array_of(upstream))
    except ValueError:  # ragged
        weights = np.empty(0, dtype=object)
    if weights.dtype.kind not in "fiu" or weights.shape != output.shape:
        raise InputError(
            f"upstream must be an array of the output's shape {output.shape}, got {weights.dtype} of {weights.shape}: "
            "it is the gradient of J by the output"
        )
    return weights.astype(output.dtype)


def _gradients(layer: _Layer, inputs: Sequence[Any], upstream: Array) -> tuple[Any, ...]:
    """Of a first run, on copies."""
    try:
        return layer.gradients(private(tuple(inputs)), upstream)
    except InputError:
        raise
    except Exception as error:
        add_note(error, "raised by backward at the inputs as they were given")
        raise


def _gradient(value: Any, name: str) -> Any:
    if value is None:
        raise InputError(f"backward must return a gradient for {name} every time, got None: it returned one before")
    array = array_of(value)
    return real_array(array, f"the gradient of {name}") if np.ndim(array) or is_torch(value) else np.asarray(array)
