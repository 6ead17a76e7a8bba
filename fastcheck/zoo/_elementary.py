"""exp, tanh and the sigmoid in plain arithmetic, which the compiler vectorises: libm is called number by number.

exp(y) = 2^k exp(r), with k the integer nearest to y / ln 2 and r = y - k ln 2, |r| <= ln(2) / 2, where the Taylor series up to
r^13 is exact to rounding (Muller, Elementary Functions, 3rd ed., ch. 11; ln 2 in two parts after Cody and Waite). The
error stays below 4 units in the last place.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

from numba import extending
from numba.core import types

from fastcheck.evaluate.kernels import cached_njit

_LOG2_E = 1.4426950408889634
_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10  # k times the first is exact
_ROUND = 1.5 * 2.0**52  # added, it leaves the nearest integer in the low bits
_ONE = 1023 << 52  # the bits of 1.0
_C2, _C3, _C4, _C5, _C6, _C7, _C8, _C9, _C10, _C11, _C12, _C13 = (1 / math.factorial(k) for k in range(2, 14))
_LOWEST, _HIGHEST = -708.0, 709.0  # beyond them exp is no normal number
_ONE_TO_ROUNDING = 40.0  # tanh is 1 from half of it on

_Function = TypeVar("_Function", bound=Callable[..., Any])

_untyped_intrinsic: Callable[..., Any] = extending.intrinsic


def _intrinsic(define: Callable[..., tuple[Any, Any]]) -> Callable[..., Any]:
    """numba's, with a type: what it makes takes the arguments of ``define`` but for the typing context."""
    function: Callable[..., Any] = _untyped_intrinsic(define)
    return function


def _contracted(function: _Function) -> _Function:
    """Compiled with ``a * b + c`` in one instruction, rounded once."""
    return cached_njit(function, fastmath={"contract"})


def _reinterpreted(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    """The argument's bits, taken for a value of the type returned."""
    return builder.bitcast(args[0], context.get_value_type(signature.return_type))


@_intrinsic
def _bits(typing_context: Any, x: Any) -> tuple[Any, Any]:
    """The bits of a float64 as an int64."""
    return types.int64(types.float64), _reinterpreted


@_intrinsic
def _float(typing_context: Any, bits: Any) -> tuple[Any, Any]:
    """The float64 that has these bits."""
    return types.float64(types.int64), _reinterpreted


@_contracted
def _scale_and_rest(y: float) -> tuple[float, float]:
    """2^k and exp(r) - 1, with which exp(y) = 2^k + 2^k (exp(r) - 1)."""
    shifted = y * _LOG2_E + _ROUND
    k = shifted - _ROUND
    r = (y - k * _LN2_HIGH) - k * _LN2_LOW
    r2 = r * r
    r4 = r2 * r2
    low = (_C2 + _C3 * r) + (_C4 + _C5 * r) * r2
    middle = (_C6 + _C7 * r) + (_C8 + _C9 * r) * r2
    high = (_C10 + _C11 * r) + (_C12 + _C13 * r) * r2
    return _float((_bits(shifted) << 52) + _ONE), r + r2 * (low + r4 * (middle + r4 * high))


@_contracted
def exp(x: float) -> float:
    """e^x; what is no normal number is cut off, at exp(-708) and exp(709)."""
    scale, rest = _scale_and_rest(max(min(x, _HIGHEST), _LOWEST))
    return scale + scale * rest


@_contracted
def tanh(x: float) -> float:
    """(e^2x - 1) / (e^2x + 1), the numerator without cancellation."""
    scale, rest = _scale_and_rest(min(2.0 * abs(x), _ONE_TO_ROUNDING))
    numerator = scale * rest + (scale - 1.0)
    return math.copysign(numerator / (numerator + 2.0), x)


@_contracted
def sigmoid(x: float) -> float:
    """1 / (1 + e^-x)."""
    return 1.0 / (1.0 + exp(-x))
