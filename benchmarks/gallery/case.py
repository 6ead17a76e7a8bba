"""One gradient of a library: how its Problem is made, what is expected of it, and what a check found."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType

import fastcheck as fc


@dataclass(frozen=True)
class Case:
    """What is checked.

    Attributes
    ----------
    name : str
        The function, as the library calls it.
    make : callable
        ``make() -> Problem``.
    wrong : tuple of str
        The tensors that are expected to be wrong; none where the gradient is right.
    kinds : str
        Of the findings that are expected to say so, with blanks between.
    """

    name: str
    make: Callable[[], fc.Problem]
    wrong: tuple[str, ...] = ()
    kinds: str = ""

    @property
    def expected(self) -> Found:
        return Found("WRONG", self.wrong, tuple(self.kinds.split())) if self.wrong else Found("CORRECT")


@dataclass(frozen=True)
class Found:
    """What a check said: the verdict, the tensors that are wrong, and the kinds of the findings that name them."""

    verdict: str
    wrong: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()

    @classmethod
    def of(cls, report: fc.Report) -> Found:
        wrong = tuple(t.name for t in report.tensors if t.verdict.name in ("WRONG", "SUSPECT"))
        first = [next((f.kind for f in report.findings if not f.tensors or name in f.tensors), "") for name in wrong]
        return cls(report.verdict.name, wrong, tuple(dict.fromkeys(first)))

    def holds(self, expected: Found) -> bool:
        """The same verdict and tensors, and the kinds that are expected among those that were found."""
        same = self.verdict == expected.verdict and set(self.wrong) == set(expected.wrong)
        return same and set(expected.kinds) <= set(self.kinds)

    def __str__(self) -> str:
        return f"{self.verdict} {', '.join(self.wrong)}: {', '.join(self.kinds)}" if self.wrong else self.verdict


class Skipped(SystemExit):
    """The library cannot be used here; that has been said, and is no failure."""

    def __init__(self) -> None:
        super().__init__(0)


def library(distribution: str, module: str) -> ModuleType:
    """A module of the library; where it cannot be imported, one line that says so, and the end."""
    try:
        return importlib.import_module(module)
    except (ImportError, AttributeError) as error:  # AttributeError: what a newer NumPy has no longer
        print(f"SKIPPED: {distribution} {_why(distribution, error)}")
        raise Skipped from error


def _why(distribution: str, error: Exception) -> str:
    try:
        return f"{version(distribution)} cannot be imported here: {str(error).splitlines()[0]}"
    except PackageNotFoundError:
        return "is not installed"


def checked(case: Case) -> fc.Report:
    return case.make().check(progress=False)


def briefly(distribution: str, case: Case, report: fc.Report) -> str:
    """The short report under the name of the case, as the guide shows it."""
    lines = [line.rstrip() for line in report.brief().splitlines()]
    return "\n".join([f"--- {distribution} {version(distribution)}: {case.name}", "", *lines]).rstrip()


def show(distribution: str, cases: Sequence[Case]) -> None:
    """Prints the reports."""
    for case in cases:
        print(f"--- {distribution} {version(distribution)}: {case.name}\n\n{checked(case)}\n")
