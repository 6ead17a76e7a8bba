"""Rounding noise of J, and what it makes of a difference: epsJ measured along coordinate lines, sigma, the floor.

The noise is measured where the differences are taken: along single components, because perturbing one component runs
through less arithmetic than perturbing all of them, and near eps. Method: the fourth differences of J at five
equispaced points, after the difference tables of ECnoise (More and Wild, SIAM J. Sci. Comput. 33(3), 2011), pooled
over components instead of along one long line.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fastcheck import engine
from fastcheck.compare import norm
from fastcheck.cost import Cost
from fastcheck.errors import InputError, InputTypeError
from fastcheck.layout import Layout, Vector

_STENCIL = np.array([-2.0, -1.0, 1.0, 2.0])  # and 0, where J is known
_WEIGHTS = np.array([1.0, -4.0, -4.0, 1.0])
_CENTRE = 6.0
_VARIANCE = 70.0  # of the fourth difference of unit noise: the sum of the squared weights, C(8, 4)
_LINES = (4, 8)  # coordinate lines per tensor, at least and at most
_SHRINK = 8.0  # from one spacing to the next, where a line may cross a kink
_LOUD = 16.0  # units in the last place of J above which a line is looked at again
_SPACING = (2.0**8, 2.0**-6, 1e-6)  # at least, in units in the last place of theta_i; of eps; at most, relative to theta_i


@dataclass(frozen=True)
class Noise:
    """epsJ, the standard deviation of rounding in one evaluation of J: over everything and per tensor of the layout."""

    overall: float
    tensors: tuple[float, ...]
    evaluations: int

    def of(self, position: int) -> float:
        """epsJ to judge tensor ``position`` by: its own, and no less than the whole's, as few lines can miss the noisy ones."""
        return max(self.overall, self.tensors[position])


def sigma(noise: float, eps: float) -> float:
    """Standard deviation of a two-sided difference due to rounding: epsJ / (sqrt(2) eps)."""
    return noise / (math.sqrt(2) * eps)


def require_eps(eps: float, theta: Vector, layout: Layout) -> float:
    """``eps`` as a float that perturbs every component of theta; else an error that names the first it does not."""
    if isinstance(eps, bool | str) or not isinstance(eps, int | float | np.floating | np.integer):
        raise InputTypeError(f"eps must be a positive number, got {eps!r}: 1e-7 is usual")
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


def measure_noise(cost: Cost, theta: Vector, layout: Layout, moving: Vector, components: np.ndarray | None, eps: float, chosen: engine.Settings) -> Noise:
    """epsJ from a few components of every tensor, drawn from those along which J moves.

    ``moving`` holds a number per component looked at (``components``, sorted, or all): zero or not finite where J
    does not change, as with the numeric gradient itself. Those carry no noise, and count as such.
    """
    rng = np.random.default_rng(0)
    n_lines = min(max(_LINES[0], theta.size // (8 * len(layout.tensors))), _LINES[1])
    live = [_live(moving, span) for span in spans(layout, components)]
    drawn = [rng.choice(which, size=min(n_lines, which.size), replace=False) for which in live]
    picked = np.concatenate(drawn) if components is None else components[np.concatenate(drawn)]
    levels, n_evaluations = _noise_levels(cost, theta, picked.astype(np.int64), eps, layout, chosen)
    owners = np.repeat(np.arange(len(drawn)), [which.size for which in drawn])
    least = np.spacing(abs(cost.value)) / math.sqrt(12)  # J is rounded to its last place, whatever else happens
    means = [_root_mean_square(levels[owners == k]) for k in range(len(drawn))]
    shares = [which.size / max(span.stop - span.start, 1) for which, span in zip(live, spans(layout, components), strict=True)]
    n_live = max(sum(which.size for which in live), 1)
    overall = math.hypot(*(math.sqrt(which.size / n_live) * mean for which, mean in zip(live, means, strict=True)))
    return Noise(
        max(overall, least),
        tuple(max(math.sqrt(share) * mean, least) for share, mean in zip(shares, means, strict=True)),
        n_evaluations,
    )


def spans(layout: Layout, components: np.ndarray | None) -> list[slice]:
    """For each tensor, which of the components looked at (sorted; None: all) are its own."""
    if components is None:
        return [tensor.slice for tensor in layout.tensors]
    return [slice(*np.searchsorted(components, (tensor.start, tensor.stop))) for tensor in layout.tensors]


def _live(moving: Vector, span: slice) -> np.ndarray:
    part = moving[span]
    return span.start + np.flatnonzero(np.isfinite(part) & (part != 0))


def _root_mean_square(levels: Vector) -> float:
    heard = levels[np.isfinite(levels)]
    return norm(heard) / math.sqrt(heard.size) if heard.size else 0.0


def _noise_levels(cost: Cost, theta: Vector, picked: np.ndarray, eps: float, layout: Layout, chosen: engine.Settings) -> tuple[Vector, int]:
    """The noise level along each line (nan: it crosses a kink and tells nothing), and the evaluations spent."""
    at = theta[picked]
    spacing = _spacing(at, eps)
    levels = _levels(cost, theta, picked, spacing, layout, chosen)
    loud = np.flatnonzero(levels > _LOUD * np.spacing(abs(cost.value)))
    # The bend of a kink fades as the spacing shrinks; noise does not.
    once, twice = (
        _levels(cost, theta, picked[loud], _spacing(at[loud], eps / shrink), layout, chosen) for shrink in (_SHRINK, _SHRINK**2)
    )
    kinked = (once < 2 * levels[loud] / _SHRINK) & (twice < 2 * levels[loud] / _SHRINK**2)
    levels[loud[kinked]] = np.nan
    return levels, _STENCIL.size * (picked.size + 2 * loud.size)


def _spacing(at: Vector, eps: float) -> Vector:
    """A power of two near eps / 64, so that every point of the line is exact in floating point."""
    n_ulps, share, most = _SPACING
    wanted = np.clip(share * eps, n_ulps * np.spacing(np.abs(at)), most * np.maximum(np.abs(at), 1.0))
    return np.exp2(np.ceil(np.log2(wanted)))


def _levels(cost: Cost, theta: Vector, picked: np.ndarray, spacing: Vector, layout: Layout, chosen: engine.Settings) -> Vector:
    offsets = np.multiply.outer(spacing, _STENCIL)
    j = engine.probes(cost, theta, np.repeat(picked, _STENCIL.size), offsets.ravel(), layout, chosen)
    fourth = j.reshape(offsets.shape) @ _WEIGHTS + _CENTRE * cost.value
    return np.abs(fourth) / math.sqrt(_VARIANCE)
