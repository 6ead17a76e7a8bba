"""Records to strict JSON and back without loss, by their annotations."""

from __future__ import annotations

import enum
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Any, get_args, get_origin

import numpy as np

from fastcheck.errors import InputError, first_line
from fastcheck.vectors import Vector

if TYPE_CHECKING:
    from cattrs import Converter

FORMAT = 3  # of the file; a change that older readers would misread takes the next number
_READ = (1, 2, 3)  # formats that can be read: a record's own defaults stand for what an older one had not
VECTORS = "vectors"  # the key of what a summary leaves out or rounds off; the first two formats held nothing else
_NOT_FINITE = ("nan", "inf", "-inf")  # strings, as JSON has no such numbers


class Misfit(ValueError):
    """What is read is not a record of the kind expected; the message says why."""


def dumps(record: Any, told: Mapping[str, Any]) -> str:
    """What ``record.to_dict()`` told, as strict JSON that a person can read; and, a line per field, what it does not tell."""
    fields = {"format": FORMAT, "record": type(record).__name__}
    fields |= {name: value for name, value in _converter().unstructure(record).items() if not _told(told, name, value)}
    rest = ",\n".join(f"    {json.dumps(name)}: {json.dumps(value, allow_nan=False)}" for name, value in fields.items())
    head = summary(told).removesuffix("}\n").rstrip()
    return f'{head}{"," * bool(told)}\n  "{VECTORS}": {{\n{rest}\n  }}\n}}\n'


def _told(told: Mapping[str, Any], name: str, value: Any) -> bool:
    """Whether a field is there without loss already."""
    return name in told and json.dumps(told[name]) == json.dumps(value)


def summary(told: Mapping[str, Any]) -> str:
    """What a ``to_dict`` returned, as strict JSON that a person can read."""
    return json.dumps(told, indent=2, allow_nan=False) + "\n"


def load(kind: type, path: str | Path, misfit: Callable[[Any], str | None]) -> Any:
    """The record of this ``kind`` saved in the file ``path``; ``misfit`` says what in it does not go together."""
    path, name = Path(path), kind.__name__
    if not path.is_file():
        raise InputError(f"the file must exist, got {path}: write the path of a saved {name}")
    try:
        record = loads(kind, path.read_bytes())
        if what := misfit(record):
            raise Misfit(what)
    except Misfit as error:
        raise InputError(
            f"{path} must hold a saved {name}, got {error}: save it again with .save('....json')"
        ) from error
    return record


def loads(kind: type, text: str | bytes) -> Any:
    """The record of this ``kind`` that `dumps` wrote as ``text``; raises `Misfit` where it did not."""
    from cattrs import BaseValidationError, transform_error

    try:
        told = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Misfit(f"no JSON ({first_line(error)})") from error
    told, own = _parted(told, kind)
    if own.pop("record", None) != kind.__name__:
        raise Misfit("something else")
    if (version := own.pop("format", None)) not in _READ:
        raise Misfit(f"format {version!r:.40}, not {' or '.join(map(str, _READ))}")
    try:
        return _converter().structure({**told, **own}, kind)
    except BaseValidationError as error:
        raise Misfit(transform_error(error, path=kind.__name__)[0]) from error


def _parted(told: Any, kind: type) -> tuple[dict[str, Any], dict[str, Any]]:
    """The fields that a summary tells, and those that stand by themselves: all of them in the first two formats."""
    if not isinstance(told, dict):
        return {}, {}
    own = told.get(VECTORS)
    if not isinstance(own, dict):
        return {}, told
    names = {field.name for field in fields(kind)}
    return {name: value for name, value in told.items() if name in names}, own


@cache
def _converter() -> Converter:
    """How numbers, vectors and enumerations are written and read; all else is cattrs' own way with dataclasses."""
    from cattrs import Converter  # loaded only when a report is saved or loaded

    converter = Converter(forbid_extra_keys=True)
    converter.register_unstructure_hook(float, _number)
    converter.register_unstructure_hook_func(_is_vector, _numbers)
    converter.register_unstructure_hook(enum.Enum, lambda member: member.name)
    converter.register_structure_hook(float, lambda told, kind: _read(told))
    converter.register_structure_hook_func(
        _is_number_or_vector, lambda told, kind: _vector(told, Vector) if isinstance(told, list) else _read(told)
    )
    converter.register_unstructure_hook_func(
        _is_number_or_vector, lambda value: _numbers(value) if isinstance(value, np.ndarray) else _number(value)
    )
    converter.register_structure_hook_func(_is_vector, _vector)
    converter.register_structure_hook(enum.Enum, lambda told, kind: kind[told])
    for exact in (int, bool, str):
        converter.register_structure_hook(exact, _exactly)
    return converter


def _is_vector(kind: Any) -> bool:
    return kind is np.ndarray or get_origin(kind) is np.ndarray


def _is_number_or_vector(kind: Any) -> bool:
    return get_origin(kind) is UnionType and float in get_args(kind) and any(map(_is_vector, get_args(kind)))


def _number(value: float) -> float | str:
    return float(value) if math.isfinite(value) else repr(float(value))


def _numbers(vector: np.ndarray) -> list[Any]:
    return vector.tolist() if np.isfinite(vector).all() else [_number(value) for value in vector.tolist()]


def _read(told: Any) -> float:
    if type(told) not in (int, float) and told not in _NOT_FINITE:
        raise ValueError(told)
    return float(told)


def _vector(told: Any, kind: Any) -> np.ndarray[Any, Any]:
    """Of the type that the annotation says: indices are whole numbers, an empty list of them too."""
    _, dtype = get_args(kind)
    if get_args(dtype) == (np.int64,):
        return np.array([_exactly(item, int) for item in told], dtype=np.int64)
    return np.array([_read(item) for item in told], dtype=np.float64)


def _exactly(told: Any, kind: type) -> Any:
    if type(told) is not kind:
        raise ValueError(told)
    return told


def same(one: Any, other: Any) -> bool:
    """Whether two records are equal in every field, vectors by value, nan being equal to nan."""
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        both = isinstance(one, np.ndarray) and isinstance(other, np.ndarray)
        return both and np.array_equal(one, other, equal_nan=True)
    if is_dataclass(one):
        return type(one) is type(other) and all(same(getattr(one, f.name), getattr(other, f.name)) for f in fields(one))
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other or (one != one and other != other))
