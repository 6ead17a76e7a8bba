"""What every test may ask for: a generator, and a place at which the costs of `costs` are looked at."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import settings

settings.register_profile("untimed", deadline=None)  # no test measures time
settings.load_profile("untimed")

pytest_plugins = ["pytester"]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(12345)


@pytest.fixture
def weights(rng) -> np.ndarray:
    return rng.uniform(0.5, 1.5, 12)


@pytest.fixture
def theta(rng) -> np.ndarray:
    return rng.uniform(0.5, 1.5, 12)
