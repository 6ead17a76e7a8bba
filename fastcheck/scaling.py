"""How checking scales: a factory of problems and sizes in, the times at each n out, with their exponent and its reach.

Timed are one J, an exhaustive check (on a sample of components, and projected, where there is no time for all) and a
screen; compiling is not. The fit is a straight line through log seconds against log n.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck import archive, engine, inputs
from fastcheck import cost as costs
from fastcheck.blas import single_threaded
from fastcheck.check import EPS
from fastcheck.compare import Verdict
from fastcheck.cost import Cost
from fastcheck.errors import InputError, InputTypeError, add_note
from fastcheck.faces import face
from fastcheck.inputs import Point
from fastcheck.layout import Vector
from fastcheck.problem import Problem
from fastcheck.progress import progress as progress_of
from fastcheck.report import Report, pictures, plain_types, versions

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Factory = Callable[[int], Problem]

WIDTHS = (1, 4, 13, 42, 133, 422, 1333, 4216, 13333)  # of the zoo's mlp: n from 85 to 999,985, a step of sqrt(10)
SIZES = (16, 32, 64, 128, 256, 512, 1024)  # of a factory of the user's: a width, most often, with n of its square
SPANS = {"minute": 60.0, "hour": 3600.0, "day": 86400.0}  # whose reach is told
FITTED = 0.01  # seconds from which a check counts in the fit: up to there Python's share, some ms at any n, shows
_FEWEST_SIZES = 3  # of a fit
_SHARE = 0.5  # of the time left: what an exhaustive check, or the sample in its place, may take
_SAMPLE_SECONDS = 2.0  # what a sample takes if there is time
_SAMPLE = 50  # components in a sample, at least
_LEAST_EVALUATIONS = 400  # about what a size takes with the smallest sample
_BATCH_SECONDS = 0.01  # of evaluations that are timed together: far more than the clock and one call from Python take
_BATCHES = (2, 15)  # before the check and again after it, at least and at most
_TICK = 1e-9  # no J takes less
_MOMENT = 0.25  # seconds within which a run is repeated,
_RUNS = 5  # up to so often


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
class Scaling:
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
        """The sizes that count in the fit: those whose check takes 10 ms or more."""
        return tuple(m for m in self.sizes if m.seconds >= FITTED)

    @property
    def fit(self) -> Fit | None:
        """Of exhaustive seconds against n; None with fewer than three different n that count."""
        return _fit([m.n for m in self.fitted], [m.seconds for m in self.fitted])

    @property
    def exponent(self) -> float | None:
        """b of seconds ~ n^b; None where there is no `fit`."""
        return self.fit and self.fit.exponent

    @property
    def exponent_low(self) -> float | None:
        """Where the 95 % interval of the exponent begins, by Student's t."""
        return self.fit and self.fit.low

    @property
    def exponent_high(self) -> float | None:
        """Where the 95 % interval of the exponent ends."""
        return self.fit and self.fit.high

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
        return plain_types({**asdict(self), "sizes": sizes, **{name: getattr(self, name) for name in derived}})

    def renderable(self) -> Any:
        """What a person reads, for a rich console."""
        return face("growth").tell_scaling(self)

    def text(self) -> str:
        """The same as plain text."""
        return face("tables").plain(self.renderable())

    def __str__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        return face("notebook").html(self.renderable())

    def plot(self) -> Figure:
        """Time and throughput against n; needs matplotlib, which comes with the extra ``report``."""
        return face("plots").scaling_figure(self)

    def save(self, path: str | Path) -> None:
        """Write to a file that ends in ``.json`` (`to_dict`), or the picture to ``.png``, ``.svg`` or ``.pdf``."""
        archive.save(path, {".json": self._json, **pictures(self.plot)})

    def _json(self) -> str:
        return json.dumps(self.to_dict(), indent=2, allow_nan=False) + "\n"


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
    end = xs[0] if x < xs[0] else xs[-1] if x > xs[-1] else x
    if end != x and slope is None:
        return None
    y = float(np.interp(math.log(end), np.log(xs), np.log(ys)))
    with np.errstate(over="ignore"):
        told = float(np.exp(y + (slope or 0.0) * math.log(x / end)))
    return told if math.isfinite(told) else None


def scale(
    factory: Factory | None = None,
    sizes: Iterable[int] | None = None,
    *,
    workers: int | None = None,
    max_seconds: float = 60.0,
    progress: bool | Callable[[int, int], None] | None = None,
) -> Scaling:
    """How the time of a check grows with the number of components, measured on problems of several sizes.

    Parameters
    ----------
    factory : callable, optional
        ``factory(size) -> Problem``; ``size`` is a width, or n, as the factory likes. None for the zoo's mlp with
        ``size`` hidden units, ``zoo.mlp((64, size, 10))``, which has n = 75 size + 10.
    sizes : iterable of int, optional
        None for 16 to 1024 by factors of 2, of the zoo's mlp 1 to 13,333 by factors of sqrt(10). Measured in increasing
        order.
    workers : int, optional
        Threads; None for every core (one for plain Python).
    max_seconds : float
        Of measuring in all, compilation and the factory apart. An exhaustive check is measured if it takes no more than
        half of the time left, and otherwise projected from a sample of components. Sizes for which not even that fits
        are left out; the first one never is.
    progress : bool or callable, optional
        As for `check`; counts the sizes.

    Returns
    -------
    Scaling
        After Ctrl-C, with the sizes that were done, if any were, and ``interrupted``.

    Raises
    ------
    InputError
        The factory, the sizes or one of the problems cannot be used.
    """
    chosen = engine.settings(workers, None, progress_of(progress))
    sizes = _sizes(sizes, SIZES if factory else WIDTHS)
    factory = _accepted(factory)
    clock = _Clock(_positive(max_seconds))
    done: list[Measured] = []
    interrupted = False
    try:
        with chosen.progress(len(sizes)) as show:
            for size in sizes:
                found = _measure(size, factory, chosen, clock, first=not done)
                if found is None:
                    break
                done.append(found)
                show(len(done))
    except KeyboardInterrupt:
        if not done:
            raise
        interrupted = True
    return Scaling(tuple(sorted(done, key=lambda m: m.n)), clock.given, sizes[len(done) :], interrupted)


def _sizes(sizes: Any, default: tuple[int, ...]) -> tuple[int, ...]:
    """Different positive integers in increasing order."""
    told = default if sizes is None else tuple(sizes) if isinstance(sizes, Iterable) else (sizes,)
    for size in told:
        if isinstance(size, bool) or not isinstance(size, int | np.integer):
            raise InputTypeError(f"sizes must be positive integers, got {size!r}: write sizes=(32, 64, 128)")
        if size < 1:
            raise InputError(f"sizes must be positive integers, got {size}: write sizes=(32, 64, 128)")
    if not told:
        raise InputError("sizes must hold at least one, got none: leave them out for the usual ones")
    return tuple(sorted({int(size) for size in told}))


def _accepted(factory: Any) -> Factory:
    if factory is None:
        from fastcheck.zoo import mlp  # loaded only here

        return lambda size: mlp((64, size, 10))
    if not callable(factory):
        raise InputTypeError(
            f"factory must be a function factory(size) -> Problem, got {type(factory).__name__}: pass one, or None for the zoo's mlp"
        )
    return factory


def _positive(max_seconds: Any) -> float:
    if isinstance(max_seconds, bool) or not isinstance(max_seconds, int | float | np.integer | np.floating):
        raise InputTypeError(f"max_seconds must be a positive number, got {max_seconds!r}: 60 is the default")
    if not max_seconds > 0:
        raise InputError(f"max_seconds must be a positive number, got {max_seconds}: 60 is the default")
    return float(max_seconds)


class _Clock:
    """The time left for measuring; runs inside ``with``."""

    def __init__(self, given: float) -> None:
        self.given = self.left = given

    def __enter__(self) -> _Clock:
        self._begin = time.perf_counter()
        return self

    def __exit__(self, *exception: object) -> None:
        self.left -= time.perf_counter() - self._begin


def _measure(size: int, factory: Factory, chosen: engine.Settings, clock: _Clock, first: bool) -> Measured | None:
    """The times at one size; None if there is no time for it."""
    if not first and clock.left <= 0:
        return None
    problem = _problem(factory, size)
    try:
        at = inputs.point(problem.theta, problem.layout)
        cost = costs.prepare(problem.cost, at.theta, problem.args, at.layout)
        if not first and _LEAST_EVALUATIONS * cost.seconds > clock.left:
            return None
        problem = replace(problem, cost=cost.function)  # which is not compiled again, whatever it was compiled for
        _warm_up(problem, at)
        with clock:
            return _timed(size, problem, cost, at, chosen.quiet(), clock.left)
    except Exception as error:
        add_note(error, f"at size {size}")
        raise


def _problem(factory: Factory, size: int) -> Problem:
    try:
        problem = factory(size)
    except Exception as error:
        add_note(error, f"raised by factory({size})")
        raise
    if not isinstance(problem, Problem):
        raise InputTypeError(
            f"factory must return a fastcheck.Problem, got {type(problem).__name__} from factory({size}): build a Problem"
        )
    return problem


def _warm_up(problem: Problem, at: Point) -> None:
    """Compile the gradient, and load what any check and screen need."""
    inputs.gradient(problem.grad, at, problem.args)
    small = Problem(lambda theta: float(theta @ theta), lambda theta: 2 * theta, np.ones(2))
    small.check(progress=False)
    small.screen(progress=False)


def _timed(size: int, problem: Problem, cost: Cost, at: Point, chosen: engine.Settings, left: float) -> Measured:
    options = {"workers": chosen.workers, "progress": False}
    n = at.theta.size
    took = _evaluations(cost, at.theta)
    components = _sample(at, engine.projected_seconds(_lasting(cost, took), n, chosen), left)
    checked = _typical(lambda: problem.check(components=components, **options))
    screened = _typical(lambda: problem.screen(**options))
    cost = _lasting(cost, took + _evaluations(cost, at.theta))  # before and after: the machine may have other work
    seconds = checked.seconds / checked.evaluations * (checked.evaluations + 2 * (n - checked.n_checked))
    return Measured(
        size=size,
        n=n,
        evaluation_seconds=cost.seconds,
        seconds=seconds,
        projected=checked.n_checked < n,
        n_checked=checked.n_checked,
        efficiency=engine.projected_seconds(cost, n, chosen) / seconds,
        screen_seconds=screened.seconds,
        screen_evaluations=screened.evaluations,
        verdict=checked.verdict,
        screen_verdict=screened.verdict,
        workers=checked.workers,
        name=problem.name,
    )


def _lasting(cost: Cost, took: list[float]) -> Cost:
    """The cost with the time of one J, the median of what was measured."""
    return replace(cost, seconds=float(np.median(took)))


def _evaluations(cost: Cost, theta: Vector) -> list[float]:
    """Seconds of one J, several times: by the kernel that checks run, many evaluations in a call where they are short."""
    n_each = max(int(_BATCH_SECONDS / max(cost.seconds, _TICK)), 1)
    n_batches = int(np.clip(_MOMENT / (n_each * max(cost.seconds, _TICK)), *_BATCHES))
    (own,) = engine.copies_of(theta, 1)
    components, offsets = np.arange(n_each) % theta.size, np.full(n_each, EPS)
    took = []
    with single_threaded.hold():
        for _ in range(n_batches):
            begin = time.perf_counter()
            cost.probe(own, components, offsets)
            took.append((time.perf_counter() - begin) / n_each)
    return took


def _sample(at: Point, whole: float, left: float) -> int | None:
    """How many components to check where all would take ``whole`` seconds; None for all."""
    if whole <= _SHARE * left:
        return None
    n_filled = sum(tensor.size > 0 for tensor in at.layout.tensors)
    wanted = int(at.theta.size * min(_SAMPLE_SECONDS, max(_SHARE * left, 0.0)) / whole)
    k = max(wanted, _SAMPLE, n_filled)
    return k if k < at.theta.size else None


def _typical(run: Callable[[], Report]) -> Report:
    """The report with the median of the seconds: of several runs where they are short, else of the one."""
    reports = [run()]
    while len(reports) < _RUNS and sum(report.seconds for report in reports) < _MOMENT:
        reports.append(run())
    return sorted(reports, key=lambda report: report.seconds)[(len(reports) - 1) // 2]
