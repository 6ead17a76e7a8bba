"""Elementary functions for njit costs, in plain arithmetic that the compiler vectorises: libm is called number by number.

exp(y) = 2^k exp(r), with k the integer nearest to y / ln 2 and r = y - k ln 2, abs(r) <= ln(2) / 2, where the Taylor series up
to r^13 is exact to rounding (Muller, Elementary Functions, 3rd ed., ch. 11; ln 2 in two parts after Cody and Waite).
log(2^k m) = k ln 2 + 2 atanh((m - 1) / (m + 1)), m between sqrt(1/2) and sqrt(2), with the series of atanh; the others are
made of these. For a float64 or an array of them, of any shape; every result is within 4 units in the last place over all
of float64, infinities, nan and subnormal numbers included. Complex numbers are taken as well, one by one, for complex steps.

>>> from fastcheck.functions import tanh  # in an njit cost: tanh(X @ W + b)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numba import extending
from numba.core import types

from fastcheck.evaluate.kernels import cached_njit

_LOG2_E = 1.4426950408889634
_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10  # k times the first is exact
_ROUND = 1.5 * 2.0**52  # added, it leaves the nearest integer in the low bits
_ONE = 1023 << 52  # the bits of 1.0
_FRACTION = (1 << 52) - 1  # the bits behind the point
_HALF_ROOT = 0x3FE6A09E667F3BCD  # the bits of sqrt(1/2)
_TO_HALF = 1.5 - math.sqrt(2.0)  # from sqrt(2) - 1
_C2, _C3, _C4, _C5, _C6, _C7, _C8, _C9, _C10, _C11, _C12, _C13 = (1 / math.factorial(k) for k in range(2, 14))
_A3, _A5, _A7, _A9, _A11, _A13, _A15, _A17, _A19, _A21 = (1 / k for k in range(3, 22, 2))
_LOWEST, _HIGHEST = -746.0, 710.0  # beyond them exp is 0 and inf
_ONE_TO_ROUNDING = 40.0  # tanh is 1 from half of it on, expm1 is -1 below its negative
_LEAST_NORMAL = 2.0**-1022
_CONTRACT = {"contract"}
_RAISED, _RAISED_BY = 2.0**54, 54.0  # what makes a subnormal number normal

_Function = TypeVar("_Function", bound=Callable[..., Any])

_untyped_intrinsic: Callable[..., Any] = extending.intrinsic


def _intrinsic(define: Callable[..., tuple[Any, Any]]) -> Callable[..., Any]:
    """numba's, with a type: what it makes takes the arguments of ``define`` but for the typing context."""
    function: Callable[..., Any] = _untyped_intrinsic(define)
    return function


def _contracted(function: _Function) -> _Function:
    """Compiled with ``a * b + c`` in one instruction, rounded once; inlined, as only loops without calls are vectorised."""
    return cached_njit(function, fastmath=_CONTRACT, inline="always")


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
def _parts(y: float) -> tuple[float, float]:
    """k and exp(r) - 1, with which exp(y) = 2^k (1 + exp(r) - 1)."""
    k = (y * _LOG2_E + _ROUND) - _ROUND
    r = (y - k * _LN2_HIGH) - k * _LN2_LOW
    r2 = r * r
    r4 = r2 * r2
    low = (_C2 + _C3 * r) + (_C4 + _C5 * r) * r2
    middle = (_C6 + _C7 * r) + (_C8 + _C9 * r) * r2
    high = (_C10 + _C11 * r) + (_C12 + _C13 * r) * r2
    return k, r + r2 * (low + r4 * (middle + r4 * high))


@_contracted
def _power(k: float) -> float:
    """2^k for an integer k from -1022 to 1023."""
    power: float = _float((_bits(k + _ROUND) << 52) + _ONE)
    return power


@_contracted
def _exp(x: float) -> float:
    k, rest = _parts(max(min(x, _HIGHEST), _LOWEST))
    half = (0.5 * k + _ROUND) - _ROUND
    first = _power(half)
    value = (first + first * rest) * _power(k - half)  # 2^k may be no normal number
    return x if x != x else value


@_contracted
def _expm1(x: float) -> float:
    k, rest = _parts(max(min(x, _HIGHEST), -_ONE_TO_ROUNDING))
    half = (0.5 * k + _ROUND) - _ROUND
    first = _power(half)
    second = _power(k - half)
    value = (first * rest + (first - 1.0 / second)) * second
    return x if x != x or x == 0.0 else value


@_contracted
def _tanh(x: float) -> float:
    """(e^2x - 1) / (e^2x + 1), the numerator without cancellation."""
    k, rest = _parts(min(2.0 * abs(x), _ONE_TO_ROUNDING))
    scale = _power(k)
    numerator = scale * rest + (scale - 1.0)
    return x if x != x else math.copysign(numerator / (numerator + 2.0), x)


@_contracted
def _sigmoid(x: float) -> float:
    """1 / (1 + e^-x), or e^x / (1 + e^x) below 0, where that is small."""
    small = _exp(-abs(x))
    return (1.0 if x >= 0.0 else small) / (1.0 + small)


@_contracted
def _log_of(n: float, f: float) -> float:
    """log(2^n (1 + f)), f between sqrt(1/2) - 1 and sqrt(2) - 1."""
    s = f / (2.0 + f)
    z = s * s
    z2 = z * z
    low = (_A3 + _A5 * z) + (_A7 + _A9 * z) * z2
    high = (_A11 + _A13 * z) + (_A15 + _A17 * z) * z2 + (_A19 + _A21 * z) * (z2 * z2)
    rest = 2.0 * s * z * (low + z2 * z2 * high)
    return n * _LN2_HIGH + (2.0 * s + (rest + n * _LN2_LOW))


@_contracted
def _log(x: float) -> float:
    tiny = x < _LEAST_NORMAL
    above = _bits(x * _RAISED if tiny else x) - _HALF_ROOT
    n = float(above >> 52) - (_RAISED_BY if tiny else 0.0)
    value = _log_of(n, _float((above & _FRACTION) + _HALF_ROOT) - 1.0)
    value = -math.inf if x == 0.0 else value
    value = math.nan if x < 0.0 else value
    return x if x != x or x == math.inf else value


@_contracted
def _log1p(x: float) -> float:
    """log(u) and what u = 1 + x lost, over u."""
    u = 1.0 + x
    lost = (x - (u - 1.0)) if x < 1.0 else (1.0 - (u - x))
    value = _log(u) + lost / u
    value = x if u == 1.0 or x == math.inf else value
    return -math.inf if x == -1.0 else value


@_contracted
def _softplus(x: float) -> float:
    """log(1 + e^x)."""
    u = _exp(-abs(x))
    n = (u + _TO_HALF + _ROUND) - _ROUND  # 1 where 1 + u is above sqrt(2), and no branch
    value = max(x, 0.0) + _log_of(n, u - 0.5 * n * (u + 1.0))
    return x if x != x else value


# The same of complex numbers, for complex steps: z = x + iy, where y may be far less than x's last place.


@cached_njit
def _exp_of_complex(z: complex) -> complex:
    size = _exp(z.real)
    return complex(size * math.cos(z.imag), 0.0 if z.imag == 0.0 else size * math.sin(z.imag))


@cached_njit
def _expm1_of_complex(z: complex) -> complex:
    half = math.sin(0.5 * z.imag)
    return complex(_expm1(z.real) * math.cos(z.imag) - 2.0 * half * half, _exp_of_complex(z).imag)


@cached_njit
def _log_of_complex(z: complex) -> complex:
    return complex(_log(math.hypot(z.real, z.imag)), math.atan2(z.imag, z.real))


@cached_njit
def _log1p_of_complex(z: complex) -> complex:
    u = 1.0 + z.real
    if z.real <= -0.5:  # nothing is lost in u
        return _log_of_complex(complex(u, z.imag))
    beside = z.imag / u
    return complex(_log1p(z.real) + 0.5 * _log1p(beside * beside), math.atan2(z.imag, u))


@cached_njit
def _tanh_of_complex(z: complex) -> complex:
    w = -2.0 * (z if z.real >= 0.0 else -z)
    value = -_expm1_of_complex(w) / (1.0 + _exp_of_complex(w))
    return value if z.real >= 0.0 else -value


@cached_njit
def _sigmoid_of_complex(z: complex) -> complex:
    small = _exp_of_complex(-z if z.real >= 0.0 else z)
    return (1.0 if z.real >= 0.0 else small) / (1.0 + small)


@cached_njit
def _softplus_of_complex(z: complex) -> complex:
    rest = _log1p_of_complex(_exp_of_complex(-z if z.real >= 0.0 else z))
    return z + rest if z.real >= 0.0 else rest


def _rename(function: Callable[..., Any], name: str) -> None:
    """Give it a name of its own: numba's linker tells functions that come from its disk cache apart by nothing else."""
    function.__name__ = function.__qualname__ = name


def _applied(real: Callable[[float], float], at_complex: Callable[[complex], complex]) -> Callable[..., Any]:
    """A function that takes a number, or an array number by number in a loop that is vectorised."""

    def apply(x: Any) -> Any:
        raise NotImplementedError("compiled code only")

    def implementation(x):  # type: ignore[no-untyped-def]  # numba compares the parameters
        is_complex = isinstance(getattr(x, "dtype", x), types.Complex)
        scalar: Callable[..., Any] = at_complex if is_complex else real
        number, kind = (complex, np.complex128) if is_complex else (float, np.float64)

        def of_number(x):  # type: ignore[no-untyped-def]
            return scalar(number(x))

        def of_array(x):  # type: ignore[no-untyped-def]
            values = np.ascontiguousarray(x).reshape(-1)
            out = np.empty(values.size, kind)
            for i in range(values.size):
                out[i] = scalar(number(values[i]))
            return out.reshape(x.shape)

        _rename(of_number, f"{scalar.__name__}_number")
        _rename(of_array, f"{scalar.__name__}_array")
        if isinstance(x, types.Array):
            return of_array
        return of_number if isinstance(x, types.Number) else None

    # Found by this name wherever a cost that calls it travels: what is pickled by value is no longer the one overloaded.
    _rename(apply, f"_of{real.__name__}")
    extending.overload(apply, jit_options={"fastmath": _CONTRACT})(implementation)
    return apply


_of_exp, _of_expm1 = _applied(_exp, _exp_of_complex), _applied(_expm1, _expm1_of_complex)
_of_log, _of_log1p = _applied(_log, _log_of_complex), _applied(_log1p, _log1p_of_complex)
_of_tanh, _of_sigmoid = _applied(_tanh, _tanh_of_complex), _applied(_sigmoid, _sigmoid_of_complex)
_of_softplus = _applied(_softplus, _softplus_of_complex)


@cached_njit
def exp(x: Any) -> Any:
    """e^x."""
    return _of_exp(x)


@cached_njit
def expm1(x: Any) -> Any:
    """e^x - 1, without cancellation where x is small."""
    return _of_expm1(x)


@cached_njit
def log(x: Any) -> Any:
    """The natural logarithm; nan below 0, -inf at 0."""
    return _of_log(x)


@cached_njit
def log1p(x: Any) -> Any:
    """log(1 + x), without cancellation where x is small; nan below -1, -inf there."""
    return _of_log1p(x)


@cached_njit
def tanh(x: Any) -> Any:
    """The hyperbolic tangent."""
    return _of_tanh(x)


@cached_njit
def sigmoid(x: Any) -> Any:
    """1 / (1 + e^-x)."""
    return _of_sigmoid(x)


@cached_njit
def softplus(x: Any) -> Any:
    """log(1 + e^x), which overflows nowhere."""
    return _of_softplus(x)
