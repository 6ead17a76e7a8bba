"""``FILE.py[:NAME]`` -> the Problem found there, or the function that makes one of a given size."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from fastcheck.checks.problem import Problem
from fastcheck.errors import InputError, InputTypeError, add_note, first_line, nearest

DEFAULT = "problem"
FACTORY = "factory"


def load(where: str) -> Problem:
    """Import the file and take NAME, a Problem or a function without arguments that returns one."""
    path, name = _parted(where)
    name = name or DEFAULT
    module = _imported(path)
    if not hasattr(module, name):
        found = ", ".join(key for key, value in vars(module).items() if isinstance(value, Problem)) or "no Problem"
        what = nearest(name, _defined(module), f"write {path}:NAME, or call it {DEFAULT}")
        raise InputError(f"{path} must define {name}, got {found}: {what}")
    value = getattr(module, name)
    if callable(value):
        try:
            value = value()
        except Exception as error:
            add_note(error, f"raised by {name}() of {path}")
            raise
    if not isinstance(value, Problem):
        raise InputTypeError(
            f"{path}:{name} must be a fastcheck.Problem or a function that returns one, got {type(value).__name__}: build a Problem"
        )
    return value


def load_factory(where: str) -> Callable[[int], Problem]:
    """Import the file and take FACTORY, a function of a size; by default `factory`, or else `problem` if it is one."""
    path, name = _parted(where)
    module = _imported(path)
    names = (name,) if name else (FACTORY, DEFAULT)
    found = [getattr(module, key) for key in names if hasattr(module, key)]
    for value in found if name else filter(_takes_a_size, found):
        if _takes_a_size(value):
            factory: Callable[[int], Problem] = value
            return factory
        raise InputTypeError(
            f"{path}:{name} must be a function of one argument, the size, got {type(value).__name__}: "
            f"write def {name}(size) that returns a Problem"
        )
    described = ", ".join(key for key in names if hasattr(module, key)) or "none of that name"
    raise InputError(
        f"{path} must define {names[0]}, a function of a size that returns a Problem, got {described}: "
        + nearest(names[0], _defined(module), f"write {path}:FACTORY, or call it {FACTORY}")
    )


def _takes_a_size(value: Any) -> bool:
    """Whether it can be called with one argument."""
    try:
        inspect.signature(value).bind(1)
    except (TypeError, ValueError):
        return False
    return True


def _defined(module: ModuleType) -> list[str]:
    """What the file itself may mean: its Problems and its own functions."""
    own = vars(module).items()
    return [
        key for key, value in own if isinstance(value, Problem) or getattr(value, "__module__", "") == module.__name__
    ]


def _parted(where: str) -> tuple[Path, str | None]:
    path, colon, name = where.rpartition(":")
    return (Path(path), name) if colon and name.isidentifier() else (Path(where), None)


def _imported(path: Path) -> ModuleType:
    """The file as a module; its own folder can be imported from, as when it is run."""
    if not path.is_file():
        raise InputError(f"the file must exist, got {path}: write the path of a Python file")
    name = f"_checked_{path.stem}"  # never that of a module that somebody else imports
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise InputError(f"the file must be Python, got {path}: write the path of a .py file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    sys.path.insert(0, str(path.resolve().parent))
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise InputError(
            f"{path} must import, got {type(error).__name__}: {first_line(error)}: run it with python to see where"
        ) from error
    return module
