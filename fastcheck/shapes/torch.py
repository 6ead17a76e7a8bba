"""Modules and functions of torch: the parameters and inputs that require a gradient are theta, torch's backward is on trial.

Modules are copied, and every evaluation gets tensors and buffers of its own: what was handed in stays as it is.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fastcheck.checks.problem import Problem
from fastcheck.errors import InputError, InputTypeError, add_note, shown
from fastcheck.problem.accept import drawn_from
from fastcheck.problem.brought import Brought, Note
from fastcheck.problem.foreign import array_of
from fastcheck.problem.layout import Layout, require_finite
from fastcheck.problem.structure import taken_apart
from fastcheck.shapes.nearby import require_alike_nearby
from fastcheck.vectors import Vector

_MUTE = frozenset({"python", "threads", "symmetric"})  # torch has threads of its own, modules start biases at zero


@dataclass(frozen=True, eq=False)
class _Call:
    """The function as it is evaluated: with other tensors for its parameters and inputs.

    Attributes
    ----------
    function : callable
        A module is a copy.
    names : tuple of str
        Of the parameters in theta.
    inputs : tuple or dict
        With the inputs as they were given, in their dtype.
    free : tuple of bool
        Which leaves of ``inputs`` are in theta, after the parameters.
    loss : callable, or None
    seed : int
        Of torch's generator, at every evaluation.
    """

    function: Callable[..., Any]
    names: tuple[str, ...]
    inputs: Any
    free: tuple[bool, ...]
    loss: Callable[..., Any] | None
    seed: int

    def outputs(self, leaves: Sequence[Tensor]) -> list[Tensor]:
        """The floating tensors that the function returns, or the loss; ``leaves`` are what theta is made of."""
        own = dict(zip(self.names, leaves, strict=False))
        inputs = self._filled(iter(leaves[len(self.names) :]))
        args, kwargs = ((), dict(inputs)) if isinstance(inputs, Mapping) else (tuple(inputs), {})
        with _seeded(self.seed):
            if isinstance(self.function, torch.nn.Module):
                buffers = {name: buffer.clone() for name, buffer in self.function.named_buffers()}
                result = torch.func.functional_call(self.function, {**buffers, **own}, args, kwargs)
            else:
                result = self.function(*args, **kwargs)
            result = result if self.loss is None else self.loss(result)
        return [leaf for leaf in taken_apart(result).leaves if isinstance(leaf, Tensor)]

    def _filled(self, own: Iterator[Tensor]) -> Any:
        taken = taken_apart(self.inputs)
        pairs = zip(taken.leaves, self.free, strict=True)
        return taken.together([next(own) if free else _fresh(leaf) for leaf, free in pairs])


@dataclass(frozen=True, eq=False)
class _Weighted:
    """J = sum of weights * output over the outputs; of a loss, the loss itself."""

    call: _Call
    layout: Layout
    likes: tuple[Tensor, ...]  # one element of each leaf's dtype, on its device
    weights: tuple[Tensor, ...] | None
    traced: bool  # whether the function has to see leaves that require a gradient
    fastcheck_brings: Brought

    def __call__(self, theta: Vector) -> float:
        with torch.set_grad_enabled(self.traced):
            return float(self.of(self.leaves(theta, self.traced)).item())

    def leaves(self, theta: Vector, traced: bool) -> list[Tensor]:
        views = (torch.from_numpy(theta[t.slice].reshape(t.shape)) for t in self.layout.tensors)
        pairs = zip(views, self.likes, strict=True)
        return [view.to(like.device, like.dtype).requires_grad_(traced) for view, like in pairs]

    def of(self, leaves: Sequence[Tensor]) -> Tensor:
        """J as a tensor, summed in float64."""
        outputs = self.call.outputs(leaves)
        if self.weights is None:
            return _scalar(outputs)
        shapes = [tuple(out.shape) for out in outputs if out.is_floating_point()]
        wanted = [tuple(weight.shape) for weight in self.weights]
        if shapes != wanted:
            raise InputError(
                f"function must return outputs of one shape, got {shapes} after {wanted}: the shape must not depend on the values"
            )
        floating = [out for out in outputs if out.is_floating_point()]
        total = [(out.double() * weight).sum() for out, weight in zip(floating, self.weights, strict=True)]
        return torch.stack(total).sum()


@dataclass(frozen=True, eq=False)
class _Backward:
    """torch's own gradient of the same."""

    cost: _Weighted

    def __call__(self, theta: Vector) -> Vector:
        leaves = self.cost.leaves(theta.copy(), traced=True)
        with torch.enable_grad():
            value = self.cost.of(leaves)
            if not value.requires_grad:
                raise InputError(
                    "function must return what depends on its inputs through autograd, got an output that requires no gradient: "
                    "something on the way detaches it"
                )
            found = torch.autograd.grad(value, leaves, allow_unused=True)
        parts = [
            np.zeros(t.size) if g is None else _flat(g) for g, t in zip(found, self.cost.layout.tensors, strict=True)
        ]
        return np.concatenate(parts)


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
        A module is copied, in the mode it is in. Its buffers are the same at every evaluation.
    inputs : tensor, sequence of tensors, or dict
        What it takes; a dict by name. Tensors may be nested, other values are passed on.
    loss : callable, optional
        ``loss(output)`` returns a tensor of one element. By default J is the sum of all outputs, weighted by N(0, 1).
    dtype : torch.dtype, optional
        torch.float64: parameters, buffers and floating inputs are taken to it, so that rounding hides nothing. None keeps them.
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
        Nothing requires a gradient, an output is complex or the loss more than one number.

    Examples
    --------
    >>> from_torch(torch.nn.Linear(3, 2), torch.randn(5, 3)).check().passed  # doctest: +SKIP
    True
    """
    if not callable(function):
        raise InputTypeError(
            f"function must be a module or a function of tensors, got {shown(function)}: pass it itself"
        )
    rng, wanted = drawn_from(seed), _dtype(dtype)
    given, free, handed_in = _in_theta(function, inputs)
    function, loss = _private(function, wanted), loss and _private(loss, wanted)
    given = _in_dtype(given, wanted)
    taken, leaves = taken_apart(given), _parameters(function)
    tensors = {
        **leaves,
        **{n: leaf for n, leaf, own in zip(taken.names("inputs"), taken.leaves, free, strict=True) if own},
    }
    _require_usable(tensors, isinstance(function, torch.nn.Module))
    layout = Layout.of({name: tuple(tensor.shape) for name, tensor in tensors.items()})
    theta = layout.pack({name: array_of(tensor) for name, tensor in tensors.items()})
    require_finite(theta, layout, "parameter")
    fixed = taken.together([leaf.detach().clone() if isinstance(leaf, Tensor) else leaf for leaf in taken.leaves])
    call = _Call(function, tuple(leaves), fixed, free, loss, int(seed))
    likes = tuple(torch.empty(0, dtype=tensor.dtype, device=tensor.device) for tensor in tensors.values())
    cost = _Weighted(call, layout, likes, None, True, Brought(layout, _notes(handed_in, wanted), mute=_MUTE))
    cost = _quiet(_with_weights(cost, theta, rng, wanted), theta)
    require_alike_nearby(cost, theta, layout)
    return Problem(cost, _Backward(cost), theta, layout=layout)


def _dtype(dtype: Any) -> torch.dtype | None:
    found = getattr(torch, dtype, None) if isinstance(dtype, str) else dtype
    if found is not None and not (isinstance(found, torch.dtype) and found.is_floating_point):
        raise InputTypeError(f"dtype must be torch.float64, another floating dtype or None, got {shown(dtype)}")
    return found


def _private(function: Any, dtype: torch.dtype | None) -> Callable[..., Any]:
    """A copy of a module, in the dtype; the apply of a Function; another function as it is."""
    if isinstance(function, type) and issubclass(function, torch.autograd.Function):
        applied: Callable[..., Any] = function.apply  # type: ignore[attr-defined, unused-ignore]
        return applied
    if not isinstance(function, torch.nn.Module):
        plain: Callable[..., Any] = function
        return plain
    try:
        own = copy.deepcopy(function)
    except Exception as error:
        raise InputError(
            f"a module must be one that copy.deepcopy copies, got {type(error).__name__}: {error}"
        ) from error
    for tensor in own.parameters():
        tensor.grad = None
    copied: Callable[..., Any] = own if dtype is None else own.to(dtype)
    return copied


def _parameters(function: Any) -> dict[str, Tensor]:
    """Those that require a gradient, by name."""
    if not isinstance(function, torch.nn.Module):
        return {}
    lazy = [name for name, p in function.named_parameters() if torch.nn.parameter.is_lazy(p)]
    if lazy:
        raise InputError(f"a module must have its parameters, got {lazy[0]} that is not made yet: run the module once")
    return {name: p for name, p in function.named_parameters() if p.requires_grad}


def _in_theta(function: Any, inputs: Any) -> tuple[Any, tuple[bool, ...], dict[str, Tensor]]:
    """The inputs as a tuple or dict, which of their leaves are in theta, and all that is in theta, as it was handed in."""
    given = inputs if isinstance(inputs, Mapping) else tuple(inputs) if isinstance(inputs, list | tuple) else (inputs,)
    taken = taken_apart(given)
    free = tuple(isinstance(leaf, Tensor) and leaf.requires_grad for leaf in taken.leaves)
    own = {n: leaf for n, leaf, is_free in zip(taken.names("inputs"), taken.leaves, free, strict=True) if is_free}
    return given, free, {**_parameters(function), **own}


def _in_dtype(given: Any, dtype: torch.dtype | None) -> Any:
    """Tensors of their own, floating ones in the dtype."""
    taken = taken_apart(given)
    return taken.together([_taken_to(leaf, dtype) for leaf in taken.leaves])


def _taken_to(leaf: Any, dtype: torch.dtype | None) -> Any:
    if not isinstance(leaf, Tensor):
        return leaf
    own = leaf.detach().clone()
    if dtype is not None and own.is_floating_point():
        own = own.to(dtype)
    return own.requires_grad_(leaf.requires_grad)


def _require_usable(tensors: Mapping[str, Tensor], is_module: bool) -> None:
    if not tensors:
        what = "function must have parameters, or inputs" if is_module else "inputs must hold floating tensors"
        raise InputError(f"{what} that require a gradient, got none: call requires_grad_() on what is to be checked")
    for name, tensor in tensors.items():
        if tensor.is_complex():
            raise InputTypeError(f"{name} must be real floating point, got {tensor.dtype}: take a real parametrisation")


def _notes(before: Mapping[str, Tensor], dtype: torch.dtype | None) -> tuple[Note, ...]:
    """What was taken to another dtype; ``before`` is what theta is made of, as it was handed in."""
    others = sorted({str(tensor.dtype) for tensor in before.values() if dtype is not None and tensor.dtype != dtype})
    if not others:
        return ()
    return (
        Note("copies", f"what came in {', '.join(others)} was evaluated in copies in {dtype}; dtype=None keeps it."),
    )


def _with_weights(cost: _Weighted, theta: Vector, rng: np.random.Generator, dtype: torch.dtype | None) -> _Weighted:
    """With weights of the outputs as they are at theta."""
    try:
        with torch.enable_grad():
            outputs = cost.call.outputs(cost.leaves(theta.copy(), traced=True))
    except InputError:
        raise
    except Exception as error:
        taken = "" if dtype is None else f"; parameters and inputs were taken to {dtype}, dtype=None keeps them"
        add_note(error, f"raised by the function at the inputs as they were given{taken}")
        raise
    if any(out.is_complex() for out in outputs):
        raise InputTypeError(
            "function must return real tensors, got complex ones: return a real part, or pass a loss that does"
        )
    if cost.call.loss is not None:
        _scalar(outputs)
        return cost
    floating = [out for out in outputs if out.is_floating_point()]
    if not floating:
        raise InputTypeError("function must return a floating tensor, got none: return what is to be differentiated")
    drawn = (torch.from_numpy(np.asarray(rng.standard_normal(tuple(out.shape)))) for out in floating)
    weights = [weight.to(out.device, out.dtype).double() for weight, out in zip(drawn, floating, strict=True)]
    return replace(cost, weights=tuple(weights))


def _quiet(cost: _Weighted, theta: Vector) -> _Weighted:
    """Without a trace of what is computed, where the function gives the same J without."""
    own = theta.copy()
    traced, untraced = cost(own), replace(cost, traced=False)
    try:
        same = untraced(own) == traced
    except Exception:  # it differentiates by itself
        same = False
    return untraced if same else cost


def _scalar(outputs: Sequence[Tensor]) -> Tensor:
    if len(outputs) != 1 or outputs[0].numel() != 1 or not outputs[0].is_floating_point():
        got = [f"{tuple(out.shape)} of {out.dtype}" for out in outputs]
        raise InputTypeError(
            f"loss must return one real number, got {', '.join(got) or 'no tensor'}: return a mean or a sum"
        )
    return outputs[0].reshape(())


def _fresh(leaf: Any) -> Any:
    return leaf.clone() if isinstance(leaf, Tensor) else leaf


def _flat(gradient: Tensor) -> Vector:
    return np.asarray(array_of(gradient), dtype=np.float64).ravel()


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """torch's generators from this seed, and as they were afterwards."""
    if torch.cuda.is_initialized():
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            yield
        return
    generator = torch.default_generator  # fork_rng and manual_seed take longer than a small J
    state = generator.get_state()
    generator.manual_seed(seed)
    try:
        yield
    finally:
        generator.set_state(state)
