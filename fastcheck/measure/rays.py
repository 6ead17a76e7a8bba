"""J along random directions: the two sides at steps of several lengths, and the noise of J there."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from fastcheck.evaluate.direction import Direction, draw
from fastcheck.evaluate.evaluator import Evaluator
from fastcheck.evaluate.moves import DirectionMoves, Table
from fastcheck.measure.noise import levels_of, look_outward
from fastcheck.vectors import Flags, Indices, Vector, norm, root_mean_square

STEP = 1e-4  # the usual length of a step, times that of theta per component if that is above 1
STEPS = np.array([1.0, 10.0, 0.1, 0.01])  # the order in which steps are taken, in the usual one
ROUNDING = 4.0  # times epsJ / h: what rounding does to a slope
_FINE = 3e-8  # of a slope, that rounding may take before longer steps are
_LONGEST = 1e-3  # per component, of such a step
_SPACING = 1e-6  # length of the steps along which noise is measured
_N_NOISE_LINES = 3
_MOST_COPIES = 2  # of theta: what limits n


@dataclass(frozen=True, eq=False)
class Rays:
    """J near theta along directions; ``noise`` is epsJ. The components in ``still`` are never moved."""

    evaluator: Evaluator
    noise: float = np.nan
    still: tuple[slice, ...] = ()

    def sides(self, directions: list[Direction], times: Vector) -> Table:
        """J(theta + t u) and J(theta - t u), u = directions[k], t = times[k]: shape (directions, 2)."""
        return self.evaluator.values(DirectionMoves(tuple(directions), np.stack([times, -times], axis=1), self.still))

    def unit(self, directions: list[Direction]) -> Vector:
        """For each direction the t of a step of length 1, or of the length of theta there if that is longer."""
        roots = np.sqrt([u.size for u in directions])
        return np.asarray(np.maximum(norms(self.evaluator.theta, directions) / roots, 1.0) / roots)

    def usual_step(self, directions: list[Direction], worth: Vector) -> Vector:
        """The t to begin with: short, but longer by powers of ten where rounding would drown slopes of size ``worth``."""
        unit = self.unit(directions)
        with np.errstate(divide="ignore", over="ignore"):
            lost = ROUNDING * self.noise / (STEP * unit * worth)
        room = _LONGEST * np.sqrt([u.size for u in directions])
        longer = 10.0 ** np.ceil(np.log10(np.clip(lost / _FINE, 1.0, np.maximum(room / STEP / 10, 1.0))))
        return np.asarray(STEP * unit * longer)


def norms(vector: Vector, directions: list[Direction]) -> Vector:
    """The norm of ``vector`` on the range of each direction; ranges that many directions share are looked at once."""
    ranges = dict.fromkeys((u.start, u.stop) for u in directions)
    known = {(start, stop): norm(vector[start:stop]) for start, stop in ranges}
    return np.array([known[u.start, u.stop] for u in directions])


def listened(evaluator: Evaluator, rng: np.random.Generator) -> Rays:
    """Rays with the noise of J, measured along a few directions."""
    evaluator.sparing(_MOST_COPIES)
    rays = Rays(evaluator)
    directions = [draw(rng, 0, evaluator.theta.size) for _ in range(_N_NOISE_LINES)]
    lines = _Lines(rays, directions, rays.unit(directions))
    levels, _ = look_outward(lines, np.full(_N_NOISE_LINES, _SPACING))
    least = float(np.spacing(abs(evaluator.value))) / np.sqrt(12)
    return replace(rays, noise=max(root_mean_square(levels), least))


@dataclass(frozen=True, eq=False)
class _Lines:
    """Directions as lines for `fastcheck.measure.noise`."""

    rays: Rays
    directions: list[Direction]
    unit: Vector

    def some(self, which: Indices) -> _Lines:
        return _Lines(self.rays, [self.directions[k] for k in which], self.unit[which])

    def levels(self, spacing: Vector) -> tuple[Vector, Flags]:
        """From third differences of J at -3, -1, 1 and 3 steps: at theta itself, rounding may be another than around it."""
        near, far = (self.rays.sides(self.directions, times * spacing * self.unit) for times in (1, 3))
        return levels_of(np.stack([far[:, 1], near[:, 1], near[:, 0], far[:, 0]], axis=1))
