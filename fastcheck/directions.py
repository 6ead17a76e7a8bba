"""Slopes of J along random directions: a cost, theta and ranges of it in, u.numeric with an error bound out, any n.

A direction u is supported on ``theta[start:stop]`` and has independent components, uniform on [-sqrt 3, sqrt 3]: mean
0, variance 1. So E (u.e)^2 = ||e||^2 for any vector e, and by Ball's theorem on sections of the cube (Proc. AMS 97(3),
1986) P(|u.e| <= t ||e||) <= 0.82 t: the guarantee of a Gaussian direction (0.80 t), at a tenth of its price. Component
i is a hash of (seed, i), made where it is needed and never stored; a part of a direction is the direction of the part.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numba
import numpy as np

from fastcheck import engine
from fastcheck.compare import C
from fastcheck.cost import Cost
from fastcheck.kernels import cached_njit
from fastcheck.layout import Layout, Vector
from fastcheck.noise import forget_kinks, levels_of, look_outward, root_mean_square

DENSITY = 0.82  # P(|u.e| <= t ||e||) <= DENSITY t
_GOLDEN, _MIX_1, _MIX_2 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_SHIFT_30, _SHIFT_27, _SHIFT_31, _SHIFT_11 = (np.uint64(bits) for bits in (30, 27, 31, 11))
_HALF_WIDTH = np.sqrt(3.0)
_UNIT = 2 * _HALF_WIDTH / 2.0**53
_BLOCK = 4096  # terms per partial sum, so that rounding does not grow with n
STEP = 1e-4  # the usual length of a step, in the size of theta's typical entry if that is above 1
_STEPS = STEP * np.array([1.0, 10.0, 0.1, 0.01])
_ROUNDING = 4.0  # times epsJ / h: what rounding does to a slope
_CURVATURE = 0.05  # share of the gap between D+ and D- at a kink that curvature may add
_SECONDS = 3e-9  # about what a component of a direction costs
_SPACING = 1e-6  # length of the steps along which noise is measured
_N_NOISE_LINES = 4


@numba.njit(inline="always")
def _component(seed, i):
    """Component i of the direction: splitmix64 of (seed, i), as a number in [-sqrt 3, sqrt 3)."""
    z = seed + np.uint64(i) * _GOLDEN
    z = (z ^ (z >> _SHIFT_30)) * _MIX_1
    z = (z ^ (z >> _SHIFT_27)) * _MIX_2
    z = z ^ (z >> _SHIFT_31)
    return np.float64(np.int64(z >> _SHIFT_11)) * _UNIT - _HALF_WIDTH


@cached_njit
def _shift(theta, seed, step, start, stop, out):
    """out = theta + step u on the range."""
    for i in range(start, stop):
        out[i] = theta[i] + step * _component(seed, i)


@cached_njit
def _reflect(theta, start, stop, out):
    """out = theta - (out - theta) on the range: the other side, at exactly the same distance."""
    for i in range(start, stop):
        out[i] = theta[i] - (out[i] - theta[i])


@cached_njit
def _partial_dots(vector, seed, start, stop, out):
    """u.vector on the range, in partial sums."""
    for k in range(out.size):
        total = 0.0
        for i in range(start + k * _BLOCK, min(start + (k + 1) * _BLOCK, stop)):
            total += vector[i] * _component(seed, i)
        out[k] = total


@cached_njit
def _entry(seed, i):
    return _component(seed, i)


@dataclass(frozen=True)
class Direction:
    """A random direction on ``theta[start:stop]``."""

    seed: np.uint64
    start: int
    stop: int

    @property
    def size(self) -> int:
        return self.stop - self.start

    def dot(self, vector: Vector) -> float:
        """u.vector."""
        partial = np.empty(-(-self.size // _BLOCK))
        _partial_dots(vector, self.seed, self.start, self.stop, partial)
        return float(partial.sum())

    def entry(self, index: int) -> float:
        """u_i, i = ``index``."""
        return float(_entry(self.seed, index))

    def part(self, start: int, stop: int) -> Direction:
        """The same direction on a part of its range."""
        return Direction(self.seed, start, stop)


@dataclass(frozen=True)
class Slopes:
    """Along each direction: u.numeric, its error bound, and the u.analytic that it was compared with."""

    value: Vector
    bound: Vector
    expected: Vector
    on_kink: np.ndarray  # theta sits on a kink there, and the expected slope lies between those of its two sides

    def part(self, start: int, n: int) -> Slopes:
        """``n`` of the directions, from ``start`` on."""
        which = slice(start, start + n)
        return Slopes(self.value[which], self.bound[which], self.expected[which], self.on_kink[which])

    def joined(self, other: Slopes) -> Slopes:
        """These directions and the other's."""
        both = zip(
            (self.value, self.bound, self.expected, self.on_kink),
            (other.value, other.bound, other.expected, other.on_kink),
            strict=True,
        )
        return Slopes(*map(np.concatenate, both))

    @property
    def residual(self) -> Vector:
        """u.e, e = numeric - analytic; 0 where a kink allows for it, or J is not finite and nothing is known."""
        return np.where(self.on_kink | ~np.isfinite(self.bound), 0.0, self.value - self.expected)

    @property
    def failed(self) -> np.ndarray:
        """Where no error of the slope explains the residual."""
        return np.abs(self.residual) > C * self.bound


@dataclass(frozen=True)
class Rays:
    """A cost around theta, to be probed along directions; ``noise`` is epsJ. Components ``excluded`` are never moved."""

    cost: Cost
    theta: Vector
    layout: Layout
    chosen: engine.Settings
    noise: float = np.nan
    excluded: tuple[slice, ...] = ()

    def values(self, directions: list[Direction], lengths: Vector) -> np.ndarray:
        """J(theta + t u) and J(theta - t u), u[k] with t of length ``lengths[k]``: shape (directions, 2)."""
        out = np.empty((len(directions), 2))
        times = lengths * _unit(self.theta, directions)

        def task(own: Vector, start: int, stop: int) -> None:
            for k in range(start, stop):
                u = directions[k]
                _shift(self.theta, u.seed, times[k], u.start, u.stop, own)
                for still in self.excluded:
                    own[still] = self.theta[still]
                out[k, 0] = self._value(own)
                _reflect(self.theta, u.start, u.stop, own)
                out[k, 1] = self._value(own)
                own[u.start : u.stop] = self.theta[u.start : u.stop]

        # The copies of theta are what limits n: two of them, however many cores there are.
        few = replace(self.chosen, workers=min(engine.n_workers(self.cost, self.chosen), 2), chunk=1)
        seconds = 2 * (self.cost.seconds + _SECONDS * self.theta.size)
        engine.run(task, len(directions), seconds, self.cost, self.theta, self.layout, few)
        return out

    def _value(self, own: Vector) -> float:
        return float(self.cost.probe(own, np.zeros(1, dtype=np.int64), np.zeros(1))[0])

    def slopes(self, directions: list[Direction], vector: Vector) -> tuple[Slopes, int]:
        """u.numeric of every direction beside u.vector, and the evaluations that it took.

        One step suffices where the slope is, to rounding, the one expected. Elsewhere more steps are taken, and the
        bound comes from those that agree best with each other, never from closeness to what is expected.
        """
        expected = np.array([u.dot(vector) for u in directions])
        unit = _unit(self.theta, directions)
        rounding = _ROUNDING * self.noise / np.multiply.outer(unit, _STEPS)
        sides = np.full((len(directions), _STEPS.size, 2), np.nan)
        left, kinked = np.arange(len(directions)), np.zeros(len(directions), dtype=bool)
        n_evaluations = 0
        for step, length in enumerate(_STEPS):
            sides[left, step] = self.values([directions[k] for k in left], np.full(left.size, length))
            n_evaluations += 2 * left.size
            central = (sides[..., 0] - sides[..., 1]) / (2 * np.multiply.outer(unit, _STEPS))
            value, bound = _best(central, rounding)
            residual = np.abs(value - expected)
            bent = _bent(self._one_sided(sides, unit), step, expected, rounding)
            kinked |= bent
            settled = residual <= bound if step == 0 else (residual > C * bound) & ~kinked
            left = left[~settled[left]]
        passed_by = kinked & ~bent  # a kink that the shortest step does not reach: the longer ones tell nothing
        value, bound = np.where(passed_by, central[:, -1], value), np.where(passed_by, rounding[:, -1], bound)
        return Slopes(value, bound, expected, bent), n_evaluations

    def _one_sided(self, sides: np.ndarray, unit: Vector) -> np.ndarray:
        """D+ and D- at every step, shape (directions, steps, 2)."""
        return (sides - self.cost.value) * np.array([1, -1]) / np.multiply.outer(unit, _STEPS)[..., None]


def _unit(theta: Vector, directions: list[Direction]) -> Vector:
    """For each direction the t with which t u has length 1, or the length of theta's typical entry if that is above 1."""
    sizes = np.array([u.size for u in directions], dtype=float)
    lengths = np.array([np.linalg.norm(theta[u.start : u.stop]) for u in directions])
    return np.maximum(lengths / np.sqrt(sizes), 1.0) / np.sqrt(sizes)


def _best(central: np.ndarray, rounding: np.ndarray) -> tuple[Vector, Vector]:
    """The slope and bound of each direction from its central differences at ``_STEPS``, nan where not taken."""
    usual, long, short, shortest = central.T
    alone = np.isnan(central[:, 1:]).all(axis=1)
    values = np.stack([usual, usual, usual, short])
    bounds = np.stack(
        [
            np.where(alone, rounding[:, 0], np.inf),
            np.abs(long - usual) / 8 + rounding[:, 0],  # truncation falls by 100, the bend of a kink by 10
            np.abs(usual - short) + rounding[:, 0],
            np.abs(short - shortest) + rounding[:, 2],
        ]
    )
    bounds[np.isnan(bounds)] = np.inf
    best = bounds.argmin(axis=0)
    every = np.arange(usual.size)
    return values[best, every], bounds[best, every]


def _bent(slopes: np.ndarray, step: int, expected: Vector, rounding: np.ndarray) -> np.ndarray:
    """Whether D+ and D- differ as much at this step as at the longest, and ``expected`` lies between them: a kink."""
    step = 0 if step == 1 else step  # the longest is the second taken: it is compared with the first
    longest = np.abs(slopes[:, 1, 0] - slopes[:, 1, 1])
    low, high = np.sort(slopes[:, step], axis=1).T
    slack = rounding[:, step] + _CURVATURE * (high - low)
    with np.errstate(invalid="ignore"):
        stays = (high - low >= longest / 2) & (high - low > 2 * C * rounding[:, step])
        return stays & (expected >= low - slack) & (expected <= high + slack)


def draw(rng: np.random.Generator, start: int, stop: int) -> Direction:
    """A new direction on ``theta[start:stop]``."""
    return Direction(np.uint64(rng.integers(2**63)), start, stop)


def listen(rays: Rays, rng: np.random.Generator) -> tuple[Rays, int]:
    """The rays with the noise of J measured along a few directions, and the evaluations that it took."""
    lines = _Lines(rays, tuple(draw(rng, 0, rays.theta.size) for _ in range(_N_NOISE_LINES)))
    spacing = np.full(_N_NOISE_LINES, _SPACING)
    levels, n_looks = look_outward(lines, spacing)
    n_looks += forget_kinks(lines, spacing, levels, rays.cost.value)
    least = float(np.spacing(abs(rays.cost.value))) / np.sqrt(12)
    return replace(rays, noise=max(root_mean_square(levels), least)), 4 * n_looks


@dataclass(frozen=True)
class _Lines:
    """Directions as lines for `fastcheck.noise`: five points about theta on each."""

    rays: Rays
    directions: tuple[Direction, ...]

    @property
    def least(self) -> Vector:
        return np.full(len(self.directions), _SPACING / 1000)

    def some(self, which: np.ndarray) -> _Lines:
        return _Lines(self.rays, tuple(self.directions[k] for k in which))

    def levels(self, spacing: Vector) -> tuple[Vector, np.ndarray]:
        near, far = (self.rays.values(list(self.directions), times * spacing) for times in (1, 2))
        centre = np.full(len(self.directions), self.rays.cost.value)
        return levels_of(np.stack([far[:, 1], near[:, 1], centre, near[:, 0], far[:, 0]], axis=1))
