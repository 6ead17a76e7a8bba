"""Named parameter arrays in, one vector theta out, and back: where each tensor lies, what component i is called."""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Any

import numpy as np

from fastcheck.errors import InputError, InputTypeError, first_line, shown
from fastcheck.problem.foreign import array_of
from fastcheck.vectors import Indices, Vector, first_not_finite
from fastcheck.words import listed


@dataclass(frozen=True)
class Tensor:
    """One named parameter array: the slice ``theta[start:stop]`` seen with ``shape``, in C order."""

    name: str
    shape: tuple[int, ...]
    start: int
    dtype: str = "float64"  # of the array that was packed; theta itself is float64

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def stop(self) -> int:
        return self.start + self.size

    @property
    def slice(self) -> slice:
        return slice(self.start, self.stop)

    def component(self, offset: int) -> str:
        """The name of this tensor's entry ``offset`` (C order): ``W2[3, 17]``, or ``b`` for a 0-d tensor."""
        if not self.shape:
            return self.name
        return f"{self.name}[{', '.join(map(str, np.unravel_index(offset, self.shape)))}]"


@dataclass(frozen=True)
class Layout:
    """Which slice of theta is which tensor. Made by `pack`, or by `Layout.of` from names and shapes."""

    tensors: tuple[Tensor, ...]

    def __post_init__(self) -> None:
        for tensor in self.tensors:
            if not isinstance(tensor.name, str):
                raise InputTypeError(f"tensor names must be strings, got {shown(tensor.name)}: name each tensor")
            _require_shape(tensor.name, tensor.shape)

    @classmethod
    def of(cls, shapes: Mapping[str, tuple[int, ...]], dtypes: Mapping[str, str] | None = None) -> Layout:
        """The layout that joins tensors of these shapes in this order."""
        for name, shape in shapes.items():
            _require_shape(name, shape)
        starts = accumulate((math.prod(shape) for shape in shapes.values()), initial=0)
        dtypes = dtypes or {}
        return cls(
            tuple(
                Tensor(name, tuple(map(int, shape)), start, dtypes.get(name, "float64"))
                for (name, shape), start in zip(shapes.items(), starts, strict=False)
            )
        )

    @cached_property
    def size(self) -> int:
        """n, the number of components."""
        return self.tensors[-1].stop if self.tensors else 0

    @cached_property
    def _stops(self) -> list[int]:
        return [tensor.stop for tensor in self.tensors]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(tensor.name for tensor in self.tensors)

    @cached_property
    def is_gapless(self) -> bool:
        """Whether differently named tensors follow one another, as always but in a layout that was put together by hand."""
        starts = list(accumulate((tensor.size for tensor in self.tensors), initial=0))[:-1]
        return [tensor.start for tensor in self.tensors] == starts and len(set(self.names)) == len(self.names)

    def tensor_of(self, index: int) -> Tensor:
        """The tensor that holds component ``index``."""
        if not 0 <= index < self.size:
            raise InputError(f"component index must lie in [0, {self.size}), got {index}: theta has {self.size}")
        return self.tensors[bisect.bisect_right(self._stops, index)]

    def name(self, index: int) -> str:
        """The name of component ``index``, its tensor and place there: ``"W2[3, 17]"``."""
        tensor = self.tensor_of(index)
        return tensor.component(index - tensor.start)

    def spans(self, components: Indices | None) -> list[slice]:
        """For each tensor, which of ``components`` (sorted indices; None: all) are its own."""
        if components is None:
            return [tensor.slice for tensor in self.tensors]
        return [slice(*map(int, np.searchsorted(components, (tensor.start, tensor.stop)))) for tensor in self.tensors]

    def unpack(self, theta: Vector) -> dict[str, np.ndarray]:
        """The tensors of ``theta``, shape (n,), as a dict of views (a copy only where ``theta`` is not contiguous)."""
        theta = np.asarray(theta)
        if theta.shape != (self.size,):
            raise InputError(f"theta must have shape ({self.size},), got {theta.shape}: pass what pack returned")
        return {tensor.name: theta[tensor.slice].reshape(tensor.shape) for tensor in self.tensors}

    def jit_unpack(self) -> Callable[[Vector], tuple[np.ndarray, ...]]:
        """An njit function ``theta -> (W1, b1, ...)`` of views in this order, for use inside an njit cost."""
        from fastcheck.problem.views import jit_views  # numba's array internals are loaded only where they serve

        return jit_views(tuple((tensor.start, tensor.shape) for tensor in self.tensors))

    def pack(self, params: Mapping[str, Any], what: str = "parameters") -> Vector:
        """Join ``params`` in this layout's order; names and shapes must be this layout's."""
        missing = [name for name in self.names if name not in params]
        extra = [name for name in params if name not in self.names]
        if missing or extra:
            parts = [
                f"{word} {listed([*map(str, names)])}"
                for word, names in (("missing", missing), ("extra", extra))
                if names
            ]
            raise InputError(
                f"{what} must name the tensors {listed(self.names)}, got {'; '.join(parts)}: rename or add them"
            )
        vector = np.empty(self.size)
        for tensor in self.tensors:
            array = real_array(params[tensor.name], f"{what} {tensor.name!r}")
            if array.shape != tensor.shape:
                raise InputError(
                    f"{what} {tensor.name!r} must have shape {tensor.shape}, got {array.shape}: give it the tensor's own shape"
                )
            vector[tensor.slice] = array.ravel()
        return vector


def pack(params: Mapping[str, Any]) -> tuple[Vector, Layout]:
    """Join named parameter arrays into one vector.

    Parameters
    ----------
    params : mapping of str to array_like
        The parameters, ``{"W1": W1, "b1": b1, ...}``: real floating-point arrays of any shape, 0-d and empty ones too.

    Returns
    -------
    theta : ndarray of float64, shape (n,)
        Every array in C order, one after the other in the mapping's order: a new vector.
    layout : Layout
        Which slice of theta is which tensor.

    Raises
    ------
    InputError
        No components, a dtype that is not floating point, or nan or inf (the first such component is named).

    Examples
    --------
    >>> theta, layout = pack({"W": np.ones((2, 3)), "b": np.zeros(2)})
    >>> theta.size, layout.name(4), layout.name(7)
    (8, 'W[1, 1]', 'b[1]')
    """
    if not isinstance(params, Mapping):
        raise InputTypeError(
            f"parameters must be a dict of named arrays, got {type(params).__name__}: pass {{'W1': W1, 'b1': b1}}"
        )
    arrays = {}
    for name, value in params.items():
        if not isinstance(name, str) or not name:
            raise InputTypeError(f"parameter names must be non-empty strings, got {shown(name)}: name each array")
        arrays[name] = real_array(value, f"parameter {name!r}")
    layout = Layout.of({k: a.shape for k, a in arrays.items()}, {k: a.dtype.name for k, a in arrays.items()})
    if layout.size == 0:
        raise InputError("parameters must hold at least one component, got none: pass the arrays to be checked")
    theta = layout.pack(arrays)
    require_finite(theta, layout, "parameter")
    return theta, layout


def _require_shape(name: Any, shape: Any) -> None:
    """A tensor's shape is a tuple of integers, none of them negative."""
    lengths = shape if isinstance(shape, tuple | list) else (shape,)
    whole = [isinstance(n, int | np.integer) and not isinstance(n, bool) and n >= 0 for n in lengths]
    if lengths is not shape or not all(whole):
        raise InputTypeError(
            f"the shape of {shown(name)} must be a tuple of non-negative integers, got {shown(shape)}: write (3, 4), or (3,) for a vector"
        )


def real_array(value: Any, what: str, whole: bool = False) -> np.ndarray:
    """``value`` as a floating-point array no wider than float64; else an error that begins with ``what``.

    ``whole`` numbers, of an integer type, are refused unless they may be among them.
    """
    try:
        array = np.asarray(array_of(value))
    except Exception as error:  # whatever the caller's own __array__ raises
        raise InputError(
            f"{what} must be an array of numbers, got {type(value).__name__}: {first_line(error)}"
        ) from error
    if whole and array.dtype.kind in "iu":
        return array.astype(np.float64)
    if array.dtype.kind != "f" or array.dtype.itemsize > 8:
        raise InputTypeError(
            f"{what} must be real floating point (float64), got {_met(value, array)}: {_remedy(value, array)}"
        )
    if np.ma.isMaskedArray(value):
        raise InputTypeError(f"{what} must have no masked entries, got a masked array: pass .filled() or .compressed()")
    return array


def _met(value: Any, array: np.ndarray) -> str:
    """Of an array its dtype; of something else what it is."""
    if array.dtype.kind in "biufc" or isinstance(value, np.ndarray):
        return str(array.dtype)
    return shown(value) if isinstance(value, str | bytes | list | tuple) else type(value).__name__


def _remedy(value: Any, array: np.ndarray) -> str:
    if array.dtype.kind == "c":
        return "take a real parametrisation"
    if array.dtype.kind not in "iuf":
        return "pass an array of floats"
    if isinstance(value, np.ndarray | np.generic):
        return "convert it with .astype(float)"
    return f"write {value}.0" if isinstance(value, int) else "convert it to float64"


def require_finite(vector: Vector, layout: Layout, what: str) -> None:
    """Raise with the first component that is nan or inf."""
    index = first_not_finite(vector)
    if index is not None:
        raise InputError(f"{what} values must be finite, got {layout.name(index)} = {vector[index]}: initialise it")
