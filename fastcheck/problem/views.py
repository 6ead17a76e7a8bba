"""theta -> a tuple of array views of fixed shapes, as one njit function: `Layout.jit_unpack` is made of this.

A tuple whose entries differ in dimension cannot be built by a loop in njit code, so the array headers are filled in
here, directly: no copy, no bounds check per call, and one compilation however many tensors there are.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from hashlib import blake2b
from typing import Any

import numba
from numba.core import errors, types
from numba.extending import intrinsic
from numba.np import arrayobj

_ITEM_SIZES = {types.float64: 8, types.complex128: 16}  # bytes; theta is complex in a complex step

# numba's own tools for such code, which have no types
_intrinsic: Callable[..., Any] = intrinsic
_tuple: Callable[..., Any] = types.Tuple
_make_array: Callable[..., Any] = arrayobj.make_array
_populate_array: Callable[..., Any] = arrayobj.populate_array


def jit_views(slots: tuple[tuple[int, tuple[int, ...]], ...]) -> Callable[..., Any]:
    """The njit function that views ``theta[start:]`` with ``shape``, C order, for each ``(start, shape)`` of ``slots``."""
    size = max((start + math.prod(shape) for start, shape in slots), default=0)

    @_intrinsic
    def views(typingctx: Any, theta: Any) -> Any:
        if not (
            isinstance(theta, types.Array) and theta.ndim == 1 and theta.layout == "C" and theta.dtype in _ITEM_SIZES
        ):
            raise errors.TypingError(f"unpack needs theta as a contiguous float64 vector, got {theta}")
        kinds: list[Any] = [types.Array(theta.dtype, len(shape), "C", readonly=not theta.mutable) for _, shape in slots]
        signature = _tuple(kinds)(theta)
        return signature, lambda context, builder, sig, values: _fill(context, builder, sig, values[0], slots)

    def unpack(theta: Any) -> Any:
        if theta.size != size:
            raise ValueError("unpack: theta has another length than the layout")
        return views(theta)

    # numba's linker tells what comes from the disk cache, inside the costs that call it, apart by nothing else.
    unpack.__qualname__ = f"unpack_{blake2b(repr(slots).encode(), digest_size=8).hexdigest()}"
    compiled: Callable[..., Any] = numba.njit()(unpack)
    return compiled


def _fill(context: Any, builder: Any, signature: Any, value: Any, slots: Any) -> Any:
    """Emit one array header per slot; each holds a reference to theta's memory."""
    parent = _make_array(signature.args[0])(context, builder, value)
    headers, item_size = [], _ITEM_SIZES[signature.args[0].dtype]
    for (start, shape), kind in zip(slots, signature.return_type.types, strict=True):
        strides = [item_size * math.prod(shape[axis + 1 :]) for axis in range(len(shape))]
        header = _make_array(kind)(context, builder)
        _populate_array(
            header,
            data=builder.gep(parent.data, [_intp(context, start)]),
            shape=[_intp(context, extent) for extent in shape],
            strides=[_intp(context, stride) for stride in strides],
            itemsize=_intp(context, item_size),
            meminfo=parent.meminfo,
            parent=parent.parent,
        )
        context.nrt.incref(builder, kind, header._getvalue())
        headers.append(header._getvalue())
    return context.make_tuple(builder, signature.return_type, headers)


def _intp(context: Any, value: int) -> Any:
    return context.get_constant(types.intp, value)
