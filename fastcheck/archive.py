"""Records to JSON text and back without loss, by their fields; and bytes to a file, by its suffix, all or nothing.

A record is a frozen dataclass of numbers, strings, enumerations, vectors, tuples, dicts and further records. Its
annotations say how it is read back, so a new field needs nothing here; annotations are resolved in the record's own
module, which must therefore import them.
"""

from __future__ import annotations

import enum
import json
import math
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fastcheck.errors import InputError, first_line

FORMAT = 1  # of the file; a change that older readers would misread takes the next number
_HEAD = ("format", "record")  # what stands before the fields
_NOT_FINITE = ("nan", "inf", "-inf")  # strings, as JSON has no such numbers
_SHOWN = 40  # characters of a value that does not fit
_UNIONS = (types.UnionType, typing.Union)


class Misfit(Exception):
    """What is read is not a record of the kind expected; the message says why."""


def dumps(record: Any) -> str:
    """``record`` as strict JSON, a line per field."""
    told = {"format": FORMAT, "record": type(record).__name__, **_plain(record)}
    lines = (f"{json.dumps(key)}: {json.dumps(value, allow_nan=False)}" for key, value in told.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


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
    try:
        told = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Misfit(f"no JSON ({first_line(error)})") from error
    if not isinstance(told, dict) or told.get("record") != kind.__name__:
        raise Misfit("something else")
    if told.get("format") != FORMAT:
        raise Misfit(f"format {_shown(told.get('format'))}, not {FORMAT}")
    try:
        return _record(kind, {key: value for key, value in told.items() if key not in _HEAD}, "")
    except OverflowError as error:
        raise Misfit("an integer beyond all bounds") from error


def same(one: Any, other: Any) -> bool:
    """Whether two records are equal in every field, vectors by value, nan being equal to nan."""
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        both = isinstance(one, np.ndarray) and isinstance(other, np.ndarray)
        return both and np.array_equal(one, other, equal_nan=True)
    if is_dataclass(one):
        return type(one) is type(other) and all(same(getattr(one, f.name), getattr(other, f.name)) for f in fields(one))
    if isinstance(one, tuple | list) and isinstance(other, tuple | list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    return bool(one == other or (one != one and other != other))


def require_suffix(path: str | Path, suffixes: typing.Collection[str]) -> str:
    """The suffix of ``path``, which must be one of ``suffixes``."""
    suffix = Path(path).suffix.lower()
    if suffix not in suffixes:
        raise InputError(f"the file must end in {', '.join(suffixes)}, got {str(path)!r}: choose one of them")
    return suffix


def save(path: str | Path, makers: Mapping[str, Callable[[], str | bytes]]) -> None:
    """Write what the maker for the suffix of ``path`` returns; nothing is written unless all of it could be made."""
    made = makers[require_suffix(path, makers)]()
    Path(path).write_bytes(made.encode("utf-8", "replace") if isinstance(made, str) else made)


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, np.ndarray) and value.ndim:
        return value.tolist() if np.isfinite(value).all() else [_plain(item) for item in value.tolist()]
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, np.generic | np.ndarray):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    return value


def _record(kind: Any, told: Any, where: str) -> Any:
    """A record from its fields, those that are missing by default; ``where`` is its place in the file, with a dot."""
    if not isinstance(told, dict):
        raise Misfit(f"{where[:-1]} = {_shown(told)}")
    hints = typing.get_type_hints(kind)
    known = {f.name: f for f in fields(kind)}
    for name in told:
        if name not in known:
            raise Misfit(f"{where}{name}, which this version does not know")
    for name, f in known.items():
        if name not in told and f.default is MISSING and f.default_factory is MISSING:
            raise Misfit(f"no {where}{name}")
    return kind(**{name: _value(hints[name], value, where + name) for name, value in told.items()})


def _value(hint: Any, told: Any, where: str) -> Any:
    """``told`` as the annotation ``hint`` says."""
    origin = typing.get_origin(hint)
    if hint is Any:
        return told
    if origin in _UNIONS:
        return _one_of(typing.get_args(hint), told, where)
    if is_dataclass(hint):
        return _record(hint, told, f"{where}.")
    if hint is np.ndarray and isinstance(told, list):
        return _vector(told, where)
    if origin is tuple and isinstance(told, list):
        return _tuple(typing.get_args(hint), told, where)
    if isinstance(origin, type) and issubclass(origin, Mapping) and isinstance(told, dict):
        kind = typing.get_args(hint)[1]
        return {key: _value(kind, item, f"{where}.{key}") for key, item in told.items()}
    return _scalar(hint, told, where)


def _one_of(hints: tuple[Any, ...], told: Any, where: str) -> Any:
    """``told`` as the first of the annotations that it fits; None fits None alone."""
    if told is None and types.NoneType in hints:
        return None
    *others, last = (hint for hint in hints if hint is not types.NoneType)
    for hint in others:
        try:
            return _value(hint, told, where)
        except Misfit:
            continue
    return _value(last, told, where)


def _vector(told: list[Any], where: str) -> np.ndarray:
    """Indices if all are integers, else float64."""
    kinds = set(map(type, told))
    if kinds == {int}:
        return np.array(told, dtype=np.int64)
    if kinds <= {int, float}:
        return np.array(told, dtype=np.float64)
    return np.array([_scalar(float, item, f"{where}[{i}]") for i, item in enumerate(told)])


def _tuple(hints: tuple[Any, ...], told: list[Any], where: str) -> tuple[Any, ...]:
    if hints[1:] == (...,):
        hints = hints[:1] * len(told)
    if len(hints) != len(told):
        raise Misfit(f"{len(told)} entries of {where}, not {len(hints)}")
    return tuple(_value(hint, item, f"{where}[{i}]") for i, (hint, item) in enumerate(zip(hints, told, strict=True)))


def _scalar(hint: Any, told: Any, where: str) -> Any:
    if hint is float and (type(told) in (int, float) or told in _NOT_FINITE):
        return float(told)
    if hint in (int, bool, str) and type(told) is hint:
        return told
    if isinstance(hint, type) and issubclass(hint, enum.Enum) and isinstance(told, str) and told in hint.__members__:
        return hint[told]
    raise Misfit(f"{where} = {_shown(told)}")


def _shown(told: Any) -> str:
    text = repr(told)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."
