"""Modules and functions of torch: the parameters and inputs that require a gradient are theta, torch's backward is on trial.

Modules are copied, and every evaluation gets tensors and buffers of its own: what was handed in stays as it is.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fastcheck.checks.problem import Problem
from fastcheck.errors import InputError, InputTypeError, noting, shown
from fastcheck.problem.brought import Brought, Note
from fastcheck.problem.choose import drawn_from
from fastcheck.problem.foreign import array_of
from fastcheck.problem.layout import Layout, require_finite
from fastcheck.problem.structure import taken_apart
from fastcheck.shapes.autograd import Backward, Call, Weighted, alone, detached, scalar
from fastcheck.shapes.nearby import nearby, require_alike_nearby
from fastcheck.shapes.tensors import (
    arguments,
    called,
    computed,
    free,
    has_hooks,
    in_dtype,
    in_theta,
    module_of,
    private,
    private_loss,
    trainable,
)
from fastcheck.vectors import Vector
from fastcheck.words import counted, listed

_MUTE = frozenset({"python", "threads", "symmetric"})  # torch has threads of its own, modules start biases at zero
_MISFIT = re.compile("returned an (incorrect number of gradients|invalid gradient)")
_SEEDS = 2**64  # of torch's generators


def from_torch(
    function: Callable[..., Any],
    inputs: Any,
    loss: Callable[..., Any] | None = None,
    dtype: Any = "float64",
    seed: int = 0,
) -> Problem:
    """A problem of what torch differentiates: a module, a function of tensors, or an ``autograd.Function``.

    Parameters
    ----------
    function : torch.nn.Module, callable, or subclass of torch.autograd.Function
        A module, or the one whose method it is, is copied in the mode it is in. Its buffers are the same at every evaluation.
    inputs : tensor, sequence of tensors, or dict
        What it takes; a dict by name, a named tuple as one. Tensors may be nested, other values are passed on.
    loss : callable, optional
        ``loss(output)`` returns a tensor of one element; a module's parameters are held fixed. By default J is the sum of
        all outputs that require a gradient, weighted by N(0, 1).
    dtype : torch.dtype, optional
        torch.float64: parameters, buffers and floating inputs are taken to it, complex ones to complex128, so that rounding
        hides nothing. None keeps them.
    seed : int
        Of the weights, and of torch's generator at every evaluation: dropout has one mask.

    Returns
    -------
    Problem
        Its tensors are the parameters by their names in the module, then the floating inputs that require a gradient
        (``inputs[0]``, or the names of a dict); the gradient on trial is torch's backward.

    Raises
    ------
    InputError
        Nothing requires a gradient, autograd finds no path from what does to the output, an output is complex or the loss
        more than one number.

    Examples
    --------
    >>> from_torch(torch.nn.Linear(3, 2), torch.randn(5, 3)).check().passed  # doctest: +SKIP
    True
    """
    rng, wanted = drawn_from(seed), _dtype(dtype)
    function, loss = called(function), None if loss is None else called(loss, "loss")
    given = arguments(inputs)
    handed_in, derived = in_theta(function, given), computed(given)
    notes = (*_copies(handed_in, wanted), *_hooks(handed_in), *_of_the_loss(loss))
    function, loss, given = private(function, wanted), private_loss(loss, wanted), in_dtype(given, wanted)
    tensors, taken = in_theta(function, given), taken_apart(given)
    layout = Layout.of({name: tuple(tensor.shape) for name, tensor in tensors.items()})
    theta = layout.pack({name: array_of(tensor) for name, tensor in tensors.items()})
    require_finite(theta, layout, "parameter")
    fixed = taken.together([leaf.detach() if isinstance(leaf, Tensor) else leaf for leaf in taken.leaves])
    call = Call(function, tuple(trainable(function)), fixed, free(given), derived, loss, int(seed) % _SEEDS)
    likes = tuple(torch.empty(0, dtype=tensor.dtype, device=tensor.device) for tensor in tensors.values())
    with _blaming("function" if loss is None else "function or the loss", wanted):
        cost = _with_weights(Weighted(call, layout, likes, None, True, Brought(layout)), theta, rng)
    with _blaming("backward", wanted), _fitting():
        notes += (*_left_out(cost), *_unreached(cost, theta), *_others(cost, theta))
    cost = replace(_quiet(cost, theta), fastcheck_brings=Brought(layout, notes, mute=_MUTE))
    require_alike_nearby(cost, theta, layout)
    return Problem(cost, Backward(cost), theta, layout=layout)


def _dtype(dtype: Any) -> torch.dtype | None:
    found = getattr(torch, dtype, dtype) if isinstance(dtype, str) else dtype
    if found is not None and not (isinstance(found, torch.dtype) and found.is_floating_point):
        raise InputTypeError(f"dtype must be torch.float64, another floating dtype or None, got {shown(dtype)}")
    return found


def _copies(handed_in: Mapping[str, Tensor], dtype: torch.dtype | None) -> tuple[Note, ...]:
    others = sorted({str(tensor.dtype) for tensor in handed_in.values() if dtype is not None and tensor.dtype != dtype})
    if not others:
        return ()
    said = f"what came in {', '.join(others)} was evaluated in copies in {dtype}; dtype=None keeps it."
    return (Note("copies", said),)


def _hooks(handed_in: Mapping[str, Tensor]) -> tuple[Note, ...]:
    names = [name for name, tensor in handed_in.items() if has_hooks(tensor)]
    if not names:
        return ()
    return (Note("hooks", f"hooks on {listed(names)} were left out: the gradient is torch's before they change it."),)


def _of_the_loss(loss: Any) -> tuple[Note, ...]:
    names = list(trainable(loss))
    return (Note("held", f"parameters of the loss are held fixed: {listed(names)}."),) if names else ()


def _unreached(cost: Weighted, theta: Vector) -> tuple[Note, ...]:
    """What the backward does not reach; where that is everything, and J does not move, there is nothing to check."""
    slopes = Backward(cost).slopes(theta)
    names = [name for name, slope in zip(cost.layout.names, slopes, strict=True) if slope is None]
    if not names:
        return ()
    closures = "a module that keeps tensors or closures of the original does not see the copy's parameters"
    why = f"; {closures}" if module_of(cost.call.function) is not None else ""
    if len(names) == len(slopes) and _stands_still(cost, theta):
        raise InputError(
            f"function must return what depends on its inputs through autograd, got no path from {listed(names)} to the output: "
            f"compute it from them{why}"
        )
    taken = "its slope was" if len(names) == 1 else "their slopes were"
    said = f"autograd found no path from {listed(names)} to the output: {taken} taken for 0{why}."
    return (Note("unreached", said),)


def _others(cost: Weighted, theta: Vector) -> tuple[Note, ...]:
    """What a function or a loss closes over, and would pass for checked."""
    shapes = [f"{tuple(tensor.shape)}" for tensor in Backward(cost).others(theta)]
    if not shapes:
        return ()
    said = (
        f"tensors of shape {listed(shapes, 3)} require a gradient, were not handed in, and are held fixed. "
        "To check them pass them in inputs, or the module itself as the function."
    )
    return (Note("held", said),)


def _stands_still(cost: Weighted, theta: Vector) -> bool:
    return all(cost(moved) == cost(theta) for moved in nearby(theta, cost.layout))


def _blaming(who: str, dtype: torch.dtype | None) -> AbstractContextManager[None]:
    taken = "" if dtype is None else f"; parameters and inputs were taken to {dtype}, dtype=None keeps them"
    return noting(f"raised by the {who} at the inputs as they were given{taken}")


@contextmanager
def _fitting() -> Iterator[None]:
    """Gradients that do not fit the inputs, which torch finds out, in our words."""
    try:
        yield
    except RuntimeError as error:
        if not _MISFIT.search(str(error)):
            raise
        raise InputError(
            f"backward must return a gradient for each input of forward, in its shape, but {error}: return them in the "
            "order of the inputs, None where there is none"
        ) from error


def _with_weights(cost: Weighted, theta: Vector, rng: np.random.Generator) -> Weighted:
    """With weights of the outputs as they are at theta."""
    with alone(cost.call.seed), torch.enable_grad():
        outputs = cost.call.outputs(cost.leaves(theta, traced=True))
    if cost.call.loss is not None:
        scalar(outputs)
        return cost
    if any(out.is_complex() and out.requires_grad for out in outputs):
        raise InputTypeError(
            "function must return real tensors, got complex ones: return a real part, or pass a loss that does"
        )
    if not any(out.is_floating_point() and out.numel() for out in outputs):
        met = ", ".join(f"shape {tuple(out.shape)} of {out.dtype}" for out in outputs[:3]) or "none"
        raise InputTypeError(
            f"function must return a floating tensor with entries, got {met}: return what is to be differentiated"
        )
    if not any(out.requires_grad for out in outputs):
        raise detached(outputs)
    return replace(cost, weights=tuple(_weight(out, rng) for out in outputs))


def _weight(out: Tensor, rng: np.random.Generator) -> Tensor | None:
    """Drawn from N(0, 1) in the dtype of the output; None of what torch does not differentiate."""
    if not out.requires_grad:
        return None
    drawn = torch.from_numpy(np.asarray(rng.standard_normal(tuple(out.shape))))
    return drawn.to(out.device, out.dtype).double()


def _left_out(cost: Weighted) -> tuple[Note, ...]:
    """What came beside the outputs that have a gradient."""
    n = sum(weight is None for weight in cost.weights or ())
    said = f"J leaves out {counted(n, 'output')} that {'requires' if n == 1 else 'require'} no gradient."
    return (Note("weighted", said),) if n else ()


def _quiet(cost: Weighted, theta: Vector) -> Weighted:
    """Without a trace of what is computed, where the function gives the same J without; it has to repeat itself."""
    traced, again, untraced = cost(theta), cost(theta), replace(cost, traced=False)
    if traced != again and not (math.isnan(traced) and math.isnan(again)):
        raise InputError(
            f"function must be repeatable, got {traced!r} and then {again!r} at the same inputs: let it draw from torch's "
            "own generator, which is seeded, and keep nothing from one call to the next"
        )
    try:
        same = untraced(theta) == traced
    except Exception:  # it differentiates by itself
        same = False
    return untraced if same else cost
