"""metric-learn 0.7.0: the loss of LSML and its gradient by the metric M.

The loss weighs its constraints with w_, the gradient does not; with weights of 1 the two agree. `fit` divides the
weights by their sum, so that they are 1 / n where the caller gives none.
"""

from __future__ import annotations

import numpy as np

import fastcheck as fc
from benchmarks.gallery.case import Case, library, show

LIBRARY = "metric-learn"
LSML = library(LIBRARY, "metric_learn").LSML


def lsml(weight: float) -> fc.Problem:
    rng = np.random.default_rng(0)
    a, b, c, d = rng.standard_normal((4, 10, 3))
    A, model = rng.standard_normal((3, 3)), LSML()
    model.w_ = np.full(10, weight)
    M, prior_inverse = A @ A.T + np.eye(3), np.eye(3)
    return fc.from_params(
        lambda p, *args: model._total_loss(p["M"], *args),
        lambda p, *args: {"M": model._gradient(p["M"], *args)},
        {"M": M},
        (a - b, c - d, prior_inverse),
    )


CASES = (
    Case("LSML._gradient, weights of 1", lambda: lsml(1.0)),
    Case("LSML._gradient, weights of 1 / n", lambda: lsml(0.1), wrong=("M",), kinds="local"),
)

if __name__ == "__main__":
    show(LIBRARY, CASES)
