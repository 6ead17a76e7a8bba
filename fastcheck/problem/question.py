"""What is to be judged and how: the records that every check starts from, made of the callers' arguments by `accept`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from fastcheck.errors import InputError, InputTypeError
from fastcheck.problem.arguments import Arguments
from fastcheck.problem.domain import Domain
from fastcheck.problem.layout import Layout, real_array
from fastcheck.problem.selection import Selection
from fastcheck.problem.units import units_of
from fastcheck.vectors import Vector

if TYPE_CHECKING:
    from distributed import Client

LECTURE = 1e-7  # the step of the lecture
ACCEPT = 1e-7  # the ratio up to which a gradient is right, unless the user says otherwise
BUDGET = 5_000
PROCESSES = "processes"  # what workers= is for processes of our own
CENTRAL, COMPLEX = "central", "complex"  # how slopes are taken: two-sided differences, or the complex step

WorkersOption: TypeAlias = "int | Literal['processes'] | Executor | Client | None"

Steps = float | Vector  # one for all components, or one for each

Gradient = Callable[..., Any] | Vector  # a function, or the gradient itself


@dataclass(frozen=True, eq=False)
class Question:
    """Is this the gradient of this cost, here?

    Attributes
    ----------
    cost : callable
        ``cost(theta, *args, **kwargs)`` gives J, or with ``paired`` J and the gradient.
    grad : callable, or ndarray of float64, shape (n,), or None
        None where only differences are asked for.
    theta : ndarray of float64, shape (n,)
        Contiguous; the caller's own where that serves, and only read.
    layout : Layout
    arguments : Arguments
        The caller's own, only read.
    scale : ndarray of float64, shape (n,), or None
        The typical size of each component, where it was given.
    domain : Domain, or None
        The bounds of theta, where they were given.
    paired : bool
    narrow : tuple of str
        Tensors that were given in less than float64.
    """

    cost: Callable[..., Any]
    grad: Gradient | None
    theta: Vector
    layout: Layout
    arguments: Arguments
    paired: bool = False
    narrow: tuple[str, ...] = ()
    scale: Vector | None = None
    domain: Domain | None = None

    @cached_property
    def units(self) -> Vector:
        """The unit of each component, shape (n,): its typical size as a power of two."""
        width = None if self.domain is None else self.domain.width
        return units_of(self.theta, self.layout, self.scale, width)


@dataclass(frozen=True, eq=False)
class Options:
    """How the question is to be looked at, validated.

    Attributes
    ----------
    selection : Selection
        The components to look at, sorted.
    eps : float, ndarray of float64, shape (n,), "auto" or None
    method : "central" or "complex"
    accept : float
        The ratio up to which a gradient is right.
    workers : int, "processes", Executor, distributed.Client, or None
    chunk : int, or None
        None for what suits the machine and the cost.
    progress : bool, callable or None
    seed : int
        Of random directions.
    budget : int
        Evaluations after which a search ends.
    checkpoint : Path, or None
        Where finished work is kept.
    """

    selection: Selection
    eps: Steps | str | None = None
    method: str = CENTRAL
    accept: float = ACCEPT
    workers: WorkersOption = None
    chunk: int | None = None
    progress: bool | Callable[[int, int], None] | None = None
    seed: int = 0
    budget: int = BUDGET
    checkpoint: Path | None = None


@dataclass(frozen=True, eq=False)
class SecondOfPair:
    """The gradient of a cost that returns (J, gradient)."""

    function: Callable[..., Any]

    def __call__(self, theta: Vector, *args: Any, **kwargs: Any) -> Any:
        return parted(self.function(theta, *args, **kwargs))[1]


def parted(pair: Any) -> tuple[Any, Any]:
    """J and the gradient, as a cost returns them with grad=True."""
    if not (isinstance(pair, tuple | list) and len(pair) == 2):
        raise InputTypeError(
            f"cost must return (J, gradient) with grad=True, got {type(pair).__name__}: return both, or pass grad"
        )
    return pair[0], pair[1]


def gradient_vector(value: Any, layout: Layout) -> Vector:
    """A gradient as a new vector, shape (n,)."""
    if isinstance(value, Mapping):
        return layout.pack(value, "gradient")
    array = real_array(value, "gradient")
    if array.shape != (layout.size,):
        raise InputError(
            f"gradient must have shape ({layout.size},) like theta, got {array.shape}: return one entry per component, or a dict like the parameters"
        )
    return np.array(array, dtype=np.float64)
