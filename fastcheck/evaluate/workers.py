"""Who evaluates J: threads of this process, other processes, or a cluster; the evaluator knows none of them by kind."""

from __future__ import annotations

from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any, Protocol

from fastcheck.errors import shown
from fastcheck.evaluate.address import require_none
from fastcheck.evaluate.hands import OfClient, OfExecutor, OfProcesses
from fastcheck.evaluate.progress import Show
from fastcheck.evaluate.remote import Remote
from fastcheck.evaluate.source import Source
from fastcheck.evaluate.threads import Borrowed, Threads
from fastcheck.evaluate.work import Keep, Work, unkept
from fastcheck.problem.arguments import Arguments
from fastcheck.problem.question import PROCESSES
from fastcheck.vectors import Array


class Workers(Protocol):
    """How a run is spread out."""

    @property
    def n_threads(self) -> int:
        """Of this process that were asked for; 0 where it is left open."""
        ...

    def number(self, source: Source) -> int:
        """The workers that a long run gets."""
        ...

    def at_once(self, source: Source) -> int:
        """Those of them that really work at once."""
        ...

    def here(self, source: Source) -> int:
        """Those that need a copy of theta in this process."""
        ...

    def run(self, work: Work, show: Show, keep: Keep = unkept) -> Array:
        """J of all moves, in their order; the first exception of any worker stops all and is raised.

        ``show`` is told how many lines are done, ``keep`` which and their J, both from the calling thread.
        """
        ...

    def let_go(self) -> None:
        """End what was started for these runs; what was borrowed stays as it is."""
        ...


def workers_of(asked: Any, chunk: int | None, arguments: Arguments) -> Workers:
    """What ``workers=`` asks for: None or a number of threads, "processes", an executor, or a Dask client.

    Raises
    ------
    InputError
        Other processes are asked for, where the cost's arguments mean nothing to them.
    """
    if asked is None or isinstance(asked, int):
        return Threads(asked, chunk)
    if isinstance(asked, ThreadPoolExecutor):
        return Threads(asked._max_workers, chunk, Borrowed(asked))
    require_none(arguments, shown(asked))
    if asked == PROCESSES:
        return Remote(OfProcesses(), chunk)
    if isinstance(asked, Executor):
        return Remote(OfExecutor(asked), chunk)
    return Remote(OfClient(asked), chunk)
