"""What a layer's forward is given: inputs in a sequence or by name, in forward's own order, floating ones in float64."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from inspect import Parameter, signature
from typing import Any

import numpy as np

from fastcheck.errors import InputError, InputTypeError, shown
from fastcheck.problem.foreign import array_of, in_x64, is_foreign, is_jax, kind_of
from fastcheck.problem.structure import taken_apart

ROOT = "inputs"
_BY_PLACE = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)

Inputs = tuple[Any, ...] | dict[str, Any]


def as_given(inputs: Any, forward: Callable[..., Any]) -> Inputs:
    """The inputs as a tuple or a dict; lists of numbers are arrays, and what is floating is float64, as it will be in theta."""
    named = inputs._asdict() if hasattr(inputs, "_asdict") else inputs
    if isinstance(named, Mapping):
        _require_names(named, forward)
        given: Inputs = {name: _wide(array_from(value)) for name, value in named.items()}
    elif isinstance(named, Sequence) and not isinstance(named, str | bytes):
        given = tuple(_wide(array_from(value)) for value in named)
    else:
        raise InputTypeError(
            f"inputs must be a sequence or a dict of what forward takes, got {type(inputs).__name__}: write inputs=(X, W, b)"
        )
    if not given:
        raise InputError("inputs must hold what forward takes, got none: write inputs=(X, W, b)")
    if not any(map(is_floating, leaves_of(given).values())):
        raise InputTypeError(
            f"inputs must hold an array of floating-point numbers, got {shown(inputs)}: pass those that have a gradient as float arrays"
        )
    return given


def in_order(inputs: Inputs) -> tuple[Any, ...]:
    return tuple(inputs.values()) if isinstance(inputs, dict) else inputs


def names_of(inputs: Inputs) -> tuple[str, ...]:
    return tuple(inputs) if isinstance(inputs, dict) else tuple(f"{ROOT}[{k}]" for k in range(len(inputs)))


def leaves_of(tree: Any) -> dict[str, Any]:
    """The arrays, and what else there is, in inputs or in what is like them, by name."""
    return taken_apart(tree).by_name(ROOT)


def array_from(value: Any) -> Any:
    """A list of numbers, or of such lists, as an array; a list of arrays stays a structure."""
    if not isinstance(value, list) or not value or not _holds_numbers(value):
        return value
    try:
        return np.array(value)
    except ValueError:  # ragged
        return value


def _holds_numbers(value: list[Any] | tuple[Any, ...]) -> bool:
    return all(
        _holds_numbers(item) if isinstance(item, list | tuple) else isinstance(item, int | float | np.number)
        for item in value
    )


def is_floating(value: Any) -> bool:
    return np.asarray(array_of(value)).dtype.kind == "f" if is_numeric(value) else False


def is_numeric(value: Any) -> bool:
    return isinstance(value, np.ndarray | np.generic | float) or is_foreign(value)


def _require_names(inputs: Mapping[Any, Any], forward: Callable[..., Any]) -> None:
    """Strings; and where they are forward's own parameters, in its order."""
    names = list(inputs)
    if not all(isinstance(name, str) and name for name in names):
        raise InputTypeError(f"inputs must be named by strings, got {shown(names)}: name each input")
    try:
        parameters = signature(forward).parameters
    except (TypeError, ValueError):  # written in C
        return
    by_place = [name for name, parameter in parameters.items() if parameter.kind in _BY_PLACE]
    if set(names) <= set(parameters) and names != by_place[: len(names)]:
        raise InputError(
            f"inputs must be named in the order in which forward takes them by position, {', '.join(by_place)}, "
            f"got {', '.join(names)}: reorder them, or wrap forward"
        )


def _wide(value: Any) -> Any:
    """Floating leaves in float64, those of arrays in their own memory."""
    taken = taken_apart(value)
    with in_x64() if any(map(is_jax, taken.leaves)) else nullcontext():
        return taken.together(
            [kind_of(leaf)(np.array(array_of(leaf), float)) if is_floating(leaf) else leaf for leaf in taken.leaves]
        )
