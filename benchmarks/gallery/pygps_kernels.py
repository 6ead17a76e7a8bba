"""pyGPs 1.3.5: training covariances, and their derivatives by the hyperparameters, which are logarithms.

Const, Linear and ScaleOfKernel differentiate exp(2 log_sigma) where the covariance has exp(log_sigma). LINard's
training covariance does not depend on ell. RQard's derivative by ell takes the distances of a row where it means a
column. Gabor's derivative by p is half of it, as p = exp(2 log_p); its derivative by ell has 2 pi t / p in place of
t^2 / ell^2. RBF is right.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import fastcheck as fc
from benchmarks.gallery.case import Case, library, show

LIBRARY = "pyGPs"
cov = library(LIBRARY, "pyGPs.Core.cov")

X = np.random.default_rng(0).standard_normal((5, 2))


def of_kernel(kernel: Any, *names: str) -> fc.Problem:
    def forward(*hyperparameters):
        kernel.hyp = list(hyperparameters)
        return kernel.getCovMatrix(X, mode="train")

    def backward(dK):
        return [np.sum(dK * kernel.getDerMatrix(X, mode="train", der=i)) for i in range(len(names))]

    return fc.from_layer(forward, backward, dict(zip(names, kernel.hyp, strict=True)))


ELLS = ("log_ell_0", "log_ell_1")
CASES = (
    Case("RBF", lambda: of_kernel(cov.RBF(0.3, 0.2), "log_ell", "log_sigma")),
    Case("Const", lambda: of_kernel(cov.Const(0.3), "log_sigma"), ("log_sigma",), "scale"),
    Case("Linear", lambda: of_kernel(cov.Linear(0.3), "log_sigma"), ("log_sigma",), "scale"),
    Case(
        "ScaleOfKernel",
        lambda: of_kernel(cov.ScaleOfKernel(cov.RBF(0.3, 0.2), 0.4), "scalar", "log_ell", "log_sigma"),
        ("scalar",),
        "scale",
    ),
    Case("LINard", lambda: of_kernel(cov.LINard(log_ell_list=[0.3, -0.2]), *ELLS), ELLS, "constant"),
    Case(
        "RQard",
        lambda: of_kernel(cov.RQard(log_ell_list=[0.3, -0.2], log_sigma=0.1), *ELLS, "log_sigma", "log_alpha"),
        ELLS,
        "zero",
    ),
    Case("Gabor", lambda: of_kernel(cov.Gabor(0.3, 0.4), "log_ell", "log_p"), ("log_ell", "log_p"), "local scale"),
)

if __name__ == "__main__":
    show(LIBRARY, CASES)
