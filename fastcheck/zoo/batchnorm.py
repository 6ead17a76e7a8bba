"""A dense layer with batch normalisation, an activation, and dense softmax; backpropagation by hand; examples are columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from fastcheck.checks.problem import Problem
from fastcheck.errors import InputError
from fastcheck.evaluate.kernels import cached_njit
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
    standardise,
    standardise_backward,
    sum_of_squares,
    times_slope,
    vector,
)
from fastcheck.zoo._options import initial, require_at_least, require_one_of

ACTIVATIONS = tuple(CODES)

# flaws of the backward pass
NO_SLOPE, NO_GAMMA, NO_DEVIATION, NO_MEAN_PATH, NO_VARIANCE_PATH, FROZEN, SUMS, NORMAL_FOR_ACTIVATION = range(1, 9)
LAST_ONLY, ONE_SHORT = range(9, 11)


def _unbiased(gradient: _bugs.Arrays, given: Given) -> None:
    gradient["gamma1"] *= np.sqrt(1 - 1 / given.examples)


BUGS: Mapping[str, Bug] = {
    "no-gamma": Bug("scale", "the factor gamma1 is missing in the delta of W1: every row has its own factor", NO_GAMMA),
    "no-root": Bug(
        "scale",
        "the 1 / sqrt(variance + epsilon) is missing in the delta of W1: every row has its own factor",
        NO_DEVIATION,
    ),
    "unbiased": Bug(
        "scale", "dgamma1 takes the unbiased variance, with m - 1, where the cost takes m", spoil=_unbiased
    ),
    "twice-mean": Bug(
        "scale", "dbeta1 is divided by the number of examples twice", spoil=_bugs.times_examples("beta1", power=-1)
    ),
    "no-mean": Bug("scale", "the 1/m of the mean over examples is missing in dW2", spoil=_bugs.times_examples("W2")),
    "no-slope": Bug("upstream", "the activation's derivative is missing", NO_SLOPE),
    "no-centre": Bug("local", "the path through the batch's mean is missing in the delta of W1", NO_MEAN_PATH),
    "no-variance": Bug(
        "local", "the path through the batch's variance is missing in the delta of W1", NO_VARIANCE_PATH
    ),
    "frozen": Bug(
        "local", "the backward pass takes the batch's mean and variance for constants, as in evaluation", FROZEN
    ),
    "sums": Bug("local", "dgamma1 uses the weighted sums in place of the normalised ones", SUMS),
    "normal": Bug("local", "dW2 uses the normalised sums in place of the activations", NORMAL_FOR_ACTIVATION),
    "swapped": Bug("swap", "dgamma1 and dbeta1 are exchanged", spoil=_bugs.swapped("gamma1", "beta1")),
    "sign": Bug("sign", "dbeta1 has the wrong sign", spoil=changed("beta1", to=np.negative)),
    "zero": Bug("zero", "dgamma1 is never written", spoil=changed("gamma1", to=np.zeros_like)),
    "transposed": Bug("transpose", "dW2 has its values in transposed order", spoil=changed("W2", to=_bugs.transposed)),
    "reversed": Bug(
        "reverse", "db2 has its classes from the last to the first", spoil=changed("b2", to=lambda g: g[::-1])
    ),
    "shifted": Bug("shift", "dbeta1 is off by one unit", spoil=changed("beta1", to=lambda g: np.roll(g, 1))),
    "row": Bug("row", "the row of the first unit in dW1 is never written", spoil=changed("W1", to=_bugs.times(0.0, 0))),
    "column": Bug(
        "column",
        "one column of dW2 is twice what it should be",
        spoil=changed("W2", to=_bugs.times(2.0, ..., -1)),
    ),
    "component": Bug(
        "component", "one component of dgamma1 is off by 10 %", spoil=changed("gamma1", to=_bugs.strongest_times(1.1))
    ),
    "clipped": Bug("clip", "dW1 is clipped at half its largest component", spoil=changed("W1", to=_bugs.clipped)),
    "no-l2": Bug(
        "regularisation",
        "the L2 term of the cost is missing in dW1 and dW2",
        spoil=_bugs.decayed("W", by=-1.0),
        needs_l2=True,
    ),
    "gamma-l2": Bug(
        "regularisation",
        "dgamma1 has an L2 term, which the cost has for W1 and W2 only",
        spoil=_bugs.decayed("gamma", by=1.0),
        needs_l2=True,
    ),
    "last-only": Bug(
        "partial", "dW2 and db2 are overwritten by every example: the last one's share remains", LAST_ONLY
    ),
    "one-short": Bug("partial", "the sums of dgamma1 and dbeta1 stop before the last example", ONE_SHORT),
}


class Tensors(NamedTuple):
    """Views of theta, or of its gradient, tensor by tensor."""

    w1: Array
    gamma1: Array
    beta1: Array
    w2: Array
    b2: Array


@cached_njit
def _tensors(theta: Array, sizes: Integers) -> Tensors:
    w1, at = matrix(theta, 0, sizes[1], sizes[0])
    gamma1, at = vector(theta, at, sizes[1])
    beta1, at = vector(theta, at, sizes[1])
    w2, at = matrix(theta, at, sizes[2], sizes[1])
    b2, at = vector(theta, at, sizes[2])
    return Tensors(w1, gamma1, beta1, w2, b2)


@cached_njit
def _buffers(sizes: Integers, examples: int) -> tuple[Array, Array, Array, Array]:
    normal, a = np.empty((sizes[1], examples)), np.empty((sizes[1], examples))
    return normal, np.empty(sizes[1]), a, np.empty((sizes[2], examples))


@cached_njit
def _forward(t: Tensors, x: Array, activation: int, normal: Array, inverse: Array, a: Array, scores: Array) -> None:
    """Fills the normalised sums, the inverse deviation of every unit, the activations and the scores."""
    np.dot(t.w1, x, normal)
    standardise(normal, inverse)
    for unit in range(a.shape[0]):
        for example in range(a.shape[1]):
            a[unit, example] = t.gamma1[unit] * normal[unit, example] + t.beta1[unit]
    activate(a, activation)
    np.dot(t.w2, a, scores)
    add_bias(scores, t.b2)


@cached_njit
def cost(theta: Array, x: Array, y: Integers, sizes: Integers, activation: int, l2: float) -> float:
    """J = mean over examples of -log softmax(scores)[label] + l2 / 2 * sum of the squares of W1 and W2."""
    t = _tensors(theta, sizes)
    normal, inverse, a, scores = _buffers(sizes, y.size)
    _forward(t, x, activation, normal, inverse, a, scores)
    squares = sum_of_squares(t.w1) + sum_of_squares(t.w2) if l2 != 0.0 else 0.0
    return cross_entropy(scores, y) / y.size + 0.5 * l2 * squares


@cached_njit
def backward(theta: Array, x: Array, y: Integers, sizes: Integers, activation: int, l2: float, flaw: int) -> Array:
    """dJ/dtheta, shape (n,), right where ``flaw`` is 0."""
    gradient = np.zeros_like(theta)
    t, d = _tensors(theta, sizes), _tensors(gradient, sizes)
    normal, inverse, a, scores = _buffers(sizes, y.size)
    _forward(t, x, activation, normal, inverse, a, scores)
    softmax_minus_label(scores, y, y.size)
    delta = np.zeros_like(a)
    add_product(delta, t.w2.T, scores)
    if flaw != NO_SLOPE:
        times_slope(delta, a, activation)
    if flaw == LAST_ONLY:
        scores[:, :-1] = 0.0
    add_product(d.w2, scores, normal.T if flaw == NORMAL_FOR_ACTIVATION else a.T)
    add_row_sums(d.b2, scores)
    _scale_backward(t, d, t.w1 @ x if flaw == SUMS else normal, delta, flaw)
    if flaw == NO_DEVIATION:
        inverse[:] = 1.0
    standardise_backward(
        delta, normal, inverse, flaw != NO_MEAN_PATH and flaw != FROZEN, flaw != NO_VARIANCE_PATH and flaw != FROZEN
    )
    add_product(d.w1, delta, x.T)
    add_scaled(d.w1, l2, t.w1)
    add_scaled(d.w2, l2, t.w2)
    return gradient


@cached_njit
def _scale_backward(t: Tensors, d: Tensors, normal: Array, delta: Array, flaw: int) -> None:
    """dgamma1 and dbeta1; delta becomes that of the normalised sums."""
    examples = delta.shape[1] - 1 if flaw == ONE_SHORT else delta.shape[1]
    for unit in range(delta.shape[0]):
        for example in range(examples):
            d.gamma1[unit] += delta[unit, example] * normal[unit, example]
            d.beta1[unit] += delta[unit, example]
        for example in range(delta.shape[1]):
            delta[unit, example] *= 1.0 if flaw == NO_GAMMA else t.gamma1[unit]


def batchnorm(
    sizes: Sequence[int] = (10, 12, 5),
    activation: str = "tanh",
    examples: int = 16,
    l2: float = 0.0,
    seed: int = 0,
    bug: str | None = None,
) -> Problem:
    """A classifier whose hidden layer, without bias, is normalised over the examples, to be checked.

    Parameters
    ----------
    sizes : sequence of three int
        Inputs, hidden units, classes.
    activation : {"tanh", "relu", "sigmoid"}
        Of ``gamma1 * normalised + beta1``.
    examples : int
        m, the number of columns of the data, at least 2.
    l2 : float
        Coefficient of ``1/2 * (sum of W1**2 + sum of W2**2)``.
    seed : int
        Of the data and the parameters.
    bug : str, optional
        The name of a deliberate mistake in the gradient (``bugs("batchnorm")``); None for the right gradient. Bugs
        about the L2 term take ``l2 = 0.01`` where it is 0.
    """
    require_one_of(ACTIVATIONS, activation=activation)
    require_at_least(2, examples=examples)
    if len(sizes) != 3 or min(sizes) < 1 or sizes[-1] < 2:
        raise InputError(
            f"sizes must be inputs, hidden units and two or more classes, got {tuple(sizes)}: try (10, 12, 5)"
        )
    mistake = _bugs.choose(BUGS, bug)
    n_in, hidden, classes = sizes
    layout = Layout.of(
        {"W1": (hidden, n_in), "gamma1": (hidden,), "beta1": (hidden,), "W2": (classes, hidden), "b2": (classes,)}
    )
    rng = np.random.default_rng(seed)
    theta = initial(layout, rng)
    x = rng.standard_normal((n_in, examples))
    y = rng.integers(classes, size=examples)
    args = (x, y, np.array(sizes, dtype=np.int64), CODES[activation], mistake.l2(l2))
    name = f"batchnorm {'-'.join(map(str, sizes))} {activation}" + (f", bug {bug}" if bug else "")
    return Problem(cost, _bugs.planted(backward, layout, mistake), theta, args, layout, name)
