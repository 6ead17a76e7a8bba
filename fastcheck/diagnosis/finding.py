"""One thing worth knowing about a check, in plain words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

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
_UNITS = (
    ("ns", 1e-9),
    ("us", 1e-6),
    ("ms", 1e-3),
    ("s", 1.0),
    ("min", 60.0),
    ("h", 3600.0),
    ("days", 86400.0),
    ("years", 31557600.0),
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


def counted(n: int, what: str) -> str:
    """``1 component``, ``1,234 components``."""
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def duration(seconds: float) -> str:
    """Two digits or three, in the largest unit of which it is at least one."""
    unit, one = next((pair for pair in reversed(_UNITS) if seconds >= 0.9995 * pair[1]), _UNITS[0])
    number = seconds / one
    return (
        f"{number:.1f} {unit}" if number < 9.95 else f"{number:,.0f} {unit}" if number < 1e6 else f"{number:.0e} {unit}"
    )


def listed(names: Sequence[str], most: int = 8, room: int = 120) -> str:
    """Names in a sentence, the first few of many: ``most`` at the most, and fewer where they are long, of ``room`` letters."""
    lengths = accumulate(len(name) + 2 for name in names[:most])
    k = max(sum(length <= room for length in lengths), 1)
    shown = ", ".join(names[:k])
    return shown if len(names) <= k else f"{shown} and {len(names) - k:,} more"
