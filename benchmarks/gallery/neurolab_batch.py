"""neurolab 0.3.5: the error of a network over a batch, and its gradient by backpropagation.

MSE, MAE and CEE average over the batch and the outputs; their derivatives, which are called for one sample at a time,
over the outputs alone, so that the gradient is as many times too large as there are samples. SSE and SAE sum, and are
right. SoftMax.deriv is the diagonal of its Jacobian, of which the others matter too.
"""

from __future__ import annotations

import numpy as np

import fastcheck as fc
from benchmarks.gallery import older
from benchmarks.gallery.case import Case, library, show

LIBRARY = "neurolab"
older.names_of_numpy()
nl = library(LIBRARY, "neurolab")


def network(error: str, output: str = "LogSig") -> fc.Problem:
    rng = np.random.default_rng(0)
    X, Y = rng.uniform(-1, 1, (7, 3)), rng.uniform(0.1, 0.9, (7, 2))
    net = nl.net.newff([[-1, 1]] * 3, [4, 2], [nl.trans.TanSig(), getattr(nl.trans, output)()])
    net.errorf = getattr(nl.error, error)()

    def filled(layers):
        for layer, values in zip(net.layers, layers, strict=True):
            layer.np.update(values)
        return net

    def cost(layers, X, Y):
        return net.errorf(Y, filled(layers).sim(X))

    def grad(layers, X, Y):
        return nl.tool.ff_grad(filled(layers), X, Y)[0]

    layers = [{name: rng.standard_normal(value.shape) for name, value in layer.np.items()} for layer in net.layers]
    return fc.from_params(cost, grad, layers, (X, Y))


def softmax() -> fc.Problem:
    transfer = nl.trans.SoftMax()

    def jacobian(x):
        return np.diag(transfer.deriv(x, transfer(x)))  # as ff_grad uses it: each output by its own input

    return fc.from_jacobian(transfer, jacobian, np.random.default_rng(0).standard_normal(4))


ALL = ("params[0].w", "params[0].b", "params[1].w", "params[1].b")
CASES = (
    Case("SSE", lambda: network("SSE")),
    Case("SAE", lambda: network("SAE")),
    Case("MSE", lambda: network("MSE"), ALL, "scale"),
    Case("MAE", lambda: network("MAE"), ALL, "scale"),
    Case("CEE", lambda: network("CEE"), ALL, "scale"),
    Case("SoftMax.deriv", softmax, ("x",), "entry"),
    Case("SoftMax and SSE", lambda: network("SSE", "SoftMax"), ALL, "upstream"),
)

if __name__ == "__main__":
    show(LIBRARY, CASES)
