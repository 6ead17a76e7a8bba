"""`fastcheck.functions` beside NumPy's under numba, and a cost in stages beside the same cost in one piece."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.cases import in_stages
from benchmarks.functions import REFERENCES, numpys, repeated
from fastcheck import functions, zoo


@pytest.mark.parametrize("size", [1_000, 100_000])
@pytest.mark.parametrize("name", REFERENCES)
def test_a_function_on_an_array(figures, name, size):
    x = np.abs(np.random.default_rng(0).standard_normal(size))
    theirs, ours = (repeated(function) for function in (numpys(name), getattr(functions, name)))
    times = 2_000_000 // size
    ratio = figures.ratio(f"{name}, NumPy's over ours", lambda: theirs(x, times), lambda: ours(x, times), ">= 3")
    assert ratio > 0


def test_stages_beside_one_piece(figures, benchmark):
    staged = benchmark.pedantic(lambda: in_stages(zoo.lenet, 2, budget=0.0), rounds=1)
    assert staged.same_bits
    figures.note(f"{staged.name}, n = {staged.n:,}: in one piece over in stages", staged.times_faster, "x", ">= 6")
