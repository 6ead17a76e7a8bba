"""What the user's functions take beside theta: private copies go to them, and are compared with the originals afterwards."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from fastcheck.errors import InputError
from fastcheck.problem.containers import attributes, has_attributes, leaves, mapped
from fastcheck.problem.foreign import array_of, copied, is_jax, is_torch, widened


@dataclass(frozen=True, eq=False)
class Arguments:
    """``args`` and ``kwargs`` of the cost and of the gradient; ``names`` is what messages call the former."""

    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    names: tuple[str, ...] = ()

    def private(self) -> Arguments:
        """The same with every array copied."""
        return replace(self, args=private(self.args), kwargs=private(dict(self.kwargs)) if self.kwargs else self.kwargs)

    def wide(self) -> Arguments:
        """With tensors of torch and JAX in float64, as theta is: torch multiplies no two types, nor does all of JAX."""
        return replace(self, args=mapped(widened, self.args), kwargs=mapped(widened, dict(self.kwargs)))

    @property
    def named(self) -> dict[str, Any]:
        """Every argument by what it is called in messages."""
        n = len(self.args)
        names = self.names if len(self.names) == n else tuple(f"args[{i}]" for i in range(n))
        return dict(zip(names, self.args, strict=True)) | {
            f"kwargs[{name!r}]": value for name, value in self.kwargs.items()
        }

    def replaced(self, new: Mapping[str, Any]) -> Arguments:
        """With other values for some of the arguments, by what these are called in messages."""
        values = [new.get(name, value) for name, value in self.named.items()]
        n = len(self.args)
        return replace(self, args=tuple(values[:n]), kwargs=dict(zip(self.kwargs, values[n:], strict=True)))

    @cached_property
    def holds_jax(self) -> bool:
        """Whether arrays of JAX are in them."""
        return "jax" in sys.modules and any(map(is_jax, leaves((self.args, dict(self.kwargs)))))

    def call(self, function: Callable[..., Any], theta: Any) -> Any:
        """``function(theta, *args, **kwargs)``."""
        return function(theta, *self.args, **self.kwargs)

    def require_unchanged(self, original: Arguments, who: str) -> None:
        """Raise if ``who`` wrote into an array of these copies; says into which."""
        require_unchanged(self.args, original.args, who, "args")
        if self.kwargs:
            require_unchanged(self.kwargs, original.kwargs, who, "kwargs")


def private(value: Any) -> Any:
    """``value`` with every array in it (through tuples, lists, dicts and dataclasses) copied; other objects are shared."""
    try:
        return mapped(_copied, value)
    except RecursionError:
        raise InputError(
            f"arguments must end, got a {type(value).__name__} nested too deeply, or in itself: pass the arrays that are needed"
        ) from None


def _copied(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.copy(order="K")
    if isinstance(value, np.void):  # a record that may be a window into somebody's array
        return value.copy()
    return copied(value) if is_torch(value) else value


def require_unchanged(used: Any, original: Any, who: str, what: str) -> None:
    """Raise if an array in ``used`` is no longer that in ``original``; says which."""
    if isinstance(original, np.ndarray | np.void) or is_torch(original):
        same = _same(np.asarray(array_of(used)), np.asarray(array_of(original)))
    elif isinstance(original, tuple | list):
        same = len(used) == len(original)
        for i, (item, before) in enumerate(zip(used, original, strict=False)):
            require_unchanged(item, before, who, f"{what}[{i}]")
    elif isinstance(original, Mapping):
        same = used.keys() == original.keys()
        for key in used.keys() & original.keys():
            require_unchanged(used[key], original[key], who, f"{what}[{key!r}]")
    elif has_attributes(original):
        before, after = attributes(original), attributes(used)
        same = before.keys() == after.keys()
        for name in before.keys() & after.keys():
            require_unchanged(after[name], before[name], who, f"{what}.{name}")
    elif isinstance(original, int | float | complex | str | bytes):
        same = type(used) is type(original) and (used == original or (used != used and original != original))
    else:
        same = True
    if not same:
        raise InputError(f"{who} must not modify its arguments, got a change of {what}: copy before you write")


def _same(array: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> bool:
    """Equal in shape and in every entry, nan and NaT being equal to themselves, field by field in a record."""
    if array.shape != other.shape:
        return False
    if array.dtype.names:
        return all(_same(array[name], other[name]) for name in array.dtype.names)
    if array.dtype.kind == "O":
        return all(one is two or bool(np.all(one == two)) for one, two in zip(array.flat, other.flat, strict=True))
    if array.dtype.kind == "V":
        return array.tobytes() == other.tobytes()
    return np.array_equal(array, other, equal_nan=array.dtype.kind in "fcmM")
