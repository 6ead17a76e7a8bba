"""What the caller passes, accepted or refused in one line: theta and its layout, the gradient, the components."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastcheck.compare import unrepeatable
from fastcheck.cost import call, first_difference, private, require_unchanged
from fastcheck.errors import InputError, InputTypeError, add_note
from fastcheck.layout import Layout, Vector, pack, real_array, require_finite, sample


@dataclass(frozen=True)
class Point:
    """Where the check takes place: theta, contiguous float64 of shape (n,), its layout, and the narrower dtypes met."""

    theta: Vector
    layout: Layout
    narrow: tuple[str, ...] = ()  # tensors that were given in less than float64


def point(theta: Any, layout: Layout | None) -> Point:
    """A vector with an optional layout, or a dict of arrays, as a `Point`; the caller's arrays are only read."""
    if layout is not None and not isinstance(layout, Layout):
        raise InputTypeError(f"layout must be a Layout, got {type(layout).__name__}: pass the one that pack returned")
    if isinstance(theta, Mapping):
        vector, own = pack(theta)
        if layout is not None and [(t.name, t.shape) for t in layout.tensors] != [
            (t.name, t.shape) for t in own.tensors
        ]:
            raise InputError(
                "layout must name the tensors of theta in their order, got another: leave layout out, a dict brings its own"
            )
        return Point(vector, own, _narrow(own))
    array = real_array(theta, "theta")
    if array.ndim != 1:
        raise InputError(
            f"theta must be a vector, got {array.ndim} dimensions, shape {array.shape}: join the parameters with fastcheck.pack"
        )
    if array.size == 0:
        raise InputError("theta must hold at least one component, got none: pass the parameters to be checked")
    layout = layout or Layout.of({"theta": array.shape}, {"theta": str(array.dtype)})
    if layout.size != array.size:
        raise InputError(
            f"theta must have the layout's {layout.size} components, got {array.size}: pass the theta that pack returned"
        )
    require_finite(array, layout, "theta")
    narrow = _narrow(layout) if array.dtype == np.float64 else layout.names
    return Point(np.ascontiguousarray(array, dtype=np.float64), layout, narrow)


def _narrow(layout: Layout) -> tuple[str, ...]:
    return tuple(tensor.name for tensor in layout.tensors if tensor.dtype != "float64")


def gradient(grad: Any, at: Point, args: tuple[Any, ...]) -> Vector:
    """The analytic gradient as a new vector, shape (n,); nan and inf in it are left for the report."""
    if not callable(grad):
        return _vector(grad, at.layout)
    theta, own_args = at.theta.copy(), private(args)
    try:
        value = call(grad, theta, own_args)
    except Exception as error:
        add_note(error, "raised by grad at the unperturbed theta")
        raise
    index = first_difference(theta, at.theta)
    if index is not None:
        raise InputError(f"grad must not modify theta, got a change of {at.layout.name(index)}: copy before you write")
    require_unchanged(own_args, args, "grad")
    parts = value.values() if isinstance(value, Mapping) else [value]
    if any(isinstance(part, np.ndarray) and np.may_share_memory(part, theta) for part in parts):
        raise InputError("grad must return an array of its own, got theta itself or a view of it: return a copy")
    return _vector(value, at.layout)


def gradient_twice(
    grad: Any, at: Point, args: tuple[Any, ...], chosen: np.ndarray | None
) -> tuple[Vector, Vector | None]:
    """The analytic gradient at ``chosen``, and what a second call gives, if ``grad`` is a function that then differs."""
    first = gradient(grad, at, args)
    again = gradient(grad, at, args) if callable(grad) else None
    if again is not None and not unrepeatable(first, again):
        again = None
    if chosen is None:
        return first, again
    return first[chosen], None if again is None else again[chosen]


def _vector(value: Any, layout: Layout) -> Vector:
    if isinstance(value, Mapping):
        return layout.pack(value, "gradient")
    array = real_array(value, "gradient")
    if array.shape != (layout.size,):
        raise InputError(
            f"gradient must have shape ({layout.size},) like theta, got {array.shape}: return one entry per component, or a dict like the parameters"
        )
    return np.array(array, dtype=np.float64)


def seeded(seed: Any) -> np.random.Generator:
    """The generator for ``seed``, a non-negative integer."""
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer):
        raise InputTypeError(f"seed must be a non-negative integer, got {seed!r}: 0 is the default")
    if seed < 0:
        raise InputError(f"seed must be a non-negative integer, got {seed}: 0 is the default")
    return np.random.default_rng(int(seed))


def require_budget(budget: Any) -> None:
    """``budget`` is a positive number of evaluations."""
    if isinstance(budget, bool) or not isinstance(budget, int | np.integer):
        raise InputTypeError(f"budget must be a positive integer, got {budget!r}: it counts evaluations of the cost")
    if budget < 1:
        raise InputError(f"budget must be at least 1, got {budget}: it counts evaluations of the cost")


def components(chosen: Any, layout: Layout) -> np.ndarray | None:
    """The indices to look at, in the order asked for; an int draws that many, so that every tensor is covered."""
    if chosen is None:
        return None
    if isinstance(chosen, bool):
        raise InputTypeError(f"components must be None, an int or indices, got {chosen}: pass None for all")
    if isinstance(chosen, int | np.integer):
        return sample(layout, int(chosen))
    indices = np.asarray(chosen)
    if indices.ndim != 1 or indices.size == 0 or indices.dtype.kind not in "iu":
        raise InputTypeError(
            f"components must be a non-empty list of indices, got {_described(indices)}: pass integers in [0, {layout.size})"
        )
    outside = indices[(indices < 0) | (indices >= layout.size)]
    if outside.size:
        raise InputError(
            f"components must lie in [0, {layout.size}), got {outside[0]}: theta has {layout.size} components"
        )
    return indices.astype(np.int64)


def _described(indices: np.ndarray) -> str:
    return f"shape {indices.shape} of {indices.dtype}"
