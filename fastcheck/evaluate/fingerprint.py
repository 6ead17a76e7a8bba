"""What a value is, in a digest that is the same in every process: of numbers and arrays by content, of functions by their code.

A pickle will not do: it differs between processes, and so does the address in a repr. What cannot be read counts by its
type alone; whoever relies on a digest evaluates something again and compares.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
from numba.core.dispatcher import Dispatcher


def digest(*values: Any) -> str:
    """Of these values, in their order."""
    seen = hashlib.sha256()
    for part in _parts(values, set()):
        seen.update(len(part).to_bytes(8, "little") + part)
    return seen.hexdigest()


def _parts(value: Any, met: set[int]) -> Iterator[bytes]:
    """The bytes that say what a value is, part by part; ``met`` are functions and objects that were read."""
    yield type(value).__qualname__.encode()
    if isinstance(value, np.ndarray):
        yield f"{value.dtype.str}{value.dtype.descr if value.dtype.names else ''}{value.shape}".encode()
        if value.dtype.hasobject:
            yield from _parts(value.tolist(), met)
        else:
            yield np.ascontiguousarray(value).tobytes()
    elif isinstance(value, np.generic):
        yield value.tobytes()
    elif value is None or isinstance(value, bool | int | complex | str | bytes | range | slice):
        yield repr(value).encode()
    elif isinstance(value, float):
        yield value.hex().encode()
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _parts(item, met)
    elif isinstance(value, set | frozenset):
        yield "".join(sorted(digest(item) for item in value)).encode()
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _parts(key, met)
            yield from _parts(item, met)
    elif isinstance(value, ModuleType):
        yield value.__name__.encode()
    elif id(value) not in met:
        met.add(id(value))
        yield from _of_object(value, met)


def _of_object(value: Any, met: set[int]) -> Iterator[bytes]:
    if isinstance(value, Dispatcher):
        yield from _of_function(value.py_func, met)
    elif isinstance(value, FunctionType):
        yield from _of_function(value, met)
    elif isinstance(value, MethodType):
        yield from _of_function(value.__func__, met)
        yield from _parts(value.__self__, met)
    elif isinstance(value, CodeType):
        yield from _of_code(value, met)
    elif isinstance(value, BuiltinFunctionType | type):
        yield f"{value.__module__}.{value.__qualname__}".encode()
    elif is_dataclass(value):
        for field in fields(value):
            yield from _parts(getattr(value, field.name), met)
    elif isinstance(held := getattr(value, "__dict__", None), dict):
        yield from _parts(held, met)
        if callable(value):
            yield from _parts(type(value).__call__, met)


def _of_function(function: Any, met: set[int]) -> Iterator[bytes]:
    """Its code, defaults and closure, and what it reads of its module."""
    yield from _of_code(function.__code__, met)
    yield from _parts((function.__defaults__, function.__kwdefaults__), met)
    for cell in function.__closure__ or ():
        try:
            yield from _parts(cell.cell_contents, met)
        except ValueError:  # not filled yet
            yield b"empty"
    names = sorted(set(_names(function.__code__)) & function.__globals__.keys())
    for name in names:
        yield name.encode()
        yield from _parts(function.__globals__[name], met)


def _of_code(code: CodeType, met: set[int]) -> Iterator[bytes]:
    yield code.co_code
    yield repr((code.co_names, code.co_varnames, code.co_freevars)).encode()
    for constant in code.co_consts:
        yield from _parts(constant, met)


def _names(code: CodeType) -> Iterator[str]:
    """What a function and those inside it read by name."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
