"""One thing worth knowing about a check, in plain words."""

from __future__ import annotations

import re
from dataclasses import dataclass

ADVICE = frozenset(
    {
        "steps",
        "complex",
        "symmetric",
        "regularised",
        "saturated",
        "examples",
        "sample",
        "float32",
        "python",
        "threads",
        "guarantee",
        "locate",
        "structure",
        "copies",
        "held",
        "hooks",
        "weighted",
    }
)
_END = re.compile(r"\. +(?=[A-Z])")  # of a sentence


@dataclass(frozen=True)
class Finding:
    """One thing worth knowing: a short stable ``kind``, the tensors it is about, and a sentence or two."""

    kind: str
    tensors: tuple[str, ...]
    message: str

    @property
    def headline(self) -> str:
        """The first sentence of the message, without its full stop: what was found."""
        return self._sentences[0].removesuffix(".")

    @property
    def details(self) -> str:
        """The rest of it: how that is known, and where to look; empty if there is no more."""
        return self._sentences[1]

    @property
    def _sentences(self) -> tuple[str, str]:
        end = _END.search(self.message)
        return (self.message[: end.start() + 1], self.message[end.end() :]) if end else (self.message, "")

    @property
    def advice(self) -> bool:
        """Whether this is advice beside the verdict, and does not explain it."""
        return self.kind in ADVICE
