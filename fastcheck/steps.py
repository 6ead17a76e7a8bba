"""The step of a difference: which eps can be used, and what rounding makes of it."""

from __future__ import annotations

import math

import numpy as np

from fastcheck.errors import InputError, InputTypeError
from fastcheck.layout import Layout, Vector


def sigma(noise: float, eps: float) -> float:
    """Standard deviation of a two-sided difference due to rounding: epsJ / (sqrt(2) eps)."""
    return noise / (math.sqrt(2) * eps)


def require_eps(eps: float, theta: Vector, layout: Layout) -> float:
    """``eps`` as a float that perturbs every component of theta; else an error that names the first it does not."""
    if isinstance(eps, bool | str) or not isinstance(eps, int | float | np.floating | np.integer):
        raise InputTypeError(f"eps must be a positive number or 'auto', got {eps!r}: 1e-7 is usual")
    eps = float(eps)
    if not (math.isfinite(eps) and eps > 0):
        raise InputError(f"eps must be positive and finite, got {eps}: 1e-7 is usual")
    largest = max(abs(float(theta.max())), abs(float(theta.min())))
    if eps < np.spacing(largest):
        index = int(np.argmax(np.spacing(np.abs(theta)) > eps))
        raise InputError(
            f"eps must change every component, got eps = {eps:g} lost in rounding at {layout.name(index)} = {theta[index]:.6g}: "
            f"take eps above {np.spacing(largest):.1g}, or scale that parameter"
        )
    return eps
