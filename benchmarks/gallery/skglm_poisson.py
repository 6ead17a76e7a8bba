"""skglm 0.5: the Poisson datafit and its gradient, for a dense X and for a sparse one.

The sparse form has exp(Xw - y) where the derivative is exp(Xw) - y; the dense one is right.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csc_array

import fastcheck as fc
from benchmarks.gallery.case import Case, library, show

LIBRARY = "skglm"
Poisson = library(LIBRARY, "skglm.datafits").Poisson


def poisson(sparse: bool) -> fc.Problem:
    rng = np.random.default_rng(0)
    X, w = rng.standard_normal((30, 6)), rng.standard_normal(6) / 3
    y, S, datafit = rng.poisson(np.exp(X @ w)).astype(float), csc_array(X), Poisson()

    def cost(w):
        return datafit.value(y, w, X @ w)

    def grad(w):
        if sparse:
            return datafit.full_grad_sparse(S.data, S.indptr, S.indices, y, X @ w)
        return datafit.gradient(X, y, X @ w)

    return fc.Problem(cost, grad, {"w": w})


CASES = (
    Case("Poisson.gradient", lambda: poisson(sparse=False)),
    Case("Poisson.full_grad_sparse", lambda: poisson(sparse=True), wrong=("w",), kinds="local"),
)

if __name__ == "__main__":
    show(LIBRARY, CASES)
