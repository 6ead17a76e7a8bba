"""The user's cost with its arguments, as it travels; and the compiled loop over it, built once per process.

A `Source` pickles (with cloudpickle where the cost is a function of the user's main module) and holds nothing that is
compiled: its kernel is found again wherever it arrives.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numba.core.dispatcher import Dispatcher as _Dispatcher

from fastcheck.errors import InputError
from fastcheck.evaluate.compiling import compiled, positional
from fastcheck.evaluate.forms import COMPLEX, REAL, Form, returning_complex
from fastcheck.problem.arguments import Arguments
from fastcheck.problem.brought import is_made
from fastcheck.problem.foreign import array_of, in_full, in_x64
from fastcheck.problem.question import parted
from fastcheck.vectors import Indices, Vector

_ONE_AT_A_TIME = threading.Lock()  # two parallel regions at once abort the process on numba's workqueue layer


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
    def compilable(self) -> bool:
        """Whether it is the user's own to compile."""
        return not self.compiled and not is_made(self.function)

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
                if not has_no_value(error):
                    raise Raised(error, int(components[begin]), float(offsets[begin])) from error
                out[begin] = np.nan
                begin, mark[0] = begin + 1, -1.0
        return out


class Raised(Exception):
    """The cost's own exception, and the component and offset at which it came (None: along a direction)."""

    def __init__(self, error: Exception, component: int | None = None, offset: float = 0.0) -> None:
        super().__init__(error, component, offset)
        self.error, self.component, self.offset = error, component, offset


def has_no_value(error: Exception) -> bool:
    """Whether the cost says that J has no value there; what says that the cost cannot be used is ours."""
    return isinstance(error, ValueError | ArithmeticError) and not isinstance(error, InputError)


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
    args = tuple(map(array_of, positional(source.function, source.arguments)))
    return Kernel(*compiled(source.function, args, source.paired, source.form), source.parallel)


def _plain(source: Source) -> Callable[..., Any]:
    """A Python function of theta and args, whose J is a number of Python's or NumPy's; the first call tells whether it is JAX's."""
    function, kwargs, paired = source.function, source.arguments.kwargs, source.paired
    in_jax: bool | None = None

    def value(theta: Vector, *args: Any) -> Any:
        nonlocal in_jax
        if in_jax is None:
            returned, in_jax = in_full(lambda: function(theta, *args, **kwargs), source.arguments.holds_jax)
        elif in_jax:
            with in_x64():
                returned = function(theta, *args, **kwargs)
        else:
            returned = function(theta, *args, **kwargs)
        return array_of(parted(returned)[0] if paired else returned)

    return value
