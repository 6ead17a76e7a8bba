"""What an interrupted check had done."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fastcheck.judge.verdict import Component
from fastcheck.vectors import Vector
from fastcheck.words import counted


@dataclass(frozen=True, eq=False)
class Unfinished:
    """The components that a check had looked at when it was interrupted; the exception carries it as ``report``.

    Attributes
    ----------
    numeric : ndarray of float64, shape (k,)
        Two-sided differences of the components asked for; nan where they were not done.
    analytic : ndarray of float64, shape (k,)
    open : tuple of Component
        Those that were done and do not agree, the worst of each tensor first: ladders would have looked at them.
    """

    numeric: Vector
    analytic: Vector
    open: tuple[Component, ...]

    @property
    def n_done(self) -> int:
        return int(np.isfinite(self.numeric).sum())

    def __str__(self) -> str:
        done = f"{self.n_done:,} of {counted(self.numeric.size, 'component')}"
        if not self.open:
            return f"{done}, all right so far"
        worst = max(self.open, key=lambda component: abs(component.error))
        n = len(self.open)
        return (
            f"{done}, {n:,} of which {'does' if n == 1 else 'do'} not agree so far, {worst.name} the most: analytic {worst.analytic:.6g}, "
            f"numeric {worst.numeric:.6g}"
        )
