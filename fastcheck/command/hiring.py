"""What --workers says: so many threads, processes of this machine, or the address of a Dask scheduler."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fastcheck.errors import InputError, WorkersLost, first_line
from fastcheck.problem.question import PROCESSES

_PATIENCE = 10  # seconds to find a scheduler


@contextmanager
def hired(asked: str | None) -> Iterator[Any]:
    """What a check takes as ``workers=``; a cluster is left when the command ends."""
    if asked is not None and "://" in asked:
        client = _client(asked)
        try:
            yield client
        finally:
            client.close()
    else:
        yield asked if asked in (None, PROCESSES) else _number(asked)


def _number(asked: str) -> int:
    try:
        return int(asked)
    except ValueError:
        raise InputError(
            f'--workers must be a number of threads, "processes", or a scheduler\'s address, got {asked!r}: write --workers 4'
        ) from None


def _client(address: str) -> Any:
    try:
        distributed: Any = importlib.import_module("distributed")
    except ModuleNotFoundError as error:
        raise InputError(
            f'--workers {address} needs distributed, got none: pip install "fastcheck[distributed]"'
        ) from error
    try:
        return distributed.Client(address, timeout=_PATIENCE)
    except (OSError, TimeoutError, ValueError) as error:
        raise WorkersLost(
            f"the scheduler must answer at {address}, got {first_line(error)}: start it with dask scheduler"
        ) from error
