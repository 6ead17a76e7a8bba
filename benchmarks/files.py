"""The files that benchmarks write, whole or not at all."""

from __future__ import annotations

import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
RESULTS, PICTURE, README = HERE / "RESULTS.md", HERE / "scaling.png", HERE.parent / "README.md"
COMPARE = HERE.parent / "fastcheck" / "guide" / "compare.md"
GALLERY = HERE / "gallery"


def write(contents: dict[Path, bytes]) -> None:
    """Every file whole or not at all: each is written beside its place, then all are moved there."""
    beside = {path: path.with_name(path.name + ".new") for path in contents}
    try:
        for path, content in contents.items():
            beside[path].write_bytes(content)
        for path in contents:
            os.replace(beside[path], path)
    finally:
        for path in beside.values():
            path.unlink(missing_ok=True)


def tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
