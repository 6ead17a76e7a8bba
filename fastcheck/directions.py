"""Slopes of J along random directions: a cost, theta and ranges of it in, u.numeric with an error bound out, any n.

A direction u is supported on ``theta[start:stop]`` and has independent components, uniform on [-sqrt 3, sqrt 3]: mean
0, variance 1. So E (u.e)^2 = ||e||^2 for any vector e, and by Ball's theorem on sections of the cube (Proc. AMS 97(3),
1986) P(|u.e| <= t ||e||) <= 0.82 t: the guarantee of a Gaussian direction (0.80 t), at a tenth of its price. Component
i is a hash of (seed, i), made where it is needed and never stored; a part of a direction is the direction of the part.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numba
import numpy as np

from fastcheck import engine
from fastcheck.compare import C, norm
from fastcheck.cost import Cost
from fastcheck.kernels import cached_njit
from fastcheck.layout import Layout, Vector
from fastcheck.noise import levels_of, look_outward, root_mean_square

DENSITY = 0.82  # P(|u.e| <= t ||e||) <= DENSITY t
_GOLDEN, _MIX_1, _MIX_2 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_SHIFT_30, _SHIFT_27, _SHIFT_31, _SHIFT_11 = (np.uint64(bits) for bits in (30, 27, 31, 11))
_HALF_WIDTH = np.sqrt(3.0)
_UNIT = 2 * _HALF_WIDTH / 2.0**53
_BLOCK = 4096  # terms per partial sum, so that rounding does not grow with n
STEP = 1e-4  # the usual length of a step, times that of theta per component if that is above 1
_STEPS = np.array([1.0, 10.0, 0.1, 0.01])  # the order in which steps are taken, in the usual one
_FINE = 3e-8  # of a slope, that rounding may take before longer steps are
_LONGEST = 1e-3  # per component, of such a step
_ROUNDING = 4.0  # times epsJ / h: what rounding does to a slope
_PAIRS = {1: (1, 0), 2: (0, 2), 3: (2, 3)}  # after each step, the last two lengths: the longer, the shorter
_SHORT = (2, 3)  # the lengths below the usual one, in the order tried
_CURVATURE = 0.05  # share of the gap between D+ and D- at a kink that curvature may add
_MANY_KINKS = 20.0  # gaps of many kinks cancel; a residual above so many gaps is not of their making
_SECONDS = 3e-9  # about what a component of a direction costs
_HIDDEN = 0.27  # 1.5 standard deviations, in the bound for rounding
_SPACING = 1e-6  # length of the steps along which noise is measured
_N_NOISE_LINES = 3


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
    """A cost around theta, to be probed along directions; ``noise`` is epsJ. Components ``excluded`` are never moved.

    ``copies`` of theta, one per worker, are made once: a direction is written over them and taken back.
    """

    cost: Cost
    theta: Vector
    layout: Layout
    chosen: engine.Settings
    copies: list[Vector] = field(repr=False)
    noise: float = np.nan
    excluded: tuple[slice, ...] = ()

    @classmethod
    def around(cls, cost: Cost, theta: Vector, layout: Layout, chosen: engine.Settings) -> Rays:
        """With two workers at the most: the copies of theta are what limits n."""
        n_workers = min(engine.n_workers(cost, chosen), 2)
        one_by_one = replace(chosen, workers=n_workers, chunk=1)
        return cls(cost, theta, layout, one_by_one, engine.copies_of(theta, n_workers))

    def values(self, directions: list[Direction], times: Vector) -> np.ndarray:
        """J(theta + t u) and J(theta - t u), u = directions[k], t = times[k]: shape (directions, 2)."""
        out = np.empty((len(directions), 2))
        if not directions:
            return out

        all_over = all(u.size == self.theta.size for u in directions)  # each is written over the one before

        def task(own: Vector, start: int, stop: int) -> None:
            for k in range(start, stop):
                u = directions[k]
                _shift(self.theta, u.seed, times[k], u.start, u.stop, own)
                for still in self.excluded:
                    own[still] = self.theta[still]
                out[k, 0] = self._value(own)
                _reflect(self.theta, u.start, u.stop, own)
                out[k, 1] = self._value(own)
                if not all_over:
                    own[u.start : u.stop] = self.theta[u.start : u.stop]

        seconds = 2 * (self.cost.seconds + _SECONDS * self.theta.size)
        engine.run(task, len(directions), seconds, self.cost, self.theta, self.layout, self.chosen, self.copies)
        if all_over:
            for copy in self.copies:
                copy[:] = self.theta
        return out

    def _dots(self, directions: list[Direction], vector: Vector) -> Vector:
        """u.vector of every direction."""
        out = np.empty(len(directions))

        def task(own: Vector, start: int, stop: int) -> None:
            out[start:stop] = [u.dot(vector) for u in directions[start:stop]]

        seconds = _SECONDS * sum(u.size for u in directions) / len(directions)
        engine.run(task, len(directions), seconds, self.cost, self.theta, self.layout, self.chosen, self.copies)
        return out

    def _value(self, own: Vector) -> float:
        return float(self.cost.probe(own, np.zeros(1, dtype=np.int64), np.zeros(1))[0])

    def unit(self, directions: list[Direction]) -> Vector:
        """For each direction the t of a step of length 1, or of the length of theta there if that is longer."""
        roots = np.sqrt([u.size for u in directions])
        return np.maximum(_norms(self.theta, directions) / roots, 1.0) / roots

    def _usual_step(self, directions: list[Direction], vector: Vector) -> Vector:
        """The t to begin with: short, but longer by powers of ten where rounding would drown the slope."""
        unit = self.unit(directions)
        with np.errstate(divide="ignore"):
            lost = _ROUNDING * self.noise / (STEP * unit * _norms(vector, directions))
        room = _LONGEST * np.sqrt([u.size for u in directions])
        longer = 10.0 ** np.ceil(np.log10(np.clip(lost / _FINE, 1.0, np.maximum(room / STEP / 10, 1.0))))
        return STEP * unit * longer

    def slopes(self, directions: list[Direction], vector: Vector) -> tuple[Slopes, int]:
        """u.numeric of every direction beside u.vector, and the evaluations that it took.

        One step suffices where the slope is, to rounding, the one expected. Elsewhere more steps are taken, and the
        bound comes from those that agree best with each other, never from closeness to what is expected.
        """
        expected = self._dots(directions, vector)
        times = np.multiply.outer(self._usual_step(directions, vector), _STEPS)
        rounding = _ROUNDING * self.noise / times
        sides = np.full((*times.shape, 2), np.nan)
        left, bend = np.arange(len(directions)), np.zeros(len(directions))
        n_evaluations = 0
        for step in range(_STEPS.size):
            sides[left, step] = self.values([directions[k] for k in left], times[left, step])
            n_evaluations += 2 * left.size
            central = (sides[..., 0] - sides[..., 1]) / (2 * times)
            gap = (sides[..., 0] - 2 * self.cost.value + sides[..., 1]) / times
            value, bound = _best(central, rounding)
            residual = np.abs(value - expected)
            bend = np.maximum(bend, _bend(gap, step, np.abs(central - expected[:, None]), rounding))
            settled = residual <= bound if step == 0 else (residual > C * bound) & (bend == 0)
            left = left[~settled[left]]
        suspect = bend > 0
        # Near a kink only steps that do not reach it tell; where theta is on the kink, the gap does.
        for step in _SHORT:
            jump = _jump(gap, step, rounding)
            clear = suspect & (jump == 0)
            value, bound = np.where(clear, central[:, step], value), np.where(clear, rounding[:, step], bound)
            suspect &= ~clear
        residual = np.abs(central[:, -1] - expected)
        on_kink = suspect & (residual <= (0.5 + _CURVATURE) * jump + rounding[:, -1])
        unclear = suspect & ~on_kink & (residual <= _MANY_KINKS * jump)
        value, bound = np.where(suspect, central[:, -1], value), np.where(suspect, rounding[:, -1], bound)
        slopes = Slopes(value, np.where(unclear, np.inf, bound), expected, on_kink)
        edge = np.flatnonzero((bend > 0) & ~suspect & slopes.failed)
        return self._past_the_edge(slopes, edge, directions, times[:, -1] / 10), n_evaluations + 2 * edge.size

    def _past_the_edge(self, slopes: Slopes, edge: np.ndarray, directions: list[Direction], times: Vector) -> Slopes:
        """A still shorter step where one may just reach a kink, too little for its gap to show: kept if the residual falls."""
        j = self.values([directions[k] for k in edge], times[edge])
        value, bound = slopes.value.copy(), slopes.bound.copy()
        for k, (right, left) in zip(edge, j, strict=True):
            shorter, rounding = (right - left) / (2 * times[k]), _ROUNDING * self.noise / times[k]
            residual = abs(shorter - slopes.expected[k])
            if residual <= C * rounding and residual < abs(slopes.residual[k]) / 2:
                value[k], bound[k] = shorter, rounding
        return replace(slopes, value=value, bound=bound)


def _norms(vector: Vector, directions: list[Direction]) -> Vector:
    """The norm of ``vector`` on the range of each direction; ranges that many directions share are looked at once."""
    ranges = dict.fromkeys((u.start, u.stop) for u in directions)
    known = {(start, stop): norm(vector[start:stop]) for start, stop in ranges}
    return np.array([known[u.start, u.stop] for u in directions])


def _best(central: np.ndarray, rounding: np.ndarray) -> tuple[Vector, Vector]:
    """The slope and bound of each direction from its central differences at ``_STEPS``, nan where not taken."""
    usual, long, short, shortest = central.T
    alone = np.isnan(central[:, 1:]).all(axis=1)
    values = np.stack([usual, long, usual, short])
    bounds = np.stack(
        [
            np.where(alone, rounding[:, 0], np.inf),
            # The longer step of a pair is the one that the pair bounds, unless rounding of the shorter one hides it.
            np.abs(long - usual) + rounding[:, 1] + _HIDDEN * rounding[:, 0],
            np.abs(usual - short) + rounding[:, 0] + _HIDDEN * rounding[:, 2],
            np.abs(short - shortest) + rounding[:, 2] + _HIDDEN * rounding[:, 3],
        ]
    )
    bounds[np.isnan(bounds)] = np.inf
    best = bounds.argmin(axis=0)
    every = np.arange(usual.size)
    return values[best, every], bounds[best, every]


def _bend(gap: np.ndarray, step: int, residual: np.ndarray, rounding: np.ndarray) -> Vector:
    """The jump in D+ - D- = jump + curvature h, if the residual may come of it: is no larger than some jumps; else 0."""
    if step not in _PAIRS:
        return np.zeros(len(gap))
    long, short = _PAIRS[step]
    jump = np.abs(10 * gap[:, short] - gap[:, long]) / 9
    with np.errstate(invalid="ignore"):
        return np.where((jump > 2 * C * rounding[:, short]) & (residual[:, short] <= _MANY_KINKS * jump), jump, 0.0)


def _jump(gap: np.ndarray, step: int, rounding: np.ndarray) -> Vector:
    """|D+ - D-| at a short step, or 0 where curvature and rounding explain it: no kink within that step of theta."""
    size, curvature = np.abs(gap[:, step]), np.abs(gap[:, 1]) * _STEPS[step] / _STEPS[1]
    with np.errstate(invalid="ignore"):
        return np.where((size > 2 * C * rounding[:, step]) & (size > 10 * curvature), size, 0.0)


def draw(rng: np.random.Generator, start: int, stop: int) -> Direction:
    """A new direction on ``theta[start:stop]``."""
    return Direction(np.uint64(rng.integers(2**63)), start, stop)


def listen(rays: Rays, rng: np.random.Generator) -> tuple[Rays, int]:
    """The rays with the noise of J measured along a few directions, and the evaluations that it took."""
    directions = [draw(rng, 0, rays.theta.size) for _ in range(_N_NOISE_LINES)]
    lines = _Lines(rays, np.array(directions, dtype=object), rays.unit(directions))
    levels, n_looks = look_outward(lines, np.full(_N_NOISE_LINES, _SPACING))
    least = float(np.spacing(abs(rays.cost.value))) / np.sqrt(12)
    return replace(rays, noise=max(root_mean_square(levels), least)), 4 * n_looks


@dataclass(frozen=True)
class _Lines:
    """Directions as lines for `fastcheck.noise`."""

    rays: Rays
    directions: np.ndarray
    unit: Vector

    def some(self, which: np.ndarray) -> _Lines:
        return _Lines(self.rays, self.directions[which], self.unit[which])

    def levels(self, spacing: Vector) -> tuple[Vector, np.ndarray]:
        """From third differences of J at -3, -1, 1 and 3 steps: at theta itself, rounding may be another than around it."""
        near, far = (self.rays.values(list(self.directions), times * spacing * self.unit) for times in (1, 3))
        return levels_of(np.stack([far[:, 1], near[:, 1], near[:, 0], far[:, 0]], axis=1))
