"""Bytes to a file, by its suffix, all or nothing; and whether that could be done, before there is anything to write."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from fastcheck.errors import InputError, InputTypeError, shown


def require_suffix(path: Any, suffixes: Collection[str]) -> str:
    """The suffix of ``path``, which must be one of ``suffixes``."""
    if not isinstance(path, str | os.PathLike):
        raise InputTypeError(
            f"the file must be named by a path, got {shown(path)}: write 'report{next(iter(suffixes))}'"
        )
    suffix = Path(path).suffix.lower()
    if suffix not in suffixes:
        raise InputError(f"the file must end in {', '.join(suffixes)}, got {str(path)!r}: choose one of them")
    return suffix


def save(path: str | Path, makers: Mapping[str, Callable[[], str | bytes]]) -> None:
    """Write what the maker for the suffix of ``path`` returns; nothing is written unless all of it could be made."""
    write(path, makers[require_suffix(path, makers)]())


def write(path: str | Path, content: str | bytes) -> None:
    """Put ``content`` in the place of the file ``path`` at once: nobody ever reads half of it."""
    data = content.encode("utf-8", "replace") if isinstance(content, str) else content
    target = Path(path).resolve()  # a link stays a link
    if target.exists() and not target.is_file():
        target.write_bytes(data)  # a device or a pipe, which cannot be replaced
        return
    beside = _beside(target)
    try:
        beside.write_bytes(data)
        if target.exists():
            beside.chmod(target.stat().st_mode)
        beside.replace(target)
    except OSError as error:
        if error.filename == str(beside):
            error.filename = str(path)  # the caller's name for it
        raise
    finally:
        with suppress(OSError):
            beside.unlink()


def _beside(target: Path) -> Path:
    """A name in the same folder that nobody has."""
    return target.with_name(f".{target.name[:100]}.{os.getpid()}.{secrets.token_hex(4)}")


def tried(path: str | Path) -> None:
    """Refuse a file that could not be written; nothing is left behind."""
    try:
        _try(Path(path), Path(path).resolve())
    except OSError as error:
        raise InputError(
            f"the file must be one that can be written, got {path} ({error.strerror}): name another"
        ) from error


def _try(path: Path, target: Path) -> None:
    with suppress(FileNotFoundError, NotADirectoryError):
        target.stat()  # raises where the name itself cannot be
    if not target.parent.is_dir():
        raise InputError(f"the folder must exist, got {path.parent}: make it first")
    if target.is_dir():
        raise InputError(f"the file must be no folder, got {path}: name a file in it")
    if target.exists() and not target.is_file():
        _require_access(target)  # a device or a pipe, which a trial would change
    else:
        _written_and_gone(_beside(target))


def _require_access(target: Path) -> None:
    if not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def _written_and_gone(beside: Path) -> None:
    try:
        beside.touch(exist_ok=False)
    finally:
        with suppress(OSError):
            beside.unlink()
