"""The ratio at every eps: differences at steps from 1e-1 to 1e-12, with the floor that rounding puts under each.

A right gradient falls with eps^2 (truncation) until it meets the floor, which grows as 1 / eps; a wrong one stays level.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck import archive, compare, engine, inputs, steps
from fastcheck import cost as costs
from fastcheck.autostep import choose_eps
from fastcheck.cost import Cost
from fastcheck.faces import Shown, face
from fastcheck.inputs import Point
from fastcheck.layout import Layout, Vector, sample
from fastcheck.noise import measure_noise
from fastcheck.progress import Progress, Show
from fastcheck.progress import progress as progress_of
from fastcheck.report import pictures, plain_types

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DECADES = [float(f"1e-{k}") for k in range(1, 13)]  # as they are written, so that 1e-7 is one of them
EPS = tuple(sorted([*_DECADES, *(eps * math.sqrt(0.1) for eps in _DECADES[:-1])], reverse=True))
_LISTENED = 1e-7  # near which the rounding of J is measured
_NEXT = 0.26 * math.log(10)  # a little more than half the distance of two steps
_ALL = 1000  # components up to which all are looked at, and the size of the sample beyond


@dataclass(frozen=True)
class Step:
    """The ratio at one eps, and the floor there; nan where J or the differences are not finite."""

    eps: float
    ratio: float
    floor: float


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

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON types; numbers that are not finite become None."""
        return plain_types(asdict(self))

    def renderable(self) -> Any:
        """What a person reads, for a rich console."""
        return face("curve").tell_sweep(self)

    def plot(self) -> Figure:
        """Ratio and floor against eps; needs matplotlib, which comes with the extra ``report``."""
        return face("plots").sweep_figure(self)

    def save(self, path: str | Path) -> None:
        """Write the sweep to a file that ends in ``.json`` (`to_dict`), or the picture to ``.png``, ``.svg`` or ``.pdf``."""
        archive.save(path, {".json": lambda: archive.summary(self.to_dict()), **pictures(self.plot)})


def sweep(
    cost: Callable[..., float],
    grad: Any,
    theta: Any,
    args: tuple[Any, ...] = (),
    *,
    layout: Layout | None = None,
    components: int | Any = None,
    workers: int | None = None,
    progress: bool | Callable[[int, int], None] | None = None,
) -> Sweep:
    """The ratio of a gradient at steps from 1e-1 to 1e-12, half a decade apart.

    Parameters are those of `check`, but with ``components=None`` a sample of 1000 that covers every tensor is looked at
    where there are more. A step at which J overflows, or that is lost in the rounding of theta, gives nan.
    """
    chosen = engine.settings(workers, None, progress_of(progress))
    at = inputs.point(theta, layout)
    which = _which(components, at.layout)
    prepared = costs.prepare(cost, at.theta, args, at.layout)
    analytic = inputs.gradient(grad, at, args)
    begin = time.perf_counter()
    numeric = _differences(prepared, at, which, chosen)
    noise, n_noise = _noise(prepared, at, which, numeric, chosen)
    auto, n_auto = _auto(prepared, at, chosen)
    costs.require_unchanged(prepared.args, args, "cost")
    analytic = analytic if which is None else analytic[which]
    return Sweep(
        steps=tuple(_step(eps, row, analytic, noise) for eps, row in zip(EPS, numeric, strict=True)),
        chosen=auto,
        evaluations=prepared.evaluations + sum(2 * row.size for row in numeric if row is not None) + n_noise + n_auto,
        seconds=time.perf_counter() - begin,
        n_checked=analytic.size,
        n=at.layout.size,
        noise=noise,
    )


def _which(components: int | Any, layout: Layout) -> np.ndarray | None:
    """The components to look at, sorted; None for all."""
    if components is None and layout.size > _ALL:
        n_filled = sum(tensor.size > 0 for tensor in layout.tensors)
        return sample(layout, max(_ALL, n_filled))
    which = inputs.components(components, layout)
    return None if which is None else np.unique(which)


def _differences(cost: Cost, at: Point, which: np.ndarray | None, chosen: engine.Settings) -> list[Vector | None]:
    """The numeric gradient at every eps; None where the cost cannot be evaluated."""
    looked_at = at.theta if which is None else at.theta[which]
    lost_below = np.spacing(np.abs(looked_at).max())
    found: list[Vector | None] = []
    with chosen.progress(len(EPS) * looked_at.size) as show:
        for k, eps in enumerate(EPS):
            part = replace(chosen, progress=_part_of(show, k * looked_at.size))
            found.append(
                None if eps < lost_below else _tried(engine.differences, cost, at.theta, which, eps, at.layout, part)
            )
    return found


def _part_of(show: Show, begin: int) -> Progress:
    """The progress of one run as a part of the whole, of which ``begin`` items are done."""

    @contextmanager
    def progress(total: int) -> Iterator[Show]:
        yield lambda done: show(begin + done)

    return progress


def _tried(function: Callable[..., Any], *arguments: Any) -> Any:
    """What the function returns, or None where far from theta the cost raises for its numbers' sake."""
    try:
        with np.errstate(all="ignore"):  # a plain Python cost may overflow far from theta
            return function(*arguments)
    except (ArithmeticError, ValueError):
        return None


def _noise(
    cost: Cost, at: Point, which: np.ndarray | None, numeric: list[Vector | None], chosen: engine.Settings
) -> tuple[float, int]:
    """epsJ, measured near eps = 1e-7 or the nearest step that could be taken, and the evaluations that it took."""
    taken = [(eps, row) for eps, row in zip(EPS, numeric, strict=True) if row is not None]
    if not taken:
        return math.nan, 0
    eps, row = min(taken, key=lambda step: abs(math.log(step[0] / _LISTENED)))
    noise = _tried(measure_noise, cost, at.theta, at.layout, row, which, eps, chosen)
    return (math.nan, 0) if noise is None else (noise.overall, noise.evaluations)


def _auto(cost: Cost, at: Point, chosen: engine.Settings) -> tuple[float, int]:
    """What eps="auto" takes, and the evaluations that it took."""
    return _tried(choose_eps, cost, at.theta, at.layout, chosen.quiet()) or (math.nan, 0)


def _step(eps: float, numeric: Vector | None, analytic: Vector, noise: float) -> Step:
    if numeric is None or not np.isfinite(numeric[np.isfinite(analytic)]).all():
        return Step(eps, math.nan, math.nan)
    size = compare.size(numeric, analytic, steps.sigma(noise, eps))
    return Step(eps, size.ratio, size.floor)
