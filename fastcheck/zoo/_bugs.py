"""Deliberate bugs: what goes wrong in hand-written backpropagation, by name.

Some are flaws that a network's own backward pass knows by number, the others spoil the gradient it returned, tensor by
tensor. Every network's module holds its table, `BUGS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import EllipsisType
from typing import Any

import numpy as np

from fastcheck.errors import InputError, nearest
from fastcheck.problem.layout import Layout
from fastcheck.zoo._layers import Array

Arrays = dict[str, Array]

KINDS = {
    "scale": "a tensor is a factor times what it should be; or row by row, or column by column, its own factor",
    "sign": "a tensor has the wrong sign",
    "zero": "a tensor is never written",
    "transpose": "a tensor's values lie in transposed order",
    "order": "a tensor's values lie in another order: flattened otherwise, its blocks exchanged",
    "reverse": "a tensor's values lie backwards along an axis, or several",
    "shift": "a tensor's values lie one row, column or entry further",
    "swap": "two tensors are exchanged",
    "regularisation": "the L2 term is missing, doubled, or where the cost has none",
    "row": "a tensor is wrong in a few rows only",
    "column": "a tensor is wrong in a few columns only",
    "component": "a tensor is wrong in a single component",
    "partial": "a tensor is the gradient of some examples or time steps only",
    "clip": "a tensor's large components are cut off",
    "upstream": "the delta passed backwards is wrong: several tensors are, without a simple pattern",
    "local": "one tensor alone is wrong, throughout and without a simple pattern",
}

_DEFAULT_L2 = 0.01  # where a bug is about the L2 term and none was asked for


@dataclass(frozen=True)
class Given:
    """What the gradient was taken of, for mistakes that need to know; of args, y is the second and l2 the last."""

    params: Arrays
    args: tuple[Any, ...]

    @property
    def examples(self) -> int:
        return int(self.args[1].shape[-1])

    @property
    def l2(self) -> float:
        return float(self.args[-1])


Spoil = Callable[[Arrays, Given], None]


@dataclass(frozen=True)
class Bug:
    """One mistake: the kind of finding to state for it, in words, and how it is made.

    ``flaw`` is what the backward pass is told, 0 for nothing; ``spoil`` changes the tensors of the gradient in place.
    """

    kind: str
    words: str
    flaw: int = 0
    spoil: Spoil | None = None
    needs_l2: bool = False

    def l2(self, asked: float) -> float:
        """The coefficient to take: one at which the bug shows."""
        return _DEFAULT_L2 if self.needs_l2 and asked == 0.0 else float(asked)


def choose(bugs: Mapping[str, Bug], name: str | None) -> Bug:
    """The named bug, or for None the one that does nothing."""
    if name is None:
        return Bug("", "")
    if name not in bugs:
        raise InputError(f"bug must be one of {', '.join(bugs)}, got {name!r}: {nearest(name, bugs, 'see zoo.bugs()')}")
    return bugs[name]


def planted(backward: Callable[..., Array], layout: Layout, mistake: Bug) -> Callable[..., Array]:
    """The gradient ``grad(theta, *args)`` with the mistake in it."""

    def grad(theta: Array, *args: Any) -> Array:
        gradient = backward(theta, *args, mistake.flaw)
        if mistake.spoil is not None:
            mistake.spoil(layout.unpack(gradient), Given(layout.unpack(theta), args))
        return gradient

    return grad


def changed(*names: str, to: Callable[[Array], Array]) -> Spoil:
    """``to(gradient of the tensor)`` written over that of every tensor named, in C order; without names, over all."""

    def spoil(gradient: Arrays, given: Given) -> None:
        for name in names or gradient:
            gradient[name].flat[:] = to(gradient[name].copy())

    return spoil


def times_examples(name: str, power: int = 1) -> Spoil:
    """The tensor times the number of examples, or its power."""

    def spoil(gradient: Arrays, given: Given) -> None:
        gradient[name] *= float(given.examples) ** power

    return spoil


def times_steps(gradient: Arrays, given: Given) -> None:
    """Every tensor times the number of time steps, the first axis of y."""
    for name in gradient:
        gradient[name] *= given.args[1].shape[0]


def swapped(one: str, other: str) -> Spoil:
    """Two tensors of one shape, exchanged."""

    def spoil(gradient: Arrays, given: Given) -> None:
        gradient[one][...], gradient[other][...] = gradient[other].copy(), gradient[one].copy()

    return spoil


def decayed(*prefixes: str, by: float) -> Spoil:
    """``by`` times its L2 term added to every tensor so named: -1 takes it away, 1 adds it once too often."""

    def spoil(gradient: Arrays, given: Given) -> None:
        for name in gradient:
            if name.startswith(prefixes):
                gradient[name] += by * given.l2 * given.params[name]

    return spoil


def times(factor: float, *index: int | slice | EllipsisType) -> Callable[[Array], Array]:
    """The factor on everything, or at the index only."""

    def to(array: Array) -> Array:
        array[index] *= factor
        return array

    return to


def strongest_times(factor: float, n_axes: int | None = None) -> Callable[[Array], Array]:
    """The factor on the largest component, or on all that share its first ``n_axes`` indices (1 of 2: its row)."""

    def to(array: Array) -> Array:
        array[np.unravel_index(np.abs(array).argmax(), array.shape)[:n_axes]] *= factor
        return array

    return to


def transposed(array: Array) -> Array:
    """The values in transposed order, in the shape they had: joined in Fortran order and read in C order."""
    return array.ravel(order="F")


def clipped(array: Array) -> Array:
    """Every component cut off at half the largest."""
    limit = np.abs(array).max() / 2
    return array.clip(-limit, limit)
