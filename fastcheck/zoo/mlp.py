"""A multilayer perceptron with softmax cross-entropy and backpropagation written by hand; examples are columns.

Only the cost is compiled: the gradient is called a few times, and would take longer to compile than it ever runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numba
import numpy as np

from fastcheck.checks.problem import Problem
from fastcheck.errors import InputError
from fastcheck.evaluate.kernels import cached_njit
from fastcheck.evaluate.stages import Stage
from fastcheck.evaluate.stages import staged as in_stages
from fastcheck.problem.layout import Layout
from fastcheck.zoo import _bugs
from fastcheck.zoo._bugs import Bug, changed
from fastcheck.zoo._layers import (
    CODES,
    Array,
    Integers,
    activate,
    affine,
    cross_entropy,
    sum_of_squares,
)
from fastcheck.zoo._options import initial, require_at_least, require_one_of

ACTIVATIONS = tuple(CODES)

NO_SLOPE, SLOPE_TWICE, SUMS, ONE_SHORT, LAST_ONLY = range(1, 6)  # flaws of the backward pass

_HIDDEN: Mapping[int, tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {
    CODES["tanh"]: (np.tanh, lambda a: 1.0 - a**2),  # the activation, and its slope by the activation itself
    CODES["relu"]: (lambda z: np.maximum(z, 0.0), lambda a: (a > 0.0).astype(float)),
    CODES["sigmoid"]: (lambda z: 0.5 * (1.0 + np.tanh(0.5 * z)), lambda a: a * (1.0 - a)),
}

BUGS: Mapping[str, Bug] = {
    "factor": Bug("scale", "dW2 is twice what it should be", spoil=changed("W2", to=_bugs.times(2.0))),
    "sign": Bug("sign", "db1 has the wrong sign", spoil=changed("b1", to=np.negative)),
    "no-mean": Bug("scale", "the 1/m of the mean over examples is missing in dW1", spoil=_bugs.times_examples("W1")),
    "no-l2": Bug(
        "regularisation",
        "the L2 term of the cost is missing in every dW",
        spoil=_bugs.decayed("W", by=-1.0),
        needs_l2=True,
    ),
    "no-slope": Bug("upstream", "the activation's derivative is missing", NO_SLOPE),
    "zero": Bug("zero", "db2 is never written", spoil=changed("b2", to=np.zeros_like)),
    "transposed": Bug("transpose", "dW1 has its values in transposed order", spoil=changed("W1", to=_bugs.transposed)),
    "component": Bug(
        "component", "one component of dW1 is off by 1 %", spoil=changed("W1", to=_bugs.strongest_times(1.01))
    ),
    "row": Bug(
        "row",
        "one row of dW2 is 1.5 times what it should be",
        spoil=changed("W2", to=_bugs.strongest_times(1.5, n_axes=1)),
    ),
    "shifted": Bug("shift", "db1 is off by one unit", spoil=changed("b1", to=lambda g: np.roll(g, 1))),
    "column": Bug(
        "column",
        "the column of the first input in dW1 is never written",
        spoil=changed("W1", to=_bugs.times(0.0, ..., 0)),
    ),
    "twice-mean": Bug(
        "scale", "db2 is divided by the number of examples twice", spoil=_bugs.times_examples("b2", power=-1)
    ),
    "fortran": Bug("order", "every dW is joined in Fortran order", spoil=changed(to=_bugs.transposed)),
    "clipped": Bug("clip", "dW2 is clipped at half its largest component", spoil=changed("W2", to=_bugs.clipped)),
    "bias-l2": Bug(
        "regularisation",
        "every db has an L2 term, which the cost has for W only",
        spoil=_bugs.decayed("b", by=1.0),
        needs_l2=True,
    ),
    "double-l2": Bug(
        "regularisation",
        "the L2 term of dW1 is 2 l2 W1: the 1/2 of the cost is forgotten",
        spoil=_bugs.decayed("W1", by=1.0),
        needs_l2=True,
    ),
    "slope-twice": Bug(
        "upstream", "the output's delta, softmax - label, is multiplied by the slope p (1 - p) as well", SLOPE_TWICE
    ),
    "sums": Bug("local", "dW2 uses the first layer's weighted sums in place of its activations", SUMS),
    "one-short": Bug("partial", "the loop over examples stops before the last one, in every tensor", ONE_SHORT),
    "last-only": Bug("partial", "db1 is overwritten by every example in turn: the last one's share remains", LAST_ONLY),
}


@cached_njit
def _passed(
    theta: Array, a: Array, squares: float, sizes: Integers, layer: int, start: int, activation: int, l2: float
) -> tuple[Array, float, int]:
    """What a layer makes of the activations before it, the squares of W up to it, and where the next layer starts."""
    middle = start + sizes[layer + 1] * sizes[layer]
    stop = middle + sizes[layer + 1]
    w = theta[start:middle].reshape((sizes[layer + 1], sizes[layer]))
    z = affine(w, theta[middle:stop], a)
    activate(z, activation)
    return z, squares + sum_of_squares(w) if l2 != 0.0 else 0.0, stop


@cached_njit
def cost(theta: Array, x: Array, y: Integers, sizes: Integers, activation: int, l2: float) -> float:
    """J = mean over examples of -log softmax(z_L)[label] + l2 / 2 * sum of the squares of every W."""
    a, start, squares = x, int(np.int64(0)), 0.0  # a literal 0 would have every layer compiled twice
    for layer in range(sizes.size - 1):
        hidden = layer < sizes.size - 2
        a, squares, start = _passed(theta, a, squares, sizes, layer, start, activation if hidden else 0, l2)
    return cross_entropy(a, y) / y.size + 0.5 * l2 * squares


def _stages(layout: Layout) -> list[tuple[Stage, tuple[str, ...]]]:
    """One for each layer: activations and the squares of W so far in, the same out, and J out of the last."""
    n_layers = len(layout.tensors) // 2
    shapes = {f"W{layer + 1}": f"b{layer + 1}" for layer in range(n_layers)}
    starts = [layout.tensors[2 * layer].start for layer in range(n_layers)]
    made = [
        _first,
        *(_hidden(layer, starts[layer]) for layer in range(1, n_layers - 1)),
        _last(n_layers - 1, starts[-1]),
    ]
    return list(zip(made, shapes.items(), strict=True))


@cached_njit
def _first(theta: Array, x: Array, y: Integers, sizes: Integers, activation: int, l2: float) -> tuple[Array, float]:
    return _passed(theta, x, 0.0, sizes, 0, 0, activation, l2)[:2]


def _hidden(layer: int, start: int) -> Stage:
    @numba.njit()
    def hidden(
        theta: Array, state: tuple[Array, float], y: Integers, sizes: Integers, activation: int, l2: float
    ) -> tuple[Array, float]:
        return _passed(theta, state[0], state[1], sizes, layer, start, activation, l2)[:2]

    return hidden


def _last(layer: int, start: int) -> Stage:
    @numba.njit()
    def last(
        theta: Array, state: tuple[Array, float], y: Integers, sizes: Integers, activation: int, l2: float
    ) -> float:
        scores, squares, _ = _passed(theta, state[0], state[1], sizes, layer, start, 0, l2)
        return cross_entropy(scores, y) / y.size + 0.5 * l2 * squares

    return last


def backward(theta: Array, x: Array, y: Integers, sizes: Integers, activation: int, l2: float, flaw: int) -> Array:
    """dJ/dtheta, shape (n,), right where ``flaw`` is 0."""
    forward, slope = _HIDDEN[activation]
    layers = _layers(theta, sizes)
    sums, activations = [], [x]
    for w, b in layers:
        sums.append(w @ activations[-1] + b[:, None])
        activations.append(forward(sums[-1]))
    gradient = np.zeros_like(theta)
    delta = _softmax_minus_label(sums[-1], y, flaw)
    for layer, (dw, db) in reversed(list(enumerate(_layers(gradient, sizes)))):
        inputs = sums[0] if flaw == SUMS and layer == 1 else activations[layer]
        w = layers[layer][0]
        dw[:] = delta @ inputs.T + l2 * w
        db[:] = delta[:, -1] if flaw == LAST_ONLY and layer == 0 else delta.sum(axis=1)
        if layer > 0:
            delta = w.T @ delta
            if flaw != NO_SLOPE:
                delta *= slope(activations[layer])
    return gradient


def _layers(theta: Array, sizes: Integers) -> list[tuple[Array, Array]]:
    """W of shape (out, in) and b of shape (out,) of every layer, views."""
    layers, start = [], 0
    for n_in, n_out in zip(sizes[:-1], sizes[1:], strict=True):
        middle, stop = start + n_in * n_out, start + n_in * n_out + n_out
        layers.append((theta[start:middle].reshape(n_out, n_in), theta[middle:stop]))
        start = stop
    return layers


def _softmax_minus_label(scores: Array, y: Integers, flaw: int) -> Array:
    """The derivative by the scores of the mean over examples of -log softmax(column)[label]."""
    p = np.exp(scores - scores.max(axis=0))
    p /= p.sum(axis=0)
    delta: Array = (p - (np.arange(len(p))[:, None] == y)) / y.size
    if flaw == SLOPE_TWICE:
        delta *= p * (1.0 - p)
    elif flaw == ONE_SHORT:
        delta[:, -1] = 0.0
    return delta


def mlp(
    sizes: Sequence[int] = (64, 134, 10),
    activation: str = "tanh",
    examples: int = 32,
    l2: float = 0.0,
    seed: int = 0,
    bug: str | None = None,
    staged: bool = False,
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
    staged : bool
        Whether the cost comes in stages, a layer each, or in one piece; the same bits either way.
    """
    require_one_of(ACTIVATIONS, activation=activation)
    require_at_least(1, examples=examples)
    if len(sizes) < 3 or min(sizes) < 1 or sizes[-1] < 2:
        raise InputError(
            f"sizes must be inputs, at least one hidden layer and two or more classes, got {tuple(sizes)}: try (64, 134, 10)"
        )
    mistake = _bugs.choose(BUGS, bug)
    layout = Layout.of(
        {
            name: shape
            for layer, (n_in, n_out) in enumerate(zip(sizes[:-1], sizes[1:], strict=True), start=1)
            for name, shape in ((f"W{layer}", (n_out, n_in)), (f"b{layer}", (n_out,)))
        }
    )
    rng = np.random.default_rng(seed)
    theta = initial(layout, rng)
    x = rng.standard_normal((sizes[0], examples))
    y = rng.integers(sizes[-1], size=examples)
    args = (x, y, np.array(sizes, dtype=np.int64), CODES[activation], mistake.l2(l2))
    name = f"mlp {'-'.join(map(str, sizes))} {activation}" + (f", bug {bug}" if bug else "")
    made = in_stages(_stages(layout), layout) if staged else cost
    return Problem(made, _bugs.planted(backward, layout, mistake), theta, args, layout, name)
