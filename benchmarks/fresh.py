"""What a user pays once: the parts of a new process up to its first result, and the memory of a check."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import tracemalloc
from statistics import median

import numpy as np

import fastcheck as fc
from benchmarks.costs import product_of_two, product_of_two_gradient
from benchmarks.records import FirstResult, Peak

PARTS = (
    "import numba",
    "import fastcheck beyond",
    "compilation of the cost",
    "first check",
    "compilation of a new cost",
    "check of the new cost",
)
SCRIPT = """
import json, time
marks = [time.perf_counter()]
mark = lambda: marks.append(time.perf_counter())
import numba, numpy as np; mark()
import fastcheck as fc; mark()

def new_cost(power):
    @numba.njit
    def cost(theta, x):
        return np.sum(theta**power) * x[0]
    return cost

theta, x = np.ones(20), np.ones(3)
first, second = new_cost(2), new_cost(3)
first(theta, x); mark()
fc.check(first, 2 * theta, theta, (x,)); mark()
second(theta, x); mark()
fc.check(second, 3 * theta**2, theta, (x,)); mark()
print(json.dumps([b - a for a, b in zip(marks, marks[1:])]))
"""


def first_result(cache: str) -> list[float]:
    """Seconds of each of `PARTS` in a process of its own, with numba's disk cache in the folder ``cache``."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": cache}
    result = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=True)
    return json.loads(result.stdout)


def first_results(disk_cache: str, rounds: int) -> FirstResult:
    """The median of several processes, each with an empty disk cache ("cold") or one filled before ("warm")."""
    with tempfile.TemporaryDirectory() as folder:
        if disk_cache == "warm":
            first_result(folder)
        runs = [first_result(folder if disk_cache == "warm" else os.path.join(folder, str(i))) for i in range(rounds)]
    return FirstResult(
        disk_cache, {part: median(run) for part, run in zip(PARTS, zip(*runs, strict=True), strict=True)}
    )


def peak(n: int, workers: int) -> Peak:
    """The most that a check of n components holds beyond its inputs, the gradient among what it holds."""
    fc.check(product_of_two, product_of_two_gradient, np.ones(10))
    theta = np.random.default_rng(0).uniform(0.5, 1.5, n)
    tracemalloc.start()
    try:
        fc.check(product_of_two, product_of_two_gradient, theta, workers=workers, progress=False)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return Peak(n, workers, most / theta.nbytes)
