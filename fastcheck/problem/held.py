"""What arguments hold, however deep: arrays, lists and numbers by what messages call them, and copies with others in their place."""

from __future__ import annotations

import copy
import numbers
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from itertools import islice
from types import ModuleType
from typing import Any

import numpy as np

from fastcheck.problem.arguments import Arguments
from fastcheck.problem.containers import DICTS, with_entries, with_items

_DEPTH = 4  # containers within containers
_MOST = 200  # things that are looked at
_SHORT = 16  # items of a list that are looked at one by one


def held(arguments: Arguments) -> dict[str, Any]:
    """Every array (or what else has a shape), list and number in the arguments, by name: ``args[0]['X']``."""
    found = (pair for name, value in arguments.named.items() for pair in _walked(name, value, _DEPTH))
    return dict(islice(found, _MOST))


def replaced(arguments: Arguments, new: Mapping[str, Any]) -> Arguments:
    """The arguments with other values for some of what they hold; what is on the way there is copied."""
    return arguments.replaced(
        {name: _rebuilt(name, value, new, _DEPTH) for name, value in arguments.named.items()} if new else {}
    )


def shape_of(value: Any) -> tuple[int, ...]:
    """The shape of an array or of what is like one, the length of a list, else ()."""
    shape = (len(value),) if isinstance(value, list) else _attribute(value, "shape", ())
    return tuple(shape) if isinstance(shape, tuple) and all(isinstance(n, numbers.Integral) for n in shape) else ()


def _attribute(value: Any, name: str, otherwise: Any) -> Any:
    """An attribute of an object of the caller's, whatever it raises where it has none."""
    try:
        return getattr(value, name, otherwise)
    except Exception:
        return otherwise


def _walked(name: str, value: Any, depth: int) -> Iterator[tuple[str, Any]]:
    number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if number or isinstance(value, np.ndarray | list) or shape_of(value):
        yield name, value
    if depth:
        for _, own, item in _items(name, value):
            yield from _walked(own, item, depth - 1)


def _items(name: str, value: Any) -> list[tuple[Any, str, Any]]:
    """What a container holds: the key, the name and the item; nothing of what is no container."""
    if isinstance(value, DICTS):
        return [(key, f"{name}[{key!r}]", item) for key, item in value.items()]
    if isinstance(value, tuple) and (named := getattr(value, "_fields", None)):
        return [(k, f"{name}.{key}", item) for k, (key, item) in enumerate(zip(named, value, strict=True))]
    if isinstance(value, tuple) or (isinstance(value, list) and len(value) <= _SHORT):
        return [(k, f"{name}[{k}]", item) for k, item in enumerate(value)]
    if isinstance(value, type | ModuleType) or callable(value) or shape_of(value) or isinstance(value, np.ndarray):
        return []
    if is_dataclass(value):
        return [(f.name, f"{name}.{f.name}", getattr(value, f.name)) for f in fields(value) if hasattr(value, f.name)]
    return [(key, f"{name}.{key}", item) for key, item in _attribute(value, "__dict__", {}).items()]


def _rebuilt(name: str, value: Any, new: Mapping[str, Any], depth: int) -> Any:
    if name in new:
        return new[name]
    if not depth or not any(other.startswith(name) for other in new):
        return value
    items = [(key, item, _rebuilt(own, item, new, depth - 1)) for key, own, item in _items(name, value)]
    changed = {key: after for key, before, after in items if after is not before}
    return _with(value, changed) if changed else value


def _with(value: Any, changed: Mapping[Any, Any]) -> Any:
    """A shallow copy of a container with some of its items changed."""
    if isinstance(value, DICTS):
        return with_items(value, {key: changed.get(key, item) for key, item in value.items()})
    if isinstance(value, tuple | list):
        return with_entries(value, [changed.get(k, item) for k, item in enumerate(value)])
    copied = copy.copy(value)
    for key, item in changed.items():
        object.__setattr__(copied, key, item)  # past the frozenness of a record: the copy is ours
    return copied
