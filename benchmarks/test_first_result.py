"""From a new process to the first result: what fastcheck adds to numba's import and to the compilation of the cost."""

from __future__ import annotations

import pytest

from benchmarks.fresh import first_results

ROUNDS = 5


@pytest.mark.parametrize(("disk_cache", "target"), [("cold", "< 0.6"), ("warm", "< 0.1")])
def test_first_result(figures, benchmark, disk_cache, target):
    result = benchmark.pedantic(first_results, (disk_cache, ROUNDS), rounds=1)
    targets = {"first check": target, "import fastcheck beyond": "< 0.15", "check of the new cost": "< 0.1"}
    for part, seconds in result.parts.items():
        figures.note(f"{disk_cache} disk cache, {part}", seconds, "s", targets.get(part, ""))
