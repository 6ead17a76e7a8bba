"""A report that comes from a file: what in it does not go together, and what older files lack."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from fastcheck.judge import rule
from fastcheck.problem.layout import Layout
from fastcheck.vectors import largest

if TYPE_CHECKING:
    from fastcheck.results.report import Report

_SIGMAS = 10.0  # of rounding, up to which 0.1 took a component for right


def misfit(report: Report) -> str | None:
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


def completed(report: Report) -> Report:
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
