"""A sign of life during long runs: a bar on the terminal, a function of the caller's, or nothing."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib import import_module
from typing import Any, Protocol


class Show(Protocol):
    """Is told the items done so far, and in words what is under way where nothing may come back for long."""

    def __call__(self, done: int, words: str = "") -> None: ...


Progress = Callable[[int], AbstractContextManager[Show]]  # called with the items in all

_PATIENCE = 1.0  # seconds without a bar


def progress_of(chosen: bool | Callable[[int, int], None] | None) -> Progress:
    """What ``progress=`` asks for: None (a bar if it takes long and somebody looks), True, False, or ``f(done, total)``."""
    if chosen is False:
        return muted
    if chosen is None and not _watched():
        return unwatched
    if chosen is None or chosen is True:
        return lambda total: _bar(total, 0.0 if chosen else _PATIENCE)
    return lambda total: _told(total, chosen)


def nothing(done: int, words: str = "") -> None:
    """Show nothing."""


def part_of(show: Show, before: int) -> Show:
    """Show so many done as a part of the whole, ``before`` of which are done already."""
    return lambda done, words="": show(before + done, words)


@contextmanager
def muted(total: int) -> Iterator[Show]:
    """Nothing is to be told, not even that it will take long."""
    yield nothing


@contextmanager
def unwatched(total: int) -> Iterator[Show]:
    """Nobody sees a bar."""
    yield nothing


@contextmanager
def _told(total: int, tell: Callable[[int, int], None]) -> Iterator[Show]:
    yield lambda done, words="": tell(done, total)


@contextmanager
def _bar(total: int, patience: float) -> Iterator[Show]:
    """A bar with rate and time left, once ``patience`` seconds have passed."""
    begin, bar = time.perf_counter(), None

    def show(done: int, words: str = "") -> None:
        nonlocal bar
        if bar is None and time.perf_counter() - begin >= patience:
            bar = _bar_of(total)
        if bar is not None:
            bar.update(done, words)

    try:
        yield show
    finally:
        if bar is not None:
            bar.close()


def _bar_of(total: int) -> Any:
    bars = import_module("fastcheck.evaluate.bars")  # loaded only when there is something to show
    return bars.NotebookBar(total) if _in_notebook() else bars.TerminalBar(total)


def _watched() -> bool:
    """Whether stderr is a terminal, or this is a notebook."""
    return (sys.stderr is not None and sys.stderr.isatty()) or _in_notebook()


def _in_notebook() -> bool:
    shell = sys.modules.get("IPython")
    return shell is not None and type(shell.get_ipython()).__name__ == "ZMQInteractiveShell"
