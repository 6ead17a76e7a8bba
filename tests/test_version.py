"""One version in one place: the installed package, its metadata and the changelog agree."""

from __future__ import annotations

import re
from importlib.metadata import version
from pathlib import Path

import fastcheck as fc

CHANGELOG = Path(__file__).parents[1] / "CHANGELOG.md"


def test_the_version_is_that_of_the_metadata_and_of_the_newest_entry_of_the_changelog():
    newest, *_ = re.findall(r"^## \[([^]]+)\]", CHANGELOG.read_text(), re.MULTILINE)
    assert fc.__version__ == version("fastcheck") == newest
