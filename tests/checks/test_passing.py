"""What a pass says of itself: how far its differences may be off, measured at a few pilots, holds for all."""

from __future__ import annotations

import numba
import numpy as np
import pytest

import fastcheck as fc
from fastcheck.checks.passing import pass_over
from fastcheck.evaluate.evaluator import Evaluator
from fastcheck.evaluate.source import source_of
from fastcheck.evaluate.threads import Threads
from fastcheck.measure.pilots import piloted
from fastcheck.measure.stencil import differences
from fastcheck.measure.steps import as_asked
from fastcheck.problem.arguments import Arguments
from fastcheck.problem.domain import Domain
from fastcheck.problem.selection import Selection

N = 3000
THETA = np.linspace(0.5, 1.5, N)


@numba.njit
def exponentials(theta):
    total = 0.0
    for value in theta:
        total += np.exp(value)
    return total


@pytest.mark.parametrize("eps", [1e-7, 1e-6, 1e-3])
@pytest.mark.parametrize("seed", [1, 2])
def test_margins_hold_for_all_components_at_bounds_too(eps, seed):
    """Those at a bound have three points on one side, that carry more noise and bend more, and pilots may be none of them."""
    at_bound = np.random.default_rng(seed).random(N) < 0.3
    domain = Domain(np.where(at_bound, THETA, -np.inf), np.full(N, np.inf))
    source, selection = source_of(exponentials, Arguments(())), Selection(fc.Layout.of({"W": (N,)}))
    evaluator = Evaluator(source, THETA, selection.layout, Threads(2), domain).vetted(Arguments(()))
    pilots, plan = piloted(evaluator, selection, np.ones(N)), as_asked(eps, selection)
    assert np.array_equal(plan.one_sided(evaluator, selection), at_bound)
    measured = pass_over(pilots, plan, differences(evaluator, selection, eps), np.ones(N))
    off = np.abs(measured.numeric - np.exp(THETA)) / measured.margin
    assert off.max() < 1
    assert off.max() > 1e-4  # and say something
