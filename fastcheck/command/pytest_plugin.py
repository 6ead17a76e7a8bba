"""The plugin for pytest: the fixture `gradient_check`, and the pages that its failures leave.

pytest loads this file in every run wherever fastcheck is installed, so it loads nothing more until the fixture is called.
"""

from __future__ import annotations

import re
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import blake2b
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fastcheck.errors import InputError, first_line

if TYPE_CHECKING:
    from fastcheck.results.report import Report

_OPTION = "--fastcheck-report"
_LONGEST = 100  # characters of a file's name that come from the test's


def pytest_addoption(parser: pytest.Parser) -> None:
    about = "Save a page of every gradient that gradient_check does not find correct in the folder DIR."
    parser.getgroup("fastcheck").addoption(_OPTION, metavar="DIR", help=about)


def pytest_configure(config: pytest.Config) -> None:
    """Refuse a folder that cannot be written before any test runs."""
    folder = _folder(config)
    if folder is None:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise pytest.UsageError(
            f"{_OPTION} must be a folder that can be written, got {folder} ({error.strerror}): choose another"
        ) from error


def _folder(config: pytest.Config) -> Path | None:
    """Where pages go, wherever the tests change to."""
    given = config.getoption(_OPTION)
    return None if given is None else config.invocation_params.dir / given


@pytest.fixture
def gradient_check(request: pytest.FixtureRequest) -> Callable[..., Report]:
    """A hand-written gradient must be right: takes what fastcheck.assert_gradient takes, and returns the report.

    ``gradient_check(cost, grad, theta, args=(), **options)`` raises AssertionError with the short report as its text unless
    the verdict is CORRECT; the exception's ``report`` is the whole. With ``--fastcheck-report DIR`` a page of it is saved in
    DIR, and the message ends with its path: JSON in its place where the extra ``report`` is not installed.
    """
    folder = _folder(request.config)
    pages = Pages(folder, request.node.nodeid) if folder else None
    turns = count(1)

    def checked(cost: Callable[..., Any], grad: Any, theta: Any, args: tuple[Any, ...] = (), **options: Any) -> Report:
        __tracebackhide__ = True
        from fastcheck.checks.full import check, failure

        turn = next(turns)
        report = check(cost, grad, theta, args, **options)
        if not report.passed:
            raise failure(report, *([pages.saved(report, turn)] if pages else []))
        return report

    return checked


@dataclass(frozen=True)
class Pages:
    """Where one test's pages go: named after its node id, which no other test has, in whatever process it runs."""

    folder: Path
    nodeid: str

    def saved(self, report: Report, turn: int) -> str:
        """Save the report of the test's call number ``turn``; in words, where it is."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # where warnings are errors those of drawing are not the test's
                return self._written(replace(report, name=self.nodeid), self.folder / self.stem(turn))
        except Exception as error:  # nothing may hide the verdict
            return f"the page could not be saved: {type(error).__name__}: {first_line(error)}"

    def _written(self, report: Report, path: Path) -> str:
        self.folder.mkdir(parents=True, exist_ok=True)
        page, data = (path.with_name(f"{path.name}{suffix}") for suffix in (".html", ".json"))
        try:
            report.save(page)
        except InputError as error:  # what draws pages is not installed
            report.save(data)
            return f"saved for Report.load: {data} ({error})"
        return f"page: {page}"

    def stem(self, turn: int) -> str:
        """A name that any file system takes, different for different node ids and turns."""
        words = re.sub(r"[^A-Za-z0-9_.-]+", "-", self.nodeid)[-_LONGEST:].strip("-.")
        own = blake2b(self.nodeid.encode(errors="backslashreplace"), digest_size=4).hexdigest()
        return f"{words}-{own}" + (f"-{turn}" if turn > 1 else "")
