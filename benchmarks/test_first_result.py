"""From a new process to the first result: what fastcheck adds to numba's import and to the compilation of the cost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from statistics import median

import pytest

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
first(theta, x), second(theta, x); mark()
fc.check(first, 2 * theta, theta, (x,)); mark()
fc.check(second, 3 * theta**2, theta, (x,)); mark()
print(json.dumps([b - a for a, b in zip(marks, marks[1:])]))
"""
PARTS = ("import numba", "import fastcheck beyond", "compilation of two costs", "first check", "check of a new cost")
ROUNDS = 5


def fresh_process(cache: str) -> list[float]:
    environment = {**os.environ, "NUMBA_CACHE_DIR": cache}
    result = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=True)
    return json.loads(result.stdout)


@pytest.mark.parametrize(("disk_cache", "target"), [("cold", "< 0.6"), ("warm", "< 0.1")])
def test_first_result(figures, benchmark, tmp_path, disk_cache, target):
    if disk_cache == "warm":
        fresh_process(str(tmp_path))
    runs: list[list[float]] = []

    def run() -> None:
        folder = tmp_path if disk_cache == "warm" else tmp_path / str(len(runs))
        runs.append(fresh_process(str(folder)))

    benchmark.pedantic(run, rounds=ROUNDS)
    targets = {"first check": target, "import fastcheck beyond": "< 0.15", "check of a new cost": "< 0.1"}
    for part, seconds in zip(PARTS, zip(*runs, strict=True), strict=True):
        figures.note(f"{disk_cache} disk cache, {part}", median(seconds), "s", targets.get(part, ""))
