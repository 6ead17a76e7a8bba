"""One guard that keeps BLAS single-threaded while any check runs; its limits are process-wide, so holders are counted."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakSet

from threadpoolctl import ThreadpoolController


class _Guard:
    """The limit is set by the first holder and lifted by the last, in whatever order they leave."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holders = 0
        self._libraries: list[Any] | None = None
        self._before: list[tuple[Any, int]] = []  # what to restore, the last first
        self._met: WeakSet[Any] = WeakSet()

    def meet(self, cost: Any) -> None:
        """Look for BLAS libraries again if the cost is a new one: compiling it may have loaded one."""
        try:
            if cost in self._met:
                return
            self._met.add(cost)
        except TypeError:  # no weak reference to it can be kept
            pass
        self._refresh()

    def _refresh(self) -> None:
        libraries = ThreadpoolController().select(user_api="blas").lib_controllers
        with self._lock:
            self._libraries = libraries
            if self._holders:
                self._limit()

    @contextmanager
    def hold(self) -> Iterator[None]:
        """BLAS runs on one thread inside this context."""
        if self._libraries is None:
            self._refresh()
        with self._lock:
            if not self._holders:
                self._limit()
            self._holders += 1
        try:
            yield
        finally:
            with self._lock:
                self._holders -= 1
                while not self._holders and self._before:
                    library, n_threads = self._before.pop()
                    library.set_num_threads(n_threads)

    def _limit(self) -> None:
        """Set every library to one thread; by hand, as `ThreadpoolController.limit` takes longer than a small check."""
        for library in self._libraries or ():
            self._before.append((library, library.get_num_threads()))
            library.set_num_threads(1)


single_threaded = _Guard()
