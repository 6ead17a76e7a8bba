"""A finished check: its numbers in one frozen record, and how that is told to a person or a program."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.diagnosis.finding import Finding
from fastcheck.judge import rule
from fastcheck.judge.verdict import Component, TensorReport, Verdict, Witness
from fastcheck.problem.layout import Layout
from fastcheck.problem.selection import Selection
from fastcheck.results import archive, files
from fastcheck.results.location import Location
from fastcheck.results.seen import Seen
from fastcheck.results.shown import Shown, face, pictures, plain_types, versions
from fastcheck.vectors import Indices, Vector, largest

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SIGMAS = 10.0  # of rounding, up to which 0.1 took a component for right


@dataclass(frozen=True, eq=False)
class Report(Shown):
    """What a check found.

    A screen has ``numeric = bound = wrong = None``, and ``eps`` is the length of its usual step along a direction of length 1. Two reports
    are equal if all of this is, vectors by value and nan being equal to nan.

    Attributes
    ----------
    ratio : float
        ``||numeric - analytic|| / (||numeric|| + ||analytic||)`` over all components looked at.
    floor : float
        The ratio that rounding in J alone produces at this eps, measured; machine epsilon's where the complex step was taken.
    verdict : Verdict
    reason : str
        The condition that decided.
    numeric, analytic : ndarray of float64, shape (n,) or (k,)
        Both gradients, at ``components`` if only k were looked at; numeric is the differences at eps, or the complex step's.
    bound : ndarray of float64, shape (n,) or (k,)
        How far numeric may be off.
    wrong : ndarray of int64
        Where in these vectors the components are that are wrong by themselves.
    witnesses : tuple of Witness
        The components and directions whose ladders refute the gradient, the deciding one first; none where it is
        CORRECT or UNRESOLVED.
    agreement : float
        The ratio of the best slopes, in units of scale; `ratio` and `floor` are the differences at eps.
    components : ndarray of int64, shape (k,), or None
        The indices looked at, sorted; None for all.
    layout : Layout
    tensors : tuple of TensorReport
    findings : tuple of Finding
    eps : float, or ndarray of float64, shape (n,) or (k,)
        One step for all components, or one for each that was looked at; of the complex step 2^-100, or so much of a scale
        that is far from 1.
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
    location : Location, or None
        Where the gradient is wrong, if that was searched for: ``fastcheck screen --locate``.
    """

    ratio: float
    floor: float
    verdict: Verdict
    reason: str
    numeric: Vector | None = field(repr=False)
    analytic: Vector = field(repr=False)
    components: Indices | None = field(repr=False)
    layout: Layout = field(repr=False)
    tensors: tuple[TensorReport, ...] = field(repr=False)
    findings: tuple[Finding, ...]
    eps: float | Vector
    evaluations: int
    seconds: float
    noise: float
    workers: int
    compiled: bool
    ratio_low: float | None = None
    ratio_high: float | None = None
    guarantee: float | None = None
    name: str = ""
    versions: dict[str, str] = field(default_factory=versions, repr=False)
    bound: Vector | None = field(default=None, repr=False)
    wrong: Indices | None = field(default=None, repr=False)
    witnesses: tuple[Witness, ...] = ()
    agreement: float = math.nan
    location: Location | None = None

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

    @property
    def seen(self) -> Seen | None:
        """What was seen component by component; None of a screen, which looks at no single one."""
        if self.numeric is None or self.bound is None or self.wrong is None:
            return None
        wrong = np.zeros(self.numeric.size, dtype=bool)
        wrong[self.wrong] = True
        return Seen(Selection(self.layout, self.components), self.numeric, self.analytic, self.bound, wrong)

    def worst(self, k: int = 5) -> tuple[Component, ...]:
        """The ``k`` components whose errors are most above their bounds, worst first; none of a screen."""
        seen = self.seen
        return tuple(map(seen.component, seen.worst(k))) if seen else ()

    def located(self, location: Location) -> Report:
        """With the place where the gradient is wrong, in place of the advice to search for it."""
        return replace(self, location=location, findings=tuple(f for f in self.findings if f.kind != "locate"))

    def to_dict(self, worst: int = 10) -> dict[str, Any]:
        """The report as plain JSON types; numbers that are not finite become None. The vectors are left out."""
        told: dict[str, Any] = plain_types(
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
                "eps": self._steps(),
                "n": self.layout.size,
                "n_checked": self.n_checked,
                "tensors": [{**asdict(t), "verdict": t.verdict.name} for t in self.tensors],
                "agreement": self.agreement,
                "worst": [asdict(c) for c in self.worst(worst)],
                "witnesses": [w.to_dict() for w in self.witnesses[:worst]],
                "findings": [asdict(f) for f in self.findings],
                "evaluations": self.evaluations,
                "seconds": self.seconds,
                "throughput": self.throughput,
                "workers": self.workers,
                "compiled": self.compiled,
                "versions": self.versions,
            }
        )
        return told | ({"location": self.location.to_dict()} if self.location else {})

    def _steps(self) -> float | dict[str, Any]:
        """The step, or the least and the largest and the tensors that have other steps than most."""
        if not isinstance(self.eps, np.ndarray):
            return self.eps
        spans = self.layout.spans(self.components)
        own = [
            t.name
            for t, span in zip(self.layout.tensors, spans, strict=True)
            if np.ptp(self.eps[span] if span.stop > span.start else self.eps[:1]) > 0
        ]
        return {"least": float(self.eps.min()), "largest": float(self.eps.max()), "tensors": own}

    @property
    def testimony(self) -> tuple[str, ...]:
        """The witnesses in words, the deciding one first."""
        return tuple(map(str, self.witnesses))

    @property
    def steps_told(self) -> str:
        """The step in words."""
        if not isinstance(self.eps, np.ndarray):
            return f"{self.eps:g}"
        return f"{self.eps.min():.1e} to {self.eps.max():.1e}"

    def renderable(self, worst: int = 5, everything: bool = False) -> Any:
        """What a person reads, for a rich console: up to ``worst`` components that are off; every tensor and all about each finding if asked."""
        return face("tables").tell(self, worst, everything)

    def text(self, worst: int = 5, everything: bool = False) -> str:
        """The same as plain text."""
        told: str = face("text").plain(self.renderable(worst, everything))
        return told

    def _for_notebook(self) -> Any:
        return face("tables").tell_top_down(self, worst=5)

    def brief(self) -> str:
        """The short report: verdict, worst component and what explains it first, then the tensors that are not right."""
        told: str = face("text").plain(face("tables").tell_briefly(self))
        return told

    def plot(self) -> Figure:
        """The report as a picture: ratios, residuals, errors of the wrong tensors, ladders of their witnesses.

        Needs matplotlib, which comes with the extra ``report``; no display is opened.
        """
        figure: Figure = face("plots").figure(self)
        return figure

    def save(self, path: str | Path) -> None:
        """Write the report to a file; nothing is written if it cannot be done.

        Parameters
        ----------
        path : str or Path
            Ends in ``.json`` (`to_dict`, and under the key ``vectors`` what it leaves out, for `load`), ``.html`` (a page of its own, to be read without a network), or
            ``.png``, ``.svg``, ``.pdf`` (the picture). The last four need the extra ``report``.
        """
        files.save(path, {".json": self.filed, ".html": self._page, **pictures(self.plot)})

    def filed(self) -> str:
        """What a ``.json`` file of it holds: `to_dict`, and under the key ``vectors`` what that leaves out."""
        return archive.dumps(self, self.to_dict())

    def _page(self) -> str:
        page: str = face("page").page(self)
        return page

    @classmethod
    def load(cls, path: str | Path) -> Report:
        """The report that was saved as ``path``, a ``.json`` file: equal to the one that was."""
        report: Report = archive.load(cls, path, _misfit)
        return _completed(report)


def _misfit(report: Report) -> str | None:
    """What in a report that was read does not go together, or None."""
    tensors = report.layout.tensors
    sizes = {vector.shape for vector in (report.numeric, report.analytic, report.bound) if vector is not None}
    shapes, dtypes = ({t.name: getattr(t, what) for t in tensors} for what in ("shape", "dtype"))
    if not tensors or report.layout != Layout.of(shapes, dtypes):
        return "a layout that has gaps"
    if report.layout.names != tuple(t.name for t in report.tensors):
        return "tensors that are not those of the layout"
    if sizes != {(report.n_checked,)}:
        return f"gradients of another length than {report.n_checked}"
    if isinstance(report.eps, np.ndarray) and report.eps.shape != (report.n_checked,):
        return f"steps for {report.eps.size} components, not {report.n_checked}"
    if report.wrong is not None and not set(report.wrong.tolist()) <= set(range(report.n_checked)):
        return f"wrong components beyond the {report.n_checked} looked at"
    return None


def _completed(report: Report) -> Report:
    """With bound and wrong as the differences alone tell them, which files of fastcheck 0.1 lack."""
    if report.numeric is None or report.bound is not None or isinstance(report.eps, np.ndarray):
        return report
    bound = np.full(report.numeric.size, _SIGMAS * report.noise / (math.sqrt(2) * report.eps))
    with np.errstate(invalid="ignore", over="ignore"):
        error = np.abs(report.numeric - report.analytic)
    wrong = np.zeros(error.size, dtype=bool)
    for span in report.layout.spans(report.components):
        share = rule.GREAT * largest(report.numeric[span], report.analytic[span])
        wrong[span] = (error[span] > np.maximum(bound[span], share)) & np.isfinite(error[span])
    return replace(report, bound=bound, wrong=np.flatnonzero(wrong))
