"""Moves evaluated in other processes, the same bits as here.

Lines go out in errands of half a second, less where there is little to do, and a few for each worker at a time. Rounds
that are shorter than it takes to send them run here.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from fastcheck.errors import InputError, WorkersLost, add_note, first_line
from fastcheck.evaluate.errands import Failed, Missing, Parcels
from fastcheck.evaluate.hands import Hands
from fastcheck.evaluate.progress import Show
from fastcheck.evaluate.source import Source
from fastcheck.evaluate.threads import Threads
from fastcheck.evaluate.work import Keep, Work, unkept
from fastcheck.vectors import Array
from fastcheck.words import counted

_SHORT = 0.05  # seconds of work that run here
_ERRAND = 0.5  # seconds that an errand takes,
_HANDLED = 0.004  # or so many for each worker: what the caller and a scheduler take for one
_EACH = 4  # errands for each worker, where there is less work
_IN_HAND = 3  # errands that each worker has, the one in work among them
_TRIES = 3  # times that all workers may be lost with nothing done in between
_POLL = 0.2  # seconds between looks whether the workers still live


@dataclass(frozen=True, eq=False)
class Remote:
    """How a run is spread out over other processes."""

    hands: Hands
    chunk: int | None = None
    near: Threads = field(default_factory=Threads)  # for rounds that are short
    parcels: Parcels = field(default_factory=Parcels)

    @property
    def n_threads(self) -> int:
        return 0

    def number(self, source: Source) -> int:
        return self.hands.cores() if source.compiled and not source.parallel else self.hands.processes()

    at_once = number

    def here(self, source: Source) -> int:
        return self.near.number(source)

    def let_go(self) -> None:
        self.near.let_go()
        self.hands.let_go()

    def run(self, work: Work, show: Show, keep: Keep = unkept) -> Array:
        if work.moves.size * work.seconds < _SHORT:
            return self.near.run(work, show, keep)
        return _Run(self, work).values(show, keep)


class _Lost(Exception):
    """Workers are gone, in words."""


class _Run:
    """One run: errands out, outcomes in."""

    def __init__(self, remote: Remote, work: Work) -> None:
        self.remote, self.work, self.n_workers = remote, work, remote.number(work.source)
        size = work.moves.size
        step = _lines(remote.chunk, size, work.seconds, self.n_workers)
        self.ranges = ((start, min(start + step, size)) for start in range(0, size, step))
        self.again: list[tuple[int, int]] = []  # that came back undone
        self.going: dict[Any, tuple[int, int]] = {}
        self.back: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def values(self, show: Show, keep: Keep) -> Array:
        """J of all moves."""
        out, n_finished, n_lost = np.empty(self.work.moves.shape), 0, 0
        try:
            while True:
                try:
                    if not self._in_hand():
                        return out
                    (start, stop), outcome = self._next(partial(show, n_finished, self._under_way()))
                except _Lost as lost:
                    n_lost += 1
                    self._renew(lost, n_lost)
                    continue
                if isinstance(outcome, Missing):
                    self._send((start, stop), outcome.names)
                elif isinstance(outcome, Failed):
                    raise _told(outcome)
                else:
                    out[start:stop] = outcome
                    keep(start, out[start:stop])
                    n_finished, n_lost = n_finished + stop - start, 0
                    show(n_finished, self._under_way())
        except BaseException:
            for future in self.going:
                future.cancel()
            raise

    def _under_way(self) -> str:
        return f"{counted(len(self.going), 'piece')} with {counted(self.n_workers, 'worker')}"

    def _in_hand(self) -> int:
        """How many errands are, once the workers have as many as they may, or all that are left."""
        while len(self.going) < self.n_workers * _IN_HAND:
            span = self.again.pop() if self.again else next(self.ranges, None)
            if span is None:
                break
            self._send(span)
        return len(self.going)

    def _send(self, span: tuple[int, int], missing: Sequence[str] = ()) -> None:
        """One errand; with what a worker said it does not have."""
        parcels, hands, part = self.remote.parcels, self.remote.hands, self.work.part(*span)
        errand = parcels.errand(part.source, part.theta, part.moves)
        try:
            future = hands.submit(errand, parcels.packed, missing)
        except (BrokenExecutor, OSError) as error:
            self.again.append(span)
            raise _Lost(_words(error)) from error
        self.going[future] = span
        future.add_done_callback(self.back.put)

    def _next(self, alive: Callable[[], None]) -> tuple[tuple[int, int], Any]:
        """The next errand that is back, and its outcome; until one is, a sign of life."""
        hands = self.remote.hands
        while True:
            try:
                future = self.back.get(timeout=_POLL)
            except queue.Empty:
                if gone := hands.gone():
                    raise _Lost(gone) from None
                alive()
                continue
            if (span := self.going.pop(future, None)) is None:
                continue  # of workers that were lost meanwhile
            try:
                return span, future.result()
            except BaseException as error:
                if not hands.lost(future, error):
                    raise _understood(error) from error
                self.again.append(span)
                raise _Lost(hands.gone() or _words(error)) from error

    def _renew(self, lost: _Lost, n_lost: int) -> None:
        """Whatever was in the hands of workers that are lost is for others."""
        self.again += self.going.values()
        self.going.clear()
        if n_lost > _TRIES or not self.remote.hands.renew():
            raise WorkersLost(
                f"workers must live until the work is done, got {lost}: {self.remote.hands.advice}"
            ) from lost


def _words(error: BaseException) -> str:
    return f"{type(error).__name__}: {first_line(error)}"


def _lines(chunk: int | None, n_lines: int, seconds: float, workers: int) -> int:
    """Lines of an errand."""
    if chunk is not None:
        return chunk
    share = min(max(_ERRAND, _HANDLED * workers), n_lines * seconds / (workers * _EACH))
    return max(1, int(share / seconds))


def _told(failed: Failed) -> Exception:
    """The cost's own exception with what was printed there, or what we say ourselves."""
    raised = failed.raised()
    if isinstance(raised.error, InputError):
        return raised.error
    add_note(raised.error, f"in a worker process:\n{failed.trace}")
    return raised


def _understood(error: BaseException) -> BaseException:
    """What came instead of an outcome, where we know why."""
    if isinstance(error, ModuleNotFoundError) and (error.name or "").partition(".")[0] == "fastcheck":
        return InputError("workers must have fastcheck, got one without it: install the same version there")
    return error
