"""How the command line speaks: results on stdout as a person or a program reads them, what went wrong in one line on stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any, NoReturn

import typer
from rich.console import Console

from fastcheck.errors import InputError, WorkersLost
from fastcheck.faces.text import plain
from fastcheck.results import archive, files
from fastcheck.results.shown import Shown, face

_STDOUT = "-"


def tell(result: Shown, renderable: Any, json_path: str | None) -> None:
    """As JSON where it is asked for; and unless that goes to stdout, as a person reads it, coloured where that is seen."""
    if json_path == _STDOUT:
        print(archive.summary(result.to_dict()), end="")
        return
    if json_path is not None:
        files.write(json_path, result.filed())
    if sys.stdout.isatty():
        Console(highlight=False).print(renderable)
    else:
        print(plain(renderable, colour=_forced()))


def _forced() -> bool:
    """Whether colour is asked for though this is no terminal: https://force-color.org, unless https://no-color.org."""
    return bool(os.environ.get("FORCE_COLOR")) and not os.environ.get("NO_COLOR")


def require_writable(path: str | None, suffixes: tuple[str, ...] = (), needed: str = "") -> None:
    """Refuse, before the work starts, a path that could not be written after it; ``needed`` is the face that draws."""
    if path is None or path == _STDOUT:
        return
    if suffixes:
        files.require_suffix(path, suffixes)
    files.tried(path)
    if needed:
        face(needed)


def guarded(action: Callable[[], Any]) -> Any:
    """What the action returns; whatever makes the input unusable is one line on stderr."""
    try:
        return action()
    except KeyboardInterrupt as error:
        done = getattr(error, "report", None)
        fail("interrupted" if done is None else f"interrupted: {done}", 130)
    except BrokenPipeError:  # whoever read stdout has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(1) from None
    except WorkersLost as error:
        fail(str(error), 3)
    except Exception as error:  # the user's own functions may raise anything
        kind = "" if isinstance(error, InputError) else f"{type(error).__name__}: "
        notes = "; ".join(getattr(error, "__notes__", ()))
        fail(f"{kind}{error}" + (f" ({notes})" if notes else ""))


def fail(message: str, code: int = 2) -> NoReturn:
    """One line on stderr, and the exit code."""
    line = " ".join(message.split())
    print(f"fastcheck: {line}", file=sys.stderr)
    raise typer.Exit(code)
