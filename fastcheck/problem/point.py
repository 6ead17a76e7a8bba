"""Theta, however callers give it: the vector, its layout, and what the functions that take it are given in its place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import numpy as np

from fastcheck.errors import InputError, InputTypeError, add_note, first_line, shown
from fastcheck.problem.arguments import Arguments
from fastcheck.problem.brought import Brought
from fastcheck.problem.containers import is_sequence, with_items
from fastcheck.problem.foreign import is_foreign
from fastcheck.problem.layout import Layout, pack, real_array, require_finite
from fastcheck.problem.structure import (
    Structure,
    flat,
    is_flat,
    is_record,
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
    theta = _as_floats(theta)
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


def _as_floats(theta: Any) -> Any:
    """Python's own integers as numbers like others; an array of integers is taken for a mistake."""
    if type(theta) is int:
        return float(theta)
    if isinstance(theta, list | tuple) and theta and {*map(type, theta)} <= {int, float}:
        return np.array(theta, dtype=np.float64)
    return theta


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
        if layout is not None and list(params) != list(layout.names) and set(params) == set(layout.names):
            params = {name: params[name] for name in layout.names}
        vector, own = pack(params)
        arrays = own.unpack(vector)
        template = with_items(params, {k: arrays[k] if np.ndim(value) else value for k, value in params.items()})
        structure = Structure(template, own, (True,) * len(arrays), flat)
    else:
        vector, structure = structured(params)
        own = structure.layout
    if layout is not None:
        _require_same(layout, own)
    return Point(vector, own, _narrow(own), structure)


def _require_same(layout: Layout, own: Layout) -> None:
    """A structure brings its own layout; beside another it has to be the same."""
    for expected, met in zip_longest(layout.tensors, own.tensors):
        if met is None or expected is None or (met.name, met.shape) != (expected.name, expected.shape):
            wants, got = (f"{t.name} of shape {t.shape}" if t else "nothing" for t in (expected, met))
            raise InputError(
                f"layout must name the tensors of theta in their order, got {wants} for {got}: "
                "leave layout out, a structure brings its own, or pass parameters of that form"
            )


def _is_number(theta: Any) -> bool:
    return isinstance(theta, float | np.floating) or (isinstance(theta, np.ndarray) and theta.ndim == 0)


def _narrow(layout: Layout) -> tuple[str, ...]:
    return tuple(tensor.name for tensor in layout.tensors if tensor.dtype != "float64")


def taking(function: Any, at: Point, arguments: Arguments, who: str, is_gradient: bool = False) -> Any:
    """The function as one of theta: of the vector, or of the structure that theta came in, whichever it takes.

    A flat dict's function is tried with the vector first, those of other structures the other way round. What takes a list
    or a tuple is never given the vector, in which an index means something else.
    """
    if at.structure is None or isinstance(function, Structured | StructuredGradient):
        return function
    plain = Structured(function, at.structure, by_trial=at.structure.apart is not leaf_alone)
    whole = StructuredGradient(plain) if is_gradient else plain
    template, compiled = at.structure.template, is_compiled(function)
    if at.structure.apart is leaf_alone or (compiled and not _known_to_numba(template)):
        return function if compiled else whole
    if is_sequence(template) and not is_record(template):
        if compiled:
            require_taken(plain, at.theta, arguments, who)
        return whole
    return _first_taken(function, whole, at, arguments, who)


def _first_taken(function: Any, whole: Any, at: Point, arguments: Arguments, who: str) -> Any:
    """The first form that raises nothing."""
    assert at.structure is not None
    vector_first = at.structure.apart is flat
    forms = (function, whole) if vector_first else (whole, function)
    first = _tried(forms[0], at.theta, arguments)
    if first is None:
        return forms[0]
    second = _tried(forms[1], at.theta, arguments)
    if second is None:
        return forms[1]
    if is_compiled(function):
        return function  # why it takes neither is said where it is compiled
    of_vector, of_whole = (first, second) if vector_first else (second, first)
    raise _neither(of_vector, of_whole, type(at.structure.template).__name__, who, vector_first)


def is_compiled(function: Any) -> bool:
    """Whether numba compiles it."""
    return type(function).__module__.startswith("numba.")


def require_taken(function: Structured, theta: Vector, arguments: Arguments, who: str = "cost") -> None:
    """An njit function of the structure takes it: numba knows tuples of arrays and its own containers, and no dicts or dataclasses."""
    failed = _tried(function, theta, arguments)
    if failed is None:
        return
    if not isinstance(failed, TypeError) and not type(failed).__module__.startswith("numba."):
        add_note(failed, f"raised by {who} at the unperturbed theta")
        raise failed
    kind = type(function.structure.template).__name__
    raise InputError(
        f"an njit {who} must take the structure itself, got {type(failed).__name__} given a {kind}: join the parameters with "
        "fastcheck.pack, unpack theta inside with layout.jit_unpack(), and call fastcheck.check; or pass a tuple of arrays"
    ) from failed


def _known_to_numba(template: Any) -> bool:
    return isinstance(template, tuple | list) or type(template).__module__.startswith("numba.")


def _neither(of_vector: Exception, of_whole: Exception, kind: str, who: str, vector_first: bool) -> Exception:
    """Which of the two exceptions tells more, with a note of the other: that of a function which wanted a dict tells nothing."""
    told, given, other, instead = of_whole, kind, of_vector, "a vector"
    if vector_first and not isinstance(of_vector, TypeError | LookupError | AttributeError):
        told, given, other, instead = of_vector, "a vector", of_whole, kind
    add_note(told, f"raised by {who}, given {given}; given {instead}: {type(other).__name__}: {first_line(other)}")
    return told


def _tried(function: Callable[..., Any], theta: Vector, arguments: Arguments) -> Exception | None:
    """What the function raises on copies, if it does."""
    try:
        arguments.private().call(function, theta.copy())
    except Exception as error:
        return error
    return None
