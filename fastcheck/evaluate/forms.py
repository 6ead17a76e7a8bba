"""In which form a cost takes theta and gives J: real, or complex for the complex step; and arguments that fit complex ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba.core import types

from fastcheck.errors import InputTypeError
from fastcheck.evaluate import kernels

Kind = Any  # a numba type


@dataclass(frozen=True, eq=False)
class Form:
    """What the loop over J is compiled for.

    Attributes
    ----------
    dtype : type
        Of theta.
    vector, value : numba types
        Of theta and of J.
    loop : njit function
        With numba's disk cache, which all processes share.
    loop_of_process : njit function
        The same without.
    """

    dtype: type[np.generic]
    vector: Kind
    value: Kind
    loop: Any
    loop_of_process: Any


REAL = Form(np.float64, types.float64[::1], types.float64, kernels.probe, kernels.probe_of_process)
COMPLEX = Form(
    np.complex128, types.complex128[::1], types.complex128, kernels.probe_complex, kernels.probe_complex_of_process
)


class Unfit(InputTypeError):
    """A cost that cannot be evaluated at complex theta, or gives no complex number there; ``seen`` is what it gives."""

    def __init__(self, seen: str) -> None:
        self.seen = " ".join(seen.split())
        super().__init__(
            f'cost must take complex theta and return a complex number with method="complex", got {self.seen}: '
            "leave method out, or write it without abs, comparisons, .real and functions of real numbers only"
        )

    def __reduce__(self) -> tuple[type[Unfit], tuple[str]]:
        return Unfit, (self.seen,)


def complex_number(value: Any) -> Any:
    """J at complex theta.

    Raises
    ------
    Unfit
        It is no complex number.
    """
    array = np.asarray(None if isinstance(value, tuple | list) else value)
    if array.ndim or array.dtype.kind != "c":
        kind = "a real number, " if array.dtype.kind in "bfiu" else ""
        raise Unfit(f"an array of shape {array.shape}" if array.ndim else f"{kind}{type(value).__name__}")
    return value


def returning_complex(function: Callable[..., Any]) -> Callable[..., Any]:
    """A plain Python cost that is held to it."""
    return lambda theta, *args: complex_number(function(theta, *args))


def with_complex_arrays(value: Any) -> Any:
    """``value`` with every array of real floats in it, through tuples, as complex128: numba multiplies no two types."""
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        return value.astype(np.complex128, order="K")
    if isinstance(value, tuple):
        items = [with_complex_arrays(item) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
    return value
