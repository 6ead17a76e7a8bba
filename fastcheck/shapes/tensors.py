"""What is handed to torch's maker, taken: modules and tensors become private copies in one dtype, and what is in theta is named."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from fastcheck.errors import InputError, InputTypeError, shown
from fastcheck.problem.structure import taken_apart


def called(function: Any, who: str = "function") -> Callable[..., Any]:
    """What is to be called: the module of a bound forward, the apply of a Function, another function as it is."""
    plain: Callable[..., Any] = function
    if isinstance(function, type) and issubclass(function, torch.autograd.Function):
        applied: Callable[..., Any] = function.apply  # type: ignore[attr-defined, unused-ignore]
        return applied
    if isinstance(function, type) and issubclass(function, nn.Module):
        name = function.__name__
        raise InputTypeError(f"{who} must be a module, got the class {name}: make one, {name}(...)")
    if not callable(function):
        takes = "a function of the output" if who == "loss" else "a module or a function of tensors"
        raise InputTypeError(f"{who} must be {takes}, got {shown(function)}: pass it itself")
    owner = getattr(function, "__self__", None)
    if isinstance(owner, nn.Module) and function == owner.forward:
        plain = owner
    if isinstance(plain, torch.jit.ScriptModule):
        raise InputError(
            f"{who} must be a module of Python code, got a torch.jit.ScriptModule: pass the module before scripting"
        )
    return plain


def private(function: Callable[..., Any], dtype: torch.dtype | None) -> Callable[..., Any]:
    """A copy of a module, in the dtype; another function as it is."""
    if not isinstance(function, nn.Module):
        return function
    try:
        own = copy.deepcopy(function)
    except Exception as error:
        raise InputError(
            f"a module must be one that copy.deepcopy copies, got {shown(error)}: make the "
            "problem before the forward is run, and take nn.utils.parametrizations.weight_norm for weight_norm"
        ) from error
    for tensor in own.parameters():
        tensor.grad = None
    copied: Callable[..., Any] = own if dtype is None else own._apply(lambda tensor: _cast(tensor, dtype))
    return copied


def private_loss(loss: Any, dtype: torch.dtype | None) -> Callable[..., Any] | None:
    """The same of a loss, its parameters held fixed."""
    if loss is None:
        return None
    own = private(loss, dtype)
    return own.requires_grad_(False) if isinstance(own, nn.Module) else own


def in_dtype(given: Any, dtype: torch.dtype | None) -> Any:
    """Tensors of their own, floating and complex ones in the dtype."""
    taken = taken_apart(given)
    return taken.together([_taken_to(leaf, dtype) for leaf in taken.leaves])


def arguments(inputs: Any) -> tuple[Any, ...] | dict[str, Any]:
    """The inputs by place, or by name; a named tuple is one of them."""
    if isinstance(inputs, Mapping):
        return dict(inputs)
    spread = isinstance(inputs, list | tuple) and not hasattr(inputs, "_fields")
    return tuple(inputs) if spread else (inputs,)


def free(given: Any) -> tuple[bool, ...]:
    """Which leaves of the inputs are in theta."""
    return tuple(isinstance(leaf, Tensor) and leaf.requires_grad for leaf in taken_apart(given).leaves)


def trainable(function: Any) -> dict[str, Tensor]:
    """The parameters of a module that require a gradient, by name."""
    if not isinstance(function, nn.Module):
        return {}
    lazy = [name for name, p in function.named_parameters() if nn.parameter.is_lazy(p)]
    if lazy:
        raise InputError(f"a module must have its parameters, got {lazy[0]} that is not made yet: run the module once")
    return {name: p for name, p in function.named_parameters() if p.requires_grad}


def in_theta(function: Any, given: Any) -> dict[str, Tensor]:
    """All that theta is made of, by name: real floating tensors, at least one.

    Raises
    ------
    InputError, InputTypeError
        There is none, a complex one, or a parameter and an input of one name.
    """
    taken, own = taken_apart(given), trainable(function)
    inputs = {
        n: leaf for n, leaf, is_free in zip(taken.names("inputs"), taken.leaves, free(given), strict=True) if is_free
    }
    twice = [name for name in inputs if name in own]
    if twice:
        raise InputError(f"inputs must be named unlike parameters, got {twice[0]} for both: pass the inputs in a tuple")
    tensors = {**own, **inputs}
    if not tensors:
        is_module = isinstance(function, nn.Module)
        what = "function must have parameters, or inputs" if is_module else "inputs must hold floating tensors"
        raise InputError(f"{what} that require a gradient, got none: call requires_grad_() on what is to be checked")
    for name, tensor in tensors.items():
        if tensor.is_complex():
            raise InputTypeError(f"{name} must be real floating point, got {tensor.dtype}: take a real parametrisation")
    return tensors


def has_hooks(tensor: Tensor) -> bool:
    """Whether something of the user's is to be called with the tensor's gradient."""
    return bool(tensor._backward_hooks or getattr(tensor, "_post_accumulate_grad_hooks", None))


def _taken_to(leaf: Any, dtype: torch.dtype | None) -> Any:
    if not isinstance(leaf, Tensor):
        return leaf
    own = leaf.detach().clone()
    return (own if dtype is None else _cast(own, dtype)).requires_grad_(leaf.requires_grad)


def _cast(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """Floating tensors in the dtype, complex ones in its complex counterpart, others as they are."""
    if tensor.is_complex():
        return tensor.to(dtype.to_complex())
    return tensor.to(dtype) if tensor.is_floating_point() else tensor
