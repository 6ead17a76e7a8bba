"""``eps="auto"``: the step from the consistency of J's own differences, never from closeness to the analytic gradient.

On a sample of components, differences at steps a factor of ten apart: neighbours disagree by the truncation of the
larger step (and the kinks it crosses) and the rounding of the smaller one. The pair that agrees best is where neither
is large, and its larger step is taken: the rounding there is a tenth of what the pair shows.
"""

from __future__ import annotations

import numpy as np

from fastcheck import engine
from fastcheck.compare import norm
from fastcheck.cost import Cost
from fastcheck.errors import InputError
from fastcheck.layout import Layout, Vector, sample

_STEPS = 10.0 ** -np.arange(2, 9)
_RESOLVED = 64.0  # units in the last place of theta that a step has to be long
_N_COMPONENTS = 24


def choose_eps(cost: Cost, theta: Vector, layout: Layout, chosen: engine.Settings) -> tuple[float, int]:
    """The step for this cost near theta, and the evaluations that it took to find."""
    longest = max(abs(float(theta.max())), abs(float(theta.min())))
    steps = max(1.0, longest) * _STEPS
    steps = steps[steps > _RESOLVED * np.spacing(longest)]
    n_filled = sum(tensor.size > 0 for tensor in layout.tensors)
    components = sample(layout, min(theta.size, max(n_filled, min(_N_COMPONENTS, theta.size // 8 + 4))))
    differences = np.stack(
        [engine.differences(cost, theta, components, step, layout, chosen.quiet()) for step in steps]
    )
    with np.errstate(invalid="ignore"):
        disagreement = [norm(step) if np.isfinite(step).all() else np.inf for step in np.diff(differences, axis=0)]
    if not np.isfinite(disagreement).any():
        raise InputError(
            f"eps='auto' must find J finite near theta, got nan or inf at every step from {steps[0]:g} to {steps[-1]:g}: give eps"
        )
    return float(steps[int(np.argmin(disagreement))]), 2 * components.size * steps.size
