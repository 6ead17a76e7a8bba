"""How results are shown: in the terminal, as a picture, as a page. Loaded only when there is something to show."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from fastcheck.errors import InputError

_NEEDED = {"matplotlib": "pictures", "jinja2": "pages"}  # what comes with the extra `report`, and for what


def face(name: str) -> Any:
    """The module ``name`` of this package; an error that says what to install where it cannot be loaded."""
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

    def text(self) -> str:
        """The same as plain text."""
        return face("tables").plain(self.renderable())

    def __str__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        return face("notebook").html(self.renderable())
