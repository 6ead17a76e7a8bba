"""Peak memory of a check beyond the inputs, in vectors of length n."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

import fastcheck as fc
from benchmarks.costs import quadratic


@pytest.mark.parametrize("workers", [1, 2, 4])
@pytest.mark.parametrize("n", [20_000, 60_000])
def test_peak_beyond_the_inputs(figures, benchmark, n, workers):
    theta = np.ones(n)
    fc.check(quadratic, lambda t: 2 * t, theta[:10])

    def peak() -> float:
        tracemalloc.start()
        fc.check(quadratic, lambda t: 2 * t, theta, workers=workers)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most / theta.nbytes

    vectors = benchmark.pedantic(peak, rounds=1)
    figures.note(f"n = {n}, {workers} workers", vectors, "vectors", f"<= {workers + 4}")
