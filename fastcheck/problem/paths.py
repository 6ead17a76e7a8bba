"""The ways that lead to the leaves of a structure, and what the leaves are called by them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Step = tuple[str, Any]  # ("name" or "field", key) is written .key, ("item", key) is written [key]
Path = tuple[Step, ...]


def names_of(paths: Sequence[Path], root: str) -> tuple[str, ...]:
    """The names of the leaves, ``layers[1].W``; ``root`` stands before a first index, and for the leaf that is all.

    A key that holds dots or brackets, ``layer1.weight``, stands as it is unless two names would be the same.
    """
    plain = tuple(_joined(path, root, _reads_well) for path in paths)
    return plain if len({*plain}) == len(plain) else tuple(_joined(path, root, _is_a_word) for path in paths)


def found_at(value: Any, path: Path) -> Any:
    """What stands in a structure where the path leads; dicts may take the place of dataclasses and named tuples."""
    for how, key in path:
        value = value[key] if how == "item" or isinstance(value, Mapping) else getattr(value, key)
    return value


def _joined(path: Path, root: str, stands_alone: Callable[[str], bool]) -> str:
    """``layers[1].W``; a key that may not stand after a dot is written in brackets."""
    parts = (f".{key}" if how != "item" and stands_alone(key) else f"[{key!r}]" for how, key in path)
    name = "".join(parts)
    return name.removeprefix(".") if name.startswith(".") else f"{root}{name}"


def _reads_well(key: str) -> bool:
    return bool(key) and key.isprintable() and not key.startswith((".", "["))


def _is_a_word(key: str) -> bool:
    """Whether it cannot be mistaken for more than one."""
    return _reads_well(key) and not set(key) & set(".[]'")
