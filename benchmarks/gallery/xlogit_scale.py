"""xlogit 0.2.7: the likelihood of a mixed logit, with alternatives that are not available and with a scale factor.

With both, the gradient of the scale's coefficient lambda takes log(0) times 0 for what is not available, which is nan
where the likelihood is finite. With either alone it is right.
"""

from __future__ import annotations

import numpy as np

import fastcheck as fc
from benchmarks.gallery.case import Case, library, show

LIBRARY = "xlogit"
MixedLogit = library(LIBRARY, "xlogit").MixedLogit
diff_nonchosen_chosen = library(LIBRARY, "xlogit._choice_model").diff_nonchosen_chosen

N, J, K = 12, 3, 2  # choices, alternatives, variables


def mixed_logit(avail: bool, scale: bool) -> fc.Problem:
    """What `fit` minimises, up to the call of the minimiser."""
    rng = np.random.default_rng(0)
    X, chosen, price = rng.standard_normal((N * J, K)), rng.integers(J, size=N), rng.uniform(0.5, 2, N * J)
    there = np.ones((N, J))
    there[0, (chosen[0] + 1) % J] = 0
    alts, ids, names = np.tile(np.arange(J), N), np.repeat(np.arange(N), J), np.array(["time", "comfort"])
    model = MixedLogit()
    model._pre_fit(alts, names, None, None, False, 100)
    _, X, y, panels, draws, weights, available, _, scaled, addit = model._setup_input_data(
        X,
        np.eye(J)[chosen].ravel(),
        names,
        alts,
        ids,
        {"comfort": "n"},
        n_draws=20,
        avail=there.ravel() if avail else None,
        scale_factor=price if scale else None,
        init_coeff=np.zeros(K + 1 + scale),
    )
    Xd, scale_d, addit_d, available = diff_nonchosen_chosen(X, y, scaled, addit, available)
    args = (Xd, panels, draws, weights, available, scale_d, addit_d, None)
    theta = {"betas": np.array([0.5, -0.3, 0.4]), "lambda": np.array([0.8])}

    def value_and_gradient(betas, *args):
        with np.errstate(divide="ignore", invalid="ignore"):  # log(0) * 0
            return model._loglik_gradient(betas, *args)[:2]

    return fc.Problem(value_and_gradient, True, theta if scale else {"betas": theta["betas"]}, args)


CASES = (
    Case("MixedLogit, avail", lambda: mixed_logit(avail=True, scale=False)),
    Case("MixedLogit, scale_factor", lambda: mixed_logit(avail=False, scale=True)),
    Case(
        "MixedLogit, avail and scale_factor",
        lambda: mixed_logit(avail=True, scale=True),
        ("lambda",),
        kinds="nonfinite",
    ),
)

if __name__ == "__main__":
    show(LIBRARY, CASES)
