"""A language model of one transformer block, to be checked, and the bugs that it can plant."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from fastcheck.checks.problem import Problem
from fastcheck.errors import InputError
from fastcheck.problem.layout import Layout
from fastcheck.zoo import _bugs
from fastcheck.zoo._bugs import Bug, Given, changed
from fastcheck.zoo._options import initial, require_at_least
from fastcheck.zoo._transformer import (
    ASSIGNED,
    ELEMENTWISE,
    LAST_POSITION,
    NO_DENSITY,
    NO_GAIN,
    NO_MASK,
    NO_MEAN_PATH,
    NO_RESIDUAL,
    NO_SCALE,
    ONE_SHORT,
    ROWS_FOR_NORMAL,
    VALUES_FOR_MIXED,
    backward,
    cost,
)


def _by_width(gradient: _bugs.Arrays, given: Given) -> None:
    """The rows of dWq in the order (head width, heads)."""
    heads, dwq = given.args[2][1], gradient["Wq"]
    dwq.flat[:] = dwq.reshape(heads, -1, dwq.shape[1]).swapaxes(0, 1).copy()


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
