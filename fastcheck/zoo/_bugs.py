"""Deliberate bugs: what goes wrong in hand-written backpropagation, by name.

Some change what the backward pass is told (`Settings`), the others spoil the gradient it returned, tensor by tensor.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from fastcheck.errors import InputError

Gradient = dict[str, np.ndarray]
Spoil = Callable[[Gradient, int], None]


@dataclass(frozen=True)
class Bug:
    """One mistake: in words, and either settings of the backward pass or a change of the gradient in place."""

    words: str
    backward: Mapping[str, object] | None = None
    spoil: Spoil | None = None
    needs_l2: bool = False


def _in_tensor(name: str, change: Callable[[np.ndarray, int], np.ndarray]) -> Spoil:
    """``change(gradient of the tensor, examples)`` written over that tensor's gradient."""

    def spoil(gradient: Gradient, examples: int) -> None:
        gradient[name][...] = change(gradient[name].copy(), examples)

    return spoil


def _with(array: np.ndarray, index: object, factor: float) -> np.ndarray:
    array[index] *= factor
    return array


def _strongest(array: np.ndarray) -> tuple[np.intp, ...]:
    return np.unravel_index(np.abs(array).argmax(), array.shape)


def _shifted_bias(gradient: Gradient, examples: int) -> None:
    gradient["b1"][...] = np.roll(gradient["b1"], 1)


MLP: Mapping[str, Bug] = {
    "factor": Bug("dW2 is twice what it should be", spoil=_in_tensor("W2", lambda g, m: 2 * g)),
    "sign": Bug("db1 has the wrong sign", spoil=_in_tensor("b1", lambda g, m: -g)),
    "no-mean": Bug("the 1/m of the mean over examples is missing in dW1", spoil=_in_tensor("W1", lambda g, m: m * g)),
    "no-l2": Bug("the L2 term of the cost is missing in every dW", backward={"l2": 0.0}, needs_l2=True),
    "no-slope": Bug("the activation's derivative is missing", backward={"slope": "linear"}),
    "zero": Bug("db2 is never written", spoil=_in_tensor("b2", lambda g, m: 0 * g)),
    "transposed": Bug(
        "dW1 has its values in transposed order", spoil=_in_tensor("W1", lambda g, m: g.T.reshape(g.shape))
    ),
    "component": Bug(
        "one component of dW1 is off by 1 %", spoil=_in_tensor("W1", lambda g, m: _with(g, _strongest(g), 1.01))
    ),
    "row": Bug(
        "one row of dW2 is 1.5 times what it should be",
        spoil=_in_tensor("W2", lambda g, m: _with(g, _strongest(g)[0], 1.5)),
    ),
    "shifted": Bug("db1 is off by one unit", spoil=_shifted_bias),
}


def choose(bugs: Mapping[str, Bug], name: str | None) -> Bug:
    """The named bug, or for None the one that does nothing."""
    if name is None:
        return Bug("")
    if name not in bugs:
        raise InputError(f"bug must be one of {', '.join(bugs)}, got {name!r}: see zoo.bugs()")
    return bugs[name]
