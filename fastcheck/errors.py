"""What is raised when the input cannot be used: one line with the rule, the value met, and what to do."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any

_LONGEST = 60  # characters of a value that is shown


class InputError(ValueError):
    """The input cannot be used; raised before the work starts. The message is one line, whatever names are in it."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))


class InputTypeError(InputError, TypeError):
    """The input is of a type that cannot be used."""


class WorkersLost(RuntimeError):
    """The workers that were to evaluate the cost are gone; one line that says what to do."""


def add_note(error: BaseException, note: str) -> None:
    """Attach ``note`` to an exception that is not ours, keeping its type and message."""
    if sys.version_info >= (3, 11):
        error.add_note(note)
    else:
        error.__notes__ = [*getattr(error, "__notes__", ()), note]  # as Python 3.11 keeps them


_OF_COST = "raised by the cost"


def blame_cost(error: BaseException, where: str) -> None:
    """Attach where the cost raised it."""
    add_note(error, f"{_OF_COST} {where}")


def of_the_cost(error: BaseException) -> bool:
    """Whether it was blamed on the cost."""
    return any(note.startswith(_OF_COST) for note in getattr(error, "__notes__", ()))


@contextmanager
def noting(note: str) -> Iterator[None]:
    """Attach ``note`` to what is raised inside and is not ours."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        add_note(error, note)
        raise


def shown(value: Any) -> str:
    """A value that was met, in a few words on one line."""
    try:
        text = " ".join(repr(value).split())
    except Exception:  # whatever the caller's own __repr__ raises
        text = type(value).__name__
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 4]} ..."


def nearest(name: object, names: Iterable[str], otherwise: str) -> str:
    """What to do about a name that is none of ``names``: take the one that is almost the same, or else ``otherwise``."""
    alike = get_close_matches(name, list(names), n=1) if isinstance(name, str) else []
    return f"did you mean {alike[0]}?" if alike else otherwise


def first_line(error: BaseException) -> str:
    """The first line of an exception's message that says something, for use within one line of our own."""
    lines = (line.strip() for line in str(error).splitlines())
    return next((line for line in lines if line), type(error).__name__)
