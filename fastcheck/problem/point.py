"""Theta, however callers give it: the vector, its layout, and what the functions that take it are given in its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastcheck.errors import InputError, InputTypeError, add_note, first_line, shown
from fastcheck.problem.arguments import Arguments
from fastcheck.problem.brought import Brought
from fastcheck.problem.foreign import is_foreign
from fastcheck.problem.layout import Layout, pack, real_array, require_finite
from fastcheck.problem.structure import (
    Structure,
    flat,
    is_flat,
    is_structure,
    leaf_alone,
    structured,
)
from fastcheck.vectors import Vector


@dataclass(frozen=True, eq=False)
class Point:
    """Where J is looked at.

    Attributes
    ----------
    theta : ndarray of float64, shape (n,)
        Contiguous; the caller's own where that serves.
    layout : Layout
    narrow : tuple of str
        Tensors that were given in less than float64.
    structure : Structure, or None
        What theta came in, where that was no vector.
    """

    theta: Vector
    layout: Layout
    narrow: tuple[str, ...]
    structure: Structure | None = None


@dataclass(frozen=True, eq=False)
class Structured:
    """A function of the structure, as one of theta."""

    function: Callable[..., Any]
    structure: Structure
    by_trial: bool = False  # whether it was found out that the function takes the structure

    def __call__(self, theta: Vector, *args: Any, **kwargs: Any) -> Any:
        with self.structure.wide():
            return self.function(self.structure.filled(theta), *args, **kwargs)

    @property
    def fastcheck_brings(self) -> Brought:
        return Brought(self.structure.layout)


@dataclass(frozen=True, eq=False)
class StructuredGradient:
    """A gradient of the structure, as one of theta: its leaves by their names."""

    of: Structured

    def __call__(self, theta: Vector, *args: Any, **kwargs: Any) -> Any:
        return self.of.structure.gradient(self.of(theta, *args, **kwargs))

    @property
    def by_trial(self) -> bool:
        return self.of.by_trial


def point(theta: Any, layout: Any) -> Point:
    """Theta as a contiguous float64 vector, from a vector or a structure; ``layout`` is the caller's, or None."""
    _require_layout(layout)
    if is_structure(theta):
        return _of_structure(theta, layout)
    if is_foreign(theta) or _is_number(theta):
        whole = theta[()] if isinstance(theta, np.ndarray) else theta
        vector, structure = structured(whole, "theta", apart=leaf_alone)
        own = layout or structure.layout
        _require_size(own, vector)
        return Point(vector, own, _narrow(structure.layout), structure)
    array = real_array(theta, "theta")
    if array.ndim != 1:
        raise InputError(
            f"theta must be a vector, got {array.ndim} dimensions, shape {array.shape}: join the parameters with fastcheck.pack"
        )
    if array.size == 0:
        raise InputError("theta must hold at least one component, got none: pass the parameters to be checked")
    own = layout or Layout.of({"theta": array.shape}, {"theta": array.dtype.name})
    _require_size(own, array)
    require_finite(array, own, "theta")
    narrow = _narrow(own) if array.dtype.itemsize == 8 else own.names
    return Point(np.ascontiguousarray(array, dtype=np.float64), own, narrow)


def _require_layout(layout: Any) -> None:
    if layout is not None and not isinstance(layout, Layout):
        raise InputTypeError(f"layout must be a Layout, got {type(layout).__name__}: pass the one that pack returned")
    if layout is not None and not layout.is_gapless:
        raise InputError(
            f"layout must join differently named tensors without gaps, got {shown(layout.names)}: make it with fastcheck.pack or Layout.of"
        )


def _require_size(layout: Layout, array: np.ndarray) -> None:
    if layout.size != array.size:
        raise InputError(
            f"theta must have the layout's {layout.size} components, got {array.size}: pass the theta that pack returned"
        )


def _of_structure(params: Any, layout: Layout | None) -> Point:
    if is_flat(params):
        vector, own = pack(params)
        arrays = own.unpack(vector)
        template = {name: arrays[name] if np.ndim(value) else value for name, value in params.items()}
        structure = Structure(template, own, (True,) * len(arrays), flat)
    else:
        vector, structure = structured(params)
        own = structure.layout
    if layout is not None and _shapes(layout) != _shapes(own):
        raise InputError(
            "layout must name the tensors of theta in their order, got another: leave layout out, a dict brings its own"
        )
    return Point(vector, own, _narrow(own), structure)


def _is_number(theta: Any) -> bool:
    return isinstance(theta, float | np.floating) or (isinstance(theta, np.ndarray) and theta.ndim == 0)


def _shapes(layout: Layout) -> list[tuple[str, tuple[int, ...]]]:
    return [(tensor.name, tensor.shape) for tensor in layout.tensors]


def _narrow(layout: Layout) -> tuple[str, ...]:
    return tuple(tensor.name for tensor in layout.tensors if tensor.dtype != "float64")


def taking(function: Any, at: Point, arguments: Arguments, who: str, is_gradient: bool = False) -> Any:
    """The function as one of theta: of the vector, or of the structure that theta came in, whichever it takes.

    A flat dict's function is tried with the vector first, any other with the structure. A compiled one takes the vector,
    but for sequences of arrays, which numba knows.
    """
    if at.structure is None or isinstance(function, Structured | StructuredGradient):
        return function
    compiled = hasattr(function, "py_func")
    if compiled and (at.structure.apart is leaf_alone or isinstance(at.structure.template, Mapping)):
        return function
    alone = at.structure.apart is leaf_alone
    plain = Structured(function, at.structure, by_trial=not alone)
    whole = StructuredGradient(plain) if is_gradient else plain
    if alone:
        return whole
    first, second = (function, whole) if at.structure.apart is flat else (whole, function)
    failed = _tried(first, at, arguments)
    if failed is None:
        return first
    other = None if compiled else _tried(second, at, arguments)
    if other is None:
        return second
    described = type(at.structure.template).__name__
    given, instead = ("a vector", described) if first is function else (described, "a vector")
    add_note(failed, f"raised by {who}, given {given}; given {instead}: {type(other).__name__}: {first_line(other)}")
    raise failed


def _tried(function: Callable[..., Any], at: Point, arguments: Arguments) -> Exception | None:
    """What the function raises on copies, if it does."""
    try:
        arguments.private().call(function, at.theta.copy())
    except Exception as error:
        return error
    return None
