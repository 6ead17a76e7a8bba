"""The bars that a long run shows, on a terminal or in a notebook; loaded only when there is one to show."""

from __future__ import annotations

import html
import time
from importlib import import_module
from typing import Any, Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

_EVERY = 0.2  # seconds between two looks of a notebook's bar
_LINE = '<progress max="{total}" value="{done}" style="vertical-align: middle; width: 16em"></progress> {words}'


class Bar(Protocol):
    """Is told the items done, and what is under way in words; leaves nothing behind where it can."""

    def update(self, done: int, words: str) -> None: ...

    def close(self) -> None: ...


class TerminalBar:
    """A bar of rich on stderr, with rate and time left."""

    def __init__(self, total: int) -> None:
        columns = (BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn(), TextColumn("{task.description}"))
        console = Console(stderr=True)
        self._progress = Progress(*columns, console=console, transient=console.is_terminal)
        self._progress.start()
        self._task = self._progress.add_task("", total=total)

    def update(self, done: int, words: str) -> None:
        self._progress.update(self._task, completed=done, description=words)

    def close(self) -> None:
        self._progress.stop()


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed or 0:,.0f}/s")


class NotebookBar:
    """A line of HTML below the cell, replaced in place: a bar of the browser's own, and the same numbers.

    Rich's own asks for ipywidgets there, which may be neither installed nor shown.
    """

    def __init__(self, total: int) -> None:
        self._total, self._begin, self._told = total, time.perf_counter(), 0.0
        self._before: int | None = None  # what was done when it began
        self._handle: Any = import_module("IPython.display").DisplayHandle()
        self._show("display", "")

    def update(self, done: int, words: str) -> None:
        now = time.perf_counter()
        self._before = done if self._before is None else self._before
        if now - self._told < _EVERY and done < self._total:
            return
        self._told = now
        rate = (done - self._before) / max(now - self._begin, 1e-9)
        left = f", {_clock((self._total - done) / rate)} left" if rate else ""
        numbers = f"{done:,} of {self._total:,}, {rate:,.0f}/s{left} {html.escape(words)}"
        self._show("update", _LINE.format(total=self._total, done=done, words=numbers))

    def close(self) -> None:
        self._show("update", "")

    def _show(self, how: str, line: str) -> None:
        getattr(self._handle, how)({"text/html": line, "text/plain": ""}, raw=True)


def _clock(seconds: float) -> str:
    minutes, left = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{left:02}"
