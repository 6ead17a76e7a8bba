"""An LSTM with softmax cross-entropy at every time step; backpropagation through time by hand; examples are columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from fastcheck.checks.problem import Problem
from fastcheck.evaluate.kernels import cached_njit
from fastcheck.functions import sigmoid, tanh
from fastcheck.problem.layout import Layout
from fastcheck.zoo import _bugs
from fastcheck.zoo._bugs import Bug, Given, changed
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
    sum_of_squares,
    vector,
)
from fastcheck.zoo._options import initial, require_at_least

# flaws of the backward pass
NO_TIME, NO_CELL, NO_FORGET, NO_CELL_SLOPE, SIGMOID_SLOPE, OUTPUT_CELL, LATE_HIDDEN, LATE_INPUTS = range(1, 9)
LAST_STEP, NOT_FIRST_STEP, ONE_SHORT, OVERWRITTEN = range(9, 13)


def _gates_otherwise(gradient: _bugs.Arrays, given: Given) -> None:
    """The gates in the order input, forget, output, cell."""
    for name in ("Wx", "Wh", "b"):
        gates = gradient[name].reshape(4, -1)
        gates[:] = gates[[0, 1, 3, 2]]


def _without_forget(dwx: Array) -> Array:
    hidden = dwx.shape[0] // 4
    return _bugs.times(0.0, slice(hidden, 2 * hidden))(dwx)


BUGS: Mapping[str, Bug] = {
    "no-time": Bug("upstream", "no gradient passes from a step's gates to the hidden state before", NO_TIME),
    "no-cell": Bug("upstream", "no gradient passes from a step's cell to the cell before", NO_CELL),
    "no-forget": Bug("upstream", "the forget gate's factor is missing on the path from cell to cell", NO_FORGET),
    "cell-slope": Bug(
        "upstream", "the derivative of tanh(cell) is missing on the path from hidden to cell", NO_CELL_SLOPE
    ),
    "cell-gate": Bug("upstream", "the cell gate's tanh has the derivative of a sigmoid", SIGMOID_SLOPE),
    "output-gate": Bug("upstream", "the output gate's delta uses the cell in place of tanh(cell)", OUTPUT_CELL),
    "late-hidden": Bug("local", "dWh uses the hidden state after the step in place of that before it", LATE_HIDDEN),
    "late-input": Bug("local", "dWx takes the inputs in reversed order of time", LATE_INPUTS),
    "gate-order": Bug(
        "order", "the gates of dWx, dWh and db are in the order input, forget, output, cell", spoil=_gates_otherwise
    ),
    "forget-rows": Bug(
        "row", "the forget gate's rows of dWx are never written", spoil=changed("Wx", to=_without_forget)
    ),
    "column": Bug(
        "column",
        "the column of the last hidden unit in dWy is never written",
        spoil=changed("Wy", to=_bugs.times(0.0, ..., -1)),
    ),
    "component": Bug(
        "component",
        "one component of dWh is twice what it should be",
        spoil=changed("Wh", to=_bugs.strongest_times(2.0)),
    ),
    "steps": Bug("scale", "the 1/steps of the mean over time is missing in every tensor", spoil=_bugs.times_steps),
    "no-mean": Bug("scale", "the 1/m of the mean over examples is missing in dby", spoil=_bugs.times_examples("by")),
    "sign": Bug("sign", "dWy has the wrong sign", spoil=changed("Wy", to=np.negative)),
    "zero": Bug("zero", "dWh is never written", spoil=changed("Wh", to=np.zeros_like)),
    "transposed": Bug("transpose", "dWh has its values in transposed order", spoil=changed("Wh", to=_bugs.transposed)),
    "shifted": Bug("shift", "db is off by one row", spoil=changed("b", to=lambda g: np.roll(g, 1))),
    "clipped": Bug(
        "clip",
        "dWx, dWh and db are clipped at half their largest component",
        spoil=changed("Wx", "Wh", "b", to=_bugs.clipped),
    ),
    "no-l2": Bug(
        "regularisation", "the L2 term of the cost is missing in dWh", spoil=_bugs.decayed("Wh", by=-1.0), needs_l2=True
    ),
    "bias-l2": Bug(
        "regularisation",
        "db and dby have an L2 term, which the cost has for Wx, Wh and Wy only",
        spoil=_bugs.decayed("b", by=1.0),
        needs_l2=True,
    ),
    "last-step": Bug("partial", "only the last time step's loss is passed backwards", LAST_STEP),
    "first-step": Bug("partial", "the loop back through time stops before the first step", NOT_FIRST_STEP),
    "one-short": Bug("partial", "the loop over examples stops before the last one, in every tensor", ONE_SHORT),
    "overwritten": Bug(
        "partial", "dWy is overwritten by every step backwards: the first step's share remains", OVERWRITTEN
    ),
}


class Tensors(NamedTuple):
    """Views of theta, or of its gradient, tensor by tensor."""

    wx: Array
    wh: Array
    b: Array
    wy: Array
    by: Array


class States(NamedTuple):
    """Of every time step; ``h[t]`` and ``c[t]`` are those before step t, ``gates`` come after their activation."""

    gates: Array  # (steps, 4 hidden, examples)
    c: Array  # (steps + 1, hidden, examples)
    h: Array
    scores: Array  # (steps, classes, examples)


@cached_njit
def _tensors(theta: Array, x: Array, sizes: Integers) -> Tensors:
    hidden, classes = sizes[0], sizes[1]
    wx, at = matrix(theta, 0, 4 * hidden, x.shape[1])
    wh, at = matrix(theta, at, 4 * hidden, hidden)
    b, at = vector(theta, at, 4 * hidden)
    wy, at = matrix(theta, at, classes, hidden)
    by, at = vector(theta, at, classes)
    return Tensors(wx, wh, b, wy, by)


@cached_njit
def _cell(gates: Array, recurrent: Array, b: Array, c: Array, c_next: Array, h_next: Array) -> None:
    """One step: the gates of `States`, of which the weighted sums come in as ``gates + recurrent + b``, cell and hidden."""
    n = c.shape[0]
    for unit in range(n):
        for example in range(c.shape[1]):
            i = sigmoid(gates[unit, example] + recurrent[unit, example] + b[unit])
            f = sigmoid(gates[n + unit, example] + recurrent[n + unit, example] + b[n + unit])
            g = tanh(gates[2 * n + unit, example] + recurrent[2 * n + unit, example] + b[2 * n + unit])
            o = sigmoid(gates[3 * n + unit, example] + recurrent[3 * n + unit, example] + b[3 * n + unit])
            c_next[unit, example] = f * c[unit, example] + i * g
            h_next[unit, example] = o * tanh(c_next[unit, example])
            gates[unit, example], gates[n + unit, example] = i, f
            gates[2 * n + unit, example], gates[3 * n + unit, example] = g, o


@cached_njit
def _forward(t: Tensors, x: Array) -> States:
    """Every time step, from a state of zeros."""
    steps, _, examples = x.shape
    n = t.wh.shape[1]
    gates, recurrent = np.empty((steps, 4 * n, examples)), np.empty((4 * n, examples))
    c, h = np.zeros((steps + 1, n, examples)), np.zeros((steps + 1, n, examples))
    scores = np.empty((steps, t.wy.shape[0], examples))
    for step in range(steps):
        np.dot(t.wx, x[step], gates[step])
        np.dot(t.wh, h[step], recurrent)
        _cell(gates[step], recurrent, t.b, c[step], c[step + 1], h[step + 1])
        np.dot(t.wy, h[step + 1], scores[step])
        add_bias(scores[step], t.by)
    return States(gates, c, h, scores)


@cached_njit
def cost(theta: Array, x: Array, y: Integers, sizes: Integers, l2: float) -> float:
    """J = mean over steps and examples of -log softmax(scores)[label] + l2 / 2 * sum of the squares of Wx, Wh and Wy."""
    t = _tensors(theta, x, sizes)
    scores = _forward(t, x).scores
    loss = 0.0
    for step in range(y.shape[0]):
        loss += cross_entropy(scores[step], y[step])
    squares = sum_of_squares(t.wx) + sum_of_squares(t.wh) + sum_of_squares(t.wy) if l2 != 0.0 else 0.0
    return loss / y.size + 0.5 * l2 * squares


@cached_njit
def _cell_backward(gates: Array, c: Array, c_next: Array, dh: Array, dc: Array, delta: Array, flaw: int) -> None:
    """From dJ/dh and dJ/dc after a step: ``delta`` of the weighted sums, and in ``dc`` that of the cell before."""
    n = c.shape[0]
    for unit in range(n):
        for example in range(c.shape[1]):
            i, f = gates[unit, example], gates[n + unit, example]
            g, o = gates[2 * n + unit, example], gates[3 * n + unit, example]
            a = tanh(c_next[unit, example])
            slope = 1.0 if flaw == NO_CELL_SLOPE else 1.0 - a * a
            cell = dc[unit, example] + dh[unit, example] * o * slope
            delta[unit, example] = cell * g * i * (1.0 - i)
            delta[n + unit, example] = cell * c[unit, example] * f * (1.0 - f)
            delta[2 * n + unit, example] = cell * i * (g * (1.0 - g) if flaw == SIGMOID_SLOPE else 1.0 - g * g)
            shown = c_next[unit, example] if flaw == OUTPUT_CELL else a
            delta[3 * n + unit, example] = dh[unit, example] * shown * o * (1.0 - o)
            dc[unit, example] = cell if flaw == NO_FORGET else cell * f
    if flaw == NO_CELL:
        dc[:] = 0.0


@cached_njit
def backward(theta: Array, x: Array, y: Integers, sizes: Integers, l2: float, flaw: int) -> Array:
    """dJ/dtheta, shape (n,), right where ``flaw`` is 0."""
    gradient = np.zeros_like(theta)
    t, d = _tensors(theta, x, sizes), _tensors(gradient, x, sizes)
    gates, c, h, scores = _forward(t, x)
    steps = y.shape[0]
    delta, dh, dc = np.empty_like(gates[0]), np.zeros_like(h[0]), np.zeros_like(c[0])
    for step in range(steps - 1, 0 if flaw == NOT_FIRST_STEP else -1, -1):
        dscores = scores[step]
        softmax_minus_label(dscores, y[step], y.size)
        if flaw == LAST_STEP and step < steps - 1:
            dscores[:] = 0.0
        elif flaw == ONE_SHORT:
            dscores[:, -1] = 0.0
        if flaw == OVERWRITTEN:
            d.wy[:] = 0.0
        add_product(d.wy, dscores, h[step + 1].T)
        add_row_sums(d.by, dscores)
        add_product(dh, t.wy.T, dscores)
        _cell_backward(gates[step], c[step], c[step + 1], dh, dc, delta, flaw)
        add_product(d.wx, delta, x[steps - 1 - step if flaw == LATE_INPUTS else step].T)
        add_product(d.wh, delta, h[step + 1 if flaw == LATE_HIDDEN else step].T)
        add_row_sums(d.b, delta)
        dh[:] = 0.0
        if flaw != NO_TIME:
            add_product(dh, t.wh.T, delta)
    add_scaled(d.wx, l2, t.wx)
    add_scaled(d.wh, l2, t.wh)
    add_scaled(d.wy, l2, t.wy)
    return gradient


def lstm(
    inputs: int = 4,
    hidden: int = 6,
    classes: int = 3,
    steps: int = 5,
    examples: int = 4,
    l2: float = 0.0,
    seed: int = 0,
    bug: str | None = None,
) -> Problem:
    """A classifier of every step of random sequences, to be checked.

    Parameters
    ----------
    inputs, hidden, classes : int
        Of every time step. The gates stand in the order input, forget, cell, output.
    steps, examples : int
        First and last axis of the data.
    l2 : float
        Coefficient of ``1/2 * (sum of Wx**2 + sum of Wh**2 + sum of Wy**2)``.
    seed : int
        Of the data and the parameters.
    bug : str, optional
        The name of a deliberate mistake in the gradient (``bugs("lstm")``); None for the right gradient. Bugs about
        the L2 term take ``l2 = 0.01`` where it is 0.
    """
    require_at_least(1, inputs=inputs, hidden=hidden, steps=steps, examples=examples)
    require_at_least(2, classes=classes)
    mistake = _bugs.choose(BUGS, bug)
    layout = Layout.of(
        {
            "Wx": (4 * hidden, inputs),
            "Wh": (4 * hidden, hidden),
            "b": (4 * hidden,),
            "Wy": (classes, hidden),
            "by": (classes,),
        }
    )
    rng = np.random.default_rng(seed)
    theta = initial(layout, rng)
    x = rng.standard_normal((steps, inputs, examples))
    y = rng.integers(classes, size=(steps, examples))
    args = (x, y, np.array([hidden, classes], dtype=np.int64), mistake.l2(l2))
    name = f"lstm {inputs}-{hidden}-{classes}, {steps} steps" + (f", bug {bug}" if bug else "")
    return Problem(cost, _bugs.planted(backward, layout, mistake), theta, args, layout, name)
