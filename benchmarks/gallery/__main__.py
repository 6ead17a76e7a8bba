"""``python -m benchmarks.gallery``: each case in a line: what was found, and whether it is as expected.

Exit code 1 where something is not. ``--write`` puts the short reports of what is wrong beside the scripts, where the guide
shows them.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
from collections.abc import Iterator
from importlib.metadata import version
from types import ModuleType

from benchmarks import gallery
from benchmarks.files import GALLERY, tell, write
from benchmarks.gallery.case import Found, Skipped, briefly, checked


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


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser("python -m benchmarks.gallery", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the short reports as well")
    unexpected, reports = 0, {}
    writes = parser.parse_args(arguments).write
    for module in files():
        told = []
        for case in module.CASES:
            report = checked(case)
            found = Found.of(report)
            as_expected = found.holds(case.expected)
            unexpected += not as_expected
            said = "as expected" if as_expected else f"NOT as expected, {case.expected}"
            print(f"{module.LIBRARY + ' ' + version(module.LIBRARY):19} {case.name:34} {found}  ({said})", flush=True)
            if case.wrong:
                told.append(briefly(module.LIBRARY, case, report))
        if told:
            reports[GALLERY / f"{module.__name__.split('.')[-1]}.txt"] = "\n\n".join(told).encode() + b"\n"
    if reports and writes and not unexpected:
        write(reports)
        tell(f"wrote the reports of {', '.join(path.stem for path in reports)}")
    return bool(unexpected)


if __name__ == "__main__":
    sys.exit(main())
