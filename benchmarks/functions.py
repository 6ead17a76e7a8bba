"""`fastcheck.functions` beside numba's own: the largest error met, and the time of a number in an array. Markdown.

    python -m benchmarks.functions

Errors are against mpmath at 200 bits, at numbers drawn over all of float64 and near where each function changes its form.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import mpmath
import numba
import numpy as np

from benchmarks.markdown import table
from fastcheck import functions

REFERENCES: dict[str, Callable] = {
    "exp": mpmath.exp,
    "expm1": mpmath.expm1,
    "log": mpmath.log,
    "log1p": mpmath.log1p,
    "tanh": mpmath.tanh,
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
}
DRAWN = 20_000  # numbers of each kind
SIZE, RUNS, ROUNDS = 1_000, 2_000, 7


def numbers(name: str, rng: np.random.Generator) -> np.ndarray:
    """Of every size, of ordinary sizes, and near 0 and 1; of both signs where the function takes them."""
    sizes = 10 ** rng.uniform(-323, 308, DRAWN), 10 ** rng.uniform(-20, 3, DRAWN)
    near = 1 + rng.uniform(-1, 1, DRAWN) * 10 ** rng.uniform(-16, 0, DRAWN)
    x = np.concatenate([*sizes, rng.uniform(0, 750, DRAWN), rng.uniform(0, 2, DRAWN), near])
    x = x[x > 0] if name == "log" else np.concatenate([x, -x])
    x = x[x > -1] if name == "log1p" else x
    return x if name.startswith("log") else x[np.abs(x) < 1e5]


def largest_error(name: str) -> float:
    """In units in the last place of the true value."""
    x = numbers(name, np.random.default_rng(0))
    found, worst = getattr(functions, name)(x), 0.0
    with mpmath.workprec(200):
        for value, own in zip(x.tolist(), found.tolist(), strict=True):
            true = REFERENCES[name](mpmath.mpf(value))
            rounded = float(true)
            if math.isfinite(rounded):
                worst = max(worst, float(abs(mpmath.mpf(own) - true)) / float(np.spacing(abs(rounded))))
            elif own != rounded:
                return math.inf
    return worst


def numpys(name: str) -> Callable:
    """The same as people write it."""
    if name == "sigmoid":
        return numba.njit(lambda x: 1 / (1 + np.exp(-x)))
    if name == "softplus":
        return numba.njit(lambda x: np.log1p(np.exp(-np.abs(x))) + np.maximum(x, 0.0))
    function = getattr(np, name)
    return numba.njit(lambda x: function(x))


def nanoseconds(name: str) -> tuple[float, float]:
    """Of a number, by NumPy's function under numba and by ours: medians of rounds in turn."""
    x = np.abs(np.random.default_rng(0).standard_normal(SIZE))
    runs = [repeated(function) for function in (numpys(name), getattr(functions, name))]
    for run in runs:
        run(x, 1)
    taken = [[_timed(run, x) for run in runs] for _ in range(ROUNDS)]
    return tuple(np.median(taken, axis=0) / (SIZE * RUNS) * 1e9)  # type: ignore[return-value]


def repeated(function: Callable) -> Callable:
    """The function of an array again and again, so that what is called from Python does not count."""

    @numba.njit
    def run(x, times):
        total = 0.0
        for _ in range(times):
            total += function(x)[0]
        return total

    return run


def _timed(run: Callable, x: np.ndarray) -> float:
    begin = time.perf_counter()
    run(x, RUNS)
    return time.perf_counter() - begin


def main() -> None:
    rows = []
    for name in REFERENCES:
        theirs, ours = nanoseconds(name)
        rows.append(
            [f"`{name}`", f"{largest_error(name):.2f}", f"{theirs:.1f} ns", f"{ours:.1f} ns", f"{theirs / ours:.1f}"]
        )
    print(table(["function", "largest error, ulp", "NumPy's in njit", "fastcheck.functions", "times faster"], rows))


if __name__ == "__main__":
    main()
