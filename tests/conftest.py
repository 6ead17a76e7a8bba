"""What several test modules use: a generator that is passed in, and a small cost with its gradient."""

from __future__ import annotations

import numba
import numpy as np
import pytest


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(12345)


@numba.njit
def quartic(theta, weights):
    """J = sum of w_i theta_i^4, whose gradient is 4 w_i theta_i^3."""
    return np.sum(weights * theta**4)


def quartic_gradient(theta, weights):
    return 4 * weights * theta**3


@pytest.fixture
def weights(rng) -> np.ndarray:
    return rng.uniform(0.5, 1.5, 12)


@pytest.fixture
def theta(rng) -> np.ndarray:
    return rng.uniform(0.5, 1.5, 12)
