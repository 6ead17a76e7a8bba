"""How a result shows itself: as text, in a notebook, as a picture, as a file; faces are loaded when there is something to show."""

from __future__ import annotations

import math
import platform
from collections.abc import Callable
from functools import cache, partial
from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.errors import InputError
from fastcheck.results import archive
from fastcheck.version import __version__

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PICTURES = (".png", ".svg", ".pdf")  # what the picture's file may end in

_NEEDED = {"matplotlib": "pictures", "jinja2": "pages"}  # what comes with the extra `report`, and for what


def face(name: str) -> Any:
    """The face ``name``; an error that says what to install where it cannot be loaded."""
    try:
        return import_module(f"fastcheck.faces.{name}")
    except ModuleNotFoundError as error:
        missing = (error.name or "").split(".")[0]
        if missing not in _NEEDED:
            raise
        raise InputError(
            f"{_NEEDED[missing]} need {missing}, got no such module: pip install 'fastcheck[report]'"
        ) from error


class Shown:
    """What a record with a ``renderable()`` shows of itself: as text, and in a notebook."""

    def renderable(self) -> Any:
        """What a person reads, for a rich console."""
        raise NotImplementedError

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON types."""
        raise NotImplementedError

    def filed(self) -> str:
        """What a ``.json`` file of it holds."""
        return archive.summary(self.to_dict())

    def text(self) -> str:
        """The same as plain text."""
        told: str = face("text").plain(self.renderable())
        return told

    def __str__(self) -> str:
        return self.text()

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls._repr_pretty_ = cls._repr_pretty_  # type: ignore[method-assign]  # each class's own comes before its __repr__

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """In IPython on a terminal, where the fields one by one say less."""
        printer.text(self.text())

    def _repr_html_(self) -> str:
        html: str = face("notebook").html(self._for_notebook())
        return html

    def _for_notebook(self) -> Any:
        return self.renderable()


def pictures(plot: Callable[[], Figure]) -> dict[str, Callable[[], bytes]]:
    """What makes the file of a picture, by its suffix."""
    return {suffix: partial(_drawn, plot, suffix[1:]) for suffix in PICTURES}


def _drawn(plot: Callable[[], Figure], kind: str) -> bytes:
    drawn: bytes = face("canvas").written(plot(), kind)
    return drawn


@cache
def _versions() -> tuple[tuple[str, str], ...]:
    packages = {"fastcheck": __version__, **{name: version(name) for name in ("numpy", "numba")}}
    return tuple({**packages, "python": platform.python_version(), "machine": platform.machine()}.items())


def versions() -> dict[str, str]:
    """What is needed to reproduce a result."""
    return dict(_versions())


def plain_types(value: Any) -> Any:
    """Records of numbers as JSON can carry them; numbers that are not finite become None."""
    if isinstance(value, dict):
        return {key: plain_types(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain_types(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
