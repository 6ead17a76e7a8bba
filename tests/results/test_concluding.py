"""What a sweep says of its steps: of J of several shapes, right gradients and wrong ones."""

from __future__ import annotations

import numpy as np
import pytest

import fastcheck as fc
from fastcheck.results.concluding import Step, concluded

T = np.random.default_rng(0).uniform(0.5, 1.5, 20)
ZERO = np.zeros(20)
OFF = np.where(np.arange(20) == 7, 1 + 1e-4, 1.0)
DIFFERS = "the gradient differs from the differences of J"


def cubes(x):
    return float(np.sum(x**3))


@pytest.mark.parametrize(
    ("cost", "gradient", "theta", "words"),
    [
        (cubes, 3 * T**2, T, ["3e-09 to 3e-04 serve; at 1e-09 rounding hides everything below ", "; at 1e-03 truncation raises the ratio to 1e-07"]),
        (lambda x: float(np.sum(x**2)), 2 * T, T, ["3e-09 to 1e-01 serve; at 1e-09 rounding hides"]),
        (lambda x: 1e6 + cubes(x), 3 * T**2, T, ["3e-05 to 3e-04 serve; at 1e-07 rounding hides everything below 3e-05"]),
        (lambda x: 1e10 + cubes(x), 3 * T**2, T, ["no step serves: even at 1e-02 rounding hides everything below "]),
        (lambda x: float(np.float32(cubes(x))), 3 * T**2, T, ["no step serves: even at ", "rounding hides everything below "]),
        (lambda x: float(np.sum(np.sin(1e6 * x))), 1e6 * np.cos(T), 1e-6 * T, ["1e-12 to 1e-09 serve; at 3e-09 truncation raises the ratio to 8e-07"]),
        (cubes, 3.1 * T**2, T, ["no step brings the ratio below 1.5e-02", DIFFERS]),
        (cubes, 3 * T**2 * OFF, T, ["no step brings the ratio below 1.", DIFFERS]),
        (cubes, ZERO, T, ["no step brings the ratio below 1.0e+00", DIFFERS]),
        (cubes, ZERO, ZERO, ["no step serves: from 1e-12 to 1e-01 the differences fall with eps", "the slope of J is zero, as far as can be told"]),
        (lambda x: float(np.sum(x**2)), ZERO, ZERO, ["no step serves: J does not move at any, and the gradient is zero"]),
        (lambda x: 1 + float(np.sum(x**2)), np.full(20, 2e-9), np.full(20, 1e-9), ["no step serves: even at 1e-01 rounding hides everything"]),
        (lambda x: 1.0 if np.array_equal(x, T) else np.nan, T, T, ["no step serves: the ratio is finite at none"]),
    ],
)  # fmt: skip
def test_what_was_seen_is_said(cost, gradient, theta, words):
    sweep = fc.sweep(cost, gradient, theta)
    for part in words:
        assert part in sweep.conclusion
    assert (DIFFERS in sweep.conclusion) == (DIFFERS in words)
    assert sweep.to_dict()["conclusion"] == sweep.conclusion
    assert " ".join(str(sweep).split()).endswith(sweep.conclusion)


def steps(*ratios: float, floor: float = 1e-12, sizes: float | tuple[float, ...] = 1.0) -> list[Step]:
    sizes = sizes if isinstance(sizes, tuple) else (sizes,) * len(ratios)
    return [Step(10.0**-k, ratio, floor, size) for k, (ratio, size) in enumerate(zip(ratios, sizes, strict=True), 1)]


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (steps(1e-8, 1e-9), "every step from 1e-02 to 1e-01 serves"),
        (steps(1e-3, 1e-5, 1e-9), "1e-03 serves; at 1e-02 truncation raises the ratio to 1e-05"),
        (steps(1e-5, 1e-9), "1e-02 serves; at 1e-01 the ratio is 1e-05, the rounding floor 1e-12"),
        (steps(1e-9, 1e-4, 1e-9), "1e-03 and 1e-01 serve"),
        (steps(1e-9, 1e-4), "1e-01 serves; at 1e-02 the ratio is 1e-04, the rounding floor 1e-12"),
        (steps(1e-2, 1e-4, 1e-6), "no step serves: the lowest ratio is 1.0e-06, at 1e-03, where the rounding floor is 1e-12"),
        (steps(1.0, 1.0, 1.0, sizes=(1.0, 5.0, 1.0)), "no step serves: the lowest ratio is 1.0e+00"),
        (steps(np.nan, 1e-8, np.nan), "1e-02 serves"),
    ],
)  # fmt: skip
def test_nothing_is_said_that_was_not_seen(seen, words):
    said = concluded(seen)
    assert said.startswith(words)
    assert DIFFERS not in said
