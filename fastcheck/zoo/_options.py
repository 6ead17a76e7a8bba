"""The options of a network: refused where they make no sense, and turned into parameters to start from."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from fastcheck.errors import InputError, nearest
from fastcheck.problem.layout import Layout
from fastcheck.zoo._layers import Array

_NEAR_ONE = ("gamma", "gain")


def require_one_of(choices: Collection[str], **options: str) -> None:
    """Raise for an option that is none of the choices."""
    for name, value in options.items():
        if value not in choices:
            raise InputError(
                f"{name} must be one of {', '.join(choices)}, got {value!r}: {nearest(value, choices, 'choose one')}"
            )


def require_at_least(least: int, **options: int) -> None:
    """Raise for an option that is below ``least``."""
    for name, value in options.items():
        if value < least:
            raise InputError(f"{name} must be at least {least}, got {value}: take more")


def initial(layout: Layout, rng: np.random.Generator) -> Array:
    """Weights normal with variance 1 / inputs; biases small but not zero, gains not quite one: no component is special."""
    theta = np.empty(layout.size)
    for tensor in layout.tensors:
        spread = 1 / np.sqrt(np.prod(tensor.shape[1:])) if len(tensor.shape) > 1 else 0.1
        theta[tensor.slice] = spread * rng.standard_normal(tensor.size)
        if tensor.name.startswith(_NEAR_ONE):
            theta[tensor.slice] += 1.0
    return theta
