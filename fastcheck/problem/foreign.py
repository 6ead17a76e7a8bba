"""Tensors of torch and JAX, which are known for what they are without importing either: to arrays, and back."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from importlib import import_module
from typing import Any

import numpy as np

from fastcheck.problem.containers import leaves


def is_torch(value: Any) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def is_jax(value: Any) -> bool:
    jax = sys.modules.get("jax")
    return jax is not None and isinstance(value, jax.Array)


def is_foreign(value: Any) -> bool:
    return is_torch(value) or is_jax(value)


def array_of(value: Any) -> Any:
    """A tensor as an array of the same numbers; anything else as it is."""
    if is_torch(value):
        held = value.detach().cpu().resolve_conj().resolve_neg()
        held = held.to_dense() if held.layout is not sys.modules["torch"].strided else held
        return (held.float() if held.dtype.is_floating_point and held.dtype.itemsize < 4 else held).numpy()
    if is_jax(value):
        narrow = value.dtype.name in ("bfloat16", "float16") or value.dtype.name.startswith("float8")
        return np.asarray(value.astype("float32") if narrow else value)
    return value


def precision(value: Any) -> float:
    """The spacing of floating numbers of this array's or tensor's type at 1; 0 where it is float64, or no such type."""
    if is_torch(value):
        finfo = sys.modules["torch"].finfo
        return float(finfo(value.dtype).eps) if value.dtype.is_floating_point and value.dtype.itemsize < 8 else 0.0
    if is_jax(value):
        numbers = sys.modules["jax"].numpy
        floating = numbers.issubdtype(value.dtype, numbers.floating) and value.dtype.itemsize < 8
        return float(numbers.finfo(value.dtype).eps) if floating else 0.0
    if isinstance(value, np.ndarray | np.floating) and value.dtype.kind == "f" and value.dtype.itemsize < 8:
        return float(np.finfo(value.dtype).eps)
    return 0.0


def kind_of(value: Any) -> Callable[[Any], Any]:
    """What makes an array into what ``value`` is; for an array nothing does, a number becomes one again."""
    if is_torch(value):
        return to_traced_torch if value.requires_grad else to_torch
    if is_jax(value):
        return to_jax
    if isinstance(value, np.generic):
        return to_scalar
    return as_it_is if isinstance(value, np.ndarray) else to_number


def to_torch(array: Any) -> Any:
    """A tensor over the same memory."""
    import torch

    return torch.from_numpy(array)


def to_traced_torch(array: Any) -> Any:
    """Likewise, one that requires a gradient."""
    return to_torch(array).requires_grad_()


def to_jax(array: Any) -> Any:
    """An array of JAX: float64 where JAX has it switched on, as it does by itself."""
    import jax.numpy

    return jax.numpy.asarray(array)


def in_x64() -> AbstractContextManager[Any]:
    """JAX in float64, for as long as the context lasts."""
    import jax

    home = jax if hasattr(jax, "enable_x64") else import_module("jax.experimental")  # since 0.8, and before
    context: AbstractContextManager[Any] = home.enable_x64(True)
    return context


def _is_narrow_jax(value: Any) -> bool:
    """Whether an array of JAX holds floating or complex numbers of less than float64."""
    if not is_jax(value):
        return False
    return sys.modules["jax"].numpy.issubdtype(value.dtype, np.inexact) and value.dtype.name not in (
        "float64",
        "complex128",
    )


def in_full(call: Callable[[], Any], suspected: bool) -> tuple[Any, bool]:
    """What ``call`` returns, and whether JAX's x64 was switched on for it.

    That is done where JAX is ``suspected``, or seen in less than float64 in what is returned: it cuts what comes from NumPy
    to float32. Functions that do not take float64 are called as they are.
    """
    if not suspected:
        value = call()
        if not any(map(_is_narrow_jax, leaves(value))):
            return value, False
    with suppress(Exception), in_x64():
        return call(), True
    return call(), False


def to_number(array: Any) -> Any:
    return array.item() if array.ndim == 0 else array


def to_scalar(array: Any) -> Any:
    """A number of numpy's, which has a shape."""
    return array[()]


def as_it_is(array: Any) -> Any:
    return array


def widened(value: Any) -> Any:
    """A floating tensor of torch or JAX in float64; anything else as it is."""
    if not precision(value) or isinstance(value, np.ndarray | np.generic):
        return value
    if is_torch(value):
        return value.double()
    with in_x64():
        return value.astype("float64")


def copied(tensor: Any) -> Any:
    """A private copy of a tensor of torch; those of JAX cannot be written to."""
    return tensor.detach().clone().requires_grad_(tensor.requires_grad)
