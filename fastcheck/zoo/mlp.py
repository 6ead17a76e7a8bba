"""A multilayer perceptron with softmax cross-entropy and backpropagation written by hand; examples are columns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fastcheck.errors import InputError
from fastcheck.kernels import cached_njit
from fastcheck.layout import Layout
from fastcheck.problem import Problem
from fastcheck.zoo import _bugs

_SLOPES = {"linear": 0, "tanh": 1, "relu": 2, "sigmoid": 3}
ACTIVATIONS = ("tanh", "relu", "sigmoid")
_DEFAULT_L2 = 0.01  # where a bug is about the L2 term and none was asked for


@cached_njit
def _activate(z, kind):
    """The activation, in place."""
    flat = z.reshape(-1)
    for i in range(flat.size):
        if kind == 1:
            flat[i] = np.tanh(flat[i])
        elif kind == 2:
            flat[i] = max(flat[i], 0.0)
        elif kind == 3:
            flat[i] = 1.0 / (1.0 + np.exp(-flat[i]))


@cached_njit
def _times_slope(delta, a, kind):
    """delta times the activation's derivative, in place, the derivative written in terms of the activation a."""
    d, v = delta.reshape(-1), a.reshape(-1)
    for i in range(d.size):
        if kind == 1:
            d[i] *= 1.0 - v[i] * v[i]
        elif kind == 2:
            d[i] *= 1.0 if v[i] > 0.0 else 0.0
        elif kind == 3:
            d[i] *= v[i] * (1.0 - v[i])


@cached_njit
def _layer(theta, sizes, layer, start):
    """W of shape (out, in), b of shape (out,), and where the next layer starts in theta."""
    n_in, n_out = sizes[layer], sizes[layer + 1]
    middle = start + n_out * n_in
    stop = middle + n_out
    return theta[start:middle].reshape((n_out, n_in)), theta[middle:stop], stop


@cached_njit
def _affine(w, b, a):
    z = w @ a
    for row in range(z.shape[0]):
        for column in range(z.shape[1]):
            z[row, column] += b[row]
    return z


@cached_njit
def cost(theta, x, y, sizes, activation, l2):
    """J = mean over examples of -log softmax(z_L)[label] + l2 / 2 * sum of the squares of every W."""
    a, start, squares = x, 0, 0.0
    for layer in range(sizes.size - 2):
        w, b, start = _layer(theta, sizes, layer, start)
        a = _affine(w, b, a)
        _activate(a, activation)
        if l2 != 0.0:
            squares += np.sum(w * w)
    w, b, start = _layer(theta, sizes, sizes.size - 2, start)
    scores = _affine(w, b, a)
    if l2 != 0.0:
        squares += np.sum(w * w)
    loss = 0.0
    for column in range(y.size):
        top = np.max(scores[:, column])
        total = 0.0
        for row in range(scores.shape[0]):
            total += np.exp(scores[row, column] - top)
        loss += np.log(total) + top - scores[y[column], column]
    return loss / y.size + 0.5 * l2 * squares


@cached_njit
def backward(theta, x, y, sizes, activation, slope, l2):
    """dJ/dtheta, shape (n,); ``slope`` is the activation whose derivative is taken."""
    n_layers = sizes.size - 1
    activations, starts, start = [x], [0], 0
    for layer in range(n_layers):
        w, b, start = _layer(theta, sizes, layer, start)
        starts.append(start)
        a = _affine(w, b, activations[layer])
        if layer < n_layers - 1:
            _activate(a, activation)
        activations.append(a)
    gradient = np.empty_like(theta)
    delta = _softmax_minus_label(activations[n_layers], y)
    for layer in range(n_layers - 1, -1, -1):
        w, b, _ = _layer(theta, sizes, layer, starts[layer])
        dw, db, _ = _layer(gradient, sizes, layer, starts[layer])
        dw[:] = delta @ activations[layer].T + l2 * w
        db[:] = delta.sum(axis=1)
        if layer > 0:
            delta = w.T @ delta
            _times_slope(delta, activations[layer], slope)
    return gradient


@cached_njit
def _softmax_minus_label(scores, y):
    """dJ/dz_L = (softmax(z_L) - one-hot labels) / m."""
    delta = np.empty_like(scores)
    for column in range(y.size):
        top = np.max(scores[:, column])
        total = 0.0
        for row in range(scores.shape[0]):
            delta[row, column] = np.exp(scores[row, column] - top)
            total += delta[row, column]
        for row in range(scores.shape[0]):
            delta[row, column] /= total * y.size
        delta[y[column], column] -= 1.0 / y.size
    return delta


def mlp(
    sizes: Sequence[int] = (64, 134, 10),
    activation: str = "tanh",
    examples: int = 32,
    l2: float = 0.0,
    seed: int = 0,
    bug: str | None = None,
) -> Problem:
    """A classifier of the given layer ``sizes`` on random data, to be checked.

    Parameters
    ----------
    sizes : sequence of int
        Inputs, hidden layers, classes. The default has 10,060 parameters.
    activation : {"tanh", "relu", "sigmoid"}
        Of every hidden layer.
    examples : int
        m, the number of columns of the data.
    l2 : float
        Coefficient of ``1/2 * sum of W**2``.
    seed : int
        Of the data and the parameters.
    bug : str, optional
        The name of a deliberate mistake in the gradient (`bugs`); None for the right gradient. Bugs about the L2
        term take ``l2 = 0.01`` where it is 0.
    """
    if activation not in ACTIVATIONS:
        raise InputError(f"activation must be one of {', '.join(ACTIVATIONS)}, got {activation!r}: choose one")
    if len(sizes) < 3 or min(sizes) < 1 or sizes[-1] < 2:
        raise InputError(
            f"sizes must be inputs, at least one hidden layer and two or more classes, got {tuple(sizes)}: try (64, 134, 10)"
        )
    mistake = _bugs.choose(_bugs.MLP, bug)
    l2 = _DEFAULT_L2 if mistake.needs_l2 and l2 == 0.0 else float(l2)
    layout = Layout.of(
        {
            name: shape
            for layer, (n_in, n_out) in enumerate(zip(sizes[:-1], sizes[1:], strict=True), start=1)
            for name, shape in ((f"W{layer}", (n_out, n_in)), (f"b{layer}", (n_out,)))
        }
    )
    rng = np.random.default_rng(seed)
    theta = _initial(layout, rng)
    x = rng.standard_normal((sizes[0], examples))
    y = rng.integers(sizes[-1], size=examples)
    args = (x, y, np.array(sizes, dtype=np.int64), _SLOPES[activation], l2)
    name = f"mlp {'-'.join(map(str, sizes))} {activation}" + (f", bug {bug}" if bug else "")
    return Problem(cost, _gradient_of(layout, mistake), theta, args, layout, name)


def _initial(layout: Layout, rng: np.random.Generator) -> np.ndarray:
    """W normal with variance 1 / inputs; b small but not zero, so that no component is special."""
    theta = np.empty(layout.size)
    for tensor in layout.tensors:
        spread = 1 / np.sqrt(tensor.shape[-1]) if len(tensor.shape) == 2 else 0.1
        theta[tensor.slice] = spread * rng.standard_normal(tensor.size)
    return theta


def _gradient_of(layout: Layout, mistake: _bugs.Bug):
    """The hand-written gradient, with the mistake planted in it."""

    def grad(theta, x, y, sizes, activation, l2):
        told = {"slope": activation, "l2": l2, **(mistake.backward or {})}
        slope = _SLOPES.get(told["slope"], told["slope"])
        gradient = backward(theta, x, y, sizes, activation, slope, told["l2"])
        if mistake.spoil is not None:
            mistake.spoil(layout.unpack(gradient), y.size)
        return gradient

    return grad


def bugs() -> dict[str, str]:
    """The names of the bugs that `mlp` can plant, each with what it does."""
    return {name: bug.words for name, bug in _bugs.MLP.items()}
