"""A causal transformer block, pre-norm, with softmax cross-entropy on the next token; backpropagation by hand.

Positions are rows inside the block; of the data, every column is an example.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from fastcheck.errors import InputError
from fastcheck.kernels import cached_njit
from fastcheck.layout import Layout
from fastcheck.problem import Problem
from fastcheck.zoo import _bugs
from fastcheck.zoo._bugs import Bug, Given, changed
from fastcheck.zoo._elementary import exp
from fastcheck.zoo._layers import (
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
from fastcheck.zoo._options import initial, require_at_least

# flaws of the backward pass
NO_SCALE, ELEMENTWISE, NO_MASK, NO_RESIDUAL, NO_MEAN_PATH, NO_GAIN, NO_DENSITY = range(1, 8)
ROWS_FOR_NORMAL, VALUES_FOR_MIXED, ASSIGNED, LAST_POSITION, ONE_SHORT = range(8, 13)


def _by_width(gradient: _bugs.Arrays, given: Given) -> None:
    """The rows of dWq in the order (head width, heads)."""
    heads, dwq = given.args[2][1], gradient["Wq"]
    dwq.flat = dwq.reshape(heads, -1, dwq.shape[1]).swapaxes(0, 1).copy()


def _without_head(name: str, axis: int) -> _bugs.Spoil:
    def spoil(gradient: _bugs.Arrays, given: Given) -> None:
        heads = np.split(gradient[name], given.args[2][1], axis=axis)
        heads[-1][...] = 0.0

    return spoil


BUGS: Mapping[str, Bug] = {
    "no-scale": Bug("scale", "the 1 / sqrt(head width) of the attention's scores is missing in dWq", NO_SCALE),
    "positions": Bug(
        "scale", "the 1/length of the mean over positions is missing in every tensor", spoil=_bugs.times_steps
    ),
    "twice-mean": Bug(
        "scale", "dP is divided by the number of examples twice", spoil=_bugs.times_examples("P", power=-1)
    ),
    "elementwise": Bug(
        "upstream", "the softmax of the attention is differentiated as p (1 - p), component by component", ELEMENTWISE
    ),
    "no-mask": Bug("upstream", "the backward pass recomputes the attention without the causal mask", NO_MASK),
    "no-residual": Bug("upstream", "the delta of the path around the GELU layers is dropped", NO_RESIDUAL),
    "no-centre": Bug("upstream", "the path through the mean is missing in both layer norms", NO_MEAN_PATH),
    "no-gain": Bug("upstream", "the factor gain is missing in the delta that both layer norms pass on", NO_GAIN),
    "gelu": Bug("upstream", "GELU has the slope Phi(z), without z phi(z)", NO_DENSITY),
    "rows": Bug("local", "dgain2 uses the layer norm's input in place of the normalised rows", ROWS_FOR_NORMAL),
    "values": Bug("local", "dWo uses the values in place of their mixture by attention", VALUES_FOR_MIXED),
    "assigned": Bug("local", "a row of dE is assigned, not accumulated, where its token occurs again", ASSIGNED),
    "swapped": Bug("swap", "dWq and dWk are exchanged", spoil=_bugs.swapped("Wq", "Wk")),
    "heads": Bug(
        "order", "the rows of dWq are in the order (head width, heads), not (heads, head width)", spoil=_by_width
    ),
    "transposed": Bug("transpose", "dWo is transposed", spoil=changed("Wo", to=_bugs.transposed)),
    "reversed": Bug(
        "reverse", "dP has its positions from the last to the first", spoil=changed("P", to=lambda g: g[::-1])
    ),
    "shifted": Bug("shift", "dP is off by one position", spoil=changed("P", to=lambda g: np.roll(g, 1, axis=0))),
    "head": Bug("row", "the last head's rows of dWv are never written", spoil=_without_head("Wv", axis=0)),
    "token": Bug(
        "row",
        "one token's row of dE, as if it were padding, is never written",
        spoil=changed("E", to=_bugs.strongest_times(0.0, n_axes=1)),
    ),
    "columns": Bug("column", "the last head's columns of dWo are never written", spoil=_without_head("Wo", axis=1)),
    "component": Bug(
        "component", "one component of dW1 is off by 10 %", spoil=changed("W1", to=_bugs.strongest_times(1.1))
    ),
    "sign": Bug("sign", "dshift1 has the wrong sign", spoil=changed("shift1", to=np.negative)),
    "zero": Bug("zero", "dWk is never written", spoil=changed("Wk", to=np.zeros_like)),
    "clipped": Bug("clip", "every tensor is clipped at half its largest component", spoil=changed(to=_bugs.clipped)),
    "no-l2": Bug(
        "regularisation",
        "the L2 term of the cost is missing in dWq, dWk, dWv and dWo",
        spoil=_bugs.decayed("Wq", "Wk", "Wv", "Wo", by=-1.0),
        needs_l2=True,
    ),
    "embedded-l2": Bug(
        "regularisation",
        "dE and dP have an L2 term, which the cost has for the other matrices only",
        spoil=_bugs.decayed("E", "P", by=1.0),
        needs_l2=True,
    ),
    "last-only": Bug("partial", "only the last position's loss is passed backwards", LAST_POSITION),
    "one-short": Bug("partial", "the loop over examples stops before the last one, in every tensor", ONE_SHORT),
}


class Tensors(NamedTuple):
    """Views of theta, or of its gradient, tensor by tensor."""

    e: np.ndarray  # token embedding
    p: np.ndarray  # position embedding
    gain1: np.ndarray
    shift1: np.ndarray
    wq: np.ndarray
    wk: np.ndarray
    wv: np.ndarray
    wo: np.ndarray
    gain2: np.ndarray
    shift2: np.ndarray
    w1: np.ndarray
    b1: np.ndarray
    w2: np.ndarray
    b2: np.ndarray
    wu: np.ndarray


class States(NamedTuple):
    """What one example leaves on its way through the block; one row for every position where nothing else is said."""

    x0: np.ndarray  # the embedded tokens
    normal1: np.ndarray  # standardised
    inverse1: np.ndarray  # (length,)
    a1: np.ndarray  # gain1 * normal1 + shift1
    q: np.ndarray
    k: np.ndarray
    v: np.ndarray
    p: np.ndarray  # (heads, length, length), the attention of every position to those up to it
    mixed: np.ndarray  # the heads' results beside each other
    x1: np.ndarray
    normal2: np.ndarray
    inverse2: np.ndarray
    a2: np.ndarray
    z: np.ndarray  # (length, hidden), weighted sums
    f: np.ndarray  # their GELU
    x2: np.ndarray
    scores: np.ndarray  # (vocabulary, length)


@cached_njit
def _tensors(theta, sizes):
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
def _states(sizes, length):
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
def _layer_norm(x, gain, shift, normal, inverse, a):
    for i in range(x.shape[0]):
        for c in range(x.shape[1]):
            normal[i, c] = x[i, c]
    standardise(normal, inverse)
    for i in range(x.shape[0]):
        for c in range(x.shape[1]):
            a[i, c] = gain[c] * normal[i, c] + shift[c]


@cached_njit
def _attend(q, k, p, masked):
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
def _mix(p, v, mixed):
    """``mixed[i] = sum over j up to i of p[head, i, j] v[j]``, each head in its columns."""
    n = v.shape[1] // p.shape[0]
    mixed[:] = 0.0
    for head in range(p.shape[0]):
        for i in range(v.shape[0]):
            for j in range(i + 1):
                for c in range(head * n, (head + 1) * n):
                    mixed[i, c] += p[head, i, j] * v[j, c]


@cached_njit
def _gelu(z, f):
    """``f = z Phi(z)``, Phi the normal distribution."""
    for i in range(z.shape[0]):
        for c in range(z.shape[1]):
            f[i, c] = 0.5 * z[i, c] * (1.0 + math.erf(z[i, c] / math.sqrt(2.0)))


@cached_njit
def _forward(t, tokens, s):
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
def cost(theta, x, y, sizes, l2):
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
def _layer_norm_backward(delta, seen, normal, inverse, gain, dgain, dshift, flaw):
    """dgain and dshift accumulated; delta becomes the derivative by the layer norm's input."""
    for i in range(delta.shape[0]):
        for c in range(delta.shape[1]):
            dgain[c] += delta[i, c] * seen[i, c]
            dshift[c] += delta[i, c]
            delta[i, c] *= 1.0 if flaw == NO_GAIN else gain[c]
    standardise_backward(delta, normal, inverse, flaw != NO_MEAN_PATH, True)


@cached_njit
def _attention_backward(dmixed, s, dq, dk, dv, flaw):
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
def _times_gelu_slope(delta, z, flaw):
    """delta times Phi(z) + z phi(z), in place."""
    for i in range(z.shape[0]):
        for c in range(z.shape[1]):
            density = math.exp(-0.5 * z[i, c] ** 2) / math.sqrt(2.0 * math.pi)
            slope = 0.5 * (1.0 + math.erf(z[i, c] / math.sqrt(2.0)))
            delta[i, c] *= slope if flaw == NO_DENSITY else slope + z[i, c] * density


@cached_njit
def _backward(t, d, tokens, s, dscores, flaw):
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
def backward(theta, x, y, sizes, l2, flaw):
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


def attention(
    width: int = 8,
    heads: int = 2,
    hidden: int = 16,
    vocabulary: int = 7,
    length: int = 6,
    examples: int = 3,
    l2: float = 0.0,
    seed: int = 0,
    bug: str | None = None,
) -> Problem:
    """A language model of one transformer block on random tokens, to be checked.

    ``x0 = E[token] + P[position]``, ``x1 = x0 + attention(norm(x0)) Wo'``, ``x2 = x1 + GELU(norm(x1) W1' + b1) W2' + b2``
    and the scores of the next token are ``Wu x2``.

    Parameters
    ----------
    width, heads : int
        Of every position's row, and into how many heads it is split: heads must divide width.
    hidden : int
        Units of the GELU layer.
    vocabulary, length, examples : int
        Tokens, positions (first axis of the data) and sequences (last axis).
    l2 : float
        Coefficient of ``1/2 * sum of the squares of Wq, Wk, Wv, Wo, W1, W2 and Wu``.
    seed : int
        Of the data and the parameters.
    bug : str, optional
        The name of a deliberate mistake in the gradient (``bugs("attention")``); None for the right gradient. Bugs
        about the L2 term take ``l2 = 0.01`` where it is 0.
    """
    require_at_least(1, width=width, heads=heads, hidden=hidden, length=length, examples=examples)
    require_at_least(2, vocabulary=vocabulary)
    if width % heads:
        raise InputError(f"heads must divide the width {width}, got {heads}: try {math.gcd(width, heads)}")
    mistake = _bugs.choose(BUGS, bug)
    square, row = (width, width), (width,)
    layout = Layout.of(
        {"E": (vocabulary, width), "P": (length, width), "gain1": row, "shift1": row}
        | {"Wq": square, "Wk": square, "Wv": square, "Wo": square, "gain2": row, "shift2": row}
        | {"W1": (hidden, width), "b1": (hidden,), "W2": (width, hidden), "b2": row, "Wu": (vocabulary, width)}
    )
    rng = np.random.default_rng(seed)
    theta = initial(layout, rng)
    tokens = rng.integers(vocabulary, size=(length + 1, examples))
    sizes = np.array([width, heads, hidden, vocabulary, length], dtype=np.int64)
    args = (tokens[:-1].copy(), tokens[1:].copy(), sizes, mistake.l2(l2))
    name = f"attention {width}x{heads}-{hidden}, {length} of {vocabulary} tokens" + (f", bug {bug}" if bug else "")
    return Problem(cost, _bugs.planted(backward, layout, mistake), theta, args, layout, name)
