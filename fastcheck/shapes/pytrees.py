"""Pytrees, as JAX's maker takes them: their arrays in float64, their leaves by names, and what must not be among them."""

from __future__ import annotations

from dataclasses import is_dataclass
from typing import Any

import jax
import numpy as np
from jax import numpy as jnp
from jax.core import Tracer

from fastcheck.errors import InputError, InputTypeError, shown
from fastcheck.problem.brought import Note
from fastcheck.problem.foreign import array_of, is_torch
from fastcheck.problem.layout import Layout
from fastcheck.problem.paths import Step
from fastcheck.problem.structure import Taken


def taken_apart(params: Any) -> Taken:
    """A pytree, with whatever nodes JAX knows."""
    paths, spec = jax.tree_util.tree_flatten_with_path(params)
    return Taken(
        tuple(leaf for _, leaf in paths),
        tuple(tuple(map(_step, path)) for path, _ in paths),
        lambda leaves: jax.tree_util.tree_unflatten(spec, leaves),
    )


def _step(entry: Any) -> Step:
    if isinstance(entry, jax.tree_util.GetAttrKey):
        return "name", entry.name
    key = getattr(entry, "key", getattr(entry, "idx", entry))
    return ("name" if isinstance(key, str) else "item"), key


def in_float64(tree: Any) -> Any:
    """The same with floating arrays and numbers in it; other arrays of numbers become JAX's, the rest stays."""

    def wide(leaf: Any) -> Any:
        if isinstance(leaf, jax.Array | np.ndarray) and jnp.issubdtype(leaf.dtype, jnp.floating):
            return jnp.asarray(leaf, dtype=jnp.float64)
        if isinstance(leaf, np.floating):
            return float(leaf)
        return jnp.array(leaf) if isinstance(leaf, np.ndarray) and leaf.dtype.kind in "iubc" else leaf

    return jax.tree_util.tree_map(wide, tree)


def require_pytree(params: Any) -> None:
    """Refuse leaves that JAX would need to be told of, or that have no slope."""
    taken = taken_apart(params)
    for name, leaf in zip(taken.names("params"), taken.leaves, strict=True):
        refused = _refused(leaf)
        if refused is not None:
            what, advice = refused
            raise InputTypeError(f"params must be a pytree of floating arrays, got {what} at {name}: {advice}")


def _refused(leaf: Any) -> tuple[str, str] | None:
    """What is met, and what to do about it; None of arrays and numbers, whose dtype is looked at later."""
    kind = leaf.__name__ if isinstance(leaf, type) else type(leaf).__name__
    if is_dataclass(leaf):
        return f"the dataclass {kind}", "register it with jax.tree_util.register_dataclass"
    if is_torch(leaf):
        return "a tensor of torch", "take fastcheck.from_torch"
    if isinstance(leaf, Tracer):
        return "what JAX traces", "call from_jax outside of jax.jit and jax.grad"
    if isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return "a PRNG key", "pass it in args"
    if isinstance(leaf, str | bytes):
        return f"{kind} {leaf!r}", "pass it in args"
    if not isinstance(leaf, jax.Array | np.ndarray | np.generic | float | int | complex):
        return kind, "pass it in args, or register what it is as a pytree"
    return None


def by_name(gradient: Any, layout: Layout) -> dict[str, Any]:
    """The tensors of a pytree like the parameters, or of a vector, as arrays."""
    taken = taken_apart(gradient)
    if not taken.leaves:
        raise InputTypeError(f"grad must return a pytree like params, got {shown(gradient)}: return the gradient")
    arrays = [_array(leaf) for leaf in taken.leaves]
    if len(arrays) == 1 and np.shape(arrays[0]) == (layout.size,):
        whole = np.asarray(arrays[0])
        return layout.unpack(whole.astype(np.float64) if whole.dtype.kind in "iu" else whole)
    names = taken.names("params")
    if isinstance(gradient, tuple) and len(arrays) > len(layout.names):
        _require_alone(gradient, layout)
    return dict(zip(names, arrays, strict=True))


def _require_alone(gradient: tuple[Any, ...], layout: Layout) -> None:
    """Refuse what `jax.value_and_grad` returns, or has_aux: a gradient beside something else."""
    if any(set(taken_apart(part).names("params")) == set(layout.names) for part in gradient):
        raise InputError(
            f"grad must return the gradient alone, got it in a tuple of {len(gradient)}: leave out what else is in that"
        )


def _array(leaf: Any) -> Any:
    """The same in a dtype that numpy knows."""
    array = array_of(leaf)
    of_jax = isinstance(array, np.ndarray) and array.dtype.kind == "V" and jnp.issubdtype(array.dtype, jnp.floating)
    return array.astype(np.float32) if of_jax else array


def notes(params: Any, args: Any) -> tuple[Note, ...]:
    """What there is to say of the arrays as they were given."""
    arrays = jax.Array | np.ndarray | np.floating
    kinds = {str(leaf.dtype) for leaf in jax.tree_util.tree_leaves((params, args)) if isinstance(leaf, arrays)}
    narrow = sorted(kind for kind in kinds if "float" in kind and kind != "float64")
    if not narrow:
        return ()
    return (
        Note(
            "copies",
            f"what came in {', '.join(narrow)} was evaluated in float64, with JAX's x64 switched on for the call.",
        ),
    )
