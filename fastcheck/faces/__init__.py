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
