"""A compiled function of another language, given by its address, as a Problem: the loop calls it with no Python in between."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba.core import types
from numba.core.ccallback import CFunc
from scipy import LowLevelCallable

from fastcheck.checks.problem import Problem
from fastcheck.errors import InputError, InputTypeError, shown
from fastcheck.evaluate.address import Address
from fastcheck.evaluate.source import is_parallel, turn
from fastcheck.problem.point import point
from fastcheck.shapes.calls import cost_with_data, plain_cost
from fastcheck.vectors import Vector

_PLAIN, _WITH_DATA = "double (int, double *)", "double (int, double *, void *)"
_FORM = re.compile(r"double\(int,double\*(,[^,()]+\*)?\)")  # user_data may be a pointer to anything
_ANYTHING = ",void*"  # which NULL may serve
_LARGEST = 2**31 - 1  # that an int counts
_NEEDS_PYTHON = 4  # FUNCFLAG_PYTHONAPI of ctypes
_CFunction: Any = ctypes.CFUNCTYPE(None).__base__  # of all functions of ctypes
_Pointer: Any = ctypes.POINTER(ctypes.c_int).__base__  # and of all its pointers
_DOUBLES = ctypes.POINTER(ctypes.c_double)
_OF_CTYPES: dict[Any, str] = {
    ctypes.c_int: "int",
    ctypes.c_double: "double",
    _DOUBLES: "double *",
    ctypes.c_void_p: "void *",
}
_pointer_to: Callable[[Any], Any] = types.CPointer
_OF_NUMBA: dict[Any, str] = {
    types.intc: "int", types.float64: "double", _pointer_to(types.float64): "double *", types.voidptr: "void *",
}  # fmt: skip

# of Python's C interface; functions of our own, as those of ctypes.pythonapi are everybody's
_python: Any = ctypes.pythonapi
_name_of = ctypes.PYFUNCTYPE(ctypes.c_char_p, ctypes.py_object)(("PyCapsule_GetName", _python))
_context_of = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object)(("PyCapsule_GetContext", _python))
_pointer_of = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(("PyCapsule_GetPointer", _python))


def from_pointer(pointer: Any, grad: Any, theta: Any) -> Problem:
    """The problem of a cost that is a C function, called from the compiled loop with no Python in between.

    Parameters
    ----------
    pointer : numba cfunc, ctypes function, or scipy.LowLevelCallable
        ``double f(int n, double *x)`` or ``double f(int n, double *x, void *user_data)``. ``x`` holds the n components
        of theta and must not be written to; where J is undefined the function returns nan. It runs without the
        interpreter's lock, and on several threads at once: one that writes into ``user_data`` needs ``workers=1``. A
        LowLevelCallable may be made of ctypes, cffi, a Cython capsule or a numba cfunc's ``ctypes``, and brings the
        ``user_data``, a pointer to anything; a ``void *`` is NULL otherwise. Of a ctypes function whose ``argtypes`` are not
        set, the arguments cannot be told: it gets ``(n, x)``.
    grad : callable, ndarray of shape (n,), or dict of arrays
        The gradient, or ``grad(theta)`` that returns it.
    theta : ndarray of float64, shape (n,), or dict of arrays
        The parameters; C gets those of a dict joined in its order.

    Returns
    -------
    Problem
        It keeps alive whatever owns the function and its data. It belongs to this process: only threads can work on it.

    Raises
    ------
    InputError, InputTypeError
        The pointer is of another kind or, as far as that can be told, of another signature; or theta cannot be used.

    Examples
    --------
    >>> from numba import carray, cfunc, types
    >>> @cfunc(types.double(types.intc, types.CPointer(types.double)))
    ... def cost(n, x):
    ...     theta = carray(x, n)
    ...     return np.sum(theta * theta)
    >>> from_pointer(cost, lambda theta: 2 * theta, np.ones(3)).check().verdict.name
    'CORRECT'

    A function of a C library:

    >>> cost = ctypes.CDLL("./libcost.so").cost  # doctest: +SKIP
    >>> cost.restype, cost.argtypes = ctypes.c_double, (ctypes.c_int, ctypes.POINTER(ctypes.c_double))  # doctest: +SKIP
    >>> from_pointer(cost, grad, theta).check()  # doctest: +SKIP
    """
    told = _told(pointer)
    takes_data = _takes_data(told)
    if grad is True:
        raise InputTypeError("grad must be a function or an array, got True: a C function returns J alone")
    n = point(theta, None).theta.size
    if n > _LARGEST:
        raise InputError(
            f"theta must have at most {_LARGEST} components, as n is an int in C, got {n}: check a part of it"
        )
    address, data = Address(told.function, pointer), Address(told.user_data, pointer)
    cost, args = (cost_with_data, (address, data)) if takes_data else (plain_cost, (address,))
    return Problem(cost, _OfTheta(grad) if callable(grad) else grad, theta, args)


@dataclass(frozen=True)
class _Told:
    """What a pointer says of itself, and what to do where that is not what it should be."""

    signature: str
    function: int
    user_data: int
    advice: str


@dataclass(frozen=True, eq=False)
class _OfTheta:
    """A gradient that takes theta alone, of a cost that takes addresses as well."""

    grad: Callable[[Vector], Any]

    def __call__(self, theta: Vector, *addresses: Address) -> Any:
        with turn(is_parallel(self.grad)):
            return self.grad(theta)


def _told(pointer: Any) -> _Told:
    if isinstance(pointer, CFunc):
        return _of_cfunc(pointer)
    if isinstance(pointer, _CFunction):
        return _of_ctypes(pointer)
    if isinstance(pointer, LowLevelCallable):
        return _of_low_level(pointer)
    raise InputTypeError(
        f"pointer must be a numba cfunc, a ctypes function or a scipy.LowLevelCallable, got {shown(pointer)}: {_remedy(pointer)}"
    )


def _remedy(pointer: Any) -> str:
    if isinstance(pointer, int | ctypes.c_void_p):
        return "wrap the address, ctypes.CFUNCTYPE(c_double, c_int, POINTER(c_double))(address)"
    if type(pointer).__module__ == "_cffi_backend" or type(pointer).__name__ == "PyCapsule":
        return "wrap what cffi or Cython gives in scipy.LowLevelCallable"
    if isinstance(pointer, ctypes.CDLL):
        return "pass one of its functions"
    if isinstance(pointer, type):
        return "pass a function of that type, made of an address or of a function of Python"
    if callable(pointer):
        return "pass a function of Python, njit or not, to fastcheck.check itself"
    return "pass the function that gives J"


def _of_cfunc(pointer: Any) -> _Told:
    signature = pointer._sig
    kinds = [_name_in_numba(kind) for kind in (signature.return_type, *signature.args)]
    advice = (
        "declare it cfunc(types.double(types.intc, types.CPointer(types.double))), a types.voidptr last for user_data"
    )
    return _Told(_signature(*kinds), pointer.address, 0, advice)


def _name_in_numba(kind: Any) -> str:
    if kind not in _OF_NUMBA and isinstance(kind, types.CPointer):
        return f"{re.split(r'[^a-z0-9]', str(kind.dtype).lower())[0]} *"  # of a record no more than that it is one
    return _OF_NUMBA.get(kind, str(kind))


def _of_ctypes(pointer: Any) -> _Told:
    if type(pointer)._flags_ & _NEEDS_PYTHON:
        raise InputTypeError(
            "pointer must run without the interpreter's lock, got a function of ctypes.PyDLL: load it with ctypes.CDLL"
        )
    arguments = (ctypes.c_int, _DOUBLES) if pointer.argtypes is None else pointer.argtypes
    kinds = [_name_in_c(kind) for kind in (pointer.restype, *arguments)]
    advice = "set restype = c_double and argtypes = (c_int, POINTER(c_double)), a c_void_p last for user_data"
    return _Told(_signature(*kinds), ctypes.cast(pointer, ctypes.c_void_p).value or 0, 0, advice)


def _name_in_c(kind: Any) -> str:
    if getattr(kind, "_dtype_", None) == np.float64:  # numpy.ctypeslib.ndpointer
        return "double *"
    to = getattr(kind, "_type_", None) if isinstance(kind, type) and issubclass(kind, _Pointer) else None
    if kind not in _OF_CTYPES and to is not None:
        return f"{to.__name__} *"
    return _OF_CTYPES.get(kind) or str(getattr(kind, "__name__", "void"))


def _of_low_level(pointer: Any) -> _Told:
    """Of scipy's capsule: its name is the signature, its context the user_data."""
    capsule = tuple.__getitem__(pointer, 0)
    name = _name_of(capsule)
    data = _context_of(capsule) or 0
    signature = "no signature" if name is None else name.decode()
    if data and _bare(signature) == _bare(_PLAIN):
        raise InputTypeError(
            f"pointer must take the user_data that it brings, got {signature}: leave user_data out, or declare {_WITH_DATA}"
        )
    advice = f'declare its types, or name them, LowLevelCallable(..., signature="{_WITH_DATA}")'
    return _Told(signature, _pointer_of(capsule, name) or 0, data, advice)


def _signature(returned: str, *arguments: str) -> str:
    return f"{returned} ({', '.join(arguments)})"


def _bare(signature: str) -> str:
    """A signature without what makes no difference to a call."""
    return re.sub(r"\bconst\b|\s", "", signature)


def _takes_data(told: _Told) -> bool:
    """Whether there is a third argument; the signature has to be one of the two."""
    found = _FORM.fullmatch(_bare(told.signature))
    if found is None:
        raise InputTypeError(
            f"pointer must be of the form {_PLAIN} or {_WITH_DATA}, got {told.signature}: {told.advice}"
        )
    if not told.function:
        raise InputError("pointer must point to a function, got NULL: look whether it was found in its library")
    if found[1] not in (None, _ANYTHING) and not told.user_data:
        raise InputTypeError(
            f"pointer must come with the user_data that it takes, got {told.signature} and none: "
            "wrap both, scipy.LowLevelCallable(function, user_data)"
        )
    return bool(found[1])
