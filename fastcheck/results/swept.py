"""The ratio of a gradient at every eps, as `sweep` found it."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastcheck.results import files
from fastcheck.results.concluding import Step, concluded
from fastcheck.results.shown import Shown, face, pictures, plain_types

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_NEXT = 0.26 * math.log(10)  # a little more than half the distance of two steps


@dataclass(frozen=True)
class Sweep(Shown):
    """What `sweep` found.

    Attributes
    ----------
    steps : tuple of Step
        From the largest eps to the smallest.
    chosen : float
        What ``eps="auto"`` takes here; nan if J is not finite near theta.
    evaluations : int
        Of J, in all.
    seconds : float
        Wall time, compilation not included.
    n_checked, n : int
        The components looked at, and how many there are.
    noise : float
        epsJ, the standard deviation of rounding in one evaluation of J.
    name : str
        What the problem is called.
    """

    steps: tuple[Step, ...]
    chosen: float
    evaluations: int
    seconds: float
    n_checked: int
    n: int
    noise: float
    name: str = ""

    @property
    def best(self) -> Step | None:
        """The step at which ratio and floor are both lowest, in two digits; None if no ratio is finite."""
        finite = [step for step in self.steps if math.isfinite(step.ratio)]
        return min(finite, key=lambda step: (float(f"{max(step.ratio, step.floor):.1e}"), step.floor), default=None)

    @property
    def marked(self) -> Step | None:
        """The step next to what eps="auto" takes; None if that lies beyond them all."""
        return next((step for step in self.steps if abs(math.log(step.eps / self.chosen)) < _NEXT), None)

    @property
    def conclusion(self) -> str:
        """What was seen, in words: ``1e-05 to 1e-03 serve; at 1e-07 rounding hides everything below 2e-06``."""
        return concluded(self.steps)

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON types; numbers that are not finite become None."""
        told: dict[str, Any] = plain_types(asdict(self) | {"conclusion": self.conclusion})
        return told

    def renderable(self) -> Any:
        """What a person reads, for a rich console."""
        return face("curve").tell_sweep(self)

    def plot(self) -> Figure:
        """Ratio and floor against eps; needs matplotlib, which comes with the extra ``report``."""
        figure: Figure = face("plots").sweep_figure(self)
        return figure

    def save(self, path: str | Path) -> None:
        """Write the sweep to a file that ends in ``.json`` (`to_dict`), or the picture to ``.png``, ``.svg`` or ``.pdf``."""
        files.save(path, {".json": self.filed, **pictures(self.plot)})
