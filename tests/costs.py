"""Small costs that many tests look at, importable in any process."""

from __future__ import annotations

import numba
import numpy as np


@numba.njit
def quartic(theta, weights):
    """J = sum of w_i theta_i^4, whose gradient is 4 w_i theta_i^3."""
    return np.sum(weights * theta**4)


def quartic_gradient(theta, weights):
    return 4 * weights * theta**3


class Counted:
    """A plain Python cost that counts how often it is called."""

    def __init__(self, cost):
        self.cost, self.n = cost, 0

    def __call__(self, *args, **kwargs):
        self.n += 1
        return self.cost(*args, **kwargs)
