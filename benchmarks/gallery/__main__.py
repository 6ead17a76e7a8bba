"""``python -m benchmarks.gallery``: each case in a line: what was found, and whether it is as expected.

Exit code 1 where something is not.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Iterator
from importlib.metadata import version
from types import ModuleType

from benchmarks import gallery
from benchmarks.gallery.case import Found, Skipped, checked


def files() -> Iterator[ModuleType]:
    """Those that have cases and whose libraries are there; the others say that they are skipped."""
    for found in pkgutil.iter_modules(gallery.__path__, "benchmarks.gallery."):
        if found.name.endswith(".__main__"):
            continue
        try:
            module = importlib.import_module(found.name)
        except Skipped:
            continue
        if hasattr(module, "CASES"):
            yield module


def main() -> int:
    unexpected = 0
    for module in files():
        for case in module.CASES:
            found = Found.of(checked(case))
            as_expected = found.holds(case.expected)
            unexpected += not as_expected
            said = "as expected" if as_expected else f"NOT as expected, {case.expected}"
            print(f"{module.LIBRARY + ' ' + version(module.LIBRARY):19} {case.name:34} {found}  ({said})", flush=True)
    return bool(unexpected)


if __name__ == "__main__":
    sys.exit(main())
