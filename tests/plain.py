"""The smooth networks of the zoo in plain NumPy, for theta of any dtype; they take what the zoo's costs take."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy.special import erf

from fastcheck import zoo


def tensors_of(theta, **shapes):
    """Views of theta in these shapes."""
    at, views = 0, []
    for shape in shapes.values():
        size = int(np.prod(shape))
        views.append(theta[at : at + size].reshape(shape))
        at += size
    return views


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def cross_entropy(scores, y):
    return np.sum(np.log(np.exp(scores).sum(axis=0)) - scores[y, np.arange(y.size)])


def squares(*tensors):
    return sum((w * w).sum() for w in tensors)


def mlp(theta, x, y, sizes, activation, l2):
    """With tanh or the sigmoid."""
    a, start, total = x, 0, 0.0
    for layer, (n_in, n_out) in enumerate(pairwise(sizes), start=1):
        w, b = tensors_of(theta[start:], W=(n_out, n_in), b=(n_out, 1))
        start += n_out * (n_in + 1)
        z = w @ a + b
        a = z if layer == len(sizes) - 1 else {1: np.tanh, 3: sigmoid}[activation](z)
        total = total + squares(w)
    return cross_entropy(a, y) / y.size + 0.5 * l2 * total


def standardised(z):
    """Every row to mean 0 and variance 1."""
    z = z - z.mean(axis=1, keepdims=True)
    return z / np.sqrt((z * z).mean(axis=1, keepdims=True) + 1e-5)


def batchnorm(theta, x, y, sizes, activation, l2):
    """With tanh."""
    n, hidden, classes = (int(size) for size in sizes)
    w1, gamma, beta, w2, b2 = tensors_of(
        theta, W1=(hidden, n), gamma1=(hidden, 1), beta1=(hidden, 1), W2=(classes, hidden), b2=(classes, 1)
    )
    scores = w2 @ np.tanh(gamma * standardised(w1 @ x) + beta) + b2
    return cross_entropy(scores, y) / y.size + 0.5 * l2 * squares(w1, w2)


def lstm(theta, x, y, sizes, l2):
    hidden, classes = (int(size) for size in sizes)
    wx, wh, b, wy, by = tensors_of(
        theta,
        Wx=(4 * hidden, x.shape[1]),
        Wh=(4 * hidden, hidden),
        b=(4 * hidden, 1),
        Wy=(classes, hidden),
        by=(classes, 1),
    )
    c = h = np.zeros((hidden, x.shape[2]))
    loss = 0.0
    for step, labels in zip(x, y, strict=True):
        i, f, g, o = np.split(wx @ step + wh @ h + b, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        loss = loss + cross_entropy(wy @ h + by, labels)
    return loss / y.size + 0.5 * l2 * squares(wx, wh, wy)


def attended(q, k, v, heads):
    """Every head by itself, each position to those up to it."""
    later = np.triu(np.ones((len(q), len(q)), dtype=bool), 1)
    mixed = []
    for qh, kh, vh in zip(*(np.split(each, heads, axis=1) for each in (q, k, v)), strict=True):
        weights = np.where(later, 0.0, np.exp(qh @ kh.T / np.sqrt(kh.shape[1])))
        mixed.append(weights / weights.sum(axis=1, keepdims=True) @ vh)
    return np.concatenate(mixed, axis=1)


def attention(theta, x, y, sizes, l2):
    width, heads, hidden, vocabulary, length = (int(size) for size in sizes)
    square, row = (width, width), (width,)
    e, p, gain1, shift1, wq, wk, wv, wo, gain2, shift2, w1, b1, w2, b2, wu = tensors_of(
        theta, E=(vocabulary, width), P=(length, width), gain1=row, shift1=row, Wq=square, Wk=square, Wv=square, Wo=square,
        gain2=row, shift2=row, W1=(hidden, width), b1=(hidden,), W2=(width, hidden), b2=row, Wu=(vocabulary, width),
    )  # fmt: skip
    loss = 0.0
    for tokens, following in zip(x.T, y.T, strict=True):
        x0 = e[tokens] + p
        a = gain1 * standardised(x0) + shift1
        x1 = x0 + attended(a @ wq.T, a @ wk.T, a @ wv.T, heads) @ wo.T
        z = (gain2 * standardised(x1) + shift2) @ w1.T + b1
        x2 = x1 + 0.5 * z * (1 + erf(z / np.sqrt(2))) @ w2.T + b2
        loss = loss + cross_entropy(wu @ x2.T, following)
    return loss / y.size + 0.5 * l2 * squares(wq, wk, wv, wo, w1, w2, wu)


# by name: the NumPy form, and the zoo's network
NETWORKS = {
    "mlp, tanh": (mlp, lambda **options: zoo.mlp((6, 9, 8, 4), "tanh", **options)),
    "mlp, sigmoid": (mlp, lambda **options: zoo.mlp((6, 9, 8, 4), "sigmoid", **options)),
    "batchnorm": (batchnorm, lambda **options: zoo.batchnorm((5, 7, 3), activation="tanh", **options)),
    "lstm": (lstm, lambda **options: zoo.lstm(**options)),
    "attention": (attention, lambda **options: zoo.attention(**options)),
}
