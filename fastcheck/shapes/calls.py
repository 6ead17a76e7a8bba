"""njit costs that call a C function at an address, by C's rules for calls and with no Python in between."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import extending
from numba.core import types

from fastcheck.evaluate.kernels import cached_njit
from fastcheck.vectors import Vector

_untyped_intrinsic: Callable[..., Any] = extending.intrinsic


def _intrinsic(define: Callable[..., tuple[Any, Any]]) -> Callable[..., float]:
    """numba's, with a type: what it makes takes the arguments of ``define`` but for the typing context."""
    function: Callable[..., float] = _untyped_intrinsic(define)
    return function


def _called(context: Any, builder: Any, signature: Any, values: Any) -> Any:
    """J, of the function at an address, by C's rules for calls."""
    address, theta, *data = values
    double, anything = ir.DoubleType(), ir.IntType(8).as_pointer()
    x = context.make_array(signature.args[1])(context, builder, theta)
    given = [builder.trunc(x.nitems, ir.IntType(32)), x.data, *(builder.inttoptr(value, anything) for value in data)]
    function = ir.FunctionType(double, [value.type for value in given]).as_pointer()
    extended = {0: ("signext",)}  # some machines pass an int in a wider register, whole
    return builder.call(builder.inttoptr(address, function), given, arg_attrs=extended)


def _require_doubles(theta: Any) -> None:
    if theta.dtype != types.float64:
        raise TypeError(f"a C function of doubles takes no theta of {theta.dtype}")


@_intrinsic
def _value(typing_context: Any, function: Any, theta: Any) -> tuple[Any, Any]:
    _require_doubles(theta)
    return types.float64(types.int64, types.float64[::1]), _called


@_intrinsic
def _value_with_data(typing_context: Any, function: Any, theta: Any, user_data: Any) -> tuple[Any, Any]:
    _require_doubles(theta)
    return types.float64(types.int64, types.float64[::1], types.int64), _called


@cached_njit
def plain_cost(theta: Vector, function: int) -> float:
    return _value(function, theta)


@cached_njit
def cost_with_data(theta: Vector, function: int, user_data: int) -> float:
    return _value_with_data(function, theta, user_data)
