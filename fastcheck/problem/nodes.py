"""What optree takes for a node beside what it knows by itself: dataclasses, and dicts and lists of the callers' own kinds.

Each kind is made known when it is first met, in a namespace of fastcheck's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from fastcheck.problem.containers import (
    attributes,
    fields_of,
    is_dataclass,
    is_sequence,
    with_entries,
    with_fields,
    with_items,
)
from fastcheck.problem.foreign import array_of

SPACE = "fastcheck"


def make_known(value: Any) -> None:
    """To optree, if it is a node."""
    import optree

    kind = type(value)
    if is_dataclass(value):
        known = _of_dataclass
    elif issubclass(kind, Mapping):
        known = _of_mapping
    elif is_sequence(value):
        known = _of_sequence
    else:
        return
    if optree.register_pytree_node.get(kind, namespace=SPACE) is None:
        known(kind)


def _of_dataclass(kind: Any) -> None:
    import optree

    fields = [field for field in fields_of(kind) if field.init]
    names = tuple(field.name for field in fields if not _is_static(field))
    static = tuple(field.name for field in fields if _is_static(field))
    called = {field.name: getattr(field, "alias", None) or field.name for field in fields}  # by __init__

    def parts(record: Any) -> tuple[list[Any], Any, tuple[str, ...]]:
        own = {name: getattr(record, name) for name in names}
        fixed = {name: getattr(record, name) for name in static}
        made = _is_made_of(record, {called[name]: value for name, value in {**fixed, **own}.items()})
        return list(own.values()), (record, fixed if made else None), names

    def again(told: Any, values: Any) -> Any:
        (record, fixed), own = told, dict(zip(names, values, strict=True))
        if fixed is None:
            return with_fields(record, own)
        return kind(**{called[name]: value for name, value in {**fixed, **own}.items()})

    optree.register_pytree_node(kind, parts, again, path_entry_type=optree.GetAttrEntry, namespace=SPACE)


def _is_static(field: Any) -> bool:
    """Whether a field is marked as configuration, in the way of JAX and Equinox or in that of Flax and optree."""
    return bool(field.metadata.get("static")) or field.metadata.get("pytree_node") is False


def _of_mapping(kind: Any) -> None:
    import optree

    def parts(mapping: Any) -> tuple[list[Any], Any, tuple[Any, ...]]:
        return list(mapping.values()), mapping, tuple(mapping)

    def again(mapping: Any, values: Any) -> Any:
        return with_items(mapping, dict(zip(mapping, values, strict=True)))

    optree.register_pytree_node(kind, parts, again, path_entry_type=optree.MappingEntry, namespace=SPACE)


def _of_sequence(kind: Any) -> None:
    import optree

    def parts(sequence: Any) -> tuple[list[Any], Any]:
        return list(sequence), sequence

    def again(sequence: Any, values: Any) -> Any:
        return with_entries(sequence, list(values))

    optree.register_pytree_node(kind, parts, again, path_entry_type=optree.SequenceEntry, namespace=SPACE)


def _is_made_of(record: Any, values: Mapping[str, Any]) -> bool:
    """Whether the class makes the same record of these values: what ``__init__`` derives of them has to be derived anew."""
    try:
        made = type(record)(**values)
    except Exception:
        return False
    before, after = attributes(record), attributes(made)
    return before.keys() == after.keys() and all(_same(before[name], after[name]) for name in before)


def _same(one: Any, other: Any) -> bool:
    if one is other:
        return True
    try:
        return type(one) is type(other) and bool(np.all(array_of(one) == array_of(other)))
    except Exception:
        return False
