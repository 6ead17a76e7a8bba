"""numpy-ml 0.1.2: the critic's WGAN-GP loss, and noise contrastive estimation.

WGAN_GPLoss.grad has both signs of the means the other way round. NCELoss.grad leaves out the part of a target that was
drawn as a noise sample too, which the loss has; where none was, it is right.
"""

from __future__ import annotations

import numpy as np

import fastcheck as fc
from benchmarks.gallery import older
from benchmarks.gallery.case import Case, library, show

LIBRARY = "numpy-ml"
older.names_of_collections()
losses = library(LIBRARY, "numpy_ml.neural_nets.losses")
DiscreteSampler = library(LIBRARY, "numpy_ml.utils.data_structures").DiscreteSampler


def wgan() -> fc.Problem:
    rng, loss = np.random.default_rng(0), losses.WGAN_GPLoss()
    shapes = {"Y_fake": (5,), "Y_real": (7,), "gradInterp": (5, 3)}

    def cost(p):
        return loss.loss(p["Y_fake"], "C", p["Y_real"], p["gradInterp"])

    def grad(p):
        return dict(zip(shapes, loss.grad(p["Y_fake"], "C", p["Y_real"], p["gradInterp"]), strict=True))

    return fc.from_params(cost, grad, {name: rng.standard_normal(shape) for name, shape in shapes.items()})


def nce(noise: list[int]) -> fc.Problem:
    older.seed()
    X, targets = np.random.default_rng(0).standard_normal((4, 2, 3)), np.array([0, 1, 3, 1])
    loss = losses.NCELoss(5, DiscreteSampler(np.array([0.1, 0.2, 0.3, 0.25, 0.15])), len(noise))
    loss.loss(X, targets, np.array(noise))  # makes the parameters

    def forward(X, W, b):
        loss.flush_gradients()
        loss.parameters.update(W=W, b=b)
        return loss.loss(X, targets, np.array(noise))[0]

    def backward(dJ):
        dX = loss.grad(update_params=False)
        return dX, loss.gradients["W"], loss.gradients["b"]

    return fc.from_layer(forward, backward, {"X": X, **loss.parameters}, upstream=1.0)


CASES = (
    Case("WGAN_GPLoss, critic", wgan, wrong=("Y_fake", "Y_real"), kinds="sign"),
    Case("NCELoss, no target among the noise", lambda: nce([2, 4, 2])),
    Case("NCELoss, target 1 among the noise", lambda: nce([2, 4, 1]), wrong=("W", "b"), kinds="row component"),
)

if __name__ == "__main__":
    show(LIBRARY, CASES)
