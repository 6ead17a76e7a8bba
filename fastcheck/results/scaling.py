"""How checking scales: the times at each n, and the power law through them with its reach.

The fit is a straight line through log seconds against log n.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.judge.verdict import Verdict
from fastcheck.results import files
from fastcheck.results.shown import Shown, face, pictures, plain_types, versions

if TYPE_CHECKING:
    from matplotlib.figure import Figure


SPANS = {"minute": 60.0, "hour": 3600.0, "day": 86400.0}  # whose reach is told
FITTED = 0.01  # seconds from which a check counts in the fit: up to there Python's share, some ms at any n, shows
_FEWEST_SIZES = 3  # of a fit


@dataclass(frozen=True)
class Measured:
    """The times at one size.

    Attributes
    ----------
    size : int
        What the factory was given.
    n : int
        Components of theta.
    evaluation_seconds : float
        Of one J: the median over batches that the compiled kernel evaluates on one thread.
    seconds : float
        Of an exhaustive check: wall time, compilation not included.
    projected : bool
        Whether only ``n_checked`` components were checked, and ``seconds`` is what all would take at the same time per
        evaluation.
    n_checked : int
    efficiency : float
        ``(2 n evaluation_seconds / workers) / seconds``: the time of a bare loop over the same evaluations, shared out
        perfectly among the workers (or the cores, if those are fewer), by the time of the check.
    screen_seconds : float
    screen_evaluations : int
        Of J.
    verdict, screen_verdict : Verdict
    workers : int
        Threads of the check.
    name : str
        What the problem is called.
    """

    size: int
    n: int
    evaluation_seconds: float
    seconds: float
    projected: bool
    n_checked: int
    efficiency: float
    screen_seconds: float
    screen_evaluations: int
    verdict: Verdict
    screen_verdict: Verdict
    workers: int
    name: str = ""

    @property
    def throughput(self) -> float:
        """Components per second of the exhaustive check."""
        return self.n / self.seconds


@dataclass(frozen=True)
class Fit:
    """seconds = factor n^exponent by least squares of the logarithms; ``low`` to ``high`` is 95 % of the exponent."""

    exponent: float
    low: float
    high: float
    factor: float


@dataclass(frozen=True)
class Scaling(Shown):
    """What `scale` found.

    Attributes
    ----------
    sizes : tuple of Measured
        In the order of n.
    max_seconds : float
        The time that was given.
    left_out : tuple of int
        Sizes that were not measured, as the time was over or the run was interrupted.
    interrupted : bool
        Whether Ctrl-C ended the run.
    versions : dict of str to str
        Of the packages, Python and the machine that were measured.
    """

    sizes: tuple[Measured, ...]
    max_seconds: float
    left_out: tuple[int, ...] = ()
    interrupted: bool = False
    versions: dict[str, str] = field(default_factory=versions, repr=False)

    @property
    def workers(self) -> int:
        """Threads of the checks, at most."""
        return max(m.workers for m in self.sizes)

    @property
    def fitted(self) -> tuple[Measured, ...]:
        """The sizes that count in the fit, those whose check takes 10 ms or more."""
        return tuple(m for m in self.sizes if m.seconds >= FITTED)

    @property
    def fit(self) -> Fit | None:
        """Of exhaustive seconds against n; None with fewer than three different n that count."""
        return _fit([m.n for m in self.fitted], [m.seconds for m in self.fitted])

    @property
    def exponent(self) -> float | None:
        """b of seconds ~ n^b; None where there is no `fit`."""
        return self.fit.exponent if self.fit else None

    @property
    def exponent_low(self) -> float | None:
        """Where the 95 % interval of the exponent begins, by Student's t."""
        return self.fit.low if self.fit else None

    @property
    def exponent_high(self) -> float | None:
        """Where the 95 % interval of the exponent ends."""
        return self.fit.high if self.fit else None

    @property
    def reaches(self) -> dict[str, int | None]:
        """The n at which an exhaustive check passes a minute, an hour and a day.

        Between two sizes by the line that joins them, beyond them all from the nearest one by the exponent, on
        logarithmic axes; None where it cannot be told: beyond, without an exponent that is surely positive.
        """
        slope = 1 / self.fit.exponent if self.fit and self.fit.low > 0 else None
        n = [m.n for m in self.sizes]
        seconds = np.maximum.accumulate([m.seconds for m in self.sizes])
        told = {name: _along(span, seconds, n, slope) for name, span in SPANS.items()}
        return {name: round(x) if x is not None and x >= 1 else None for name, x in told.items()}

    def screen_seconds(self, n: float) -> float | None:
        """About what a screen takes at ``n``; beyond the sizes as J grows, by the exponent less 1."""
        slope = self.fit.exponent - 1 if self.fit else None
        return _along(n, [m.n for m in self.sizes], [m.screen_seconds for m in self.sizes], slope)

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON types; numbers that are not finite become None."""
        sizes = [{**asdict(m), "throughput": m.throughput, **_verdicts(m)} for m in self.sizes]
        derived = ("exponent", "exponent_low", "exponent_high", "reaches", "workers")
        told = {**asdict(self), "sizes": sizes, **{name: getattr(self, name) for name in derived}}
        plain: dict[str, Any] = plain_types(told)
        return plain

    def renderable(self) -> Any:
        """What a person reads, for a rich console."""
        return face("growth").tell_scaling(self)

    def plot(self) -> Figure:
        """Time and throughput against n; needs matplotlib, which comes with the extra ``report``."""
        figure: Figure = face("plots").scaling_figure(self)
        return figure

    def save(self, path: str | Path) -> None:
        """Write to a file that ends in ``.json`` (`to_dict`), or the picture to ``.png``, ``.svg`` or ``.pdf``."""
        files.save(path, {".json": self.filed, **pictures(self.plot)})


def _verdicts(m: Measured) -> dict[str, str]:
    return {"verdict": m.verdict.name, "screen_verdict": m.screen_verdict.name}


def _fit(n: list[int], seconds: list[float]) -> Fit | None:
    """The power law, or None where three different n are not there."""
    from scipy.special import stdtrit  # loaded only here

    if len(set(n)) < _FEWEST_SIZES:
        return None
    x, y = np.log(n), np.log(seconds)
    spread, level = x - x.mean(), y.mean()
    exponent = float(spread @ y / (spread @ spread))
    residual = y - level - exponent * spread
    freedom = len(n) - 2
    half = float(stdtrit(freedom, 0.975)) * math.sqrt(float(residual @ residual) / freedom / float(spread @ spread))
    return Fit(exponent, exponent - half, exponent + half, math.exp(level - exponent * x.mean()))


def _along(x: float, xs: Any, ys: Any, slope: float | None) -> float | None:
    """y at ``x`` on the line through the points, on logarithmic axes; beyond them with ``slope``, None without one."""
    end = xs[0] if x < xs[0] else min(x, xs[-1])
    if end != x and slope is None:
        return None
    y = float(np.interp(math.log(end), np.log(xs), np.log(ys)))
    with np.errstate(over="ignore"):
        told = float(np.exp(y + (slope or 0.0) * math.log(x / end)))
    return told if math.isfinite(told) else None
