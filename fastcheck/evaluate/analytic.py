"""The user's gradient: called twice at the same theta, on copies, and taken as a vector."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fastcheck.errors import InputError, add_note
from fastcheck.evaluate.source import is_parallel, turn
from fastcheck.problem.arguments import Arguments
from fastcheck.problem.brought import brought
from fastcheck.problem.foreign import array_of, in_full
from fastcheck.problem.question import Question, gradient_vector, precision_of
from fastcheck.problem.selection import Selection
from fastcheck.problem.structure import named
from fastcheck.vectors import Vector, first_difference


@dataclass(frozen=True, eq=False)
class Analytic:
    """The gradient that is to be judged: what the first call returned, and the second; None for an array."""

    first: Vector
    again: Vector | None = None  # None where it is the same to the last bit
    precision: float = 0.0  # the spacing of its numbers at 1, where they are not float64

    def at(self, selection: Selection) -> Analytic:
        """Of the components of a selection."""
        again = None if self.again is None else selection.of(self.again)
        return replace(self, first=selection.of(self.first), again=again)


def analytic_of(question: Question) -> Analytic:
    """The gradient of a question; nan and inf in it are left for the report.

    Raises
    ------
    InputError, InputTypeError
        The gradient has another form than theta, is a view of theta, or modifies theta or its arguments.
    """
    if not callable(question.grad):
        return Analytic(np.empty(0) if question.grad is None else question.grad, None, question.precision)
    first, precision = _returned(question, question.arguments)
    precision = max(precision, brought(question.grad).precision)
    again = called(question, question.arguments)
    return Analytic(first, None if np.array_equal(first, again, equal_nan=True) else again, precision)


def called(question: Question, arguments: Arguments) -> Vector:
    """What the user's function returns with these arguments, as a new vector."""
    return _returned(question, arguments)[0]


def _returned(question: Question, arguments: Arguments) -> tuple[Vector, float]:
    """The same, and its precision."""
    theta, own = question.theta.copy(), arguments.private()
    grad: Any = question.grad
    try:
        with turn(is_parallel(question.cost if question.paired else grad)):
            value, _ = in_full(lambda: own.call(grad, theta), own.holds_jax)
    except Exception as error:
        add_note(error, "raised by grad at the unperturbed theta")
        raise
    index = first_difference(theta, question.theta)
    if index is not None:
        name = question.layout.name(index)
        raise InputError(f"grad must not modify theta, got a change of {name}: copy before you write")
    own.require_unchanged(arguments, "grad")
    told = named(value, question.layout.names)
    parts = map(array_of, told.values() if isinstance(told, Mapping) else [told])
    if any(isinstance(part, np.ndarray) and np.may_share_memory(part, theta) for part in parts):
        raise InputError("grad must return an array of its own, got theta itself or a view of it: return a copy")
    return gradient_vector(told, question.layout), precision_of(told, question.layout)
