"""The step of a difference: what rounding makes of it, and ``eps="auto"``, the step that suits a cost.

The step is chosen by the consistency of J's own differences, never by closeness to the analytic gradient: on a sample
of components, differences at steps a factor of ten apart disagree by the truncation of the larger step (and the kinks
it crosses) and the rounding of the smaller one. The pair that agrees best is where neither is large, and its larger
step is taken: the rounding there is a tenth of what the pair shows.
"""

from __future__ import annotations

import math

import numpy as np

from fastcheck.errors import InputError
from fastcheck.evaluate.evaluator import Evaluator
from fastcheck.measure.stencil import differences
from fastcheck.problem.selection import Selection, sample
from fastcheck.vectors import norm

_STEPS = 10.0 ** -np.arange(2, 9)
_RESOLVED = 64.0  # units in the last place of theta that a step has to be long
_N_COMPONENTS = 24


def sigma(noise: float, eps: float) -> float:
    """Standard deviation of a two-sided difference due to rounding: epsJ / (sqrt(2) eps)."""
    return noise / (math.sqrt(2) * eps)


def choose_eps(evaluator: Evaluator) -> float:
    """The step for this cost near theta."""
    theta, layout = evaluator.theta, evaluator.layout
    longest = max(abs(float(theta.max())), abs(float(theta.min())))
    steps = max(1.0, longest) * _STEPS
    steps = steps[steps > _RESOLVED * np.spacing(longest)]
    n_filled = sum(tensor.size > 0 for tensor in layout.tensors)
    n_components = min(theta.size, max(n_filled, min(_N_COMPONENTS, theta.size // 8 + 4)))
    chosen = Selection(layout, sample(layout, n_components))
    slopes = np.stack([differences(evaluator, chosen, step) for step in steps.tolist()])
    with np.errstate(invalid="ignore", over="ignore"):
        disagreement = [norm(step) if np.isfinite(step).all() else np.inf for step in np.diff(slopes, axis=0)]
    if not np.isfinite(disagreement).any():
        raise InputError(
            f"eps='auto' must find J finite near theta, got nan or inf at every step from {steps[0]:g} to {steps[-1]:g}: give eps"
        )
    return float(steps[int(np.argmin(disagreement))])
