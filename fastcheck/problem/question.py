"""What is to be judged and how: the records that every check starts from, made of the callers' arguments by `accept`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np

from fastcheck.errors import InputError, InputTypeError
from fastcheck.problem.arguments import Arguments
from fastcheck.problem.brought import Note, brought
from fastcheck.problem.domain import Domain
from fastcheck.problem.foreign import precision
from fastcheck.problem.layout import Layout, real_array
from fastcheck.problem.point import Point, Structured, StructuredGradient
from fastcheck.problem.selection import Selection
from fastcheck.problem.structure import named
from fastcheck.problem.typed import ProgressOption, WorkersOption
from fastcheck.problem.units import units_of
from fastcheck.vectors import Vector

LECTURE = 1e-7  # the step of the lecture
ACCEPT = 1e-7  # the ratio up to which a gradient is right, unless the user says otherwise
BUDGET = 5_000
PROCESSES = "processes"  # what workers= is for processes of our own
CENTRAL: Final = "central"  # how slopes are taken: two-sided differences, or
COMPLEX: Final = "complex"  # the complex step

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
    at : Point
        Theta, and what it came in; only read.
    arguments : Arguments
        The caller's own, only read.
    scale : ndarray of float64, shape (n,), or None
        The typical size of each component, where it was given.
    domain : Domain, or None
        The bounds of theta, where they were given.
    paired : bool
    precision : float
        Of a gradient that is given as it is: see `precision_of`.
    """

    cost: Callable[..., Any]
    grad: Gradient | None
    at: Point
    arguments: Arguments
    paired: bool = False
    scale: Vector | None = None
    domain: Domain | None = None
    precision: float = 0.0

    @property
    def theta(self) -> Vector:
        """Shape (n,), float64, contiguous; the caller's own where that serves."""
        return self.at.theta

    @property
    def layout(self) -> Layout:
        return self.at.layout

    @property
    def notes(self) -> tuple[Note, ...]:
        """What a report is to say of how cost and gradient were made."""
        functions = {"cost": self.cost, "grad": self.grad}
        tried = {
            who: f for who, f in functions.items() if isinstance(f, Structured | StructuredGradient) and f.by_trial
        }
        given = "" if self.at.structure is None else type(self.at.structure.template).__name__
        said = f"the parameters went to {' and '.join(tried)} as they were given, a {given}."
        return brought(self.cost).notes + ((Note("structure", said),) if tried else ())

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
    progress: ProgressOption = None
    seed: int = 0
    budget: int = BUDGET
    checkpoint: Path | None = None


@dataclass(frozen=True, eq=False)
class SecondOfPair:
    """The gradient of a cost that returns (J, gradient)."""

    function: Callable[..., Any]

    def __call__(self, theta: Vector, *args: Any, **kwargs: Any) -> Any:
        gradient = parted(self.function(theta, *args, **kwargs))[1]
        return self.function.structure.gradient(gradient) if isinstance(self.function, Structured) else gradient


def parted(pair: Any) -> tuple[Any, Any]:
    """J and the gradient, as a cost returns them with grad=True."""
    if not (isinstance(pair, tuple | list) and len(pair) == 2):
        raise InputTypeError(
            f"cost must return (J, gradient) with grad=True, got {type(pair).__name__}: return both, or pass grad"
        )
    return pair[0], pair[1]


def precision_of(value: Any, layout: Layout) -> float:
    """The relative spacing of a gradient's numbers, of the coarsest type in it; 0 where all of it is float64."""
    told = named(value, layout.names)
    parts = told.values() if isinstance(told, Mapping) else [told]
    return max(map(precision, parts), default=0.0)


def gradient_vector(value: Any, layout: Layout) -> Vector:
    """A gradient as a new vector, shape (n,)."""
    told = named(value, layout.names)
    if isinstance(told, Mapping):
        for name in (name for name, leaf in told.items() if leaf is None):
            raise InputTypeError(f"gradient {name!r} must be an array, got None: return zeros where J stands still")
        return layout.pack(told, "gradient")
    array = real_array(told, "gradient")
    whole = layout.tensors[0].shape if len(layout.tensors) == 1 else None  # the one tensor in its own shape, a number
    if array.shape not in ((layout.size,), whole) and not array.size == layout.size == 1:
        raise InputError(
            f"gradient must have shape ({layout.size},) like theta, got {array.shape}: return one entry per component, or a dict like the parameters"
        )
    return np.array(array.ravel(), dtype=np.float64)
