"""A network of the size of LeNet-5, in stages: two convolutions with average pooling, three dense layers, softmax.

Each stage takes what the one before returned; backpropagation by hand goes through them from the last to the first.
"""

from __future__ import annotations

import numpy as np

from fastcheck.checks.problem import Problem
from fastcheck.evaluate.kernels import cached_njit
from fastcheck.evaluate.stages import staged as in_stages
from fastcheck.problem.layout import Layout
from fastcheck.zoo._layers import (
    CODES,
    Array,
    Integers,
    activate,
    add_row_sums,
    affine,
    cross_entropy,
    softmax_minus_label,
    times_slope,
)
from fastcheck.zoo._options import initial, require_at_least

_TANH = CODES["tanh"]
_SIDE = 28  # of the images
_SHAPES = {
    "K1": (6, 1, 5, 5), "b1": (6,),
    "K2": (16, 6, 5, 5), "b2": (16,),
    "W3": (120, 256), "b3": (120,),
    "W4": (84, 120), "b4": (84,),
    "W5": (10, 84), "b5": (10,),
}  # fmt: skip
_LAYOUT = Layout.of(_SHAPES)
_views = _LAYOUT.jit_unpack()


@cached_njit
def _convolved(kernel: Array, bias: Array, images: Array) -> Array:
    """``z[m, f, i, j] = b[f] + sum of K[f, c, p, q] image[m, c, i + p, j + q]``, where the kernel fits."""
    side = images.shape[2] - kernel.shape[2] + 1
    z = np.empty((images.shape[0], kernel.shape[0], side, side))
    for m in range(z.shape[0]):
        for f in range(z.shape[1]):
            z[m, f] = bias[f]
            for c in range(images.shape[1]):
                for p in range(kernel.shape[2]):
                    for q in range(kernel.shape[3]):
                        weight = kernel[f, c, p, q]
                        for i in range(side):
                            for j in range(side):
                                z[m, f, i, j] += weight * images[m, c, i + p, j + q]
    return z


@cached_njit
def _convolved_backward(delta: Array, kernel: Array, images: Array, dkernel: Array, dbias: Array) -> Array:
    """From the derivative by z to those by kernel and bias, which are added to, and by the images, which is returned."""
    dimages = np.zeros_like(images)
    side = delta.shape[2]
    for m in range(delta.shape[0]):
        for f in range(delta.shape[1]):
            dbias[f] += delta[m, f].sum()
            for c in range(images.shape[1]):
                for p in range(kernel.shape[2]):
                    for q in range(kernel.shape[3]):
                        weight, total = kernel[f, c, p, q], 0.0
                        for i in range(side):
                            for j in range(side):
                                total += delta[m, f, i, j] * images[m, c, i + p, j + q]
                                dimages[m, c, i + p, j + q] += delta[m, f, i, j] * weight
                        dkernel[f, c, p, q] += total
    return dimages


@cached_njit
def _pooled(a: Array) -> Array:
    """The mean of every 2x2 window."""
    m, f, side = a.shape[0], a.shape[1], a.shape[2] // 2
    out = np.empty((m, f, side, side))
    for k in range(m):
        for c in range(f):
            for i in range(side):
                for j in range(side):
                    window = a[k, c, 2 * i, 2 * j] + a[k, c, 2 * i, 2 * j + 1]
                    out[k, c, i, j] = (window + a[k, c, 2 * i + 1, 2 * j] + a[k, c, 2 * i + 1, 2 * j + 1]) / 4
    return out


@cached_njit
def _pooled_backward(delta: Array, out: Array) -> None:
    """A quarter to each of a window."""
    for i in range(out.shape[2]):
        for j in range(out.shape[3]):
            out[:, :, i, j] = delta[:, :, i // 2, j // 2] / 4


@cached_njit
def _activated(kernel: Array, bias: Array, images: Array) -> Array:
    z = _convolved(kernel, bias, images)
    activate(z, _TANH)
    return z


@cached_njit
def _hidden(w: Array, b: Array, a: Array) -> Array:
    z = affine(w, b, a)
    activate(z, _TANH)
    return z


# --- the stages --------------------------------------------------------------------------------------------------------
@cached_njit
def first(theta: Array, x: Array, y: Integers) -> Array:
    """(m, 1, 28, 28) to (m, 6, 12, 12)."""
    k1, b1 = _views(theta)[:2]
    return _pooled(_activated(k1, b1, x))


@cached_njit
def second(theta: Array, a: Array, y: Integers) -> Array:
    """To (256, m)."""
    k2, b2 = _views(theta)[2:4]
    return np.ascontiguousarray(_pooled(_activated(k2, b2, a)).reshape((a.shape[0], 256)).T)


@cached_njit
def third(theta: Array, a: Array, y: Integers) -> Array:
    """To (120, m)."""
    w3, b3 = _views(theta)[4:6]
    return _hidden(w3, b3, a)


@cached_njit
def fourth(theta: Array, a: Array, y: Integers) -> Array:
    """To (84, m)."""
    w4, b4 = _views(theta)[6:8]
    return _hidden(w4, b4, a)


@cached_njit
def last(theta: Array, a: Array, y: Integers) -> float:
    """J = mean over examples of -log softmax(scores)[label]."""
    w5, b5 = _views(theta)[8:]
    return cross_entropy(affine(w5, b5, a), y) / y.size


@cached_njit
def whole(theta: Array, x: Array, y: Integers) -> float:
    """The cost in one piece."""
    return last(theta, fourth(theta, third(theta, second(theta, first(theta, x, y), y), y), y), y)


@cached_njit
def backward(theta: Array, x: Array, y: Integers) -> Array:
    """dJ/dtheta, shape (n,)."""
    gradient = np.zeros_like(theta)
    k1, b1, k2, b2, w3, _, w4, _, w5, b5 = _views(theta)
    dk1, db1, dk2, db2, dw3, db3, dw4, db4, dw5, db5 = _views(gradient)
    a1 = first(theta, x, y)
    a2 = second(theta, a1, y)
    a3 = third(theta, a2, y)
    a4 = fourth(theta, a3, y)
    delta = affine(w5, b5, a4)
    softmax_minus_label(delta, y, y.size)
    delta = _dense_backward(delta, w5, a4, dw5, db5)
    times_slope(delta, a4, _TANH)
    delta = _dense_backward(delta, w4, a3, dw4, db4)
    times_slope(delta, a3, _TANH)
    delta = _dense_backward(delta, w3, a2, dw3, db3)
    pooled = np.ascontiguousarray(delta.T).reshape((y.size, 16, 4, 4))
    pooled = _convolution_backward(pooled, k2, b2, a1, dk2, db2)
    _convolution_backward(pooled, k1, b1, x, dk1, db1)
    return gradient


@cached_njit
def _dense_backward(delta: Array, w: Array, a: Array, dw: Array, db: Array) -> Array:
    np.dot(delta, a.T, dw)
    add_row_sums(db, delta)
    return w.T @ delta


@cached_njit
def _convolution_backward(delta: Array, kernel: Array, bias: Array, images: Array, dk: Array, db: Array) -> Array:
    """Back through the pooling, the activation and the convolution."""
    a = _activated(kernel, bias, images)
    whole_delta = np.empty_like(a)
    _pooled_backward(delta, whole_delta)
    times_slope(whole_delta, a, _TANH)
    return _convolved_backward(whole_delta, kernel, images, dk, db)


def lenet(examples: int = 16, staged: bool = True, seed: int = 0) -> Problem:
    """A classifier of random images of the size of LeNet-5, 44,426 parameters, to be checked.

    Parameters
    ----------
    examples : int
        m, the first axis of the images, of shape (m, 1, 28, 28).
    staged : bool
        Whether the cost comes in stages, or in one piece; the same bits either way.
    seed : int
        Of the data and the parameters.
    """
    require_at_least(1, examples=examples)
    rng = np.random.default_rng(seed)
    theta = initial(_LAYOUT, rng)
    x, y = rng.standard_normal((examples, 1, _SIDE, _SIDE)), rng.integers(10, size=examples)
    stages = [(first, ("K1", "b1")), (second, ("K2", "b2")), (third, ("W3", "b3")), (fourth, ("W4", "b4"))]
    cost = in_stages([*stages, (last, ("W5", "b5"))], _LAYOUT) if staged else whole
    return Problem(cost, backward, theta, (x, y), _LAYOUT, "lenet" + (", in stages" if staged else ""))
