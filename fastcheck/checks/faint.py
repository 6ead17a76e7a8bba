"""Tensors of which a screen sees only the few largest components: along directions in which all count alike, the others show.

A direction in units of scale does not see an error in components whose whole gradient is below its bound. Where that is
most of a tensor, as after a fit that drives most weights towards zero, it is looked at once more along directions that
move each component the further, the smaller its gradient is. A component that its ladder refutes there is off by less
than counts in units of scale: it does not accuse, but neither is the tensor settled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from fastcheck.checks.confirming import halved
from fastcheck.checks.groups import N_TENSOR, Group, Screened
from fastcheck.checks.settling import settled
from fastcheck.evaluate.direction import draw
from fastcheck.judge import rule
from fastcheck.judge.verdict import Outcome
from fastcheck.measure.lines import ComponentLines
from fastcheck.problem.layout import Tensor
from fastcheck.problem.units import nearest_exponent
from fastcheck.vectors import Flags, Indices, Vector

_FURTHEST = 20  # powers of two by which a component is moved further: it stays near the place that is asked about


def faint(measured: Screened, rng: np.random.Generator) -> Mapping[int, str]:
    """What is refuted among the components that the directions cannot see, in words, by tensor."""
    found = {}
    for k, group in measured.tensors.items():
        tensor = measured.layout.tensors[k]
        sizes = np.abs(measured.analytic[tensor.slice]) * measured.units[tensor.slice]
        if _is_mostly_unseen(sizes, group, measured.accept) and (
            words := _refuted(_alike(measured, tensor, sizes), measured, tensor, rng)
        ):
            found[k] = words
    return found


def _is_mostly_unseen(sizes: Vector, group: Group, accept: float) -> bool:
    """Whether most components that have a gradient may be off by all of it, as far as any of the tensor's directions tells."""
    slopes = group.slopes
    passes = max(rule.CLEAR * float(slopes.bound.min()), max(rule.GREAT, accept) * slopes.size)
    n_zero, n_below = np.count_nonzero(sizes == 0), np.count_nonzero(sizes < passes)  # a median would sort
    return bool(2 * (n_below - n_zero) > sizes.size - n_zero and passes < np.inf)


def _alike(measured: Screened, tensor: Tensor, sizes: Vector) -> Screened:
    """The same in units in which the gradient is as large in each of a tensor's components, as far as that goes."""
    further = np.clip(nearest_exponent(sizes.max(keepdims=True)) - nearest_exponent(sizes), 0, _FURTHEST)
    units = measured.units.copy()
    units[tensor.slice] = np.ldexp(units[tensor.slice], np.where(sizes > 0, further, 0))
    return replace(measured, units=units)


def _refuted(alike: Screened, measured: Screened, tensor: Tensor, rng: np.random.Generator) -> str:
    """Of the components to which a direction that fails leads the one that is off the most, or else the direction; "" if none fails."""
    group = alike.along(tuple(draw(rng, tensor.start, tensor.stop, alike.sides) for _ in range(N_TENSOR)))
    if not alike.failed(group).any():
        return ""
    at = np.sort(halved(alike, group))
    units = alike.units[at]
    claimed = measured.analytic[at] * units
    said = settled(ComponentLines(measured.evaluator, at, units), claimed).said
    error = np.abs(said.slope - claimed)
    wrong = (said.outcome == Outcome.REFUTED) & _beyond_rounding(measured, at, error / units)
    if not wrong.any():
        return f"a direction on {tensor.name} along which all components count alike disagrees"
    k = int(np.argmax(np.where(wrong, error, -1.0)))
    index = int(at[k])
    return str(said.witness(k, measured.layout.name(index), index, float(measured.analytic[index]), float(units[k])))


def _beyond_rounding(measured: Screened, at: Indices, error: Vector) -> Flags:
    """Errors in J per unit of theta that are more than backprop's own rounding."""
    return np.asarray(error * measured.units[at] > rule.OWN_ROUNDING * measured.top)
