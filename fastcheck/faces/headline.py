"""What a report's verdict means, in the line above everything else: where the gradient is wrong, as nearly as that was searched for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastcheck.results.report import Report


def headline(report: Report, tensors: str, written: Callable[[str], str] = str) -> str:
    """The places that were found, as they are ``written``, or else ``tensors``, those that are wrong in words."""
    found = written(report.location.words) if report.location else ""
    return found or report.verdict.value + (f" in {tensors}" if tensors else "")


def accused(report: Report) -> list[str]:
    """The tensors that are WRONG or SUSPECT, by name."""
    return [t.name for t in report.tensors if t.verdict.accuses]
