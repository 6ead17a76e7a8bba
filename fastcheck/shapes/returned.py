"""What a layer's forward and backward return, held to the rules: else one line that says which was broken and where."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from fastcheck.errors import InputError, InputTypeError
from fastcheck.problem.brought import Note
from fastcheck.problem.foreign import array_of
from fastcheck.problem.layout import Tensor, real_array
from fastcheck.shapes.inputs import Inputs, array_from, in_order, is_floating, is_numeric, leaves_of, names_of

_ALIKE = 1e-6  # of the largest output: what the order of sums may change from run to run


def output_of(returned: Any) -> np.ndarray:
    """A first output, as an array of its own."""
    output = array_from(returned)
    array = np.array(array_of(output)) if is_numeric(output) else None
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


def require_one_shape(output: Any, shape: tuple[int, ...]) -> None:
    if np.shape(output) != shape:
        raise InputError(
            f"forward must return outputs of one shape, got {np.shape(output)} after {shape}: "
            "the shape must not depend on the values"
        )


def require_repeatable(output: np.ndarray, again: Any) -> None:
    """Two outputs at the same inputs are the same."""
    require_one_shape(again, output.shape)
    other = np.asarray(array_of(again))
    off = ~np.isclose(other, output, rtol=0, atol=_ALIKE * np.abs(output).max())
    if off.any():
        raise InputError(
            f"forward must return the same output every time, got {output[off][0]} and then {other[off][0]} at the same inputs: "
            "switch dropout off or fix its mask, seed any generator inside forward, and use nothing that earlier calls left"
        )


def upstream_like(upstream: Any, output: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The weights of the output, in its own type, so that J and backward mean the same."""
    dtype = output.dtype if output.itemsize <= 8 else np.dtype(float)
    if upstream is None:
        return np.asarray(rng.standard_normal(output.shape), dtype)
    try:
        weights = np.array(array_of(upstream))
    except ValueError:  # ragged
        weights = np.empty(0, dtype=object)
    if weights.dtype.kind not in "fiu" or weights.shape != output.shape:
        raise InputError(
            f"upstream must be real numbers of the output's shape {output.shape}, got {weights.dtype} of shape {weights.shape}: "
            "it is the gradient of J by the output"
        )
    if not (np.isfinite(weights).all() and weights.any()):
        met = "zeros" if np.isfinite(weights).all() else weights[~np.isfinite(weights)][0]
        raise InputError(
            f"upstream must be finite and not zero throughout, got {met}, which shows no mistake: leave it out to draw it"
        )
    return weights.astype(dtype)


def gradients_by_name(returned: Any, inputs: Inputs) -> dict[str, Any]:
    """What backward returned, by the names of the inputs' leaves; those of None are left out."""
    return leaves_of(_like_inputs(returned, inputs))


def _like_inputs(returned: Any, inputs: Inputs) -> Any:
    """A gradient, or None, for each input, as the inputs are."""
    names = names_of(inputs)
    if isinstance(returned, Mapping):
        return _named(returned, inputs)
    told = tuple(returned) if isinstance(returned, tuple | list) else (returned,)
    if len(told) != len(inputs):
        floating = [any(map(is_floating, leaves_of(value).values())) for value in in_order(inputs)]
        if sum(floating) == 1 and isinstance(array_from(returned), np.ndarray):
            told = (returned,)  # a list of numbers
        if len(told) != sum(floating):
            raise InputError(
                f"backward must return a gradient for each of {', '.join(names)}, got {len(told)}: "
                "return them in the order of the inputs, None where there is none"
            )
        left = iter(told)
        told = tuple(next(left) if own else None for own in floating)
    gradients = map(array_from, told)
    return dict(zip(inputs, gradients, strict=True)) if isinstance(inputs, dict) else tuple(gradients)


def _named(returned: Mapping[Any, Any], inputs: Inputs) -> dict[str, Any]:
    unknown = [str(name) for name in returned if not isinstance(inputs, dict) or name not in inputs]
    if unknown:
        advice = (
            "name them so" if isinstance(inputs, dict) else "return them in that order, or name the inputs in a dict"
        )
        raise InputError(
            f"backward must return gradients of the inputs {', '.join(names_of(inputs))}, got one for {unknown[0]}: {advice}"
        )
    return {name: array_from(value) for name, value in returned.items()}


def require_known(gradients: Iterable[str], leaves: Mapping[str, Any]) -> None:
    """Where an input is a structure, its gradient is one like it."""
    unknown = [name for name in gradients if name not in leaves]
    if unknown:
        raise InputError(
            f"backward must return what is like the inputs {', '.join(leaves)}, got a gradient for {unknown[0]}: "
            "return one for each, in the same structure, and None for None"
        )


def gradient_of(value: Any, name: str) -> np.ndarray:
    """The gradient of one leaf; a whole number will do where it is one number."""
    if value is None:
        raise InputError(f"backward must return a gradient for {name} every time, got None: it returned one before")
    number = float(value) if isinstance(value, int | np.integer) and not isinstance(value, bool) else value
    return real_array(number, f"the gradient of {name}")


def require_shapes(gradients: Mapping[str, Any], tensors: tuple[Tensor, ...]) -> None:
    """Every gradient has the shape of its input."""
    shapes = {tensor.name: tensor.shape for tensor in tensors}
    for name, shape in shapes.items():
        got = np.shape(gradient_of(gradients[name], name))
        if got != shape:
            raise InputError(
                f"backward must return a gradient of shape {shape} for {name}, got {got}: {_advice(got, shape, shapes)}"
            )


def _advice(got: tuple[int, ...], shape: tuple[int, ...], shapes: Mapping[str, tuple[int, ...]]) -> str:
    """What was probably done, by the shape that came."""
    others = [name for name, other in shapes.items() if other == got]
    if others:
        return f"that is the shape of {others[0]}; return them in the order of the inputs"
    if got == shape[::-1]:
        return "transpose it"
    if np.prod(got) == np.prod(shape):
        return "reshape it"
    if _broadcasts(shape, got):
        return "sum it over the axes along which the input is broadcast"
    return "give it the input's own shape"


def _broadcasts(shape: tuple[int, ...], larger: tuple[int, ...]) -> bool:
    try:
        return np.broadcast_shapes(shape, larger) == larger
    except ValueError:
        return False


def require_finite(leaf: Any, name: str) -> None:
    """An input that has a gradient is moved, which needs numbers."""
    array = np.asarray(array_of(leaf))
    if not np.isfinite(array).all():
        raise InputError(
            f"{name} must be finite, as backward returns its gradient, got {array[~np.isfinite(array)][0]}: "
            "return None for what is held, such as a mask"
        )


def notes(leaves: Mapping[str, Any], gradients: Mapping[str, Any], output: np.ndarray) -> tuple[Note, ...]:
    """What was held fixed, where that is not what one might think, and what limits the check."""
    silent = [name for name, leaf in leaves.items() if is_floating(leaf) and name not in gradients]
    unseen = [
        name
        for name, leaf in leaves.items()
        if name in gradients and not is_floating(leaf) and np.any(array_of(gradients[name]))
    ]
    said = []
    if silent:
        said.append(Note("held", f"backward returns no gradient for {', '.join(silent)}: held fixed."))
    if unseen:
        message = f"backward returns a gradient for {', '.join(unseen)}, no floating array: held fixed, and that gradient was not looked at."
        said.append(Note("held", message))
    if output.itemsize < 8:
        message = f"forward returns {output.dtype}, though its inputs are float64: J is rounded to it. In float64 more can be told."
        said.append(Note("float32", message))
    return tuple(said)
