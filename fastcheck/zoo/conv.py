"""A convolutional classifier: 3x3 convolution, activation, 2x2 max-pool, dense softmax; backpropagation by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from fastcheck.checks.problem import Problem
from fastcheck.errors import InputError
from fastcheck.evaluate.kernels import cached_njit
from fastcheck.evaluate.stages import staged as in_stages
from fastcheck.problem.layout import Layout
from fastcheck.zoo import _bugs
from fastcheck.zoo._bugs import Bug, Given, changed
from fastcheck.zoo._layers import (
    CODES,
    Array,
    Integers,
    activate,
    add_bias,
    add_product,
    add_row_sums,
    add_scaled,
    cross_entropy,
    matrix,
    softmax_minus_label,
    sum_of_squares,
    times_slope,
    vector,
)
from fastcheck.zoo._options import initial, require_at_least, require_one_of

ACTIVATIONS = ("relu", "tanh")

NO_SLOPE, WHOLE_WINDOW, FIRST_OF_WINDOW, INTERIOR, OVERWRITTEN, ONE_SHORT = range(1, 7)  # flaws of the backward pass


def _channels_last(gradient: _bugs.Arrays, given: Given) -> None:
    dw2, filters = gradient["W2"], gradient["b1"].size
    dw2.flat[:] = dw2.reshape(-1, filters, dw2.shape[1] // filters).transpose(0, 2, 1).copy()


def _mean_of_positions(gradient: _bugs.Arrays, given: Given) -> None:
    gradient["b1"] /= 4 * gradient["W2"].shape[1] / gradient["b1"].size


BUGS: Mapping[str, Bug] = {
    "flipped": Bug(
        "reverse",
        "dK1 is flipped in height and width: a convolution where a correlation is right",
        spoil=changed("K1", to=lambda g: g[..., ::-1, ::-1]),
    ),
    "axes": Bug(
        "transpose", "height and width of dK1 are exchanged", spoil=changed("K1", to=lambda g: g.swapaxes(2, 3))
    ),
    "in-out": Bug(
        "transpose",
        "dK1 has its values in the order (channels, filters, 3, 3)",
        spoil=changed("K1", to=lambda g: g.swapaxes(0, 1)),
    ),
    "flattened": Bug(
        "order", "the columns of dW2 are flattened as (h, w, filters), not (filters, h, w)", spoil=_channels_last
    ),
    "shifted": Bug(
        "shift", "dK1 is off by one column of the kernel", spoil=changed("K1", to=lambda g: np.roll(g, 1, axis=3))
    ),
    "border": Bug(
        "column",
        "the last column of every kernel in dK1 is never accumulated",
        spoil=changed("K1", to=_bugs.times(0.0, ..., 2)),
    ),
    "class": Bug(
        "row",
        "the row of the last class in dW2 is never written",
        spoil=changed("W2", to=_bugs.times(0.0, -1)),
    ),
    "component": Bug(
        "component", "one component of dK1 has the wrong sign", spoil=changed("K1", to=_bugs.strongest_times(-1.0))
    ),
    "no-mean": Bug("scale", "the 1/m of the mean over examples is missing in dK1", spoil=_bugs.times_examples("K1")),
    "positions": Bug("scale", "db1 is the mean over the image's positions, not the sum", spoil=_mean_of_positions),
    "sign": Bug("sign", "dW2 has the wrong sign", spoil=changed("W2", to=np.negative)),
    "zero": Bug("zero", "db1 is never written", spoil=changed("b1", to=np.zeros_like)),
    "clipped": Bug("clip", "dK1 is clipped at half its largest component", spoil=changed("K1", to=_bugs.clipped)),
    "no-l2": Bug(
        "regularisation",
        "the L2 term of the cost is missing in dK1",
        spoil=_bugs.decayed("K", by=-1.0),
        needs_l2=True,
    ),
    "bias-l2": Bug(
        "regularisation",
        "db1 and db2 have an L2 term, which the cost has for K1 and W2 only",
        spoil=_bugs.decayed("b", by=1.0),
        needs_l2=True,
    ),
    "no-slope": Bug("upstream", "the activation's derivative is missing", NO_SLOPE),
    "window": Bug(
        "upstream", "max-pool passes its gradient to the whole window, not to the maximum only", WHOLE_WINDOW
    ),
    "corner": Bug("upstream", "max-pool passes its gradient to the window's first corner", FIRST_OF_WINDOW),
    "no-padding": Bug(
        "local", "dK1 is summed over the image's interior only, without the positions that need padding", INTERIOR
    ),
    "overwritten": Bug("partial", "dK1 is overwritten by every example: the last one's share remains", OVERWRITTEN),
    "one-short": Bug("partial", "the loop over examples stops before the last one, in every tensor", ONE_SHORT),
}


class Tensors(NamedTuple):
    """Views of theta, or of its gradient, tensor by tensor."""

    k1: Array
    b1: Array
    w2: Array
    b2: Array


@cached_njit
def _tensors(theta: Array, x: Array, sizes: Integers) -> Tensors:
    channels, height, width = x.shape[1:]
    filters, classes = sizes[0], sizes[1]
    k1, at = matrix(theta, 0, filters, channels * 9)
    b1, at = vector(theta, at, filters)
    w2, at = matrix(theta, at, classes, filters * (height // 2) * (width // 2))
    b2, at = vector(theta, at, classes)
    return Tensors(k1.reshape((filters, channels, 3, 3)), b1, w2, b2)


@cached_njit
def _correlate(image: Array, kernel: Array, bias: Array, z: Array) -> None:
    """``z[f, i, j] = b[f] + sum of K[f, c, p, q] image[c, i + p - 1, j + q - 1]``, the image padded with zeros."""
    filters, height, width = z.shape
    for f in range(filters):
        z[f] = bias[f]
        for c in range(image.shape[0]):
            for p in range(3):
                for q in range(3):
                    weight = kernel[f, c, p, q]
                    for i in range(max(0, 1 - p), min(height, height + 1 - p)):
                        for j in range(max(0, 1 - q), min(width, width + 1 - q)):
                            z[f, i, j] += weight * image[c, i + p - 1, j + q - 1]


@cached_njit
def _correlate_backward(delta: Array, image: Array, dkernel: Array, margin: int) -> None:
    """``dK[f, c, p, q] += sum of delta[f, i, j] image[c, i + p - 1, j + q - 1]``, but for a margin of positions."""
    filters, height, width = delta.shape
    for f in range(filters):
        for c in range(image.shape[0]):
            for p in range(3):
                for q in range(3):
                    total = 0.0
                    for i in range(max(margin, 1 - p), min(height - margin, height + 1 - p)):
                        for j in range(max(margin, 1 - q), min(width - margin, width + 1 - q)):
                            total += delta[f, i, j] * image[c, i + p - 1, j + q - 1]
                    dkernel[f, c, p, q] += total


@cached_njit
def _pool(a: Array, features: Array) -> None:
    """The maximum of every 2x2 window of a, flattened as (filters, h, w)."""
    filters, height, width = a.shape
    k = 0
    for f in range(filters):
        for i in range(0, height - 1, 2):
            for j in range(0, width - 1, 2):
                features[k] = max(a[f, i, j], a[f, i, j + 1], a[f, i + 1, j], a[f, i + 1, j + 1])
                k += 1


@cached_njit
def _pool_backward(a: Array, dfeatures: Array, delta: Array, flaw: int) -> None:
    """The derivative by a: that by every window's maximum where a has it, 0 elsewhere."""
    filters, height, width = a.shape
    delta[:] = 0.0
    k = 0
    for f in range(filters):
        for i in range(0, height - 1, 2):
            for j in range(0, width - 1, 2):
                if flaw == WHOLE_WINDOW:
                    delta[f, i : i + 2, j : j + 2] = dfeatures[k]
                else:
                    at = 0 if flaw == FIRST_OF_WINDOW else np.argmax(a[f, i : i + 2, j : j + 2])
                    delta[f, i + at // 2, j + at % 2] = dfeatures[k]
                k += 1


@cached_njit
def _forward(t: Tensors, x: Array, activation: int, a: Array, features: Array, scores: Array) -> None:
    """Fills ``features`` (examples, F) and ``scores`` (classes, examples); ``a`` (filters, h, w) is written over."""
    _seen(t, x, activation, a, features)
    np.dot(t.w2, features.T, scores)
    add_bias(scores, t.b2)


@cached_njit
def _seen(t: Tensors, x: Array, activation: int, a: Array, features: Array) -> None:
    """Fills the features alone."""
    for example in range(x.shape[0]):
        _correlate(x[example], t.k1, t.b1, a)
        activate(a, activation)
        _pool(a, features[example])


@cached_njit
def _buffers(t: Tensors, x: Array) -> tuple[Array, Array, Array]:
    a = np.empty((t.k1.shape[0], x.shape[2], x.shape[3]))
    return a, np.empty((x.shape[0], t.w2.shape[1])), np.empty((t.w2.shape[0], x.shape[0]))


@cached_njit
def cost(theta: Array, x: Array, y: Integers, sizes: Integers, activation: int, l2: float) -> float:
    """J = mean over examples of -log softmax(scores)[label] + l2 / 2 * sum of the squares of K1 and W2."""
    t = _tensors(theta, x, sizes)
    a, features, scores = _buffers(t, x)
    _forward(t, x, activation, a, features, scores)
    squares = sum_of_squares(t.k1) + sum_of_squares(t.w2) if l2 != 0.0 else 0.0
    return cross_entropy(scores, y) / y.size + 0.5 * l2 * squares


@cached_njit
def _images(theta: Array, x: Array, y: Integers, sizes: Integers, activation: int, l2: float) -> tuple[Array, float]:
    """The first stage: features (examples, F), and the squares of K1."""
    t = _tensors(theta, x, sizes)
    a, features, _ = _buffers(t, x)
    _seen(t, x, activation, a, features)
    return features, sum_of_squares(t.k1) if l2 != 0.0 else 0.0


@cached_njit
def _scores(
    theta: Array, state: tuple[Array, float], y: Integers, sizes: Integers, activation: int, l2: float
) -> float:
    """The last stage: J."""
    features, squares = state
    n_w2 = sizes[1] * features.shape[1]
    w2, at = matrix(theta, theta.size - sizes[1] - n_w2, sizes[1], features.shape[1])
    b2, _ = vector(theta, at, sizes[1])
    scores = np.empty((sizes[1], y.size))
    np.dot(w2, features.T, scores)
    add_bias(scores, b2)
    squares = squares + sum_of_squares(w2) if l2 != 0.0 else 0.0
    return cross_entropy(scores, y) / y.size + 0.5 * l2 * squares


@cached_njit
def backward(theta: Array, x: Array, y: Integers, sizes: Integers, activation: int, l2: float, flaw: int) -> Array:
    """dJ/dtheta, shape (n,), right where ``flaw`` is 0."""
    gradient = np.zeros_like(theta)
    t, d = _tensors(theta, x, sizes), _tensors(gradient, x, sizes)
    a, features, scores = _buffers(t, x)
    _forward(t, x, activation, a, features, scores)
    softmax_minus_label(scores, y, y.size)
    if flaw == ONE_SHORT:
        scores[:, -1] = 0.0
    add_product(d.w2, scores, features)
    add_row_sums(d.b2, scores)
    dfeatures = np.zeros_like(features)
    add_product(dfeatures, scores.T, t.w2)
    delta = np.empty_like(a)
    for example in range(y.size):
        _correlate(x[example], t.k1, t.b1, a)
        activate(a, activation)
        _pool_backward(a, dfeatures[example], delta, flaw)
        if flaw != NO_SLOPE:
            times_slope(delta, a, activation)
        if flaw == OVERWRITTEN:
            d.k1[:] = 0.0
        _correlate_backward(delta, x[example], d.k1, 1 if flaw == INTERIOR else 0)
        add_row_sums(d.b1, delta.reshape((d.b1.size, -1)))
    add_scaled(d.k1, l2, t.k1)
    add_scaled(d.w2, l2, t.w2)
    return gradient


def conv(
    image: tuple[int, int] = (8, 8),
    channels: int = 2,
    filters: int = 4,
    classes: int = 5,
    activation: str = "relu",
    examples: int = 4,
    l2: float = 0.0,
    seed: int = 0,
    bug: str | None = None,
    staged: bool = False,
) -> Problem:
    """A classifier of random images, with one convolution of 3x3 kernels (zero padding), to be checked.

    Parameters
    ----------
    image : (int, int)
        Height and width, both even.
    channels, filters, classes : int
        Of the image, of the convolution, of the output.
    activation : {"relu", "tanh"}
        After the convolution.
    examples : int
        m, the first axis of the images, of shape (m, channels, height, width).
    l2 : float
        Coefficient of ``1/2 * (sum of K1**2 + sum of W2**2)``.
    seed : int
        Of the data and the parameters.
    bug : str, optional
        The name of a deliberate mistake in the gradient (``bugs("conv")``); None for the right gradient. Bugs about
        the L2 term take ``l2 = 0.01`` where it is 0.
    staged : bool
        Whether the cost comes in stages, or in one piece; the same bits either way.
    """
    require_one_of(ACTIVATIONS, activation=activation)
    require_at_least(1, channels=channels, filters=filters, examples=examples)
    require_at_least(2, classes=classes)
    if len(image) != 2 or min(image) < 2 or any(side % 2 for side in image):
        raise InputError(f"image must be an even height and an even width, got {tuple(image)}: try (8, 8)")
    mistake = _bugs.choose(BUGS, bug)
    height, width = image
    layout = Layout.of(
        {
            "K1": (filters, channels, 3, 3),
            "b1": (filters,),
            "W2": (classes, filters * (height // 2) * (width // 2)),
            "b2": (classes,),
        }
    )
    rng = np.random.default_rng(seed)
    theta = initial(layout, rng)
    x = rng.standard_normal((examples, channels, height, width))
    y = rng.integers(classes, size=examples)
    args = (x, y, np.array([filters, classes], dtype=np.int64), CODES[activation], mistake.l2(l2))
    name = f"conv {height}x{width}x{channels}-{filters}-{classes} {activation}" + (f", bug {bug}" if bug else "")
    made = in_stages([(_images, ("K1", "b1")), (_scores, ("W2", "b2"))], layout) if staged else cost
    return Problem(made, _bugs.planted(backward, layout, mistake), theta, args, layout, name)
