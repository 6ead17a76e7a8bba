"""The user's cost with its arguments, as it travels; and the compiled loop over it, built once per process.

A `Source` pickles (with cloudpickle where the cost is a function of the user's main module) and holds nothing that is
compiled: its kernel is found again wherever it arrives.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

import numba
import numpy as np
from numba.core import errors, types
from numba.core.dispatcher import Dispatcher as _Dispatcher

from fastcheck.errors import InputError, InputTypeError, first_line
from fastcheck.evaluate.forms import COMPLEX, REAL, Form, Unfit, returning_complex, with_complex_arrays
from fastcheck.problem.arguments import Arguments
from fastcheck.problem.question import parted
from fastcheck.vectors import Indices, Vector

Dispatcher = Any  # numba's record of a compiled function, whose useful parts have no types
Kind = Any  # a numba type

_tuple: Callable[..., Kind] = types.Tuple
_typeof: Callable[[Any], Kind] = numba.typeof
_KEPT = 64  # compiled costs that a process remembers, tails of costs in stages among them
_ONE_AT_A_TIME = threading.Lock()  # two parallel regions at once abort the process on numba's workqueue layer

RETURN = "return a float (an array's entry or .sum(), not the array)"


@dataclass(frozen=True, eq=False)
class Source:
    """What gives J: ``function(theta, *args, **kwargs)``, or the first of the pair that it returns; at complex theta its imaginary part."""

    function: Callable[..., Any]
    arguments: Arguments
    paired: bool  # the function returns (J, gradient)
    compiled: bool
    parallel: bool
    imaginary: bool = False

    @property
    def form(self) -> Form:
        """In which form theta goes in and J comes out."""
        return COMPLEX if self.imaginary else REAL

    @cached_property
    def kernel(self) -> Kernel:
        """The loop over J, for arguments of these types."""
        return kernel_of(self)

    def of(self, arguments: Arguments) -> Source:
        """The same function with other arguments."""
        return replace(self, arguments=arguments)

    def at_complex(self) -> Source:
        """The same function at complex theta."""
        return replace(self, imaginary=True)

    def own(self, theta: Vector) -> Any:
        """A copy of theta, as the function takes it."""
        return theta.astype(self.form.dtype)

    def value(self, theta: Vector) -> Any:
        """What the function gives for J, whatever that is."""
        return self.kernel.function(theta, *self.kernel.args)

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in vars(self).items() if key != "kernel"}


@dataclass(frozen=True, eq=False)
class Kernel:
    """What runs: the function in the form that the loop takes, its arguments, and the loop's entry."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    entry: Callable[..., None]
    parallel: bool

    def probe(self, theta: Vector, components: Indices, offsets: Vector) -> Vector:
        """J(theta + offsets[k] e_i), i = components[k], for every k; ``theta`` is written to and restored.

        Where theta is complex, Im J(theta + i offsets[k] e_i).

        nan where the cost raises ValueError or ArithmeticError. Any other exception comes as `Raised`.
        """
        components = np.ascontiguousarray(components, dtype=np.int64)  # the entry checks no types
        offsets = np.ascontiguousarray(offsets, dtype=np.float64)
        out, mark = np.empty(components.size), np.array([-1.0, 0.0])
        begin = 0
        while begin < out.size:
            try:
                with turn(self.parallel):
                    self.entry(self.function, theta, self.args, components[begin:], offsets[begin:], out[begin:], mark)
                break
            except Exception as error:
                if mark[0] < 0:  # not of the cost's making
                    raise
                begin += int(mark[0])
                theta[components[begin]] = mark[1]
                if not isinstance(error, ValueError | ArithmeticError):
                    raise Raised(error, int(components[begin]), float(offsets[begin])) from error
                out[begin] = np.nan
                begin, mark[0] = begin + 1, -1.0
        return out


class Raised(Exception):
    """The cost's own exception, and the component and offset at which it came (None: along a direction)."""

    def __init__(self, error: Exception, component: int | None = None, offset: float = 0.0) -> None:
        super().__init__(error, component, offset)
        self.error, self.component, self.offset = error, component, offset


def source_of(function: Callable[..., Any], arguments: Arguments, paired: bool = False) -> Source:
    """The source of J; nothing is compiled yet."""
    return Source(function, arguments, paired, isinstance(function, _Dispatcher), is_parallel(function))


def turn(parallel: bool) -> AbstractContextManager[Any]:
    """A function that numba runs in parallel waits for its turn."""
    return _ONE_AT_A_TIME if parallel else nullcontext()


def is_parallel(function: Callable[..., Any]) -> bool:
    return isinstance(function, _Dispatcher) and bool(function.targetoptions.get("parallel"))


def kernel_of(source: Source) -> Kernel:
    """The kernel of a source.

    Raises
    ------
    InputError, InputTypeError
        The cost cannot be compiled for these arguments, or returns something else than one real number.
    """
    if not source.compiled:
        function = returning_complex(_plain(source)) if source.imaginary else _plain(source)
        return Kernel(function, source.arguments.args, source.form.loop.py_func, False)
    args = positional(source.function, source.arguments)
    kinds = _kinds(args)
    if source.imaginary and not _takes_real(source.function, kinds, source.paired):
        args = with_complex_arrays(args)
        kinds = _kinds(args)
    function, entry, packed = _fitted(source.function, kinds, source.paired, source.form)
    return Kernel(function, (args,) if packed else args, entry, source.parallel)


def _plain(source: Source) -> Callable[..., Any]:
    """A Python function of theta and args."""
    function, kwargs = source.function, source.arguments.kwargs
    if source.paired:
        return lambda theta, *args: parted(function(theta, *args, **kwargs))[0]
    return (lambda theta, *args: function(theta, *args, **kwargs)) if kwargs else function


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
def _takes_real(function: Dispatcher, kinds: tuple[Kind, ...], paired: bool) -> bool:
    """Whether it compiles for complex theta beside arguments as they are; numba's @ takes no real array beside a complex one."""
    try:
        _fitted(function, kinds, paired, COMPLEX)
    except InputError:
        return False
    return True


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
    form.loop.compile(signature)
    return function, form.loop.overloads[signature.args].entry_point, packed


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
        raise InputError(
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
    return said[0].removeprefix(">>> ") if said else first_line(error)
