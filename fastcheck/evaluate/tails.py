"""The tails of a cost in stages, at one theta: sources of J that begin with the states kept there."""

from __future__ import annotations

import time
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from fastcheck.errors import InputError, InputTypeError
from fastcheck.evaluate.compiling import positional
from fastcheck.evaluate.source import Source, source_of
from fastcheck.evaluate.stages import Stages
from fastcheck.problem.arguments import Arguments, require_unchanged
from fastcheck.problem.domain import Domain, inside
from fastcheck.problem.layout import Tensor
from fastcheck.problem.units import units_of
from fastcheck.vectors import Vector

_MOVED = 2.0**-6  # of its unit: what a component is moved by to see whether a tail gives what all of J gives


@dataclass(frozen=True, eq=False)
class Tail:
    """J from one stage on, and the seconds that it takes."""

    source: Source
    seconds: float


def tails_of(source: Source, stages: Stages, theta: Vector) -> tuple[Tail, ...]:
    """Each tail of a cost in stages, with its state at theta.

    Raises
    ------
    InputTypeError
        A stage returns something else than an array, a number, or a tuple of these.
    """
    state, *rest = positional(source.function, source.arguments)
    theta, found = theta.copy(), [source]
    for k, (stage, tail) in enumerate(zip(stages.functions, stages.tails[1:], strict=False)):
        state = _state(stage(theta, state, *rest), k)
        found.append(source_of(tail, Arguments((state, *rest)).private()))
    return tuple(_timed(each, theta) for each in found)


def _timed(source: Source, theta: Vector) -> Tail:
    source.value(theta)
    begin = time.perf_counter()
    source.value(theta)
    return Tail(source, time.perf_counter() - begin)


def _state(value: Any, k: int) -> Any:
    parts = value if isinstance(value, tuple) else (value,)
    for part in parts:
        if not isinstance(part, np.ndarray | Real | np.generic):
            raise InputTypeError(
                f"stage {k} must return an array, a number or a tuple of these, got {type(part).__name__}: "
                "hand on what the next stages need as arrays"
            )
    return value


def require_alike(tails: tuple[Tail, ...], stages: Stages, theta: Vector, domain: Domain | None) -> None:
    """Raise if a tail gives another J than the whole does for a change of its tensors, or writes to its state."""
    units = units_of(theta, stages.layout)
    for tensor in stages.layout.tensors:
        if tensor.size:
            own = tails[int(stages.of_component[tensor.start])]
            for moved in _moved(tensor, theta, units, domain):
                if not _same(tails[0].source, own.source, moved):
                    raise InputError(
                        f"a stage must name every tensor that it reads, got {tensor.name} read before the stage that names "
                        "it: name it in the first stage that reads it"
                    )


def _moved(tensor: Tensor, theta: Vector, units: Vector, domain: Domain | None) -> list[Vector]:
    """Theta with all components of the tensor moved, and with its first and its last."""
    signs = np.where(np.arange(tensor.size) % 2, -1.0, 1.0)
    found = []
    for at in (tensor.slice, slice(tensor.start, tensor.start + 1), slice(tensor.stop - 1, tensor.stop)):
        moved = theta.copy()
        moved[at] += _MOVED * units[at] * signs[: moved[at].size]
        found.append(inside(domain, moved))
    return found


def _same(whole: Source, tail: Source, theta: Vector) -> bool:
    """Whether both give the same bits; a stage that writes to its state is refused."""
    before = tail.arguments.private()
    try:
        values = [float(source.value(theta.copy())) for source in (whole, tail)]
    except (ValueError, ArithmeticError):  # J has no value there, and nothing can be told
        return True
    require_unchanged(tail.arguments.args[:1], before.args[:1], "a stage", "its state")
    return values[0] == values[1] or all(np.isnan(values))
