"""numpy-ml 0.1.2: five of its layers, all of them right.

A layer keeps its parameters and what it has seen: `flush_gradients` forgets the latter. Parameters become inputs of
`forward`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import fastcheck as fc
from benchmarks.gallery import older
from benchmarks.gallery.case import Case, library, show

LIBRARY = "numpy-ml"
older.names_of_collections()
layers = library(LIBRARY, "numpy_ml.neural_nets.layers")


def of_layer(layer: Any, X: np.ndarray) -> fc.Problem:
    """Of any layer with one input."""
    layer.forward(X)  # makes the parameters
    names = list(layer.gradients)

    def forward(X, *parameters):
        layer.flush_gradients()
        layer.parameters.update(zip(names, parameters, strict=True))
        return layer.forward(X)

    def backward(dY):
        dX = layer.backward(dY)
        return dX, *(layer.gradients[name] for name in names)

    return fc.from_layer(forward, backward, {"X": X, **{name: layer.parameters[name] for name in names}})


def attention() -> fc.Problem:
    """Several inputs, no parameters, and a softmax inside that remembers as well."""
    rng, layer = np.random.default_rng(0), layers.DotProductAttention()

    def forward(Q, K, V):
        layer.flush_gradients()
        layer.softmax.flush_gradients()
        return layer.forward(Q, K, V)

    inputs = {"Q": (2, 3, 4), "K": (2, 5, 4), "V": (2, 5, 2)}
    return fc.from_layer(forward, layer.backward, {name: rng.standard_normal(shape) for name, shape in inputs.items()})


def recurrent() -> fc.Problem:
    """A cell that is run over the steps of X and back."""
    X, cell = drawn(5, 2, 4), layers.RNNCell(3)
    cell.forward(X[0])
    names = list(cell.gradients)

    def forward(X, *parameters):
        cell.flush_gradients()
        cell.derived_variables["dLdA_accumulator"] = None
        cell.parameters.update(zip(names, parameters, strict=True))
        return np.stack([cell.forward(x) for x in X])

    def backward(dY):
        dX = [cell.backward(dy) for dy in dY[::-1]]
        return np.stack(dX[::-1]), *(cell.gradients[name] for name in names)

    return fc.from_layer(forward, backward, {"X": X, **cell.parameters})


def drawn(*shape: int) -> np.ndarray:
    older.seed()
    return np.random.default_rng(0).standard_normal(shape)


CASES = (
    Case("FullyConnected", lambda: of_layer(layers.FullyConnected(4, act_fn="Tanh"), drawn(5, 3))),
    Case("Conv2D", lambda: of_layer(layers.Conv2D(3, (3, 3), pad=1, stride=2, act_fn="Sigmoid"), drawn(2, 5, 5, 2))),
    Case("BatchNorm2D", lambda: of_layer(layers.BatchNorm2D(), drawn(2, 3, 3, 2))),
    Case("DotProductAttention", attention),
    Case("RNNCell", recurrent),
)

if __name__ == "__main__":
    show(LIBRARY, CASES)
