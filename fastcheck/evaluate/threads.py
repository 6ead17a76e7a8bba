"""Moves over chunks on threads: the same bits for any number of workers and any chunk.

The calling thread is one of the workers, so one worker starts no thread, and Ctrl-C is met between its chunks. Each
worker perturbs and restores its own copy of theta.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from queue import SimpleQueue

import numpy as np

from fastcheck.evaluate.blas import single_threaded
from fastcheck.evaluate.progress import Show, nothing
from fastcheck.evaluate.source import Source
from fastcheck.evaluate.work import Keep, Work, unkept
from fastcheck.vectors import Array, Vector

_PARTS = 16  # of the work per worker, where there is much: buffers stay below a vector of length n
_SMALL_CHUNK = 512  # components, whose buffers are small for any n
_FEWEST_PARTS = 1  # where there is little
_MAX_CHUNK_SECONDS = 0.05  # a worker reports, or stops, within this time where J allows
_MIN_CHUNK_SECONDS = 0.005  # of one worker: Python's share of a chunk is some 0.1 ms
_LAST_CHUNK_SECONDS = 0.0003  # of several, which should finish together
_MIN_SHARE_SECONDS = 0.002  # less work than this is not worth a thread
_MOST_HELPERS = 256  # started only as they are needed


class Borrowed:
    """A pool of threads that belongs to somebody else, who ends it."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool

    def start(self, work: Callable[[Vector], None], copies: Sequence[Vector]) -> list[Future[None]]:
        return [self._pool.submit(work, copy) for copy in copies]

    def let_go(self) -> None:
        """Not ours."""


class Helpers:
    """Threads beside the calling one, started when first needed and idle between runs until they are let go.

    To start one takes as long as some hundred evaluations of a small J, and a check has dozens of runs.
    """

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None
        self._process = 0
        self._lock = threading.Lock()

    def start(self, work: Callable[[Vector], None], copies: Sequence[Vector]) -> list[Future[None]]:
        """Each copy of theta in the hands of one of them."""
        if not copies:
            return []
        with self._lock:
            if self._pool is None or self._process != os.getpid():  # a forked process has none of its parent's threads
                self._pool = ThreadPoolExecutor(_MOST_HELPERS, thread_name_prefix="fastcheck")
                self._process = os.getpid()
            return [self._pool.submit(work, copy) for copy in copies]

    def __reduce__(self) -> tuple[type[Helpers], tuple[()]]:
        """Elsewhere they are started anew."""
        return Helpers, ()

    def let_go(self) -> None:
        with self._lock:
            if self._pool is not None and self._process == os.getpid():
                self._pool.shutdown()
            self._pool = None


@dataclass(frozen=True)
class Threads:
    """How a run is spread out: so many workers, so many lines per chunk; None stands for what suits."""

    workers: int | None = None
    chunk: int | None = None
    helpers: Helpers | Borrowed = field(default_factory=Helpers, repr=False, compare=False)

    def number(self, source: Source) -> int:
        """The workers that a long run gets.

        A parallel cost has its own threads; plain Python shares one interpreter, and may keep state that two threads at
        once would spoil.
        """
        return 1 if source.parallel or not source.compiled else self.workers or n_cores()

    here = number

    @property
    def n_threads(self) -> int:
        return self.workers or 0

    def at_once(self, source: Source) -> int:
        """Those of them that get a core of their own."""
        return min(self.number(source), n_cores())

    def let_go(self) -> None:
        """End the threads that wait."""
        self.helpers.let_go()

    def run(self, work: Work, show: Show, keep: Keep = unkept) -> Array:
        size, seconds = work.moves.size, work.seconds
        n_shares = int(size * seconds / _MIN_SHARE_SECONDS)
        n_workers = max(1, min(work.copies.most, size, n_shares))
        sizes = _chunk_sizes(self.chunk, size, seconds, n_workers)
        own, *others = work.copies.some(n_workers)
        with single_threaded.hold():
            if not others and sizes[0] >= size:  # a single chunk
                j = work.evaluated(0, size, own)
                keep(0, j)
                show(size)
                return j
            run = _Run(work, _Chunks(size, *sizes), keep)
            helping = self.helpers.start(run.work_on, others)
            try:
                run.work_on(own, run.keeping(show))
            finally:
                begun = [helper for helper in helping if not helper.cancel()]  # the others help another run as yet
                wait(begun)
                run.hand_over()
            for helper in begun:
                helper.result()
        return run.out


class _Run:
    """One run: what its workers share."""

    def __init__(self, work: Work, chunks: _Chunks, keep: Keep) -> None:
        self.work, self.chunks, self._keep = work, chunks, keep
        self.out: Array = np.empty(work.moves.shape)
        self._done: SimpleQueue[tuple[int, int]] = SimpleQueue()

    def work_on(self, own: Vector, show: Show = nothing) -> None:
        """Evaluate chunks until there are no more."""
        try:
            for start, stop in self.chunks:
                self.out[start:stop] = self.work.evaluated(start, stop, own)
                self._done.put((start, stop))
                show(stop)
        except BaseException:
            self.chunks.end()
            raise

    def keeping(self, show: Show) -> Show:
        """What the calling thread does between its chunks: hand over what is done, and show."""

        def shown(done: int, words: str = "") -> None:
            self.hand_over()
            show(done, words)

        return shown

    def hand_over(self) -> None:
        """Chunks that are done, whoever did them, to whoever keeps them."""
        while not self._done.empty():
            start, stop = self._done.get()
            self._keep(start, self.out[start:stop])


class _Chunks:
    """The ranges ``(start, stop)`` that cover all items, each handed out once, to whichever thread asks next.

    A chunk is the given part of what is left, between ``least`` and ``most``: large at first, so that Python's share
    stays small, and small in the end, so that all workers finish together.
    """

    def __init__(self, n_items: int, least: int, most: int, parts: int) -> None:
        self._n_items, self._least, self._most, self._parts = n_items, least, most, parts
        self._next = 0
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[tuple[int, int]]:
        while True:
            with self._lock:
                start = self._next
                size = min(max((self._n_items - start) // self._parts, self._least), self._most)
                stop = self._next = min(start + size, self._n_items)
            if start >= stop:
                return
            yield start, stop

    def end(self) -> None:
        """Hand out no more."""
        with self._lock:
            self._next = self._n_items


def n_cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _chunk_sizes(chosen: int | None, n_items: int, seconds_each: float, workers: int) -> tuple[int, int, int]:
    """The least and the most items per chunk, and into how many parts what is left is thought to be cut."""
    if chosen is not None:
        return chosen, chosen, 1
    shortest = _MIN_CHUNK_SECONDS if workers == 1 else _LAST_CHUNK_SECONDS
    least, most = (int(seconds / max(seconds_each, 1e-9)) for seconds in (shortest, _MAX_CHUNK_SECONDS))
    if workers == 1:
        least = max(least, n_items // _PARTS)  # nobody to finish together with
    else:
        most = min(most, max(n_items // _PARTS, _SMALL_CHUNK))
    parts = int(n_items * seconds_each / (workers * _MIN_CHUNK_SECONDS))
    return max(least, 1), max(most, 1), workers * min(max(parts, _FEWEST_PARTS), _PARTS)
