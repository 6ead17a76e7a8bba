"""Records to strict JSON and back without loss, by their annotations; and bytes to a file, by its suffix, all or nothing."""

from __future__ import annotations

import enum
import json
import math
import os
import secrets
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Any, get_args, get_origin

import numpy as np

from fastcheck.errors import InputError, InputTypeError, first_line, shown
from fastcheck.vectors import Vector

if TYPE_CHECKING:
    from cattrs import Converter

FORMAT = 2  # of the file; a change that older readers would misread takes the next number
_READ = (1, 2)  # formats that can be read: a record's own defaults stand for what an older one had not
_NOT_FINITE = ("nan", "inf", "-inf")  # strings, as JSON has no such numbers


class Misfit(ValueError):
    """What is read is not a record of the kind expected; the message says why."""


def dumps(record: Any) -> str:
    """``record`` as strict JSON, a line per field."""
    told = {"format": FORMAT, "record": type(record).__name__, **_converter().unstructure(record)}
    lines = (f"{json.dumps(key)}: {json.dumps(value, allow_nan=False)}" for key, value in told.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


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
    if not isinstance(told, dict) or told.pop("record", None) != kind.__name__:
        raise Misfit("something else")
    if (version := told.pop("format", None)) not in _READ:
        raise Misfit(f"format {version!r:.40}, not {' or '.join(map(str, _READ))}")
    try:
        return _converter().structure(told, kind)
    except BaseValidationError as error:
        raise Misfit(transform_error(error, path=kind.__name__)[0]) from error


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


def require_suffix(path: Any, suffixes: Collection[str]) -> str:
    """The suffix of ``path``, which must be one of ``suffixes``."""
    if not isinstance(path, str | os.PathLike):
        raise InputTypeError(
            f"the file must be named by a path, got {shown(path)}: write 'report{next(iter(suffixes))}'"
        )
    suffix = Path(path).suffix.lower()
    if suffix not in suffixes:
        raise InputError(f"the file must end in {', '.join(suffixes)}, got {str(path)!r}: choose one of them")
    return suffix


def save(path: str | Path, makers: Mapping[str, Callable[[], str | bytes]]) -> None:
    """Write what the maker for the suffix of ``path`` returns; nothing is written unless all of it could be made."""
    write(path, makers[require_suffix(path, makers)]())


def write(path: str | Path, content: str | bytes) -> None:
    """Put ``content`` in the place of the file ``path`` at once: nobody ever reads half of it."""
    data = content.encode("utf-8", "replace") if isinstance(content, str) else content
    target = Path(path).resolve()  # a link stays a link
    if target.exists() and not target.is_file():
        target.write_bytes(data)  # a device or a pipe, which cannot be replaced
        return
    beside = target.with_name(f".{target.name[:100]}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        beside.write_bytes(data)
        if target.exists():
            beside.chmod(target.stat().st_mode)
        beside.replace(target)
    except OSError as error:
        if error.filename == str(beside):
            error.filename = str(path)  # the caller's name for it
        raise
    finally:
        with suppress(OSError):
            beside.unlink()
