"""Work that was done, kept in a file: a run that was interrupted goes on where it was, bit for bit.

The file is an SQLite database in WAL mode, of one process at a time. For every run of moves, by its digest, it holds ranges
of lines with their J, written at most a second after they are done; whatever ends the process loses the chunks in flight.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fastcheck.errors import InputError
from fastcheck.evaluate.fingerprint import digest
from fastcheck.evaluate.progress import Show, part_of
from fastcheck.evaluate.source import Source
from fastcheck.evaluate.work import Keep, Work, kept_from, unkept
from fastcheck.evaluate.workers import Workers
from fastcheck.vectors import Array

_APPLICATION = 0x46434B50  # "FCKP": whose file it is
_NAMED = 64  # sources whose digests are remembered
_SECONDS = 1.0  # at most between what is done and what is written
_WHOSE = ("pragma_application_id", "sqlite_master")
_TABLES = """
create table meta (name text primary key, value text not null);
create table done (run text not null, start integer not null, stop integer not null, j blob not null,
                   primary key (run, start)) without rowid;
"""


class Store:
    """The file, held by this process until it is let go.

    Attributes
    ----------
    path : Path
    resumed : bool
        Whether there was work in it.
    """

    def __init__(self, path: Path, asked: Mapping[str, str]) -> None:
        self.path, self._warned = path, False
        self._waiting: list[tuple[str, int, int, bytes]] = []
        self._written = time.monotonic()
        held = described(path) if path.exists() else _NOTHING
        new = not held.meta
        if not new:
            self._require_same(held, asked)
        try:
            self._file = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
        except sqlite3.Error as error:
            raise _unusable(path, error) from error
        try:
            self._hold()
            self._file.execute("begin immediate")  # nobody else has it, and it can be written
            if new:
                self._begin(asked)
            self._file.execute("commit")
        except sqlite3.Error as error:
            self._file.close()
            if path.exists() and path.stat().st_size == 0:
                path.unlink()
            raise _unusable(path, error) from error
        self.resumed = not new

    def _begin(self, asked: Mapping[str, str]) -> None:
        self._file.execute(f"pragma application_id = {_APPLICATION}")
        for statement in _TABLES.split(";"):
            self._file.execute(statement)
        self._file.executemany("insert into meta values (?, ?)", asked.items())

    def _require_same(self, held: Held, asked: Mapping[str, str]) -> None:
        for name, value in asked.items():
            if held.meta.get(name) != value:
                raise InputError(
                    f"checkpoint {self.path} must be of the same call, got another {name}: give each call a file of its own"
                )

    def _hold(self) -> None:
        """Nobody else may have the file, until it is closed or this process ends."""
        self._file.execute("pragma locking_mode = exclusive")
        self._file.execute("pragma journal_mode = wal")
        self._file.execute("pragma synchronous = normal")

    def found(self, run: str) -> list[tuple[int, int, bytes]]:
        """The ranges of a run that are done, in order."""
        rows = self._file.execute("select start, stop, j from done where run = ? order by start", (run,))
        return list(rows)

    def add(self, run: str, start: int, j: Array) -> None:
        """One more range; it is written at once, or with others within a second."""
        self._waiting.append((run, start, start + len(j), j.tobytes()))
        if time.monotonic() - self._written >= _SECONDS:
            self.write()

    def write(self) -> None:
        """What is done, in one transaction; where that fails, a warning, and the work goes on."""
        waiting, self._waiting, self._written = self._waiting, [], time.monotonic()
        if not waiting or self._warned:
            return
        try:
            self._file.execute("begin immediate")
            self._file.executemany("insert or replace into done values (?, ?, ?, ?)", waiting)
            self._file.execute("commit")
        except sqlite3.Error as error:
            self._warned = True
            warnings.warn(
                f"fastcheck: no more is kept in checkpoint {self.path}: {error}", RuntimeWarning, stacklevel=2
            )

    def let_go(self) -> None:
        self.write()
        self._file.close()


@dataclass(frozen=True)
class Held:
    """What a file holds: of which call, and how many lines of how many runs are done; no meta where it was not begun."""

    meta: dict[str, str]
    n_runs: int
    n_lines: int
    most: int  # of one run


_NOTHING = Held({}, 0, 0, 0)


def described(path: Path) -> Held:
    """Look into a file without changing it.

    Raises
    ------
    InputError
        There is none, it is no checkpoint, or another process has it.
    """
    if not path.is_file():
        raise InputError(f"the checkpoint must exist, got {path}: it is made by check or gradient")
    with tempfile.TemporaryDirectory() as folder:
        try:
            meta, lines = _read(_copied(path, Path(folder)), path)
        except sqlite3.Error as error:
            raise _unusable(path, error) from error
    counts = [int(n) for _, n in lines]
    return Held(meta, len(counts), sum(counts), max(counts, default=0))


def _copied(path: Path, folder: Path) -> Path:
    """The file, or where something waits beside it to be written into it a copy of both: to look must change neither."""
    waiting = path.with_name(path.name + "-wal")
    if not waiting.exists():
        return path
    shutil.copy(waiting, folder / waiting.name)
    return Path(shutil.copy(path, folder))


def _read(copy: Path, path: Path) -> tuple[dict[str, str], list[tuple[str, int]]]:
    mode = "immutable=1" if copy == path else "mode=rwc"
    with closing(sqlite3.connect(f"{copy.absolute().as_uri()}?{mode}", uri=True, timeout=0)) as file:
        application, tables = (file.execute(f"select * from {name}").fetchall() for name in _WHOSE)
        if application == [(0,)] and not tables:
            return {}, []  # whoever made it did not come, or has not come yet, to write into it
        if application != [(_APPLICATION,)]:
            raise InputError(f"checkpoint must be a file of fastcheck's or none, got {path}: name another")
        meta = dict(file.execute("select name, value from meta").fetchall())
        return meta, file.execute("select run, sum(stop - start) from done group by run").fetchall()


def _unusable(path: Path, error: sqlite3.Error) -> InputError:
    words = str(error)
    if "locked" in words or "busy" in words:
        return InputError(
            f"checkpoint must be used by one process at a time, got {path}, which another has: wait for it"
        )
    if "not a database" in words or "no such table" in words:
        return InputError(f"checkpoint must be a file of fastcheck's or none, got {path}: name another")
    return InputError(f"checkpoint must be a file that can be written, got {path} ({words}): name another")


class Keeping:
    """Workers whose finished lines are kept, and asked for before any are evaluated."""

    def __init__(self, workers: Workers, store: Store) -> None:
        self._workers, self._store = workers, store
        self._compared = not store.resumed
        self._sources: dict[int, tuple[Source, str]] = {}

    @property
    def n_threads(self) -> int:
        return self._workers.n_threads

    def number(self, source: Source) -> int:
        return self._workers.number(source)

    def at_once(self, source: Source) -> int:
        return self._workers.at_once(source)

    def here(self, source: Source) -> int:
        return self._workers.here(source)

    def let_go(self) -> None:
        self._store.let_go()
        self._workers.let_go()

    def run(self, work: Work, show: Show, keep: Keep = unkept) -> Array:
        """J of all moves: from the file, and from the workers what is not there."""
        run = digest(self._named(work.source), work.moves)
        found = self._store.found(run)

        def evaluated(start: int, stop: int, keep: Keep = unkept) -> Array:
            return self._workers.run(work.part(start, stop), part_of(show, start), kept_from(keep, start))

        def both(first: int, j: Array) -> None:
            self._store.add(run, first, j)
            keep(first, j)

        out = np.empty(work.moves.shape)
        for start, stop, j in found:
            out[start:stop] = np.frombuffer(j).reshape(out[start:stop].shape)
            keep(start, out[start:stop])
        if found and not self._compared:
            self._compare(found, evaluated)
        for start, stop in _gaps(found, work.moves.size):
            out[start:stop] = evaluated(start, stop, both)
        self._store.write()
        show(work.moves.size)
        return out

    def _compare(self, found: Sequence[tuple[int, int, bytes]], evaluated: Callable[[int, int], Array]) -> None:
        """One range that was done, the shortest, evaluated again: it must give the same bits."""
        start, stop, j = min(found, key=lambda row: row[1] - row[0])
        if evaluated(start, stop).tobytes() != j:
            raise InputError(
                f"checkpoint {self._store.path} must be of the same cost on the same kind of machine, got another J than before: "
                "give each call a file of its own"
            )
        self._compared = True

    def _named(self, source: Source) -> str:
        """The source by what it computes; its arguments may be long."""
        held = self._sources.get(id(source))
        if held is None:
            if len(self._sources) >= _NAMED:
                self._sources.clear()
            name = digest(
                source.function, source.arguments.args, source.arguments.kwargs, source.paired, source.imaginary
            )
            held = self._sources[id(source)] = (source, name)
        return held[1]


def _gaps(found: Sequence[tuple[int, int, bytes]], n: int) -> Iterator[tuple[int, int]]:
    """The ranges that are not done."""
    at = 0
    for start, stop, _ in found:
        if start > at:
            yield at, start
        at = max(at, stop)
    if at < n:
        yield at, n
