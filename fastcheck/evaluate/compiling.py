"""An njit cost compiled for its arguments: the function in the form that the loop takes, and the loop's entry."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numba
from numba.core import errors, types

from fastcheck.errors import InputError, InputTypeError, first_line
from fastcheck.evaluate.forms import COMPLEX, REAL, Form, Kind, Unfit, with_complex_arrays
from fastcheck.problem.arguments import Arguments

Dispatcher = Any  # numba's record of a compiled function, whose useful parts have no types

_all_types: Any = types
_tuple: Callable[..., Kind] = types.Tuple
_typeof: Callable[[Any], Kind] = numba.typeof
_KEPT = 64  # compiled costs that a process remembers, tails of costs in stages among them

_NOISE = (
    "Failed in", "During:", "File ", "<source", "^", "There are", "No implementation", "Overload of", "- Of which",
    "Known signatures", "- Resolution", "...",
)  # fmt: skip
_REFUSED = "raised a specific error:"

RETURN = "return a float (an array's entry or .sum(), not the array)"


class NotCompiled(InputError):
    """numba cannot compile the cost for theta and args of these types."""


def compiled(
    function: Dispatcher, args: tuple[Any, ...], paired: bool, form: Form
) -> tuple[Dispatcher, tuple[Any, ...], Callable[..., None]]:
    """The cost in the form that the loop takes, the arguments that go with it, and the loop's entry.

    Raises
    ------
    InputError, InputTypeError
        It cannot be compiled for these arguments, or returns something else than one real number; `Unfit` at complex theta.
    """
    kinds = _kinds(args)
    if form is COMPLEX and _unfit(function, kinds, paired):
        args = with_complex_arrays(args)  # numba's @ takes no real array beside a complex one
        kinds = _kinds(args)
        if seen := _unfit(function, kinds, paired):
            raise Unfit(seen)
    fitted, entry, packed = _fitted(function, kinds, paired, form)
    return fitted, (args,) if packed else args, entry


def positional(function: Dispatcher, arguments: Arguments) -> tuple[Any, ...]:
    """The arguments in the order of the function's parameters: compiled functions are called by position."""
    if not arguments.kwargs:
        return arguments.args
    signature = inspect.signature(function.py_func)
    try:
        bound = signature.bind(None, *arguments.args, **arguments.kwargs)
    except TypeError as error:
        raise InputError(
            f"cost must take theta, {len(arguments.args)} args and kwargs {', '.join(arguments.kwargs)}, got "
            f"{first_line(error)}: make cost, args and kwargs agree"
        ) from error
    bound.apply_defaults()
    if bound.kwargs:
        raise InputError(
            f"an njit cost must take kwargs by position as well, got {', '.join(bound.kwargs)}: "
            "name them before any * in its signature"
        )
    return bound.args[1:]


@lru_cache(maxsize=_KEPT)
def _unfit(function: Dispatcher, kinds: tuple[Kind, ...], paired: bool) -> str:
    """What is seen of a cost that does not compile for complex theta, "" of one that does; numba takes long to say no."""
    try:
        _fitted(function, kinds, paired, COMPLEX)
    except Unfit as error:
        return error.seen
    return ""


@lru_cache(maxsize=_KEPT)
def _fitted(
    function: Dispatcher, kinds: tuple[Kind, ...], paired: bool, form: Form
) -> tuple[Dispatcher, Callable[..., None], bool]:
    """The cost as a dispatcher that fits the kernel, the kernel's entry, and whether args go in as one tuple."""
    if packed := paired or _is_variadic(function):
        function, kinds = _packed(function, paired), (_tuple(kinds),)
    taken = (form.vector, *kinds)
    if not function._can_compile and taken not in function.overloads:
        function = _again(function)  # it was compiled for explicit signatures only
    returned = _returned_at_complex(function, taken) if form is COMPLEX else _returned(function, taken)
    if returned != form.value:
        function = _again(function)
        function.compile(form.value(*taken))  # numba converts the number it returns
    numbers = REAL.vector
    signature = types.void(
        types.FunctionType(form.value(*taken)),
        form.vector,
        _tuple(kinds),
        types.int64[::1],
        numbers,
        numbers,
        numbers,
    )
    loop = form.loop if all(map(_lasts, kinds)) else form.loop_of_process
    loop.compile(signature)
    return function, loop.overloads[signature.args].entry_point, packed


def _lasts(kind: Kind) -> bool:
    """Whether another process can read a cache that knows this type: one that refers to a class of the user's may not find it."""
    if isinstance(kind, _all_types.BaseTuple):
        return not isinstance(kind, _all_types.BaseNamedTuple) and all(map(_lasts, kind.types))
    simple = _all_types.Number, _all_types.Boolean, _all_types.Buffer, _all_types.UnicodeType
    return isinstance(kind, simple)


def _is_variadic(function: Dispatcher) -> bool:
    """Whether it takes ``*args``, which no explicit signature can say."""
    parameters = inspect.signature(function.py_func).parameters.values()
    return any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters)


def _packed(function: Dispatcher, paired: bool) -> Dispatcher:
    """An njit function of theta and of all args in one tuple."""
    options = {key: value for key, value in function.targetoptions.items() if key != "nopython"}

    def value(theta, args):  # type: ignore[no-untyped-def]
        return function(theta, *args)

    def value_first(theta, args):  # type: ignore[no-untyped-def]
        return function(theta, *args)[0]

    return numba.njit(**options)(value_first if paired else value)


def _returned_at_complex(function: Dispatcher, taken: tuple[Kind, ...]) -> Kind:
    """The same for complex theta."""
    try:
        if taken not in function.overloads:
            function.compile(taken)
    except Exception as error:  # numba has no kind of its own for what it cannot do with complex numbers
        raise Unfit(f"{type(error).__name__}: {_cause(error)}") from error
    returned = function.overloads[taken].signature.return_type
    if not isinstance(returned, types.Complex):
        raise Unfit(f"a real number, {returned}" if isinstance(returned, types.Number) else str(returned))
    return returned


def _returned(function: Dispatcher, taken: tuple[Kind, ...]) -> Kind:
    """The type that the cost, compiled for arguments of the types ``taken``, returns: that of a real number."""
    try:
        if taken not in function.overloads:
            function.compile(taken)
    except errors.NumbaError as error:
        raise NotCompiled(
            f"cost must compile with numba for ({', '.join(map(str, taken))}), got {type(error).__name__}: {_cause(error)}: "
            "call cost(theta, *args) yourself to see numba's report"
        ) from error
    except TypeError as error:
        raise InputError(
            f"cost must take theta and {len(taken) - 1} args, got {first_line(error)}: make cost and args agree"
        ) from error
    returned = function.overloads[taken].signature.return_type
    if not isinstance(returned, types.Float | types.Integer):
        raise InputTypeError(f"cost must return one real number, got {returned}: {RETURN}")
    return returned


def _again(function: Dispatcher) -> Dispatcher:
    """The same Python function and options, not compiled yet."""
    return numba.jit(**function.targetoptions)(function.py_func)


def _kinds(args: tuple[Any, ...]) -> tuple[Kind, ...]:
    return tuple(_kind(value, f"args[{i}]") for i, value in enumerate(args))


def _kind(value: Any, what: str) -> Kind:
    """The numba type of one argument."""
    try:
        return _typeof(value)
    except (ValueError, errors.NumbaError) as error:
        raise InputTypeError(
            f"{what} must be of a type that numba knows, got {type(value).__name__}: pass arrays and numbers, or a plain Python cost"
        ) from error


def _cause(error: BaseException) -> str:
    """The line of numba's report that says what is wrong: why all that could be called refused, else the first that is not where numba was."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    reasons = [line.partition("Error: ")[2] for before, line in pairwise(lines) if before.endswith(_REFUSED)]
    if reasons and not any(line.startswith("No match") for line in lines):
        return reasons[-1]
    said = [line for line in lines if not line.startswith(_NOISE)]
    return said[0].removeprefix(">>> ") if said else first_line(error)
