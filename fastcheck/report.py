"""A finished check: its numbers in one frozen record, and how that is told to a person or a program."""

from __future__ import annotations

import math
import platform
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from typing import Any

import numpy as np

from fastcheck import compare
from fastcheck.compare import Component, TensorReport, Verdict
from fastcheck.diagnosis import Finding
from fastcheck.layout import Layout, Vector


@dataclass(frozen=True, eq=False)
class Report:
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

    A screen has ``numeric = None``, and ``eps`` is the length of its usual step along a direction of length 1.
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
                "versions": versions(),
            }
        )

    def renderable(self, worst: int = 5, everything: bool = False) -> Any:
        """What a person reads, for a rich console: up to ``worst`` components that are off, and every tensor if asked."""
        from fastcheck.faces.tables import tell  # loaded only when there is something to show

        return tell(self, worst, everything)

    def text(self, worst: int = 5, everything: bool = False) -> str:
        """The same as plain text."""
        from fastcheck.faces.tables import plain

        return plain(self.renderable(worst, everything))

    def brief(self) -> str:
        """The short report: verdict, worst component and what explains it first, then the tensors that are not right."""
        from fastcheck.faces.tables import plain, tell_briefly

        return plain(tell_briefly(self))

    def __str__(self) -> str:
        return self.text()


def versions() -> dict[str, str]:
    """What is needed to reproduce a report."""
    packages = {name: version(name) for name in ("fastcheck", "numpy", "numba")}
    return {**packages, "python": platform.python_version(), "machine": platform.machine()}


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
