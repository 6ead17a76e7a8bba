"""J through torch, and torch's own gradient of it: every evaluation alone, with tensors, buffers and random draws of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import MethodType
from typing import Any

import torch
from torch import Tensor

from fastcheck.errors import InputError, InputTypeError, add_note
from fastcheck.problem.brought import Brought
from fastcheck.problem.layout import Layout
from fastcheck.problem.structure import taken_apart
from fastcheck.shapes.tensors import fresh, module_of
from fastcheck.vectors import Vector

_TURN = (
    threading.RLock()
)  # a module's copy has room for the tensors of one evaluation, and its generator is torch's own


@dataclass(frozen=True, eq=False)
class Call:
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
    computed : tuple of bool
        Which of them are to be no leaves of the graph, as they were given.
    loss : callable, or None
    seed : int
        Of torch's generator, at every evaluation.
    """

    function: Callable[..., Any]
    names: tuple[str, ...]
    inputs: Any
    free: tuple[bool, ...]
    computed: tuple[bool, ...]
    loss: Callable[..., Any] | None
    seed: int

    def outputs(self, leaves: Sequence[Tensor]) -> list[Tensor]:
        """The tensors that the function returns, or the loss; ``leaves`` are what theta is made of. Where it is `alone`."""
        own = dict(zip(self.names, leaves, strict=False))
        inputs = self._filled(iter(leaves[len(self.names) :]))
        args, kwargs = ((), dict(inputs)) if isinstance(inputs, Mapping) else (tuple(inputs), {})
        result = _run(self.function, own, args, kwargs)
        if self.loss is not None:
            result = self._lost(result)
        return [leaf for leaf in taken_apart(result).leaves if isinstance(leaf, Tensor)]

    def _lost(self, result: Any) -> Any:
        try:
            return _run(self.loss, {}, (result,), {})
        except Exception as error:
            hint = "loss=lambda out: F.mse_loss(out, y)"
            add_note(error, f"raised by the loss, which is given the output alone: bind what else it takes, {hint}")
            raise

    def _filled(self, own: Iterator[Tensor]) -> Any:
        taken = taken_apart(self.inputs)
        places = zip(taken.leaves, self.free, self.computed, strict=True)
        return taken.together(
            [
                fresh(leaf) if not free else next(own).clone() if computed else next(own)
                for leaf, free, computed in places
            ]
        )


@dataclass(frozen=True, eq=False)
class Weighted:
    """J = sum of weights * output over the outputs that have weights; of a loss, the loss itself."""

    call: Call
    layout: Layout
    likes: tuple[Tensor, ...]  # one element of each leaf's dtype, on its device
    weights: tuple[Tensor | None, ...] | None
    traced: bool  # whether the function has to see leaves that require a gradient
    fastcheck_brings: Brought

    def __call__(self, theta: Vector) -> float:
        with alone(self.call.seed), torch.set_grad_enabled(self.traced):
            return float(self.joined(self.call.outputs(self.leaves(theta, self.traced))).item())

    def leaves(self, theta: Vector, traced: bool) -> list[Tensor]:
        """Copies: a function may write into its parameters."""
        if theta.dtype.kind == "c":
            raise TypeError("parameters and inputs of torch stay real")
        pairs = zip(self.layout.unpack(theta).values(), self.likes, strict=True)
        return [torch.tensor(a, dtype=like.dtype, device=like.device, requires_grad=traced) for a, like in pairs]

    def joined(self, outputs: Sequence[Tensor]) -> Tensor:
        """J as a tensor, summed in float64."""
        if self.weights is None:
            return scalar(outputs)
        pairs = [(out, weight) for out, weight in zip(outputs, self.weights, strict=False) if weight is not None]
        shapes, wanted = [tuple(out.shape) for out, _ in pairs], [tuple(weight.shape) for _, weight in pairs]
        if shapes != wanted or len(outputs) != len(self.weights):
            met = f"{shapes} after {wanted}" if shapes != wanted else f"{len(outputs)} after {len(self.weights)}"
            raise InputError(
                f"function must return outputs of one shape, got {met}: the shape must not depend on the values"
            )
        return torch.stack([(out.double() * weight).sum() for out, weight in pairs]).sum()


@dataclass(frozen=True, eq=False)
class Backward:
    """torch's own gradient of the same, by the names of its tensors, each in the dtype in which torch gave it."""

    cost: Weighted

    def __call__(self, theta: Vector) -> dict[str, Tensor]:
        tensors = zip(self.cost.layout.tensors, self.cost.likes, self.slopes(theta), strict=True)
        return {
            t.name: torch.zeros(t.shape, dtype=like.dtype) if slope is None else slope for t, like, slope in tensors
        }

    def slopes(self, theta: Vector) -> list[Tensor | None]:
        """None where autograd found no path to the output."""
        with alone(self.cost.call.seed), torch.enable_grad():
            value, leaves = self._traced(theta)
            found = torch.autograd.grad(value, leaves, allow_unused=True)
        return [slope if slope is None or slope.layout == torch.strided else slope.to_dense() for slope in found]

    def others(self, theta: Vector) -> list[Tensor]:
        """What else requires a gradient on the way to the output, and is not in theta."""
        with alone(self.cost.call.seed), torch.enable_grad():
            value, leaves = self._traced(theta)
            own = {id(leaf) for leaf in leaves}
            return [tensor for tensor in _leaves_behind(value) if id(tensor) not in own]

    def _traced(self, theta: Vector) -> tuple[Tensor, list[Tensor]]:
        leaves = self.cost.leaves(theta, traced=True)
        outputs = self.cost.call.outputs(leaves)
        value = self.cost.joined(outputs)
        if not value.requires_grad:
            raise detached(outputs)
        return value, leaves


def _leaves_behind(value: Tensor) -> list[Tensor]:
    """The leaves of the graph that a tensor was computed in."""
    met, left, found = set(), [value.grad_fn], []
    while left:
        node: Any = left.pop()
        if node is None or node in met:
            continue
        met.add(node)
        if type(node).__name__ == "AccumulateGrad":
            found.append(node.variable)
        left.extend(following for following, _ in node.next_functions)
    return found


@contextmanager
def alone(seed: int) -> Iterator[None]:
    """One evaluation at a time, forward and backward, with torch's generators from this seed and as they were afterwards."""
    with _TURN, _seeded(seed):
        yield


def scalar(outputs: Sequence[Tensor]) -> Tensor:
    """The one real number that a loss returned."""
    if len(outputs) != 1 or outputs[0].numel() != 1 or not outputs[0].is_floating_point():
        got = [f"{tuple(out.shape)} of {out.dtype}" for out in outputs]
        raise InputTypeError(
            f"loss must return one real number, got {', '.join(got) or 'no tensor'}: return a mean or a sum"
        )
    return outputs[0].reshape(())


def detached(outputs: Sequence[Tensor]) -> InputError:
    """What to say where nothing that was returned has a gradient."""
    inferred = torch.is_inference_mode_enabled() or any(out.is_inference() for out in outputs)
    reason = "torch.inference_mode() is on, leave it" if inferred else "something on the way detaches it"
    return InputError(
        f"function must return what depends on its inputs through autograd, got an output that requires no gradient: {reason}"
    )


def _run(function: Any, own: dict[str, Tensor], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What the function returns; a module with ``own`` parameters, and with copies of its buffers."""
    module = module_of(function)
    if module is None:
        return function(*args, **kwargs)
    tensors = {**{name: buffer.clone() for name, buffer in module.named_buffers()}, **own}
    if module is function:
        return torch.func.functional_call(module, tensors, args, kwargs)
    return torch.func.functional_call(_Method(function), {f"of.{n}": t for n, t in tensors.items()}, args, kwargs)


class _Method(torch.nn.Module):  # type: ignore[misc, unused-ignore]
    """A method of a module as a module, which is what torch puts other tensors into."""

    def __init__(self, method: MethodType) -> None:
        super().__init__()
        self.of, self.forward = method.__self__, method


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
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
