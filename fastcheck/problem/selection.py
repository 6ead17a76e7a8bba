"""Which components are looked at: all of theta, or some by their indices; and what they are called."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property

import numpy as np

from fastcheck.errors import InputError, nearest
from fastcheck.problem.layout import Layout, Tensor
from fastcheck.vectors import Indices, Vector

_NAMED = 3  # components named in one sentence
_LISTED = 20  # tensors that there are to choose from


@dataclass(frozen=True, eq=False)
class Selection:
    """Components of a layout, in the order in which they are looked at.

    A position counts the components looked at, an index counts those of theta.
    """

    layout: Layout
    indices: Indices | None = None  # int64, shape (k,); None: all

    @property
    def size(self) -> int:
        return self.layout.size if self.indices is None else self.indices.size

    @property
    def all(self) -> bool:
        return self.indices is None

    @cached_property
    def spans(self) -> list[slice]:
        """For each tensor, which positions are its own; the indices are sorted."""
        return self.layout.spans(self.indices)

    def sorted(self) -> Selection:
        """The same components, each once, in the order of theta."""
        return self if self.indices is None else Selection(self.layout, np.unique(self.indices))

    def from_sorted(self, values: Vector) -> Vector:
        """What is told of the sorted components, for each of these in their order."""
        if self.indices is None:
            return values
        return values[np.searchsorted(np.unique(self.indices), self.indices)]

    def of(self, vector: Vector) -> Vector:
        """The entries of ``vector``, shape (n,), that are looked at; a view where that is all of them."""
        return vector if self.indices is None else vector[self.indices]

    def at(self, positions: Indices) -> Indices:
        """The indices of the components at ``positions``."""
        return positions if self.indices is None else self.indices[positions]

    def run(self, start: int, stop: int) -> range | Indices:
        """The indices of the components at positions ``start`` to ``stop``."""
        return range(start, stop) if self.indices is None else self.indices[start:stop]

    def index(self, position: int) -> int:
        return int(position if self.indices is None else self.indices[position])

    def name(self, position: int) -> str:
        return self.layout.name(self.index(position))

    def offsets(self, tensor: Tensor, span: slice) -> Indices | None:
        """Where in its tensor the components of ``span`` lie; None for all of it."""
        return None if self.indices is None else self.indices[span] - tensor.start

    def named(self, positions: Indices) -> tuple[tuple[str, ...], str]:
        """The tensors of the components at ``positions``, and the first few of these by name."""
        indices = [int(i) for i in self.at(positions)]
        tensors = tuple(dict.fromkeys(self.layout.tensor_of(i).name for i in indices))
        more = f" and {len(indices) - _NAMED} more" if len(indices) > _NAMED else ""
        return tensors, ", ".join(self.layout.name(i) for i in indices[:_NAMED]) + more


def sample(layout: Layout, k: int) -> Indices:
    """``k`` indices, sorted: at least one in each tensor, beyond that by size; the same every time."""
    filled = [tensor for tensor in layout.tensors if tensor.size]
    if not len(filled) <= k <= layout.size:
        raise InputError(
            f"components must be at least one per tensor and at most n ({len(filled)} to {layout.size}), got {k}: pass None for all"
        )
    rng = np.random.default_rng(0)
    first = np.array([tensor.start + rng.integers(tensor.size) for tensor in filled])
    others = np.delete(np.arange(layout.size), first)
    return np.sort(np.concatenate([first, rng.choice(others, size=k - first.size, replace=False)]))


def _matches(name: str, pattern: str) -> bool:
    """Only * and ? stand for letters: brackets are part of names such as ``layers[1].W``."""
    return fnmatchcase(name, pattern.replace("[", "[[]"))


def matching(layout: Layout, patterns: tuple[str, ...]) -> Indices:
    """The indices of all components of the tensors whose names match one of the patterns."""
    for pattern in patterns:
        if not any(_matches(name, pattern) for name in layout.names):
            names = f"the names are {', '.join(layout.names[:_LISTED])}" + (
                " ..." if len(layout.names) > _LISTED else ""
            )
            raise InputError(
                f"tensors must match a name of theta's, got {pattern!r}: {nearest(pattern, layout.names, names)}"
            )
    chosen = [t for t in layout.tensors if any(_matches(t.name, pattern) for pattern in patterns)]
    indices = np.concatenate([np.arange(t.start, t.stop) for t in chosen])
    if not indices.size:
        raise InputError(
            f"tensors must hold at least one component, got {', '.join(t.name for t in chosen)}: name others"
        )
    return indices
