"""Dataclasses, tuples, lists and dicts of the callers' own kinds: what they hold, and the same kinds with other things in them."""

from __future__ import annotations

import copy
import dataclasses
from collections import UserDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType, SimpleNamespace
from typing import Any

DICTS = (dict, UserDict, MappingProxyType)  # other mappings may stand for a file, or for the environment


def is_dataclass(value: Any) -> bool:
    """An instance of a dataclass, or of a class of attrs; not the class."""
    return not isinstance(value, type) and (dataclasses.is_dataclass(value) or hasattr(type(value), "__attrs_attrs__"))


def fields_of(kind: Any) -> tuple[Any, ...]:
    """The fields that such a class declares."""
    return tuple(kind.__attrs_attrs__ if hasattr(kind, "__attrs_attrs__") else dataclasses.fields(kind))


def has_attributes(value: Any) -> bool:
    """Whether what a value holds is known by name."""
    return is_dataclass(value) or isinstance(value, SimpleNamespace)


def is_sequence(value: Any) -> bool:
    """A list or a tuple, or what is like them."""
    return isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray | memoryview | range)


def attributes(record: Any) -> dict[str, Any]:
    """All that a record holds by name, whether it is a field or not."""
    declared = fields_of(type(record)) if is_dataclass(record) else ()
    fields = {field.name: getattr(record, field.name) for field in declared if hasattr(record, field.name)}
    return {**fields, **getattr(record, "__dict__", {})}


def with_fields(record: Any, values: Mapping[str, Any]) -> Any:
    """A copy with other values, made without ``__init__``."""
    own = copy.copy(record)
    for name, value in values.items():
        object.__setattr__(own, name, value)
    return own


def with_items(mapping: Mapping[Any, Any], items: dict[Any, Any]) -> Any:
    """A mapping of the same kind with other values for its keys; a dict where its kind cannot be made of them."""
    kind: Any = type(mapping)
    if kind is dict:
        return items
    ways: list[Callable[[], Any]] = [lambda: kind(items), lambda: _filled(kind(), items)]
    # A copy brings a default and attributes along; that of another mapping than a dict may share its items.
    if isinstance(mapping, dict):
        ways.insert(0, lambda: _filled(copy.copy(mapping), items))
    for made in ways:
        with suppress(Exception):
            own = made()
            if set(own) == set(items):
                return own
    return items


def with_entries(sequence: Sequence[Any], entries: list[Any]) -> Any:
    """A list or a tuple of the same kind with other entries; a plain one where its kind cannot be made of them."""
    kind: Any = type(sequence)
    if kind not in (list, tuple):
        with suppress(Exception):
            own = kind._make(entries) if hasattr(kind, "_fields") else kind(entries)
            if len(own) == len(entries):
                return own
    return tuple(entries) if isinstance(sequence, tuple) else entries


def mapped(function: Callable[[Any], Any], value: Any) -> Any:
    """``value`` with ``function`` of all that stands in its tuples, lists, dicts and dataclasses, however deep."""
    if isinstance(value, tuple | list):
        return with_entries(value, [mapped(function, item) for item in value])
    if isinstance(value, DICTS):
        return with_items(value, {key: mapped(function, item) for key, item in value.items()})
    if has_attributes(value):
        return with_fields(value, {name: mapped(function, item) for name, item in attributes(value).items()})
    return function(value)


def leaves(value: Any) -> Iterator[Any]:
    """All that stands in the tuples, lists, dicts and dataclasses of ``value``."""
    if isinstance(value, tuple | list):
        inside: Any = value
    elif isinstance(value, DICTS):
        inside = value.values()
    elif has_attributes(value):
        inside = attributes(value).values()
    else:
        yield value
        return
    for item in inside:
        yield from leaves(item)


def _filled(own: Any, items: Mapping[Any, Any]) -> Any:
    for key, value in items.items():
        own[key] = value
    return own
