"""Kernels over chunks on threads: a prepared cost and theta in, numbers out, the same bits for any workers and chunk.

The calling thread is one of the workers, so one worker starts no thread, and Ctrl-C is met between its chunks. Each
worker perturbs and restores its own copy of theta.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from fastcheck.errors import InputError, InputTypeError, add_note
from fastcheck.evaluate.blas import single_threaded
from fastcheck.evaluate.cost import Cost
from fastcheck.evaluate.progress import Progress, Show, silent
from fastcheck.problem.layout import Layout, Vector

Task = Callable[[Vector, int, int], None]  # (the worker's theta, start, stop): does the items from start to stop

_PARTS = 16  # of the work per worker, where there is much: buffers stay below a vector of length n
_SMALL_CHUNK = 512  # components, whose buffers are small for any n
_FEWEST_PARTS = 1  # where there is little
_MAX_CHUNK_SECONDS = 0.05  # a worker reports, or stops, within this time where J allows
_MIN_CHUNK_SECONDS = 0.005  # of one worker: Python's share of a chunk is some 0.1 ms
_LAST_CHUNK_SECONDS = 0.001  # of several, which should finish together
_MIN_SHARE_SECONDS = 0.002  # less work than this is not worth a thread
_ALIGNMENT = 8  # float64 in a cache line: copies of theta never share one, and all lie alike


@dataclass(frozen=True)
class Settings:
    """How a run is spread out and shown; made by `settings`, which validates."""

    workers: int | None = None
    chunk: int | None = None
    progress: Progress = silent

    def quiet(self) -> Settings:
        """The same, showing no progress: for the small runs beside the large one."""
        return replace(self, progress=silent)


def settings(workers: int | None, chunk: int | None, progress: Progress) -> Settings:
    """Validated settings; None stands for what suits the machine and the cost."""
    for name, value in (("workers", workers), ("chunk", chunk)):
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | np.integer):
            raise InputTypeError(f"{name} must be a positive integer or None, got {value!r}: pass None for the default")
        if value < 1:
            raise InputError(f"{name} must be at least 1, got {value}: pass None for the default")
    return Settings(workers, chunk, progress)


def n_cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def n_workers(cost: Cost, chosen: Settings) -> int:
    """The workers a long run gets: plain Python shares one interpreter, a parallel cost has its own threads."""
    if cost.parallel:
        return 1
    return chosen.workers or (n_cores() if cost.compiled else 1)


def projected_seconds(cost: Cost, n_components: int, chosen: Settings) -> float:
    """About how long the differences of ``n_components`` will take."""
    return 2 * n_components * cost.seconds / min(n_workers(cost, chosen), n_cores())


def differences(
    cost: Cost, theta: Vector, components: np.ndarray | None, eps: float, layout: Layout, chosen: Settings
) -> Vector:
    """Two-sided differences of J at ``components`` (None: all), in that order; the divisor is the step really taken."""
    out = np.empty(theta.size if components is None else components.size)

    def task(work: Vector, start: int, stop: int) -> None:
        which = np.arange(start, stop) if components is None else components[start:stop]
        offsets = np.empty(2 * which.size)
        offsets[0::2], offsets[1::2] = eps, -eps
        j = cost.probe(work, np.repeat(which, 2), offsets)
        at = theta[which]
        with np.errstate(invalid="ignore"):  # inf - inf: J is not finite there, which the report names
            out[start:stop] = (j[0::2] - j[1::2]) / ((at + eps) - (at - eps))

    run(task, out.size, 2 * cost.seconds, cost, theta, layout, chosen)
    return out


def probes(
    cost: Cost, theta: Vector, components: np.ndarray, offsets: Vector, layout: Layout, chosen: Settings
) -> Vector:
    """J(theta + offsets[k] e_i), i = components[k], for every k."""
    out = np.empty(components.size)

    def task(work: Vector, start: int, stop: int) -> None:
        out[start:stop] = cost.probe(work, components[start:stop], offsets[start:stop])

    run(task, out.size, cost.seconds, cost, theta, layout, chosen.quiet())
    return out


def run(
    task: Task,
    n_items: int,
    seconds_each: float,
    cost: Cost,
    theta: Vector,
    layout: Layout,
    chosen: Settings,
    copies: list[Vector] | None = None,
) -> None:
    """Do items 0 to ``n_items`` in chunks on the workers; the first exception of any stops all and is raised.

    ``copies`` of theta, if there are some already, serve as the workers' own, and limit their number.
    """
    workers = max(1, min(n_workers(cost, chosen), n_items, int(n_items * seconds_each / _MIN_SHARE_SECONDS)))
    chunks = _Chunks(n_items, *_chunk_sizes(chosen.chunk, n_items, seconds_each, workers))

    def work(own: Vector, show: Show) -> None:
        try:
            for start, stop in chunks:
                task(own, start, stop)
                show(stop)
        except BaseException as error:
            chunks.end()
            _blame(error, own, theta, layout)
            raise

    own, *others = copies[:workers] if copies else copies_of(theta, workers)
    with single_threaded.hold(), chosen.progress(n_items) as show:
        if not others:
            work(own, show)
            return
        with ThreadPoolExecutor(len(others), thread_name_prefix="fastcheck") as pool:
            helpers = [pool.submit(work, other, _show_nothing) for other in others]
            work(own, show)
        for helper in helpers:
            helper.result()


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


def _show_nothing(n_done: int) -> None:
    """Only the calling thread shows progress."""


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


def copies_of(theta: Vector, workers: int) -> list[Vector]:
    """A copy of theta per worker, each at the start of a cache line: alike to SIMD loops that look at alignment."""
    stride = -(-theta.size // _ALIGNMENT) * _ALIGNMENT
    memory = np.empty(workers * stride + _ALIGNMENT)
    first = -(memory.ctypes.data // memory.itemsize) % _ALIGNMENT
    copies = [memory[first + i * stride :][: theta.size] for i in range(workers)]
    for copy in copies:
        copy[:] = theta
    return copies


def _blame(error: BaseException, own: Vector, theta: Vector, layout: Layout) -> None:
    """Note the component and side at which the cost raised: there, the worker's theta is still perturbed."""
    perturbed = np.flatnonzero(own != theta)
    if perturbed.size > 1 and isinstance(error, Exception):
        add_note(error, "raised by the cost near theta, along a random direction")
    elif perturbed.size and isinstance(error, Exception):
        index = int(perturbed[0])
        add_note(error, f"raised by the cost at {layout.name(index)} {own[index] - theta[index]:+.3g}")
