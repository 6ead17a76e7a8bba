"""One thing worth knowing about a check, in plain words."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing worth knowing: a short stable ``kind``, the tensors it is about, and a sentence or two."""

    kind: str
    tensors: tuple[str, ...]
    message: str
