"""Peak memory of a check beyond the inputs, in vectors of length n."""

from __future__ import annotations

import pytest

from benchmarks.fresh import peak


@pytest.mark.parametrize("workers", [1, 2, 4])
@pytest.mark.parametrize("n", [10**4, 10**5, 10**6])
def test_peak_beyond_the_inputs(figures, benchmark, n, workers):
    most = benchmark.pedantic(peak, (n, workers), rounds=1)
    figures.note(f"n = {n}, {workers} workers", most.vectors, "vectors", f"<= {workers + 10}")
