"""How the package is built: rooms that import only from rooms above them, and importing it stays light."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import fastcheck

ROOMS = (
    "errors", "vectors", "version", "words",
    "problem", "evaluate", "functions", "measure", "judge", "diagnosis", "results", "checks", "shapes", "faces", "zoo", "scaling", "command",
)  # fmt: skip
ROOT = Path(fastcheck.__file__).parent
PUBLIC = {
    "records": {"Component", "Finding", "Layout", "Location", "Problem", "Report", "Scaling", "Sweep", "Tensor", "TensorReport", "Verdict", "Witness"},
    "functions": {"assert_gradient", "central_difference", "check", "from_hessian", "from_hvp", "from_jacobian", "from_jax", "from_layer", "from_params", "from_pointer", "from_retraction", "from_torch", "gradient", "locate", "pack", "scale", "screen", "staged", "sweep"},
    "others": {"Checker", "InputError", "InputTypeError", "WorkersLost"},
}  # fmt: skip
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in ROOT.rglob("*.py")
}


def imported(node: ast.AST) -> Iterator[str]:
    """The modules of fastcheck that one statement imports, without the package's name."""
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        assert not node.level, "imports are absolute"
        names = [f"{node.module}.{alias.name}" for alias in node.names]
    else:
        return
    for words in (name.split(".") for name in names):
        if words[0] == "fastcheck":
            found = [".".join(words[1 : k + 1]) for k in range(len(words), 0, -1)]
            yield next((name for name in found if name in MODULES), words[1] if words[1:] else "__init__")


def imports_of(path: Path, at_module_level: bool = False) -> set[str]:
    """What a file imports: wherever in it, inside functions and for typing too; or when it is loaded."""
    tree = ast.parse(path.read_text())
    nodes = tree.body if at_module_level else ast.walk(tree)
    return {name for node in nodes for name in imported(node)}


def imported_names(path: Path) -> set[tuple[str, str]]:
    """Where from, and what, of fastcheck."""
    nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
    return {
        (node.module.removeprefix("fastcheck."), alias.name)
        for node in nodes
        for alias in node.names
        if node.module.startswith("fastcheck.")
    }


def room(module: str) -> str:
    return module.split(".")[0]


def below(module: str) -> set[str]:
    """What ``module`` imports from its own room or above, as it must not."""
    allowed = ROOMS[: ROOMS.index(room(module)) + 1]
    return {name for name in imports_of(MODULES[module]) if room(name) not in allowed}


def test_every_file_is_in_a_room():
    assert {room(module) for module in MODULES} == {*ROOMS, "__init__", "__main__"}


@pytest.mark.parametrize("module", sorted(set(MODULES) - {"__init__", "__main__"}))
def test_nothing_is_imported_from_a_room_below(module):
    assert below(module) == set()


def test_no_circle_when_modules_are_loaded():
    graph = {module: imports_of(path, at_module_level=True) - {module} for module, path in MODULES.items()}
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


def test_no_module_bears_the_name_of_a_public_function():
    assert {module.split(".")[-1] for module in MODULES} & PUBLIC["functions"] == set()


def test_only_the_package_itself_passes_names_on():
    faces = {ROOT / "__init__.py", ROOT / "zoo" / "__init__.py"}  # users import the makers of networks from zoo
    assert {path for path in ROOT.rglob("__init__.py") if imports_of(path)} == faces
    assert {path for path in ROOT.rglob("*.py") if "__all__" in path.read_text()} == faces


def test_every_public_name_is_promised():
    assert set(fastcheck.__all__) == set.union(*PUBLIC.values())
    assert fastcheck.__all__ == sorted(fastcheck.__all__)
    functions = {name for name in fastcheck.__all__ if not inspect.isclass(getattr(fastcheck, name))}
    assert functions == PUBLIC["functions"]


def test_tests_stand_in_rooms_of_the_same_names():
    tests = Path(__file__).parents[1]
    paths = [path.relative_to(tests) for path in tests.rglob("test_*.py")]
    rooms = {path.parent.as_posix() if len(path.parts) > 1 else path.stem.removeprefix("test_") for path in paths}
    assert rooms <= {*ROOMS, "behaviour"}


@pytest.mark.parametrize(("code", "loaded"), [("fastcheck", ""), ("fastcheck.check", "numba numpy")])
def test_nothing_is_loaded_that_is_not_needed(code, loaded):
    heavy = "numba numpy rich typer matplotlib jinja2 cattrs optree torch jax"
    code = f"import sys, fastcheck; {code}; print(*(name for name in {heavy.split()} if name in sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == loaded


def test_public_names_are_loaded_from_where_types_are_read_from():
    typed = imported_names(ROOT / "__init__.py") - {("version", "__version__")}
    assert typed == {(module, name) for name, module in fastcheck._WHERE.items()}
    assert set(fastcheck._WHERE) == set(fastcheck.__all__)


def test_makers_whose_library_is_not_installed_say_so_when_they_are_called():
    code = """
import sys
sys.modules["torch"] = sys.modules["jax"] = None  # as if they were not installed
from fastcheck import *
for maker in (from_torch, from_jax):
    try:
        maker(None, None)
    except ImportError as error:
        print(error)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert [line.split(":")[0] for line in result.stdout.splitlines()] == [
        "fastcheck.from_torch needs torch, which is not installed",
        "fastcheck.from_jax needs jax, which is not installed",
    ]
