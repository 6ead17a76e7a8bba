"""Whoever takes errands: an executor, processes of our own, a Dask cluster. Borrowed ones stay as they were.

Processes of one machine find what is large in a folder; a cluster gets it scattered to all of its workers.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Executor
from pathlib import Path
from typing import Any, Protocol

from fastcheck.errors import InputError
from fastcheck.evaluate.errands import Errand, Outcome, done
from fastcheck.evaluate.threads import n_cores

_WATCH = 1.0  # seconds between looks whether the parent lives
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class Hands(Protocol):
    """Whoever takes errands."""

    def cores(self) -> int:
        """Errands of a compiled cost that they work on at once."""
        ...

    def processes(self) -> int:
        """Errands of plain Python that they work on at once."""
        ...

    def submit(self, errand: Errand, packed: Mapping[str, bytes], missing: Sequence[str]) -> Any:
        """A future of the outcome; ``packed`` holds all that errands need, ``missing`` what a worker did not have."""
        ...

    advice: str  # what the owner can do where workers are lost

    def lost(self, future: Any, error: BaseException) -> bool:
        """Whether an error that came instead of an outcome means that workers are gone."""
        ...

    def gone(self) -> str:
        """In words, why no outcome can come any more; "" while they live."""
        ...

    def renew(self) -> bool:
        """Find other workers; False where that is up to the owner."""
        ...

    def let_go(self) -> None:
        """End what is ours."""
        ...


class Folder:
    """What was packed, where processes of this machine find it."""

    def __init__(self) -> None:
        self._path: Path | None = None

    def with_all(self, packed: Mapping[str, bytes]) -> str:
        """Its path, once everything is in it."""
        if self._path is None:
            self._path = Path(tempfile.mkdtemp(prefix="fastcheck-"))
            weakref.finalize(self, shutil.rmtree, self._path, ignore_errors=True)
        for name, data in packed.items():
            path = self._path / name
            if not path.exists():
                path.with_suffix(".part").write_bytes(data)
                path.with_suffix(".part").replace(path)  # so that nobody reads half of it
        return str(self._path)

    def let_go(self) -> None:
        if self._path is not None:
            shutil.rmtree(self._path, ignore_errors=True)
        self._path = None


class OfExecutor:
    """Any executor, borrowed."""

    advice = "look why it ended (memory is the usual cause), and call again with a new pool"

    def __init__(self, executor: Executor) -> None:
        self._executor, self._folder = executor, Folder()

    def cores(self) -> int:
        return int(getattr(self._executor, "_max_workers", 0) or n_cores())

    processes = cores

    def submit(self, errand: Errand, packed: Mapping[str, bytes], missing: Sequence[str]) -> Any:
        with_it = {name: packed[name] for name in missing}
        return self._executor.submit(done, errand, self._folder.with_all(packed), with_it)

    def lost(self, future: Any, error: BaseException) -> bool:
        return isinstance(error, BrokenExecutor)

    def gone(self) -> str:
        return ""  # a broken one says so in every future

    def renew(self) -> bool:
        return False

    def let_go(self) -> None:
        self._folder.let_go()


class OfProcesses(OfExecutor):
    """Processes of our own, one a core, started when first needed; new ones take the place of those that broke."""

    advice = "look why they ended (memory is the usual cause), and call again"

    def __init__(self) -> None:
        self._folder = Folder()
        self._pool: Any = None

    def cores(self) -> int:
        return n_cores()

    processes = cores

    @property
    def _executor(self) -> Executor:  # type: ignore[override]
        if self._pool is None:
            self._pool = _loky().ProcessPoolExecutor(n_cores(), env=_ONE_THREAD, initializer=_end_with_parent)
        pool: Executor = self._pool
        return pool

    def renew(self) -> bool:
        self._end()
        return True

    def let_go(self) -> None:
        self._end()
        self._folder.let_go()

    def _end(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=True, kill_workers=True)


def _end_with_parent() -> None:
    """In a process of ours: do not outlive the one that started it, however that ends."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_WATCH)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _loky() -> Any:
    try:
        import loky
    except ModuleNotFoundError as error:
        raise InputError(
            'workers="processes" needs loky, got none: pip install "fastcheck[distributed]", or pass a ProcessPoolExecutor'
        ) from error
    return loky


class OfClient:
    """A Dask cluster, borrowed; what is large is scattered to all of its workers at once."""

    advice = "look at the scheduler and its workers, and call again with a new Client"

    def __init__(self, client: Any) -> None:
        self._client = client
        self._scattered: dict[str, Any] = {}

    def cores(self) -> int:
        return max(int(sum(self._client.nthreads().values())), 1)

    def processes(self) -> int:
        return max(len(self._client.nthreads()), 1)

    def submit(self, errand: Errand, packed: Mapping[str, bytes], missing: Sequence[str]) -> Any:
        for name in errand.needs:
            if name not in self._scattered:
                self._scattered[name] = self._client.scatter(packed[name], broadcast=True, hash=False)
        sent = [self._scattered[name] for name in errand.needs]
        return self._client.submit(_done_with, errand, *sent, pure=False)

    def lost(self, future: Any, error: BaseException) -> bool:
        if future.status in ("cancelled", "lost"):  # whatever the error is then: there are many
            return True
        return type(error).__module__.partition(".")[0] == "distributed" or isinstance(error, CancelledError)

    def gone(self) -> str:
        return "" if self._client.status == "running" else f"the scheduler is {self._client.status}"

    def renew(self) -> bool:
        self._scattered.clear()  # lost with the last worker that had it
        return not self.gone()

    def let_go(self) -> None:
        self._scattered.clear()


def _done_with(errand: Errand, *sent: bytes) -> Outcome:
    """The errand with all that it needs, in the order of its names."""
    return done(errand, None, dict(zip(errand.needs, sent, strict=True)))
