"""chainer 7.8.1: five of its functions, all of them right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import fastcheck as fc
from benchmarks.gallery.case import Case, library, show

LIBRARY = "chainer"
chainer = library(LIBRARY, "chainer")
F = chainer.functions


def of_function(function: Callable[..., Any], **inputs: Any) -> fc.Problem:
    """Of any function of variables that returns one."""

    def forward(*inputs):
        variables = [chainer.Variable(x) for x in inputs]
        output = function(*variables)
        return output.array, (variables, output)

    def backward(upstream, cache):
        variables, output = cache
        output.grad = np.asarray(upstream)
        output.backward()
        return [variable.grad for variable in variables]

    return fc.from_layer(forward, backward, inputs)


def drawn(*shape: int) -> np.ndarray:
    return np.random.default_rng(shape).standard_normal(shape)


CASES = (
    Case("linear", lambda: of_function(F.linear, x=drawn(4, 3), W=drawn(2, 3), b=drawn(2))),
    Case("convolution_2d", lambda: of_function(F.convolution_2d, x=drawn(2, 3, 5, 5), W=drawn(4, 3, 3, 3), b=drawn(4))),
    Case(
        "batch_normalization", lambda: of_function(F.batch_normalization, x=drawn(6, 3), gamma=drawn(3), beta=drawn(3))
    ),
    Case("embed_id", lambda: of_function(F.embed_id, x=np.array([[0, 2, 2], [1, 3, 4]]), W=drawn(5, 3))),
    Case(
        "softmax_cross_entropy", lambda: of_function(F.softmax_cross_entropy, x=drawn(4, 5), t=np.array([0, 1, 3, 3]))
    ),
)

if __name__ == "__main__":
    show(LIBRARY, CASES)
