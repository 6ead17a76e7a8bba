"""What a check saw component by component, and where in it the worst is."""

from __future__ import annotations

import math
from dataclasses import dataclass

from fastcheck.judge import ratios
from fastcheck.judge.verdict import Component
from fastcheck.problem.layout import Layout, Tensor
from fastcheck.problem.selection import Selection
from fastcheck.vectors import Flags, Vector


@dataclass(frozen=True, eq=False)
class Seen:
    """What a check saw component by component, all of shape (k,): both gradients, the bound, and what is wrong by itself."""

    selection: Selection
    numeric: Vector
    analytic: Vector
    bound: Vector
    wrong: Flags

    def part(self, tensor: Tensor) -> Seen:
        """Of one tensor, where in it was looked: offsets in place of indices."""
        layout = self.selection.layout
        span = self.selection.spans[layout.tensors.index(tensor)]
        own = Selection(Layout((Tensor(tensor.name, tensor.shape, 0),)), self.selection.offsets(tensor, span))
        return Seen(own, self.numeric[span], self.analytic[span], self.bound[span], self.wrong[span])

    def component(self, position: int) -> Component:
        index, layout = self.selection.index(position), self.selection.layout
        return Component.of(index, float(self.numeric[position]), float(self.analytic[position]), layout)

    def stands_out(self, position: int) -> bool:
        """Whether a component is wrong by itself, or its error is not finite."""
        error = float(self.numeric[position] - self.analytic[position])
        return bool(self.wrong[position]) or not math.isfinite(error)

    def worst(self, k: int) -> list[int]:
        """The positions of the ``k`` errors that are most above their bounds, worst first."""
        return [int(p) for p in ratios.worst_of(self.numeric, self.analytic, self.bound, k)]
