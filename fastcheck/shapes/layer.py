"""A layer's forward and backward: J is the output weighted by a fixed upstream gradient, theta the inputs.

The layer is run a few times when the problem is made: the shapes that forward and backward return are what later calls are
held to. `inputs` has what forward is given, `returned` what may come back.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fastcheck.checks.problem import Problem
from fastcheck.errors import InputError, InputTypeError, add_note, shown
from fastcheck.problem.arguments import private
from fastcheck.problem.brought import Brought
from fastcheck.problem.choose import drawn_from
from fastcheck.problem.foreign import array_of, in_x64, is_jax, kind_of
from fastcheck.problem.structure import Structure, structured
from fastcheck.shapes import returned
from fastcheck.shapes.inputs import ROOT, Inputs, as_given, in_order, is_floating, leaves_of, names_of
from fastcheck.shapes.nearby import require_alike_nearby
from fastcheck.vectors import Vector

_NO_CACHE = object()


@dataclass(frozen=True, eq=False)
class _Layer:
    """The layer's two functions; those that compute in JAX do so in float64."""

    forward: Callable[..., Any]
    backward: Callable[..., Any]
    of_jax: bool

    def wide(self) -> AbstractContextManager[Any]:
        return in_x64() if self.of_jax else nullcontext()

    def ran(self, inputs: Inputs) -> tuple[Any, Any]:
        """The output, and the cache that comes with it, of copies that the layer may write to."""
        result = _called(self.forward, private(in_order(inputs)), lambda: _of_forward(inputs))
        if not isinstance(result, tuple):
            return result, _NO_CACHE
        if len(result) != 2:
            raise InputError(
                f"forward must return the output, or (output, cache), got a tuple of {len(result)}: put the rest into the cache"
            )
        return result

    def gradients(self, inputs: Inputs, upstream: np.ndarray) -> dict[str, Any]:
        """What backward returns right after a forward, by the names of the inputs' leaves; those of None are left out."""
        output, cache = self.ran(inputs)
        given = kind_of(output)(upstream.copy())
        passed = (given,) if cache is _NO_CACHE else (given, cache)
        told = _called(self.backward, passed, lambda: _OF_BACKWARD[len(passed)])
        return returned.gradients_by_name(told, inputs)


def _called(function: Callable[..., Any], passed: tuple[Any, ...], note: Callable[[], str]) -> Any:
    """What the function returns; what it raises gets a note of who was called how."""
    try:
        return function(*passed)
    except Exception as error:
        add_note(error, note())
        raise


def _of_forward(inputs: Inputs) -> str:
    """With the shapes, in which a wrong order shows."""
    pairs = zip(names_of(inputs), in_order(inputs), strict=True)
    shapes = (f"{name} {tuple(getattr(value, 'shape', ()))}" for name, value in pairs)
    return f"raised by forward, called by position with {', '.join(shapes)}, floating ones in float64"


_OF_BACKWARD = {
    1: "raised by backward, called with (upstream), as forward returned no pair, (output, cache)",
    2: "raised by backward, called with (upstream, cache), as forward returned a pair, (output, cache)",
}


@dataclass(frozen=True, eq=False)
class _Weighted:
    """J = sum(upstream * output)."""

    layer: _Layer
    structure: Structure
    upstream: np.ndarray
    fastcheck_brings: Brought

    def __call__(self, theta: Any, *fixed: Any) -> Any:
        with self.layer.wide():
            output = np.asarray(array_of(self.layer.ran(self.structure.filled(theta, fixed))[0]))
        returned.require_one_shape(output, self.upstream.shape)
        return np.sum(self.upstream * output).item()  # a complex number where theta is complex


@dataclass(frozen=True, eq=False)
class _Backward:
    """The gradient of the same, by a forward and a backward at the same inputs."""

    layer: _Layer
    structure: Structure
    upstream: np.ndarray

    def __call__(self, theta: Vector, *fixed: Any) -> dict[str, Any]:
        with self.layer.wide():
            told = self.layer.gradients(self.structure.filled(theta, fixed), self.upstream)
        return {name: returned.gradient_of(told.get(name), name) for name in self.structure.layout.names}


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
        In forward's order. The keys of a dict, or the fields of a named tuple, name the tensors; without them they are
        ``inputs[0]``, ``inputs[1]`` ... An input may be a structure of arrays. Functions get copies, floating ones in
        float64. What is not floating (indices, labels), and what backward returns None for, is held fixed.
    upstream : array, optional
        The gradient of J by the output. Drawn from N(0, 1) if not given.
    seed : int
        Of that draw.

    Returns
    -------
    Problem
        Of J = sum(upstream * output). A layer that remembers calls is left as the last of them leaves it.

    Raises
    ------
    InputError
        Forward returns no array of real numbers, or another one at the same inputs; backward too few gradients, or one of
        another shape than its input.

    Examples
    --------
    >>> def forward(X, W, b): return X @ W + b, (X, W)
    >>> def backward(dY, cache): X, W = cache; return dY @ W.T, X.T @ dY, dY.sum(axis=0)
    >>> from_layer(forward, backward, {"X": X, "W": W, "b": b}).check()  # doctest: +SKIP
    """
    for what, function in (("forward", forward), ("backward", backward)):
        if not callable(function):
            raise InputTypeError(f"{what} must be a function, got {shown(function)}: pass the function itself")
    rng, given = drawn_from(seed), as_given(inputs, forward)
    layer = _layer(forward, backward, given)
    with layer.wide():
        return _problem(layer, given, upstream, rng)


def _layer(forward: Callable[..., Any], backward: Callable[..., Any], given: Inputs) -> _Layer:
    """One that computes in JAX shows it by its inputs, or by its output."""
    layer = _Layer(forward, backward, any(map(is_jax, leaves_of(given).values())))
    with layer.wide():
        return replace(layer, of_jax=layer.of_jax or is_jax(layer.ran(given)[0]))


def _problem(layer: _Layer, given: Inputs, upstream: Any, rng: np.random.Generator) -> Problem:
    output = returned.output_of(layer.ran(given)[0])
    weights = returned.upstream_like(upstream, output, rng)
    returned.require_repeatable(output, layer.ran(given)[0])
    told, leaves = layer.gradients(given, weights), leaves_of(given)
    returned.require_known(told, leaves)
    free = {name: name in told and is_floating(leaf) for name, leaf in leaves.items()}
    if not any(free.values()):
        raise InputError(
            f"backward must return the gradient of a floating input, got none for {', '.join(leaves)}: "
            "return one, and pass floating inputs as float arrays"
        )
    for name in filter(free.get, leaves):
        returned.require_finite(leaves[name], name)
    theta, structure = structured(given, ROOT, tuple(free.values()))
    returned.require_shapes(told, structure.layout.tensors)
    fixed = {name: leaf for name, leaf in leaves.items() if not free[name]}
    brings = Brought(structure.layout, returned.notes(leaves, told, output), fixed=tuple(fixed))
    cost = _Weighted(layer, structure, weights.astype(np.float64), brings)
    args = tuple(fixed.values())
    require_alike_nearby(cost, theta, structure.layout, private(args))
    return Problem(cost, _Backward(layer, structure, weights), theta, args, structure.layout)
