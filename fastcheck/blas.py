"""One guard that keeps BLAS single-threaded while any check runs; its limits are process-wide, so holders are counted."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from threadpoolctl import ThreadpoolController


class _Guard:
    """The limit is set by the first holder and lifted by the last, in whatever order they leave."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holders = 0
        self._controller: ThreadpoolController | None = None
        self._limits: list[Any] = []

    def refresh(self) -> None:
        """Look for BLAS libraries again: compiling a cost may have loaded one."""
        controller = ThreadpoolController()
        with self._lock:
            self._controller = controller
            if self._holders:
                self._limits.append(controller.limit(limits=1, user_api="blas"))

    @contextmanager
    def hold(self) -> Iterator[None]:
        """BLAS runs on one thread inside this context."""
        if self._controller is None:
            self.refresh()
        with self._lock:
            if not self._holders:
                self._limits.append(self._controller.limit(limits=1, user_api="blas"))  # type: ignore[union-attr]
            self._holders += 1
        try:
            yield
        finally:
            with self._lock:
                self._holders -= 1
                while not self._holders and self._limits:
                    self._limits.pop().restore_original_limits()


single_threaded = _Guard()
