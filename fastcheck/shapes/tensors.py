"""What is handed to torch's maker, taken: modules and tensors become private copies in one dtype, and what is in theta is named."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from types import MethodType
from typing import Any

import numpy as np
import optree
import torch
from torch import Tensor, nn

from fastcheck.errors import InputError, InputTypeError, shown
from fastcheck.problem.structure import taken_apart
from fastcheck.words import counted, listed


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
    if isinstance(owner, nn.Module) and function in (owner.forward, owner.__call__):
        plain = owner
    module = module_of(plain)
    if isinstance(module, torch.jit.ScriptModule):
        raise InputError(
            f"{who} must be a module of Python code, got a torch.jit.ScriptModule: pass the module before scripting"
        )
    if isinstance(module, nn.DataParallel | nn.parallel.DistributedDataParallel):
        kind = type(module).__name__
        raise InputError(f"{who} must be a module that runs in one place, got {kind}: pass what it wraps, its .module")
    return plain


def module_of(function: Any) -> nn.Module | None:
    """The module that a function is, or a method of which it is."""
    owner = function.__self__ if isinstance(function, MethodType) else function
    return owner if isinstance(owner, nn.Module) else None


def private(function: Callable[..., Any], dtype: torch.dtype | None) -> Callable[..., Any]:
    """A copy of a module, in the dtype, or the method of one; another function as it is."""
    module = module_of(function)
    if module is None:
        return function
    own = _copied(module, dtype)
    for tensor in own.parameters():
        tensor.grad = None
    own = own if dtype is None else own._apply(lambda tensor: _cast(tensor, dtype))
    return MethodType(function.__func__, own) if isinstance(function, MethodType) else own


def _copied(module: nn.Module, dtype: torch.dtype | None) -> nn.Module:
    try:
        return copy.deepcopy(module, _kept_beside(module, dtype))
    except Exception as error:
        raise InputError(
            f"a module must be one that copy.deepcopy copies, got {shown(error)}: keep that outside the module, "
            "or make the problem before the module runs"
        ) from error


def _kept_beside(module: nn.Module, dtype: torch.dtype | None) -> dict[int, Any]:
    """Copies of the tensors that are neither parameters nor buffers, such as what a forward left there, by their ids."""
    own = {id(tensor) for tensor in (*module.parameters(), *module.buffers())}
    kept: Any = [vars(part) for part in module.modules()]
    leaves: list[Any] = optree.tree_leaves(kept)
    return {id(leaf): _taken_to(leaf, dtype) for leaf in leaves if isinstance(leaf, Tensor) and id(leaf) not in own}


def private_loss(loss: Any, dtype: torch.dtype | None) -> Callable[..., Any] | None:
    """The same of a loss, its parameters held fixed."""
    if loss is None:
        return None
    own = private(loss, dtype)
    module = module_of(own)
    if module is not None:
        module.requires_grad_(False)
    return own


def in_dtype(given: Any, dtype: torch.dtype | None) -> Any:
    """Tensors of their own, floating and complex ones in the dtype."""
    taken = taken_apart(given)
    return taken.together([_taken_to(leaf, dtype) for leaf in taken.leaves])


def arguments(inputs: Any) -> tuple[Any, ...] | dict[str, Any]:
    """The inputs by place, or by name; a named tuple is one of them."""
    if isinstance(inputs, Mapping | nn.ParameterDict):
        return _by_name(dict(inputs.items()))
    spread = isinstance(inputs, list | tuple | Iterator | nn.ParameterList) and not hasattr(inputs, "_fields")
    return tuple(inputs) if spread else (inputs,)


def _by_name(inputs: dict[Any, Any]) -> dict[str, Any]:
    other = [name for name in inputs if not isinstance(name, str)]
    if other:
        raise InputTypeError(
            f"inputs must have the names that the function gives them, got {shown(other[0])}: pass a list or a tuple"
        )
    return inputs


def free(given: Any) -> tuple[bool, ...]:
    """Which leaves of the inputs are in theta."""
    return tuple(isinstance(leaf, Tensor) and leaf.requires_grad for leaf in taken_apart(given).leaves)


def computed(given: Any) -> tuple[bool, ...]:
    """Which leaves of the inputs came out of a computation: torch lets functions write into those."""
    return tuple(isinstance(leaf, Tensor) and not leaf.is_leaf for leaf in taken_apart(given).leaves)


def trainable(function: Any) -> dict[str, Tensor]:
    """The parameters of a module that require a gradient, by name."""
    module = module_of(function)
    if module is None:
        return {}
    lazy = [name for name, p in module.named_parameters() if nn.parameter.is_lazy(p)]
    if lazy:
        raise InputError(f"a module must have its parameters, got {lazy[0]} that is not made yet: run the module once")
    return {name: p for name, p in module.named_parameters() if p.requires_grad}


def in_theta(function: Any, given: Any) -> dict[str, Tensor]:
    """All that theta is made of, by name: real floating tensors, at least one.

    Raises
    ------
    InputError, InputTypeError
        There is none, a complex one, or a parameter and an input of one name.
    """
    taken, own = taken_apart(given), trainable(function)
    for name, leaf in taken.by_name("inputs").items():
        if isinstance(leaf, nn.Module) and leaf.state_dict():
            kind = type(leaf).__name__
            raise InputTypeError(f"inputs must hold tensors, got the module {kind} at {name}: pass it as the function")
    inputs = {
        n: leaf for n, leaf, is_free in zip(taken.names("inputs"), taken.leaves, free(given), strict=True) if is_free
    }
    twice = [name for name in inputs if name in own]
    if twice:
        raise InputError(f"inputs must be named unlike parameters, got {twice[0]} for both: pass the inputs in a tuple")
    tensors = {**own, **inputs}
    if not tensors:
        raise _nothing_free(function, taken.by_name("inputs"))
    for name, tensor in tensors.items():
        if tensor.is_complex():
            raise InputTypeError(f"{name} must be real floating point, got {tensor.dtype}: take a real parametrisation")
        if tensor.is_meta or tensor.is_nested:
            kind = "one on the device meta" if tensor.is_meta else "a nested one"
            raise InputError(f"{name} must be a tensor with a value for each entry, got {kind}: make it one")
    return tensors


def _nothing_free(function: Any, inputs: Mapping[str, Any]) -> InputError:
    """What to say, and what was met."""
    then = "call requires_grad_() on what is to be checked"
    module = module_of(function)
    if module is not None:
        fixed = counted(len(list(module.parameters())), "parameter")
        return InputError(
            f"function must have parameters, or inputs that require a gradient, got none among {fixed} "
            f"and {counted(len(inputs), 'input')}: {then}"
        )
    kinds = ((name, leaf.dtype if isinstance(leaf, Tensor) else type(leaf).__name__) for name, leaf in inputs.items())
    among = listed([f"{name} ({kind})" for name, kind in kinds], 3) or "no inputs"
    return InputError(
        f"inputs must hold floating tensors that require a gradient, got none among {among}: {then}, "
        "and pass a module itself for its parameters"
    )


def has_hooks(tensor: Tensor) -> bool:
    """Whether something of the user's is to be called with the tensor's gradient."""
    return bool(tensor._backward_hooks or getattr(tensor, "_post_accumulate_grad_hooks", None))


def fresh(leaf: Any) -> Any:
    """A copy of what a function may write into, or draw from."""
    if isinstance(leaf, Tensor):
        return leaf.detach().clone()
    return copy.deepcopy(leaf) if isinstance(leaf, np.ndarray | torch.Generator) else leaf


def _taken_to(leaf: Any, dtype: torch.dtype | None) -> Any:
    own = fresh(leaf)
    if not isinstance(own, Tensor):
        return own
    return (own if dtype is None else _cast(own, dtype)).requires_grad_(leaf.requires_grad)


def _cast(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """Floating tensors in the dtype, complex ones in its complex counterpart, others as they are."""
    if tensor.is_complex():
        return tensor.to(dtype.to_complex())
    return tensor.to(dtype) if tensor.is_floating_point() else tensor
