"""The user's function accepted, compiled for (theta, args), and vetted: a `Cost` comes out that can be probed.

Vetting runs the cost on copies and compares them afterwards, so a cost that writes where it should not is found out
without harm to the caller's arrays.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import numba
import numpy as np
from numba.core import types
from numba.core.dispatcher import Dispatcher

from fastcheck import kernels
from fastcheck.blas import single_threaded
from fastcheck.errors import InputError, InputTypeError, add_note, first_line
from fastcheck.layout import Layout, Vector

_VECTOR = types.float64[::1]
_RETURN = "return a float (an array's entry or .sum(), not the array)"
_ONE_AT_A_TIME = threading.Lock()  # two parallel regions at once abort the process on numba's workqueue layer


@dataclass(frozen=True)
class Cost:
    """J, ready to be probed at perturbed thetas.

    ``value`` is J at the unperturbed theta, ``seconds`` the time of one evaluation there, ``evaluations`` how many it
    took to find out.
    """

    function: Callable[..., float]
    args: tuple[Any, ...]
    kernel: Callable[..., None] = field(repr=False)
    compiled: bool
    parallel: bool
    value: float = np.nan
    seconds: float = np.nan
    evaluations: int = 0

    def probe(self, theta: Vector, components: np.ndarray, offsets: Vector) -> Vector:
        """J(theta + offsets[k] e_i), i = components[k], for every k; ``theta`` is written to and restored."""
        out = np.empty(components.size)
        with _turn(self.parallel):
            self.kernel(self.function, theta, self.args, components, offsets, out)
        return out


def call(function: Callable[..., Any], theta: Vector, args: tuple[Any, ...]) -> Any:
    """``function(theta, *args)``, in its turn where numba runs it in parallel."""
    with _turn(_is_parallel(function)):
        return function(theta, *args)


def _turn(parallel: bool) -> AbstractContextManager[Any]:
    return _ONE_AT_A_TIME if parallel else nullcontext()


def _is_parallel(function: Callable[..., Any]) -> bool:
    return isinstance(function, Dispatcher) and bool(function.targetoptions.get("parallel"))


def prepare(function: Callable[..., float], theta: Vector, args: tuple[Any, ...], layout: Layout) -> Cost:
    """Accept, compile and vet ``function`` for this theta, shape (n,) float64, and these args.

    Raises
    ------
    InputError, InputTypeError
        The cost cannot be compiled for these args, returns something else than one finite real number, returns
        another number the second time, or modifies theta or args.
    """
    if not callable(function):
        raise InputTypeError(
            f"cost must be a function cost(theta, *args) -> float, got {type(function).__name__}: pass the function itself"
        )
    if not isinstance(args, tuple):
        raise InputTypeError(
            f"args must be a tuple, got {type(args).__name__}: write args=(X, Y), and args=(X,) for one"
        )
    args = private(args)
    compiled = isinstance(function, Dispatcher)
    if compiled:
        fitting, kernel = _compile(function, args)
        cost = Cost(fitting, args, kernel, True, _is_parallel(function))
    else:
        cost = Cost(function, args, kernels.probe.py_func, False, False)
    single_threaded.meet(function)
    with single_threaded.hold():
        return _vet(cost, theta, layout)


def revalue(cost: Cost, theta: Vector, args: tuple[Any, ...]) -> Cost:
    """The vetted cost with new values of args, at another theta."""
    own_args = private(args)
    with single_threaded.hold(), _turn(cost.parallel):
        value, seconds = _evaluate(cost.function, theta.copy(), own_args)
    _require_finite_value(value)
    return replace(cost, args=own_args, value=value, seconds=seconds, evaluations=1)


def _compile(function: Dispatcher, args: tuple[Any, ...]) -> tuple[Dispatcher, Callable[..., None]]:
    """The cost as a dispatcher that fits the kernel, and the kernel's entry for costs with these kinds of args."""
    kinds = types.Tuple([_kind(value, f"args[{i}]") for i, value in enumerate(args)])
    taken = (_VECTOR, *kinds.types)
    if not function._can_compile and taken not in function.overloads:
        function = _again(function)  # it was compiled for explicit signatures only
    returned = _returned(function, taken)
    if not isinstance(returned, types.Float | types.Integer):
        raise InputTypeError(f"cost must return one real number, got {returned}: {_RETURN}")
    if returned != types.float64:
        function = _again(function)
        function.compile(types.float64(*taken))  # numba converts the number it returns
    kernel_signature = types.void(
        types.FunctionType(types.float64(*taken)), _VECTOR, kinds, types.int64[::1], _VECTOR, _VECTOR
    )
    kernels.probe.compile(kernel_signature)
    return function, kernels.probe.overloads[kernel_signature.args].entry_point


def _returned(function: Dispatcher, taken: tuple[types.Type, ...]) -> types.Type:
    """The type that the cost, compiled for arguments of the types ``taken``, returns."""
    try:
        if taken not in function.overloads:
            function.compile(taken)
    except numba.core.errors.NumbaError as error:
        raise InputError(
            f"cost must compile with numba for ({', '.join(map(str, taken))}), got {type(error).__name__}: {_cause(error)}: "
            "call cost(theta, *args) yourself to see numba's report"
        ) from error
    except TypeError as error:
        raise InputError(
            f"cost must take theta and {len(taken) - 1} args, got {first_line(error)}: make cost and args agree"
        ) from error
    return function.overloads[taken].signature.return_type


def _again(function: Dispatcher) -> Dispatcher:
    """The same Python function and options, not compiled yet."""
    return numba.jit(**function.targetoptions)(function.py_func)


def _kind(value: Any, what: str) -> types.Type:
    """The numba type of one argument."""
    try:
        return numba.typeof(value)
    except (ValueError, numba.core.errors.NumbaError) as error:
        raise InputTypeError(
            f"{what} must be of a type that numba knows, got {type(value).__name__}: pass arrays and numbers, or a plain Python cost"
        ) from error


def _cause(error: BaseException) -> str:
    """The line of numba's report that says what is wrong; its first lines only say where numba was."""
    lines = [line.strip() for line in str(error).splitlines()]
    noise = (
        "Failed in",
        "During:",
        "File ",
        "<source",
        "^",
        "There are",
        "No implementation",
        "Overload of",
        "- Of which",
        "Known signatures",
        "...",
    )
    said = [line for line in lines if line and not line.startswith(noise)]
    return said[0] if said else first_line(error)


def _vet(cost: Cost, theta: Vector, layout: Layout) -> Cost:
    """Evaluate J twice at a copy of theta; return the cost with its value and time."""
    work, args = theta.copy(), private(cost.args)
    with _turn(cost.parallel):
        first, seconds_first = _evaluate(cost.function, work, args)
        again, seconds = _evaluate(cost.function, work, args)
    index = first_difference(work, theta)
    if index is not None:
        raise InputError(f"cost must not modify theta, got a change of {layout.name(index)}: copy before you write")
    require_unchanged(args, cost.args, "cost")
    _require_finite_value(first)
    if first != again:
        raise InputError(
            f"cost must be repeatable, got {first!r} and then {again!r} at the same theta: switch dropout off or fix its mask, "
            "and seed any generator inside the cost"
        )
    return replace(cost, value=first, seconds=min(seconds_first, seconds), evaluations=2)


def _require_finite_value(value: float) -> None:
    if not math.isfinite(value):
        raise InputError(f"J(theta) must be finite, got {value}: start from parameters at which the cost is defined")


def _evaluate(function: Callable[..., float], theta: Vector, args: tuple[Any, ...]) -> tuple[float, float]:
    """J and the seconds it took; the cost's own exception passes, with a note."""
    begin = time.perf_counter()
    try:
        value = function(theta, *args)
    except Exception as error:
        add_note(error, "raised by the cost at the unperturbed theta")
        raise
    seconds = time.perf_counter() - begin
    array = np.asarray(value)
    if array.ndim or array.dtype.kind not in "fiu":
        described = f"an array of shape {array.shape}" if array.ndim else type(value).__name__
        raise InputTypeError(f"cost must return one real number, got {described}: {_RETURN}")
    return float(array), seconds


def first_difference(vector: Vector, other: Vector) -> int | None:
    """The index of the first component that differs in value, or None."""
    different = np.flatnonzero(vector != other)
    return int(different[0]) if different.size else None


def private(value: Any) -> Any:
    """``value`` with every array in it (through tuples, lists and dicts) copied; other objects are shared."""
    if isinstance(value, np.ndarray):
        return value.copy(order="K")
    if isinstance(value, tuple):
        items = [private(item) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
    if isinstance(value, list):
        return [private(item) for item in value]
    if isinstance(value, dict):
        return {key: private(item) for key, item in value.items()}
    return value


def require_unchanged(used: Any, original: Any, who: str, what: str = "args") -> None:
    """Raise if an array in ``used`` is no longer that in ``original``; says which."""
    if isinstance(original, np.ndarray):
        if not _same(used, original):
            raise InputError(f"{who} must not modify its arguments, got a change of {what}: copy before you write")
    elif isinstance(original, tuple | list):
        if len(used) != len(original):
            raise InputError(f"{who} must not modify its arguments, got a change of {what}: copy before you write")
        for i, (item, before) in enumerate(zip(used, original, strict=True)):
            require_unchanged(item, before, who, f"{what}[{i}]")
    elif isinstance(original, dict):
        if used.keys() != original.keys():
            raise InputError(f"{who} must not modify its arguments, got a change of {what}: copy before you write")
        for key, before in original.items():
            require_unchanged(used[key], before, who, f"{what}[{key!r}]")


def _same(array: np.ndarray, other: np.ndarray) -> bool:
    if array.shape != other.shape:
        return False
    return np.array_equal(array, other, equal_nan=array.dtype.kind in "fc")
