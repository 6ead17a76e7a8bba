"""A causal transformer block, pre-norm, with softmax cross-entropy on the next token; backpropagation by hand.

Positions are rows inside the block; of the data, every column is an example.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from fastcheck.evaluate.kernels import cached_njit
from fastcheck.functions import exp
from fastcheck.zoo._layers import (
    Array,
    Integers,
    add_bias,
    add_product,
    add_row_sums,
    add_scaled,
    cross_entropy,
    matrix,
    softmax_minus_label,
    standardise,
    standardise_backward,
    sum_of_squares,
    vector,
)

# flaws of the backward pass
NO_SCALE, ELEMENTWISE, NO_MASK, NO_RESIDUAL, NO_MEAN_PATH, NO_GAIN, NO_DENSITY = range(1, 8)
ROWS_FOR_NORMAL, VALUES_FOR_MIXED, ASSIGNED, LAST_POSITION, ONE_SHORT = range(8, 13)


class Tensors(NamedTuple):
    """Views of theta, or of its gradient, tensor by tensor."""

    e: Array  # token embedding
    p: Array  # position embedding
    gain1: Array
    shift1: Array
    wq: Array
    wk: Array
    wv: Array
    wo: Array
    gain2: Array
    shift2: Array
    w1: Array
    b1: Array
    w2: Array
    b2: Array
    wu: Array


class States(NamedTuple):
    """What one example leaves on its way through the block; one row for every position where nothing else is said."""

    x0: Array  # the embedded tokens
    normal1: Array  # standardised
    inverse1: Array  # (length,)
    a1: Array  # gain1 * normal1 + shift1
    q: Array
    k: Array
    v: Array
    p: Array  # (heads, length, length), the attention of every position to those up to it
    mixed: Array  # the heads' results beside each other
    x1: Array
    normal2: Array
    inverse2: Array
    a2: Array
    z: Array  # (length, hidden), weighted sums
    f: Array  # their GELU
    x2: Array
    scores: Array  # (vocabulary, length)


@cached_njit
def _tensors(theta: Array, sizes: Integers) -> Tensors:
    width, hidden, vocabulary, length = sizes[0], sizes[2], sizes[3], sizes[4]
    e, at = matrix(theta, 0, vocabulary, width)
    p, at = matrix(theta, at, length, width)
    gain1, at = vector(theta, at, width)
    shift1, at = vector(theta, at, width)
    wq, at = matrix(theta, at, width, width)
    wk, at = matrix(theta, at, width, width)
    wv, at = matrix(theta, at, width, width)
    wo, at = matrix(theta, at, width, width)
    gain2, at = vector(theta, at, width)
    shift2, at = vector(theta, at, width)
    w1, at = matrix(theta, at, hidden, width)
    b1, at = vector(theta, at, hidden)
    w2, at = matrix(theta, at, width, hidden)
    b2, at = vector(theta, at, width)
    wu, at = matrix(theta, at, vocabulary, width)
    return Tensors(e, p, gain1, shift1, wq, wk, wv, wo, gain2, shift2, w1, b1, w2, b2, wu)


@cached_njit
def _states(sizes: Integers, length: int) -> States:
    """One allocation for each field, used for every example in turn."""
    width, heads, hidden, vocabulary = sizes[0], sizes[1], sizes[2], sizes[3]
    rows, wide = (length, width), (length, hidden)
    return States(
        np.empty(rows), np.empty(rows), np.empty(length), np.empty(rows),
        np.empty(rows), np.empty(rows), np.empty(rows), np.empty((heads, length, length)), np.empty(rows),
        np.empty(rows), np.empty(rows), np.empty(length), np.empty(rows),
        np.empty(wide), np.empty(wide), np.empty(rows), np.empty((vocabulary, length)),
    )  # fmt: skip


@cached_njit
def _layer_norm(x: Array, gain: Array, shift: Array, normal: Array, inverse: Array, a: Array) -> None:
    for i in range(x.shape[0]):
        for c in range(x.shape[1]):
            normal[i, c] = x[i, c]
    standardise(normal, inverse)
    for i in range(x.shape[0]):
        for c in range(x.shape[1]):
            a[i, c] = gain[c] * normal[i, c] + shift[c]


@cached_njit
def _attend(q: Array, k: Array, p: Array, masked: bool) -> None:
    """``p[head, i] = softmax over j of q[i] . k[j] / sqrt(head width)``, j up to i where masked, each head its columns."""
    heads, length = p.shape[0], p.shape[1]
    n = q.shape[1] // heads
    scale = 1.0 / np.sqrt(n)
    for head in range(heads):
        for i in range(length):
            row, top, total = p[head, i], -np.inf, 0.0
            stop = i + 1 if masked else length
            for j in range(stop):
                row[j] = 0.0
                for c in range(head * n, (head + 1) * n):
                    row[j] += q[i, c] * k[j, c] * scale
                top = max(top, row[j])
            for j in range(stop):
                row[j] = exp(row[j] - top)
                total += row[j]
            for j in range(length):
                row[j] = row[j] / total if j < stop else 0.0


@cached_njit
def _mix(p: Array, v: Array, mixed: Array) -> None:
    """``mixed[i] = sum over j up to i of p[head, i, j] v[j]``, each head in its columns."""
    n = v.shape[1] // p.shape[0]
    mixed[:] = 0.0
    for head in range(p.shape[0]):
        for i in range(v.shape[0]):
            for j in range(i + 1):
                for c in range(head * n, (head + 1) * n):
                    mixed[i, c] += p[head, i, j] * v[j, c]


@cached_njit
def _gelu(z: Array, f: Array) -> None:
    """``f = z Phi(z)``, Phi the normal distribution."""
    for i in range(z.shape[0]):
        for c in range(z.shape[1]):
            f[i, c] = 0.5 * z[i, c] * (1.0 + math.erf(z[i, c] / math.sqrt(2.0)))


@cached_njit
def _forward(t: Tensors, tokens: Integers, s: States) -> None:
    """Fills the states ``s`` for one example, ``tokens`` of shape (length,)."""
    for i in range(tokens.size):
        for c in range(t.e.shape[1]):
            s.x0[i, c] = t.e[tokens[i], c] + t.p[i, c]
    _layer_norm(s.x0, t.gain1, t.shift1, s.normal1, s.inverse1, s.a1)
    np.dot(s.a1, t.wq.T, s.q)
    np.dot(s.a1, t.wk.T, s.k)
    np.dot(s.a1, t.wv.T, s.v)
    _attend(s.q, s.k, s.p, True)
    _mix(s.p, s.v, s.mixed)
    np.dot(s.mixed, t.wo.T, s.x1)
    add_scaled(s.x1, 1.0, s.x0)
    _layer_norm(s.x1, t.gain2, t.shift2, s.normal2, s.inverse2, s.a2)
    np.dot(s.a2, t.w1.T, s.z)
    add_bias(s.z.T, t.b1)
    _gelu(s.z, s.f)
    np.dot(s.f, t.w2.T, s.x2)
    add_bias(s.x2.T, t.b2)
    add_scaled(s.x2, 1.0, s.x1)
    np.dot(t.wu, s.x2.T, s.scores)


@cached_njit
def cost(theta: Array, x: Integers, y: Integers, sizes: Integers, l2: float) -> float:
    """J = mean over positions and examples of -log softmax(scores)[next token] + l2 / 2 * sum of the squares of every W."""
    t = _tensors(theta, sizes)
    s = _states(sizes, x.shape[0])
    loss, squares = 0.0, 0.0
    for example in range(x.shape[1]):
        _forward(t, x[:, example], s)
        loss += cross_entropy(s.scores, y[:, example])
    if l2 != 0.0:
        for w in (t.wq, t.wk, t.wv, t.wo, t.w1, t.w2, t.wu):
            squares += sum_of_squares(w)
    return loss / y.size + 0.5 * l2 * squares


@cached_njit
def _layer_norm_backward(
    delta: Array, seen: Array, normal: Array, inverse: Array, gain: Array, dgain: Array, dshift: Array, flaw: int
) -> None:
    """dgain and dshift accumulated; delta becomes the derivative by the layer norm's input."""
    for i in range(delta.shape[0]):
        for c in range(delta.shape[1]):
            dgain[c] += delta[i, c] * seen[i, c]
            dshift[c] += delta[i, c]
            delta[i, c] *= 1.0 if flaw == NO_GAIN else gain[c]
    standardise_backward(delta, normal, inverse, flaw != NO_MEAN_PATH, True)


@cached_njit
def _attention_backward(dmixed: Array, s: States, dq: Array, dk: Array, dv: Array, flaw: int) -> None:
    """From the derivative by ``s.mixed`` to those by q, k and v, which come in as zeros."""
    heads, length = s.p.shape[0], s.p.shape[1]
    n = s.q.shape[1] // heads
    p = s.p
    if flaw == NO_MASK:
        p = np.empty_like(s.p)
        _attend(s.q, s.k, p, False)
    for head in range(heads):
        columns = range(head * n, (head + 1) * n)
        for i in range(length):
            mean = 0.0
            for c in columns:
                mean += dmixed[i, c] * s.mixed[i, c]
            for j in range(length):
                dp = 0.0
                for c in columns:
                    dp += dmixed[i, c] * s.v[j, c]
                slope = (1.0 - p[head, i, j]) * dp if flaw == ELEMENTWISE else dp - mean
                ds = p[head, i, j] * slope / np.sqrt(n)
                for c in columns:
                    dq[i, c] += ds * s.k[j, c]
                    dk[j, c] += ds * s.q[i, c]
                    dv[j, c] += p[head, i, j] * dmixed[i, c]


@cached_njit
def _times_gelu_slope(delta: Array, z: Array, flaw: int) -> None:
    """delta times Phi(z) + z phi(z), in place."""
    for i in range(z.shape[0]):
        for c in range(z.shape[1]):
            density = math.exp(-0.5 * z[i, c] ** 2) / math.sqrt(2.0 * math.pi)
            slope = 0.5 * (1.0 + math.erf(z[i, c] / math.sqrt(2.0)))
            delta[i, c] *= slope if flaw == NO_DENSITY else slope + z[i, c] * density


@cached_njit
def _backward(t: Tensors, d: Tensors, tokens: Integers, s: States, dscores: Array, flaw: int) -> None:
    """The gradient of one example added to ``d``, from the derivative by its scores and the states it left."""
    dx, dz, da = np.zeros_like(s.x0), np.zeros_like(s.z), np.zeros_like(s.x0)
    add_product(d.wu, dscores, s.x2)
    add_product(dx, dscores.T, t.wu)
    add_product(d.w2, dx.T, s.f)
    add_row_sums(d.b2, dx.T)
    add_product(dz, dx, t.w2)
    _times_gelu_slope(dz, s.z, flaw)
    add_product(d.w1, dz.T, s.a2)
    add_row_sums(d.b1, dz.T)
    add_product(da, dz, t.w1)
    seen = s.x1 if flaw == ROWS_FOR_NORMAL else s.normal2
    _layer_norm_backward(da, seen, s.normal2, s.inverse2, t.gain2, d.gain2, d.shift2, flaw)
    if flaw == NO_RESIDUAL:
        dx[:] = 0.0
    add_scaled(dx, 1.0, da)
    add_product(d.wo, dx.T, s.v if flaw == VALUES_FOR_MIXED else s.mixed)
    da[:] = 0.0
    dmixed, dq, dk, dv = np.zeros_like(dx), np.zeros_like(dx), np.zeros_like(dx), np.zeros_like(dx)
    add_product(dmixed, dx, t.wo)
    _attention_backward(dmixed, s, dq, dk, dv, flaw)
    for w, dw, delta in ((t.wq, d.wq, dq), (t.wk, d.wk, dk), (t.wv, d.wv, dv)):
        add_product(dw, delta.T, s.a1)
        add_product(da, delta, w)
    _layer_norm_backward(da, s.normal1, s.normal1, s.inverse1, t.gain1, d.gain1, d.shift1, flaw)
    add_scaled(dx, 1.0, da)
    add_scaled(d.p[: tokens.size], 1.0, dx)
    for i in range(tokens.size):
        if flaw == ASSIGNED:
            d.e[tokens[i]] = 0.0
        add_scaled(d.e[tokens[i]], 1.0, dx[i])


@cached_njit
def backward(theta: Array, x: Integers, y: Integers, sizes: Integers, l2: float, flaw: int) -> Array:
    """dJ/dtheta, shape (n,), right where ``flaw`` is 0."""
    gradient = np.zeros_like(theta)
    t, d = _tensors(theta, sizes), _tensors(gradient, sizes)
    s = _states(sizes, x.shape[0])
    for example in range(x.shape[1] - 1 if flaw == ONE_SHORT else x.shape[1]):
        _forward(t, x[:, example], s)
        softmax_minus_label(s.scores, y[:, example], y.size)
        if flaw == LAST_POSITION:
            s.scores[:, :-1] = 0.0
        _backward(t, d, x[:, example], s, s.scores, flaw)
    if flaw == NO_SCALE:
        d.wq[:] *= np.sqrt(sizes[0] / sizes[1])
    for w, dw in (
        (t.wq, d.wq), (t.wk, d.wk), (t.wv, d.wv), (t.wo, d.wo), (t.w1, d.w1), (t.w2, d.w2), (t.wu, d.wu),
    ):  # fmt: skip
        add_scaled(dw, l2, w)
    return gradient
