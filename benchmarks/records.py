"""What was measured, as frozen records of plain numbers: the cases fill them in, the tables and the picture read them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Timing:
    """Two runs timed in turn: the medians, and the median of the ratios pair by pair."""

    seconds: float
    other_seconds: float
    ratio: float  # of the run over the other
    rounds: int


@dataclass(frozen=True)
class Load:
    """What one run does.

    ``n_components`` is less than n where only a sample was looked at, and n for a screen, which looks at all at once.
    ``error`` is the largest of a component, relative to the largest component; of a screen its estimated ratio.
    ``first_seconds`` is the first run, with whatever had to be compiled or loaded for it.
    """

    name: str
    n: int
    n_components: int
    workers: int
    evaluations: int
    error: float
    first_seconds: float

    @property
    def sampled(self) -> bool:
        return self.n_components < self.n


@dataclass(frozen=True)
class Measured:
    """A load, and how long it took beside the bare loop of as many evaluations of the same cost."""

    load: Load
    timing: Timing

    @property
    def evaluations_per_second(self) -> float:
        return self.load.evaluations / self.timing.seconds

    @property
    def components_per_second(self) -> float:
        return self.load.n_components / self.timing.seconds

    @property
    def seconds_each(self) -> float:
        """One evaluation of J in the bare loop."""
        return self.timing.other_seconds / self.load.evaluations

    @property
    def efficiency(self) -> float:
        """The share of the workers' time that a bare loop would need; 1 is perfect."""
        return 1 / (self.load.workers * self.timing.ratio)

    @property
    def seconds_of_all(self) -> float:
        """Every component: of a sample, scaled by the evaluations."""
        left_out = 2 * (self.load.n - self.load.n_components)
        return self.timing.seconds * (self.load.evaluations + left_out) / self.load.evaluations

    def figures(self) -> dict[str, float]:
        """For a benchmark's ``extra_info``."""
        return {
            "n": self.load.n,
            "components": self.load.n_components,
            "workers": self.load.workers,
            "evaluations": self.load.evaluations,
            "components per second": self.components_per_second,
            "evaluations per second": self.evaluations_per_second,
            "efficiency against the bare loop": self.efficiency,
            "largest error": self.load.error,
            "first run, s": self.load.first_seconds,
        }


@dataclass(frozen=True)
class Outcome:
    """How a rival did at one n; without ``timing`` where it was not timed, and ``status`` says why."""

    name: str
    computes: str
    n: int
    every: bool = True  # whether it looks at every component
    evaluations: int | None = None
    difference: float | None = None  # to fastcheck's numeric gradient, relative to its largest component
    note: str = ""
    status: str = ""
    timing: Timing | None = None


@dataclass(frozen=True)
class Staged:
    """The differences of every component by the tails of a cost in stages, beside those by the same cost in one piece."""

    name: str
    n: int
    timing: Timing  # the whole cost is the other
    same_bits: bool

    @property
    def times_faster(self) -> float:
        return 1 / self.timing.ratio


@dataclass(frozen=True)
class Located:
    """What it takes to name wrong components, beside the screen that finds that there are some."""

    wrong: str  # in words
    n: int
    n_named: int  # of so many gradients the wrong components of which were named, and no others
    n_gradients: int
    evaluations: tuple[int, int]  # the median and the most
    timing: Timing  # the screen of the right gradient is the other


@dataclass(frozen=True)
class FirstResult:
    """Seconds of the parts of a new process, median of several."""

    disk_cache: str
    parts: dict[str, float]


@dataclass(frozen=True)
class Peak:
    """The most memory a check took beyond its inputs, in vectors of length n."""

    n: int
    workers: int
    vectors: float


@dataclass(frozen=True)
class Machine:
    cpu: str
    cores: int
    system: str
    date: str
    versions: dict[str, str]


@dataclass(frozen=True)
class Results:
    """Everything of one run of the table; a section that was not chosen is empty."""

    machine: Machine
    quick: bool = False
    rivals: tuple[Outcome, ...] = ()
    overhead: tuple[Measured, ...] = ()
    workers: tuple[Measured, ...] = ()
    chunks: tuple[Measured, ...] = ()
    first: tuple[FirstResult, ...] = ()
    memory: tuple[Peak, ...] = ()
    scaling: tuple[Measured, ...] = ()
    screen: tuple[Measured, ...] = ()
    locate: tuple[Located, ...] = ()
    stages: tuple[Staged, ...] = ()


def exponent(n: list[int], seconds: list[float]) -> float:
    """The slope of log seconds against log n, by least squares."""
    return float(np.polyfit(np.log(n), np.log(seconds), 1)[0])
