"""A finished check: its numbers in one frozen record, and how that is told to a person or a program."""

from __future__ import annotations

import math
import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck import archive, compare
from fastcheck.compare import Component, TensorReport, Verdict
from fastcheck.diagnosis import Finding
from fastcheck.faces import Shown, face
from fastcheck.layout import Layout, Vector

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PICTURES = (".png", ".svg", ".pdf")  # what the picture's file may end in


@dataclass(frozen=True, eq=False)
class Report(Shown):
    """What a check found.

    Attributes
    ----------
    ratio : float
        ``||numeric - analytic|| / (||numeric|| + ||analytic||)`` over all components looked at.
    floor : float
        The ratio that rounding in J alone produces at this eps, measured.
    verdict : Verdict
    reason : str
        The condition that decided.
    numeric, analytic : ndarray of float64, shape (n,) or (k,)
        Both gradients, at ``components`` if only k were looked at.
    components : ndarray of int64, shape (k,), or None
        The indices looked at, sorted; None for all.
    layout : Layout
    tensors : tuple of TensorReport
    findings : tuple of Finding
    eps : float
    evaluations : int
        Of J, in all.
    seconds : float
        Wall time, compilation not included.
    noise : float
        epsJ, the standard deviation of rounding in one evaluation of J.
    workers : int
    compiled : bool
        Whether the cost is an njit function.
    ratio_low, ratio_high : float, or None
        Of a screen, whose ``ratio`` is an estimate: its 95 % interval.
    guarantee : float, or None
        Of a screen: the smallest ratio that would have been missed with a probability below 1e-9.
    name : str
        What was checked, as its `Problem` is called.
    versions : dict of str to str
        Of the packages, Python and the machine that made the report.

    A screen has ``numeric = None``, and ``eps`` is the length of its usual step along a direction of length 1. Two reports
    are equal if all of this is, vectors by value and nan being equal to nan.
    """

    ratio: float
    floor: float
    verdict: Verdict
    reason: str
    numeric: Vector | None = field(repr=False)
    analytic: Vector = field(repr=False)
    components: np.ndarray | None = field(repr=False)
    layout: Layout = field(repr=False)
    tensors: tuple[TensorReport, ...] = field(repr=False)
    findings: tuple[Finding, ...]
    eps: float
    evaluations: int
    seconds: float
    noise: float
    workers: int
    compiled: bool
    ratio_low: float | None = None
    ratio_high: float | None = None
    guarantee: float | None = None
    name: str = ""
    versions: dict[str, str] = field(default_factory=lambda: versions(), repr=False)

    def __eq__(self, other: object) -> bool:
        return archive.same(self, other) if isinstance(other, Report) else NotImplemented

    def __hash__(self) -> int:
        return hash((self.name, self.verdict, self.layout, self.evaluations))

    @property
    def passed(self) -> bool:
        return self.verdict is Verdict.CORRECT

    @property
    def throughput(self) -> float:
        """Components per second."""
        return self.n_checked / self.seconds if self.seconds else math.inf

    @property
    def n_checked(self) -> int:
        """The number of components looked at."""
        return self.layout.size if self.components is None else self.components.size

    def worst(self, k: int = 5) -> tuple[Component, ...]:
        """The ``k`` components with the largest errors, largest first; none of a screen, which looks at no single one."""
        if self.numeric is None:
            return ()
        positions = compare.worst(self.numeric, self.analytic, k)
        return tuple(self._component(p) for p in positions)

    def _component(self, position: int) -> Component:
        index = int(position if self.components is None else self.components[position])
        return compare.component(index, self.numeric[position], self.analytic[position], self.layout)

    def to_dict(self, worst: int = 10) -> dict[str, Any]:
        """The report as plain JSON types; numbers that are not finite become None. The vectors are left out."""
        return plain_types(
            {
                "name": self.name,
                "verdict": self.verdict.name,
                "passed": self.passed,
                "reason": self.reason,
                "ratio": self.ratio,
                "ratio_low": self.ratio_low,
                "ratio_high": self.ratio_high,
                "guarantee": self.guarantee,
                "floor": self.floor,
                "noise": self.noise,
                "eps": self.eps,
                "n": self.layout.size,
                "n_checked": self.n_checked,
                "tensors": [{**asdict(t), "verdict": t.verdict.name} for t in self.tensors],
                "worst": [asdict(c) for c in self.worst(worst)],
                "findings": [asdict(f) for f in self.findings],
                "evaluations": self.evaluations,
                "seconds": self.seconds,
                "throughput": self.throughput,
                "workers": self.workers,
                "compiled": self.compiled,
                "versions": self.versions,
            }
        )

    def renderable(self, worst: int = 5, everything: bool = False) -> Any:
        """What a person reads, for a rich console: up to ``worst`` components that are off, and every tensor if asked."""
        return face("tables").tell(self, worst, everything)

    def text(self, worst: int = 5, everything: bool = False) -> str:
        """The same as plain text."""
        return face("tables").plain(self.renderable(worst, everything))

    def brief(self) -> str:
        """The short report: verdict, worst component and what explains it first, then the tensors that are not right."""
        tables = face("tables")
        return tables.plain(tables.tell_briefly(self))

    def plot(self) -> Figure:
        """The report as a picture: ratios, errors of the wrong tensors, analytic against numeric.

        Needs matplotlib, which comes with the extra ``report``; no display is opened.
        """
        return face("plots").figure(self)

    def save(self, path: str | Path) -> None:
        """Write the report to a file; nothing is written if it cannot be done.

        Parameters
        ----------
        path : str or Path
            Ends in ``.json`` (everything, for `load`), ``.html`` (a page of its own, to be read without a network), or
            ``.png``, ``.svg``, ``.pdf`` (the picture). The last four need the extra ``report``.
        """
        archive.save(path, {".json": lambda: archive.dumps(self), ".html": self._page, **pictures(self.plot)})

    def _page(self) -> str:
        return face("page").page(self)

    @classmethod
    def load(cls, path: str | Path) -> Report:
        """The report that was saved as ``path``, a ``.json`` file: equal to the one that was."""
        return archive.load(cls, path, _misfit)


def _misfit(report: Report) -> str | None:
    """What in a report that was read does not go together, or None."""
    tensors = report.layout.tensors
    sizes = {vector.shape for vector in (report.numeric, report.analytic) if vector is not None}
    shapes, dtypes = ({t.name: getattr(t, what) for t in tensors} for what in ("shape", "dtype"))
    if not tensors or report.layout != Layout.of(shapes, dtypes):
        return "a layout that has gaps"
    if report.layout.names != tuple(t.name for t in report.tensors):
        return "tensors that are not those of the layout"
    if sizes != {(report.n_checked,)}:
        return f"gradients of another length than {report.n_checked}"
    return None


def pictures(plot: Callable[[], Figure]) -> dict[str, Callable[[], bytes]]:
    """What makes the file of a picture, by its suffix."""
    return {suffix: partial(_drawn, plot, suffix[1:]) for suffix in PICTURES}


def _drawn(plot: Callable[[], Figure], kind: str) -> bytes:
    return face("canvas").written(plot(), kind)


@cache
def _versions() -> tuple[tuple[str, str], ...]:
    packages = {name: version(name) for name in ("fastcheck", "numpy", "numba")}
    return tuple({**packages, "python": platform.python_version(), "machine": platform.machine()}.items())


def versions() -> dict[str, str]:
    """What is needed to reproduce a report."""
    return dict(_versions())


def plain_types(value: Any) -> Any:
    """Records of numbers as JSON can carry them."""
    if isinstance(value, dict):
        return {key: plain_types(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain_types(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
