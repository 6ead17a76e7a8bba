"""Parameters in a structure (dicts, lists, tuples, dataclasses, named tuples, nested): one vector of them, and back.

The structure is taken apart by `optree`, or by what the maker of a Problem brings instead; here its leaves get their names
and their places in theta.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from fastcheck.errors import InputTypeError
from fastcheck.problem.fields import attributes, is_dataclass, with_fields
from fastcheck.problem.foreign import array_of, in_x64, is_foreign, kind_of, to_jax
from fastcheck.problem.layout import Layout, real_array, require_finite
from fastcheck.vectors import Vector

_SPACE = "fastcheck"  # optree's registry of the dataclasses that were met
_PLAIN = re.compile(r"[^.\[\]']+")  # a key that reads well after a dot

Step = tuple[str, Any]  # ("name", key) is written .key, ("item", key) is written [key]


@dataclass(frozen=True, eq=False)
class Taken:
    """A structure taken apart: its leaves, the steps that lead to each, and what puts leaves together again."""

    leaves: tuple[Any, ...]
    paths: tuple[tuple[Step, ...], ...]
    together: Callable[[Sequence[Any]], Any]

    def names(self, root: str) -> tuple[str, ...]:
        """Of the leaves: ``layers[1].W``; ``root`` stands before a first index, and for the leaf that is all."""
        return tuple(_joined(path, root) for path in self.paths)

    def by_name(self, root: str) -> dict[str, Any]:
        """The leaves by these names."""
        return dict(zip(self.names(root), self.leaves, strict=True))


@dataclass(frozen=True, eq=False)
class Structure:
    """Where the leaves of a structure are in theta.

    Attributes
    ----------
    template : structure
        With leaves of the same kinds.
    layout : Layout
        Of the leaves that are in theta.
    free : tuple of bool
        Which leaves those are; the others are held fixed.
    apart : callable
        Takes such a structure apart: ``apart(structure) -> Taken``.
    root : str
        What messages call the whole.
    """

    template: Any
    layout: Layout
    free: tuple[bool, ...]
    apart: Callable[[Any], Taken]
    root: str = "params"

    @cached_property
    def _taken(self) -> Taken:
        return self.apart(self.template)

    @cached_property
    def _kinds(self) -> tuple[Callable[[Any], Any], ...]:
        return tuple(kind_of(leaf) for leaf, free in zip(self._taken.leaves, self.free, strict=True) if free)

    def __getstate__(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}

    @property
    def is_foreign(self) -> bool:
        """Whether leaves are tensors of torch or JAX."""
        return any(is_foreign(leaf) for leaf in self._taken.leaves)

    def wide(self) -> AbstractContextManager[Any]:
        """JAX in float64, where leaves are JAX's: elsewhere they would be cut to float32."""
        return in_x64() if to_jax in self._kinds else nullcontext()

    def gradient(self, value: Any) -> Any:
        """What a gradient function returned for the structure, as a dict by the names of the layout; an array as it is."""
        if isinstance(value, np.ndarray | np.generic | float | int) or is_foreign(value):
            return value
        if isinstance(value, Mapping) and set(value) == set(self.layout.names):
            return value
        return self.apart(value).by_name(self.root)

    def filled(self, theta: Any, fixed: Sequence[Any] = ()) -> Any:
        """The structure with views of ``theta`` for leaves, and ``fixed`` for those that are held."""
        own = (
            kind(theta[tensor.slice].reshape(tensor.shape))
            for kind, tensor in zip(self._kinds, self.layout.tensors, strict=True)
        )
        held = iter(fixed)
        return self._taken.together([next(own) if free else next(held) for free in self.free])


def structured(
    params: Any, root: str = "params", free: Sequence[bool] | None = None, apart: Callable[[Any], Taken] | None = None
) -> tuple[Vector, Structure]:
    """Theta of the leaves that are ``free`` (all), and where they are in it; ``root`` is what messages call the whole.

    Raises
    ------
    InputError, InputTypeError
        A free leaf that is no array of real floating-point numbers, or not finite; or no component at all.
    """
    apart = apart or taken_apart
    taken = apart(params)
    free = (True,) * len(taken.leaves) if free is None else tuple(free)
    own = {
        name: _leaf(leaf, name, root)
        for name, leaf, in_theta in zip(taken.names(root), taken.leaves, free, strict=True)
        if in_theta
    }
    layout = Layout.of({k: a.shape for k, a in own.items()}, {k: a.dtype.name for k, a in own.items()})
    if layout.size == 0:
        raise InputTypeError(f"{root} must hold at least one component, got none: pass the arrays to be checked")
    theta = layout.pack(own)
    require_finite(theta, layout, root)
    return theta, Structure(taken.together([_copied(leaf) for leaf in taken.leaves]), layout, free, apart, root)


def is_structure(theta: Any) -> bool:
    """Whether parameters come in a structure, and not as one array or list of numbers."""
    if isinstance(theta, Mapping) or is_record(theta):
        return True
    return isinstance(theta, list | tuple) and any(_holds_arrays(item) for item in theta)


def is_record(value: Any) -> bool:
    """A dataclass or a named tuple."""
    return (isinstance(value, tuple) and hasattr(value, "_fields")) or is_dataclass(value)


def named(value: Any, names: Sequence[str], root: str = "params") -> Any:
    """A structure as a dict of its leaves by their names; a dict of these names, or an array, as it is."""
    if not is_structure(value) or (isinstance(value, Mapping) and set(value) == set(names)):
        return value
    if is_flat(value):
        return value
    return taken_apart(value).by_name(root)


def is_flat(params: Any) -> bool:
    """A dict of arrays, numbers and lists of numbers, as `fastcheck.pack` takes it."""
    return isinstance(params, Mapping) and not any(
        is_structure(value) or is_foreign(value) for value in params.values()
    )


def _holds_arrays(item: Any) -> bool:
    return (isinstance(item, np.ndarray) and item.ndim > 0) or is_foreign(item) or is_structure(item)


def flat(params: Any) -> Taken:
    """A dict taken apart in its own order, its values being the leaves."""
    keys = tuple(params)
    return Taken(
        tuple(params.values()),
        tuple((("name", key),) for key in keys),
        lambda leaves: dict(zip(keys, leaves, strict=True)),
    )


def leaf_alone(params: Any) -> Taken:
    """A single array or number."""
    return Taken((params,), ((),), lambda leaves: leaves[0])


def taken_apart(params: Any) -> Taken:
    """Dicts in their own order, lists, tuples, named tuples and dataclasses, nested; anything else is a leaf."""
    import optree

    params = dict(params) if isinstance(params, Mapping) and not isinstance(params, dict) else params
    with optree.dict_insertion_ordered(True, namespace=_SPACE):
        leaves, spec = optree.tree_flatten(params, is_leaf=_unregistered, namespace=_SPACE)
    paths = tuple(tuple(map(_step, accessor)) for accessor in spec.accessors())
    return Taken(tuple(leaves), paths, spec.unflatten)


def _unregistered(value: Any) -> bool:
    """No leaf; but a dataclass is made known to optree before it is taken apart."""
    kind = type(value)
    if dataclasses.is_dataclass(kind):
        _register(kind)
    return False


def _register(kind: Any) -> None:
    import optree

    if optree.register_pytree_node.get(kind, namespace=_SPACE) is not None:
        return
    names = tuple(field.name for field in dataclasses.fields(kind) if field.init)

    def parts(record: Any) -> tuple[list[Any], Any, tuple[str, ...]]:
        values = [getattr(record, name) for name in names]
        return values, None if _is_made_of(record, dict(zip(names, values, strict=True))) else record, names

    def again(record: Any, values: Any) -> Any:
        own = dict(zip(names, values, strict=True))
        return kind(**own) if record is None else with_fields(record, own)

    optree.register_pytree_node(kind, parts, again, path_entry_type=optree.GetAttrEntry, namespace=_SPACE)


def _is_made_of(record: Any, values: Mapping[str, Any]) -> bool:
    """Whether the class makes the same record of these values: what ``__init__`` derives of them has to be derived anew."""
    try:
        made = type(record)(**values)
    except Exception:
        return False
    before, after = attributes(record), attributes(made)
    return before.keys() == after.keys() and all(_same(before[name], after[name]) for name in before)


def _same(one: Any, other: Any) -> bool:
    if one is other:
        return True
    try:
        return type(one) is type(other) and bool(np.all(array_of(one) == array_of(other)))
    except Exception:
        return False


def _step(entry: Any) -> Step:
    import optree

    if isinstance(entry, optree.NamedTupleEntry):
        return "name", entry.field
    named = isinstance(entry, optree.GetAttrEntry | optree.MappingEntry) and isinstance(entry.entry, str)
    return ("name" if named else "item"), entry.entry


def _joined(path: Sequence[Step], root: str) -> str:
    """``layers[1].W``; a key that would be mistaken for more than one is written in brackets."""
    name = ""
    for how, key in path:
        plain = how == "name" and _PLAIN.fullmatch(key)
        name += f".{key}" if plain else f"[{key!r}]"
    return name.removeprefix(".") if name.startswith(".") else f"{root}{name}"


def _leaf(leaf: Any, name: str, root: str) -> np.ndarray:
    if isinstance(leaf, str | bytes):
        raise InputTypeError(
            f"{root} must hold real floating-point arrays, got {type(leaf).__name__} {leaf!r} at {name}: pass it in args"
        )
    return real_array(leaf, name)


def _copied(leaf: Any) -> Any:
    array = array_of(leaf)
    return kind_of(leaf)(np.array(array)) if isinstance(array, np.ndarray) else leaf
