"""How the package is built: imports go down only, and importing it stays light."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import fastcheck

LADDER = (
    "errors", "progress", "layout", "views", "kernels", "blas", "cost", "engine", "compare", "inputs", "steps", "noise",
    "autostep", "recheck", "verdicts", "diagnosis", "faces", "archive", "report", "check", "directions", "screen", "locate",
    "sweep", "problem", "zoo", "scaling", "scale", "loading", "cli",
)  # fmt: skip
ROOT = Path(fastcheck.__file__).parent


def imports_of(path: Path) -> set[str]:
    """The fastcheck modules that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "fastcheck":
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("fastcheck."):
            found.add(node.module.split(".")[1])
    return found


def test_every_module_imports_only_from_above_itself():
    late = {
        ("layout", "views"),
        ("faces", "report"),
        ("faces", "sweep"),
        ("faces", "scaling"),
        ("locate", "faces"),
        ("faces", "locate"),
    }  # inside a function, or for typing only
    files = {path.stem: [path] for path in ROOT.glob("*.py") if not path.stem.startswith("__")}
    files |= {name: list((ROOT / name).glob("*.py")) for name in ("diagnosis", "faces", "zoo")}
    assert set(files) == set(LADDER)
    for name, paths in files.items():
        for imported in set().union(*map(imports_of, paths)) - {name}:
            assert LADDER.index(imported) < LADDER.index(name) or (name, imported) in late, f"{name} imports {imported}"


def test_importing_fastcheck_loads_nothing_that_is_not_needed():
    code = "import sys, fastcheck; print(*sorted({name.split('.')[0] for name in sys.modules} & {'rich', 'typer', 'matplotlib', 'jinja2', 'cattrs'}))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == ""


def test_the_public_face():
    promised = [
        "pack",
        "Layout",
        "check",
        "gradient",
        "Checker",
        "assert_gradient",
        "central_difference",
        "Problem",
        "Report",
        "Verdict",
    ]
    assert set(promised) <= set(fastcheck.__all__)
    assert all(hasattr(fastcheck, name) for name in fastcheck.__all__)
