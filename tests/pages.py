"""Markdown pages as tests: their Python in order, in one namespace, and what it prints beside what the page shows."""

from __future__ import annotations

import io
import re
from contextlib import redirect_stdout
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
_BLOCK = re.compile(r"^```python[^\n]*\n(.*?)^```\n(?:\n```text\n(.*?)^```)?", re.DOTALL | re.MULTILINE)
_OPTIONAL = ("torch", "jax", "distributed")


class Page:
    """The blocks of one page, as (code, output shown or ""); each runs once, after those before it."""

    def __init__(self, path: Path) -> None:
        self.name = path.stem
        self.blocks = _BLOCK.findall(path.read_text())
        self.space: dict = {"__name__": self.name}
        self._printed: list[str | None] = []

    def printed(self, k: int) -> str:
        """What the k-th block prints; a test is skipped whose block needs a library that is not there."""
        while len(self._printed) <= k:
            self._printed.append(self._run(self.blocks[len(self._printed)][0]))
        if self._printed[k] is None:
            pytest.skip("its library is not installed")
        return self._printed[k]

    def _run(self, code: str) -> str | None:
        out = io.StringIO()
        try:
            with redirect_stdout(out):
                exec(code, self.space)
        except (ModuleNotFoundError, NameError) as error:
            if error.name not in _OPTIONAL:
                raise
            return None
        return out.getvalue()
