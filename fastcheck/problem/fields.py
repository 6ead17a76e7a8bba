"""Dataclasses, frozen and slotted ones too: what they hold, and copies that hold something else."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping
from typing import Any


def is_dataclass(value: Any) -> bool:
    """An instance, not the class."""
    return dataclasses.is_dataclass(value) and not isinstance(value, type)


def attributes(record: Any) -> dict[str, Any]:
    """All that a record holds by name, whether it is a field or not."""
    fields = {
        field.name: getattr(record, field.name) for field in dataclasses.fields(record) if hasattr(record, field.name)
    }
    return {**fields, **getattr(record, "__dict__", {})}


def with_fields(record: Any, values: Mapping[str, Any]) -> Any:
    """A copy with other values, made without ``__init__``."""
    own = copy.copy(record)
    for name, value in values.items():
        object.__setattr__(own, name, value)
    return own
