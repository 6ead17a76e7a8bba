"""A layer's forward and backward: J is the output weighted by a fixed upstream gradient, theta the inputs.

The layer is run once when the problem is made: the shapes that forward and backward return are what later calls are held to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastcheck.checks.problem import Problem
from fastcheck.errors import InputError, InputTypeError, add_note, noting, shown
from fastcheck.problem.arguments import private
from fastcheck.problem.brought import Brought, Note
from fastcheck.problem.choose import drawn_from
from fastcheck.problem.foreign import array_of, is_foreign, is_torch, kind_of
from fastcheck.problem.layout import Tensor, real_array
from fastcheck.problem.structure import Structure, structured, taken_apart
from fastcheck.shapes.nearby import require_alike_nearby
from fastcheck.vectors import Array, Vector

_ROOT = "inputs"
_NO_CACHE = object()


@dataclass(frozen=True, eq=False)
class _Layer:
    """The layer's two functions; ``inputs`` are as `_told` has them, a tuple or a dict."""

    forward: Callable[..., Any]
    backward: Callable[..., Any]

    def ran(self, inputs: Any) -> tuple[Any, Any]:
        """The output, and the cache that comes with it, of copies that the layer may write to."""
        result = self.forward(*private(_in_order(inputs)))
        if not isinstance(result, tuple):
            return result, _NO_CACHE
        if len(result) != 2:
            raise InputError(
                f"forward must return the output, or (output, cache), got a tuple of {len(result)}: put the rest into the cache"
            )
        return result

    def gradients(self, inputs: Any, upstream: Array) -> dict[str, Any]:
        """What backward returns, by the names of the inputs' leaves; those of None are left out."""
        output, cache = self.ran(inputs)
        given = kind_of(output)(upstream.copy())
        try:
            returned = self.backward(given) if cache is _NO_CACHE else self.backward(given, cache)
        except TypeError as error:
            if cache is not _NO_CACHE:
                add_note(
                    error, "backward was called with (upstream, cache), as forward returned a pair, (output, cache)"
                )
            raise
        return _by_name(_like_inputs(returned, inputs))


def _in_order(inputs: Any) -> tuple[Any, ...]:
    return tuple(inputs.values()) if isinstance(inputs, dict) else inputs


def _by_name(tree: Any) -> dict[str, Any]:
    return taken_apart(tree).by_name(_ROOT)


def _like_inputs(returned: Any, inputs: Any) -> Any:
    """What backward returns, as the inputs are: a gradient, or None, for each."""
    names = tuple(inputs) if isinstance(inputs, dict) else tuple(f"{_ROOT}[{k}]" for k in range(len(inputs)))
    if isinstance(returned, Mapping):
        return {str(name): _array(value) for name, value in returned.items()}
    told = tuple(returned) if isinstance(returned, tuple | list) else (returned,)
    if len(told) != len(inputs):
        floating = [any(map(_is_floating, taken_apart(value).leaves)) for value in _in_order(inputs)]
        if len(told) != sum(floating):
            raise InputError(
                f"backward must return a gradient for each of {', '.join(names)}, got {len(told)}: "
                "return them in the order of the inputs, None where there is none"
            )
        left = iter(told)
        told = tuple(next(left) if own else None for own in floating)
    gradients = map(_array, told)
    return dict(zip(inputs, gradients, strict=True)) if isinstance(inputs, dict) else tuple(gradients)


@dataclass(frozen=True, eq=False)
class _Weighted:
    """J = sum(upstream * output)."""

    layer: _Layer
    structure: Structure
    upstream: Array
    fastcheck_brings: Brought

    def __call__(self, theta: Vector, *fixed: Any) -> float:
        output = array_of(self.layer.ran(self.structure.filled(theta, fixed))[0])
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
        told = self.layer.gradients(self.structure.filled(theta, fixed), self.upstream)
        return {name: _gradient(told.get(name), name) for name in self.structure.layout.names}


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
        Whose keys name the tensors; without them they are ``inputs[0]``, ``inputs[1]`` ... An input may be a structure of
        arrays. Functions get copies, floating ones in float64. What is not floating (indices, labels), and what backward
        returns None for, is held fixed.
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
    given = _told(inputs)
    layer, leaves = _Layer(forward, backward), _by_name(given)
    weights = _upstream(upstream, _output(layer, given), drawn_from(seed))
    told = _gradients(layer, given, weights)
    unknown = [name for name in told if name not in leaves]
    if unknown:
        raise InputError(
            f"backward must return what is like the inputs {', '.join(leaves)}, got a gradient for {unknown[0]}: "
            "return one for each, in the same structure"
        )
    free = tuple(name in told and _is_floating(leaf) for name, leaf in leaves.items())
    if not any(free):
        raise InputError(
            f"backward must return the gradient of a floating input, got none for {', '.join(leaves)}: "
            "return one, and pass floating inputs as float arrays"
        )
    theta, structure = structured(given, _ROOT, free)
    for tensor in structure.layout.tensors:
        _require_shape(told[tensor.name], tensor)
    brings = Brought(structure.layout, _notes(leaves, told))
    fixed = tuple(leaf for leaf, own in zip(leaves.values(), free, strict=True) if not own)
    cost = _Weighted(layer, structure, weights, brings)
    require_alike_nearby(cost, theta, structure.layout, private(fixed))
    return Problem(cost, _Backward(layer, structure, weights), theta, fixed, structure.layout)


def _told(inputs: Any) -> Any:
    """The inputs as a tuple or a dict; lists of numbers are arrays, and what is floating is float64, as it will be in theta."""
    if isinstance(inputs, Mapping):
        if not inputs or not all(isinstance(name, str) and name for name in inputs):
            raise InputTypeError(f"inputs must be named by strings, got {shown(list(inputs))}: name each input")
        return {name: _wide(_array(value)) for name, value in inputs.items()}
    if isinstance(inputs, tuple | list) and not inputs:
        raise InputError("inputs must hold what forward takes, got none: write inputs=(X, W, b)")
    if not isinstance(inputs, tuple | list):
        raise InputTypeError(
            f"inputs must be a sequence or a dict of what forward takes, got {type(inputs).__name__}: write inputs=(X, W, b)"
        )
    return tuple(_wide(_array(value)) for value in inputs)


def _array(value: Any) -> Any:
    """A list of numbers as an array; a list of arrays stays a structure."""
    if not isinstance(value, list):
        return value
    try:
        array = np.array(value)
    except ValueError:  # ragged
        return value
    return array if array.dtype.kind in "fiub" and not any(map(_is_numeric, value)) else value


def _wide(value: Any) -> Any:
    """Floating leaves in float64, those of arrays in their own memory."""
    taken = taken_apart(value)
    return taken.together(
        [kind_of(leaf)(np.array(array_of(leaf), float)) if _is_floating(leaf) else leaf for leaf in taken.leaves]
    )


def _is_floating(value: Any) -> bool:
    return np.asarray(array_of(value)).dtype.kind == "f" if _is_numeric(value) else False


def _is_numeric(value: Any) -> bool:
    return isinstance(value, np.ndarray | np.generic | float) or is_foreign(value)


def _require_shape(gradient: Any, tensor: Tensor) -> None:
    """The gradient of an input has its shape."""
    shape = np.shape(_gradient(gradient, tensor.name))
    if shape == tensor.shape:
        return
    broadcast = len(shape) >= len(tensor.shape) and shape[len(shape) - len(tensor.shape) :] != shape
    advice = "sum it over the axes along which the input is broadcast" if broadcast else "give it the input's own shape"
    if np.prod(shape) == tensor.size:
        advice = "reshape it"
    raise InputError(
        f"backward must return a gradient of shape {tensor.shape} for {tensor.name}, got {shape}: {advice}"
    )


def _notes(leaves: Mapping[str, Any], told: Mapping[str, Any]) -> tuple[Note, ...]:
    """What was held fixed, where that is not what one might think."""
    silent = [name for name, leaf in leaves.items() if _is_floating(leaf) and name not in told]
    unseen = [
        name
        for name, leaf in leaves.items()
        if name in told and not _is_floating(leaf) and np.any(array_of(told[name]))
    ]
    said = []
    if silent:
        said.append(Note("held", f"backward returns no gradient for {', '.join(silent)}: held fixed."))
    if unseen:
        message = f"backward returns a gradient for {', '.join(unseen)}, no floating array: held fixed, and that gradient was not looked at."
        said.append(Note("held", message))
    return tuple(said)


def _output(layer: _Layer, inputs: Any) -> Any:
    """Of a first run."""
    with noting("raised by forward at the inputs, floating ones in float64"):
        output = layer.ran(inputs)[0]
    output = _array(output)
    array = np.asarray(array_of(output)) if _is_numeric(output) else None
    if array is None or array.dtype.kind != "f":
        described = type(output).__name__ if array is None else f"{array.dtype}"
        raise InputTypeError(
            f"forward must return an array of real floating-point numbers, got {described}: return the output, or (output, cache)"
        )
    if not array.size:
        raise InputError(f"forward must return at least one number, got shape {array.shape}: choose other inputs")
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
    if not (np.isfinite(weights).all() and weights.any()):
        raise InputError(
            "upstream must be finite and not zero throughout, got nothing that shows a mistake: leave it out to draw it"
        )
    return weights.astype(output.dtype)


def _gradients(layer: _Layer, inputs: Any, upstream: Array) -> dict[str, Any]:
    """Of a first run."""
    with noting("raised by backward at the inputs, floating ones in float64"):
        return layer.gradients(inputs, upstream)


def _gradient(value: Any, name: str) -> Any:
    if value is None:
        raise InputError(f"backward must return a gradient for {name} every time, got None: it returned one before")
    array = array_of(value)
    return real_array(array, f"the gradient of {name}") if np.ndim(array) or is_torch(value) else np.asarray(array)
