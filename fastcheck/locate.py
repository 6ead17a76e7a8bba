"""The wrong components by bisection: a screen's failing tensors in, single components, lines or whole tensors out.

A direction that fails on a range is halved: the slope on one half is measured, that on the other is the difference, and
the search goes where the residual is. What is found is set right and the tensor tried again along new directions, until
they pass. A tensor in which a sample of components is wrong is wrong throughout, and is named, not searched.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from fastcheck import compare, engine, inputs
from fastcheck import cost as costs
from fastcheck.compare import Component
from fastcheck.directions import Direction, Rays, draw
from fastcheck.layout import Layout, Tensor, Vector
from fastcheck.progress import progress as progress_of
from fastcheck.report import plain_types
from fastcheck.screen import Screened, measure

BUDGET = 5_000  # evaluations, unless the caller says otherwise
_SAMPLE = 6  # components looked at to see whether a tensor, or a line of it, is wrong throughout
_MOST = 3  # wrong ones in a sample that make it so, if they are at least half of it
_PASSES = 3  # new directions that have to pass before a tensor counts as set right
_MANY = 32  # single components beyond which a tensor is named instead


@dataclass(frozen=True)
class Location:
    """Where a gradient is wrong.

    Attributes
    ----------
    components : tuple of Component
        Wrong one by one, each measured by a two-sided difference of its own; the largest error first.
    tensors : tuple of str
        Names of tensors that are wrong throughout.
    evaluations : int
        Of J, those of the screen before included.
    lines : tuple of str
        Rows and columns that are wrong throughout: ``W2[9, :]``, ``W2[:, 3]``.
    unsearched : tuple of str
        Names of tensors that are wrong, but whose search did not end within the budget, or found nothing certain.
    """

    components: tuple[Component, ...]
    tensors: tuple[str, ...]
    evaluations: int
    lines: tuple[str, ...] = ()
    unsearched: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON types."""
        return plain_types(asdict(self))

    def __str__(self) -> str:
        from fastcheck.tables import plain, tell_location  # loaded only when there is something to show

        return plain(tell_location(self))


def locate(
    cost: Callable[..., float],
    grad: Any,
    theta: Any,
    args: tuple[Any, ...] = (),
    *,
    layout: Layout | None = None,
    seed: int = 0,
    budget: int = BUDGET,
    workers: int | None = None,
    chunk: int | None = None,
    progress: bool | Callable[[int, int], None] | None = None,
) -> Location:
    """Find the components at which a gradient is wrong, by bisection with random directions.

    Parameters are those of `screen`, which comes first; and

    budget : int
        Evaluations of the cost after which the search ends with what it knows.
    """
    chosen = engine.settings(workers, chunk, progress_of(progress))
    inputs.require_budget(budget)
    at = inputs.point(theta, layout)
    prepared = costs.prepare(cost, at.theta, args, at.layout)
    analytic = inputs.gradient(grad, at, args)
    rng = inputs.seeded(seed)
    location = search(measure(prepared, at, analytic, rng, chosen), rng, budget)
    costs.require_unchanged(prepared.args, args, "cost")
    return location


def search(measured: Screened, rng: np.random.Generator, budget: int) -> Location:
    """The wrong components of a screen that failed; nothing where it did not."""
    hunt = _Hunt(measured.rays, measured.analytic.copy(), rng, budget, measured.evaluations)
    tensors = measured.rays.layout.tensors
    failing = [k for k, (_, slopes) in measured.tensors.items() if slopes.failed.any()]
    for k in sorted(failing, key=lambda k: -_significance(measured, k)):
        directions, slopes = measured.tensors[k]
        worst = int(np.argmax(np.abs(slopes.residual) / slopes.bound))
        hunt.tensor(tensors[k], directions[worst], slopes.residual[worst], slopes.bound[worst])
    found = tuple(sorted(hunt.found, key=lambda c: -abs(c.error)))
    return Location(found, tuple(hunt.throughout), hunt.evaluations, tuple(hunt.lines), tuple(hunt.unsearched))


def _significance(measured: Screened, k: int) -> float:
    slopes = measured.tensors[k][1]
    return float(np.max(np.abs(slopes.residual) / slopes.bound))


class _Spent(Exception):
    """The budget is used up."""


@dataclass
class _Hunt:
    """One search: what was found so far, the gradient set right there, and the evaluations spent."""

    rays: Rays
    gradient: Vector
    rng: np.random.Generator
    budget: int
    evaluations: int

    def __post_init__(self) -> None:
        self.found: list[Component] = []
        self.throughout: list[str] = []
        self.lines: list[str] = []
        self.unsearched: list[str] = []

    def tensor(self, tensor: Tensor, u: Direction, residual: float, bound: float) -> None:
        """Search one tensor, whose direction ``u`` failed with this residual and bound."""
        here = len(self.found)
        try:
            if self._wrong_throughout(np.arange(tensor.start, tensor.stop), tensor):
                self.throughout.append(tensor.name)
                return
            while True:
                if not self._descend(u, residual, bound, tensor):
                    self.unsearched.append(tensor.name)
                    return
                self._join_lines(tensor, here)
                if len(self.found) - here > _MANY:
                    del self.found[here:]
                    self.throughout.append(tensor.name)
                    return
                failing = self._failing_again(tensor)
                if failing is None:
                    return
                u, residual, bound = failing
        except _Spent:
            self.unsearched.append(tensor.name)

    def _slopes(self, directions: list[Direction]) -> tuple[Vector, Vector]:
        """Residuals and bounds against the gradient as it was set right so far."""
        if self.evaluations >= self.budget:
            raise _Spent
        slopes, n_evaluations = self.rays.slopes(directions, self.gradient)
        self.evaluations += n_evaluations
        return slopes.residual, slopes.bound

    def _failing_again(self, tensor: Tensor) -> tuple[Direction, float, float] | None:
        """A new direction on the tensor that still fails, or None when several pass."""
        for _ in range(_PASSES):
            u = draw(self.rng, tensor.start, tensor.stop)
            (residual,), (bound,) = self._slopes([u])
            if abs(residual) > compare.C * bound:
                return u, residual, bound
        return None

    def _descend(self, u: Direction, residual: float, bound: float, tensor: Tensor) -> bool:
        """Follow a failing direction down to wrong components, and note them; False if it leads to none.

        Ends early when two of them lie in one line: perhaps all of it is wrong.
        """
        ways = [(u, residual, bound)]
        n_before = len(self.found)
        while ways:
            u, residual, bound = ways.pop()
            if u.size == 1:
                self._note(u.start)
                if _lines_of(tensor, [c.index for c in self.found[n_before:]]):
                    break
                continue
            middle = (u.start + u.stop) // 2
            left, right = u.part(u.start, middle), u.part(middle, u.stop)
            (r_left,), (b_left,) = self._slopes([left])
            r_right, b_right = residual - r_left, bound + b_left
            if abs(r_left) <= compare.C * b_left and abs(r_right) <= compare.C * b_right:
                (r_right,), (b_right,) = self._slopes([right])  # its own slope is more certain than the difference
            ways += [
                (part, r, b)
                for part, r, b in ((left, r_left, b_left), (right, r_right, b_right))
                if abs(r) > compare.C * b
            ]
        return len(self.found) > n_before

    def _measured(self, indices: np.ndarray) -> list[Component]:
        """These components with two-sided differences of their own; the numeric value is the analytic one if they agree."""
        directions = [self._single(int(i)) for i in indices]
        residuals, bounds = self._slopes(directions)
        layout = self.rays.layout
        errors = [
            r / u.entry(u.start) if abs(r) > compare.C * b else 0.0
            for u, r, b in zip(directions, residuals, bounds, strict=True)
        ]
        return [
            compare.component(int(i), self.gradient[i] + e, self.gradient[i], layout)
            for i, e in zip(indices, errors, strict=True)
        ]

    def _single(self, index: int) -> Direction:
        """A direction on one component, with an entry that is not small."""
        while True:
            u = draw(self.rng, index, index + 1)
            if abs(u.entry(index)) >= 1:
                return u

    def _note(self, index: int) -> None:
        """Add a component if it is wrong, and set the gradient right there."""
        (component,) = self._measured(np.array([index]))
        if component.error != 0.0:
            self.found.append(component)
            self.gradient[index] = component.numeric

    def _wrong_throughout(self, indices: np.ndarray, tensor: Tensor) -> bool:
        """Whether a sample of these components, where the gradient is large enough to tell, is mostly wrong."""
        if indices.size < 2 * _SAMPLE:
            return False
        sample = self.rng.choice(indices, size=min(16 * _SAMPLE, indices.size), replace=False)
        strongest = sample[np.argsort(-np.abs(self.gradient[sample]), kind="stable")[:_SAMPLE]]
        return sum(component.error != 0.0 for component in self._measured(strongest)) >= _MOST

    def _join_lines(self, tensor: Tensor, here: int) -> None:
        """Where two of the components found share a row or column, see whether all of it is wrong."""
        for name, line in _lines_of(tensor, [c.index for c in self.found[here:]]):
            indices = np.arange(line.start, line.stop, line.step or 1)
            fresh = np.setdiff1d(indices, [c.index for c in self.found])
            if fresh.size and self._wrong_throughout(fresh, tensor):
                self.lines.append(name)
                self.found[here:] = [c for c in self.found[here:] if c.index not in indices]
                self.gradient[line] = 0.0
                self.rays = replace(self.rays, excluded=(*self.rays.excluded, line))


def _lines_of(tensor: Tensor, indices: list[int]) -> list[tuple[str, slice]]:
    """Rows (first axis) and columns (last axis) that hold at least two of the components, as slices of theta."""
    if len(tensor.shape) < 2 or len(indices) < 2:
        return []
    places = np.array(np.unravel_index(np.array(indices) - tensor.start, tensor.shape))
    n_rows, n_columns = tensor.shape[0], tensor.shape[-1]
    length = tensor.size // n_rows
    rest = ", ".join(":" * (len(tensor.shape) - 1))
    lines = []
    for row in _repeated(places[0]):
        start = tensor.start + row * length
        lines.append((f"{tensor.name}[{row}, {rest}]", slice(start, start + length)))
    for column in _repeated(places[-1]):
        lines.append((f"{tensor.name}[{rest}, {column}]", slice(tensor.start + column, tensor.stop, n_columns)))
    return lines


def _repeated(places: np.ndarray) -> list[int]:
    values, counts = np.unique(places, return_counts=True)
    return [int(value) for value in values[counts > 1]]
