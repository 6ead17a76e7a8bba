"""Naming a measured factor: 2, 1/m, sqrt(d), lambda; what the cost's args and the tensors' shapes offer as names."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from fastcheck.problem.arguments import Arguments
from fastcheck.problem.held import held, shape_of
from fastcheck.problem.layout import Layout

_PLAIN = {2.0: "2", 3.0: "3", 4.0: "4", 1 / 2: "1/2", 1 / 3: "1/3", 1 / 4: "1/4", 1.5: "3/2", 2 / 3: "2/3"}
_LIKELY_LENGTHS = ("3", "4", "1/3", "1/4")  # plain numbers that are as likely to be a length
_CLOSE = 1e-6  # relative: two constants nearer to each other than this are one
_SMALL_ARRAY = 16  # integers in an array no longer than this are taken for sizes
_MOST = 12  # lengths, and numbers, that names are made of: with more of them chance would find a name


@dataclass(frozen=True)
class Constant:
    """A number with a meaning: its exact value, how it is written, and where it comes from ("" for a plain number).

    ``far`` is one of so many that a single component may be such a multiple by chance.
    """

    value: float
    written: str
    origin: str = ""
    far: bool = False

    def __str__(self) -> str:
        return f"{self.written} ({self.origin})" if self.origin else self.written


@dataclass(frozen=True)
class Constants:
    """Every number that a factor of a wrong gradient may turn out to be, the plainest first."""

    known: tuple[Constant, ...]

    @classmethod
    def of(cls, arguments: Arguments, layout: Layout) -> Constants:
        """Plain numbers, lengths of axes and numbers in the arguments, and what formulas make of them."""
        named = held(arguments)
        sizes = _sizes(named)
        lengths, numbers = _lengths(named, layout, sizes), _numbers(named, sizes)
        plain = [Constant(value, written) for value, written in _PLAIN.items()]
        return cls((*plain, *_of_lengths(lengths), *_of_numbers(numbers, lengths), *_of_two(lengths)))

    def name(self, c: float, uncertainty: float) -> Constant | None:
        """The plainest constant that ``c > 0`` is, to within ``uncertainty`` (absolute) and a little."""
        close = [k for k in self.known if abs(c - k.value) <= max(_CLOSE * k.value, uncertainty)]
        if not close or uncertainty > 0.01 * c:
            return None
        best = close[0]
        same = [k for k in close[1:] if k.written == best.written and k.origin]
        if not best.origin and same and best.written in _LIKELY_LENGTHS:
            return Constant(best.value, best.written, f"perhaps {same[0].origin}")
        return best


def _lengths(named: Mapping[str, Any], layout: Layout, sizes: set[str]) -> dict[int, str]:
    """Every length of an axis greater than one, with the axes that have it; those of the arguments first."""
    where: dict[int, list[str]] = {}
    for name, shape in [
        *((name, shape_of(a)) for name, a in named.items() if name not in sizes),
        *((tensor.name, tensor.shape) for tensor in layout.tensors),
    ]:
        for axis, length in enumerate(shape):
            if length > 1:
                what = name if isinstance(named.get(name), list) else f"axis {axis} of {name}"
                where.setdefault(length, []).append(what)
    return {length: f"the length of {' and '.join(axes[:2])}" for length, axes in islice(where.items(), _MOST)}


def _numbers(named: Mapping[str, Any], sizes: set[str]) -> dict[float, str]:
    """Every number in the arguments that may be a coefficient or a size, with where it stands."""
    found: dict[float, str] = {}
    for name, value in named.items():
        if isinstance(value, bool) or not isinstance(value, int | float | np.number | np.ndarray):
            continue
        is_number = not isinstance(value, np.ndarray) or value.ndim == 0
        if not is_number and name not in sizes:
            continue
        for k, entry in enumerate(np.atleast_1d(value).tolist()):
            if math.isfinite(entry) and entry > 0 and entry != 1:
                found.setdefault(float(entry), name if is_number else f"{name}[{k}]")
    return dict(islice(found.items(), _MOST))


def _sizes(named: Mapping[str, Any]) -> set[str]:
    """The positions of short arrays of integers that look like lists of sizes, not like labels: no other is as long."""
    axes = [length for a in named.values() if isinstance(a, np.ndarray) for length in a.shape]
    return {
        name
        for name, a in named.items()
        if isinstance(a, np.ndarray) and a.ndim == 1 and a.dtype.kind in "iu"
        if a.size <= _SMALL_ARRAY and axes.count(a.size) == 1
    }


def _of_lengths(lengths: dict[int, str]) -> list[Constant]:
    first = [
        c
        for m, what in lengths.items()
        for c in (Constant(m, f"{m}", what), Constant(1 / m, f"1/{m}", f"{m} is {what}"))
    ]
    later = [
        Constant(value, written, f"{m} is {what}", far=True)
        for m, what in lengths.items()
        for value, written in (
            (math.sqrt(m), f"sqrt({m})"), (1 / math.sqrt(m), f"1/sqrt({m})"), (m / (m - 1), f"{m}/{m - 1}"),
            ((m - 1) / m, f"{m - 1}/{m}"), (2 * m, f"2 x {m}"), (2 / m, f"2/{m}"), (1 / (2 * m), f"1/(2 x {m})"),
        )
    ]  # fmt: skip
    return first + later


def _of_numbers(numbers: dict[float, str], lengths: dict[int, str]) -> list[Constant]:
    own = [
        Constant(value, written, f"{origin} = {s:g}", far=value not in (s, 1 / s))
        for s, origin in numbers.items()
        for value, written in (
            (s, f"{s:g}"), (1 / s, f"1/{s:g}"), (2 * s, f"2 x {s:g}"), (s / 2, f"{s:g}/2"), (s + 1, f"1 + {s:g}"),
            (1 - s, f"1 - {s:g}"), (1 / abs(1 - s), f"1/(1 - {s:g})"), (math.sqrt(s), f"sqrt({s:g})"),
        )
        if value > 0
    ]  # fmt: skip
    shared = [
        Constant(factor * s / m, f"{written}{s:g}/{m}", f"{origin} = {s:g}, and {m} is {what}", far=True)
        for s, origin in numbers.items()
        for m, what in lengths.items()
        for factor, written in ((1.0, ""), (2.0, "2 x "))
    ]
    return own + shared


def _of_two(lengths: dict[int, str]) -> list[Constant]:
    pairs = [(m, k) for m in lengths for k in lengths if m < k]
    return [
        Constant(value, written, f"{m} is {lengths[m]}, {k} {lengths[k]}", far=True)
        for m, k in pairs
        for value, written in (
            (m * k, f"{m} x {k}"), (1 / (m * k), f"1/({m} x {k})"), (k / m, f"{k}/{m}"), (m / k, f"{m}/{k}"),
            (math.sqrt(k / m), f"sqrt({k}/{m})"), (math.sqrt(m / k), f"sqrt({m}/{k})"),
        )
    ]  # fmt: skip
