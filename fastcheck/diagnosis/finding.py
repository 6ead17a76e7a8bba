"""One thing worth knowing about a check, in plain words."""

from __future__ import annotations

from collections.abc import Sequence
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
        "guarantee",
        "locate",
        "structure",
        "copies",
        "held",
        "hooks",
        "weighted",
    }
)


@dataclass(frozen=True)
class Finding:
    """One thing worth knowing: a short stable ``kind``, the tensors it is about, and a sentence or two."""

    kind: str
    tensors: tuple[str, ...]
    message: str

    @property
    def advice(self) -> bool:
        """Whether this is advice beside the verdict, and does not explain it."""
        return self.kind in ADVICE


def listed(names: Sequence[str], most: int = 8) -> str:
    """Names in a sentence, the first few of many."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most:,} more"
