"""Parameters in a structure (dicts, lists, tuples, dataclasses, named tuples, nested): one vector of them, and back.

The structure is taken apart by `optree`, or by what the maker of a Problem brings instead; here its leaves get their names
and their places in theta.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from functools import cached_property
from numbers import Number
from typing import Any

import numpy as np

from fastcheck.errors import InputError, InputTypeError, shown
from fastcheck.problem.containers import is_dataclass, is_sequence, with_items
from fastcheck.problem.foreign import array_of, in_x64, is_foreign, kind_of, to_jax
from fastcheck.problem.layout import Layout, real_array, require_finite
from fastcheck.problem.nodes import SPACE, make_known
from fastcheck.problem.paths import Path, Step, found_at, names_of
from fastcheck.vectors import Vector

_ORDERING = threading.RLock()  # whether optree keeps the order of dicts is process-wide


@dataclass(frozen=True, eq=False)
class Taken:
    """A structure taken apart: its leaves, the steps that lead to each, and what puts leaves together again."""

    leaves: tuple[Any, ...]
    paths: tuple[Path, ...]
    together: Callable[[Sequence[Any]], Any]

    def names(self, root: str) -> tuple[str, ...]:
        """Of the leaves: ``layers[1].W``; ``root`` stands before a first index, and for the leaf that is all."""
        return names_of(self.paths, root)

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

    @cached_property
    def _places(self) -> tuple[tuple[Callable[[Any], Any], slice, tuple[int, ...]], ...]:
        """Of each leaf in theta: what makes it one, where it is, and its shape."""
        return tuple((kind, t.slice, t.shape) for kind, t in zip(self._kinds, self.layout.tensors, strict=True))

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
        if isinstance(value, Mapping) and set(value) == set(self.layout.names):
            return value
        taken = self.apart(value)
        return value if taken.paths in ((), ((),)) else self._as_here(taken.by_name(self.root), value)

    def _as_here(self, told: dict[str, Any], value: Any) -> dict[str, Any]:
        """With the lists of numbers, and None, that stand where the structure holds an array."""
        absent = {*self.layout.names} - {*told}
        for name, path in zip(self._taken.names(self.root), self._taken.paths, strict=True) if absent else ():
            if name not in absent:
                continue
            inside = {key for key in told if key.startswith(f"{name}[")}
            with suppress(LookupError, TypeError, AttributeError):  # nothing stands there
                there = found_at(value, path)
                if inside or there is None:
                    told = {key: leaf for key, leaf in told.items() if key not in inside} | {name: there}
        return told

    def filled(self, theta: Any, fixed: Sequence[Any] = ()) -> Any:
        """The structure with views of ``theta`` for leaves, and ``fixed`` for those that are held."""
        own = (kind(theta[place].reshape(shape)) for kind, place, shape in self._places)
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
        name: _leaf(leaf, name, root, is_field=bool(path) and path[-1][0] == "field")
        for name, path, leaf, in_theta in zip(taken.names(root), taken.paths, taken.leaves, free, strict=True)
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
    return is_sequence(theta) and (any(map(_holds_arrays, theta)) or _is_ragged(theta))


def is_record(value: Any) -> bool:
    """A dataclass or a named tuple."""
    return (isinstance(value, tuple) and hasattr(value, "_fields")) or is_dataclass(value)


def named(value: Any, names: Sequence[str], root: str = "params") -> Any:
    """A structure as a dict of its leaves by their names; a dict of these names, or an array, as it is."""
    if not is_structure(value) or (isinstance(value, Mapping) and set(value) == set(names)):
        return value
    if is_flat(value):
        return value
    told = taken_apart(value).by_name(root)
    return value if is_sequence(value) and _is_ragged(value) and not set(told) & set(names) else told


def is_flat(params: Any) -> bool:
    """A dict of arrays, numbers and lists of numbers, as `fastcheck.pack` takes it."""
    return isinstance(params, Mapping) and all(
        isinstance(name, str) and name and _is_array(value) for name, value in params.items()
    )


def _is_array(value: Any) -> bool:
    """What NumPy makes one array of."""
    if is_foreign(value) or is_structure(value):
        return False
    return is_sequence(value) or isinstance(value, Number | np.generic) or hasattr(type(value), "__array__")


def _holds_arrays(item: Any) -> bool:
    return (isinstance(item, np.ndarray) and item.ndim > 0) or is_foreign(item) or is_structure(item)


def _is_ragged(items: Any) -> bool:
    """Lists of numbers of several lengths."""
    lengths = {len(item) if is_sequence(item) else None for item in items}
    return len(lengths) > 1


def flat(params: Any) -> Taken:
    """A dict taken apart in its own order, its values being the leaves."""
    keys = tuple(params)
    return Taken(
        tuple(params.values()),
        tuple((("name", key),) for key in keys),
        lambda leaves: with_items(params, dict(zip(keys, leaves, strict=True))),
    )


def leaf_alone(params: Any) -> Taken:
    """A single array or number."""
    return Taken((params,), ((),), lambda leaves: leaves[0])


def taken_apart(params: Any) -> Taken:
    """Dicts in their own order, lists, tuples, named tuples and dataclasses, nested; anything else is a leaf."""
    import optree

    try:
        with _ORDERING, optree.dict_insertion_ordered(True, namespace=SPACE):
            leaves, spec = optree.tree_flatten(params, is_leaf=_no_leaf, namespace=SPACE)
    except RecursionError:
        raise InputError(
            f"a structure must end, got a {type(params).__name__} nested too deeply, or in itself: take it apart"
        ) from None
    paths = tuple(tuple(map(_step, accessor)) for accessor in spec.accessors())
    return Taken(tuple(leaves), paths, spec.unflatten)


def _no_leaf(value: Any) -> bool:
    """False; but a node is made known to optree before it is taken apart."""
    make_known(value)
    return False


def _step(entry: Any) -> Step:
    import optree

    if isinstance(entry, optree.NamedTupleEntry):
        return "name", entry.field
    if isinstance(entry, optree.GetAttrEntry):
        return "field", entry.entry
    named = isinstance(entry, optree.MappingEntry) and isinstance(entry.entry, str)
    return ("name" if named else "item"), entry.entry


def _leaf(leaf: Any, name: str, root: str, is_field: bool) -> np.ndarray:
    """A parameter as an array; what cannot be one is told where else it may stand."""
    if is_foreign(leaf) or (_is_array(leaf) and type(leaf) is not int):
        return real_array(leaf, name)
    elsewhere = "pass it in args" + (", or mark the field metadata={'static': True}" if is_field else "")
    if type(leaf) is int:
        raise InputTypeError(
            f"{name} must be real floating point (float64), got int {leaf}: write {leaf}.0 if it is a parameter, else {elsewhere}"
        )
    if not isinstance(leaf, str | bytes) and not callable(leaf):
        elsewhere = f"make it a dict, list, tuple or dataclass of arrays, or {elsewhere}"
    raise InputTypeError(
        f"{root} must hold real floating-point arrays, got {type(leaf).__name__} {shown(leaf)} at {name}: {elsewhere}"
    )


def _copied(leaf: Any) -> Any:
    array = array_of(leaf)
    return kind_of(leaf)(np.array(array)) if isinstance(array, np.ndarray) else leaf
