"""Wrong values in the right places: never written, a factor, a sign, a multiple of theta, clipped."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fastcheck.diagnosis.constants import Constant, Constants
from fastcheck.diagnosis.evidence import Hypothesis, Part
from fastcheck.vectors import Vector, largest, norm

_SHARE = 1e-3  # of the numeric gradient, which a loss beside the L2 term has to be for its factor to mean anything
_SURE = 5.0  # standard deviations that a fitted number may be off by
LEAST = 4
_CLIPPED = 2  # components at the bound that make it one


def values(part: Part, constants: Constants, least: int = LEAST) -> Iterator[Hypothesis]:
    """Every hypothesis about the values of one tensor's gradient, the plainest first.

    With fewer than ``least`` components a multiple of theta is not thought of: it would be a coincidence.
    """
    if not part.analytic.any():
        yield Hypothesis("zero", None, "is zero throughout, the differences of J are not", "Is it ever written?")
        return
    if not part.observed.any():
        yield Hypothesis(
            "unused", None, f"is not zero, but J does not change {'with this tensor at all' if part.whole else 'there'}",
            "Does the cost read it from theta, or from a copy or a global array that numba froze?",
        )  # fmt: skip
        return
    yield from _scaled(part, constants)
    if part.analytic.size >= least and part.theta.any():
        yield from _regularised(part, constants)
        yield from _both(part, constants)
    if part.numeric is not None:
        yield from _clipped(part, part.numeric)


def _scaled(part: Part, constants: Constants) -> Iterator[Hypothesis]:
    """analytic = c numeric."""
    inverse = float(part.fit(part.analytic)[0])
    if not inverse or not np.isfinite(1 / inverse):
        return
    c = 1 / inverse
    uncertainty = _SURE * abs(c) * part.sigma / (norm(part.observed) or 1.0)
    if abs(c + 1) <= max(uncertainty, 1e-6):
        look = "Look for a minus too many or too few: label - output for output - label, += for -=."
        yield Hypothesis("sign", -part.analytic, "has the wrong sign: it is -1 times the numeric one", look)
        return
    named = constants.name(abs(c), uncertainty)
    sign = "-" if c < 0 else ""
    if named is not None:
        exact = np.copysign(named.value, c)
        words = f"is {sign}{named} times the numeric one"
        yield Hypothesis("scale", part.analytic / exact, words, _look_at(named), free=int(named.far))
    look = "Look for a factor that is missing or applied twice."
    yield Hypothesis("scale", part.analytic / c, f"is {c:.4g} times the numeric one", look, free=1)


def _look_at(named: Constant) -> str:
    if named.written.startswith("1/") or named.value < 1:
        return "Look for a mean taken twice, or taken where the cost sums; or for a factor that is missing."
    return "Look for a sum where the cost takes the mean, for a term added twice, or for a factor too many."


def _regularised(part: Part, constants: Constants) -> Iterator[Hypothesis]:
    """numeric - analytic = c theta, or c sign(theta), of all of theta or of all but the first component."""
    rest = part.theta.copy()
    rest[: int(part.places[:1].size and part.places[0] == 0)] = 0.0
    for basis, written in (
        (part.theta, "theta"),
        (np.sign(part.theta), "sign(theta)"),
        (rest, "theta but for its first component"),
    ):
        size = norm(part.seen(basis))
        if not size:
            continue
        c = float(part.fit(basis, rest=part.analytic)[0])
        named = constants.name(abs(c), _SURE * part.sigma / size)
        number = str(named) if named else f"{abs(c):.4g}"
        term = "the L1 term" if written == "sign(theta)" else "the L2 term"
        if c > 0:
            words = f"lacks {number} times {written}"
            look = f"{term[0].upper()}{term[1:]} of the cost is missing in the gradient, or its coefficient is too small there."
        else:
            words = f"has {number} times {written} too much"
            look = f"{term[0].upper()}{term[1:]} is in the gradient twice, or where the cost has none (a bias?)."
        exact = c if named is None else np.copysign(named.value, c)
        yield Hypothesis(
            "regularisation", part.analytic + exact * basis, words, look, free=0 if named and not named.far else 1
        )


def _both(part: Part, constants: Constants) -> Iterator[Hypothesis]:
    """numeric = p analytic + q theta: a factor on all but the L2 term, or on all and the L2 term missing."""
    p, q = map(float, part.fit(part.analytic, part.theta))
    if not p or abs(p - 1) < 1e-6 or norm(part.seen(p * part.analytic)) <= _SHARE * norm(part.observed):
        return
    c = 1 / p
    named = constants.name(abs(c), _SURE * abs(c) * part.sigma / norm(part.observed))
    number = f"{'-' if c < 0 else ''}{named}" if named else f"{c:.4g}"
    words = f"is {number} times the numeric one, but for a multiple of theta (an L2 term)"
    look = "The factor is on the loss alone: look at the mean, or at the sum, over examples."
    yield Hypothesis("scale", p * part.analytic + q * part.theta, words, look, free=2)


def _clipped(part: Part, numeric: Vector) -> Iterator[Hypothesis]:
    """analytic = numeric, cut off at +-c."""
    c = largest(part.analytic)
    at_bound = np.abs(part.analytic) == c
    beyond = at_bound & (np.sign(numeric) == np.sign(part.analytic)) & (np.abs(numeric) > c)
    if np.count_nonzero(at_bound) >= _CLIPPED and beyond.any():
        words = f"is cut off at +-{c:.6g}"
        look = "Check the gradient before it is clipped."
        yield Hypothesis("clip", np.where(beyond, numeric, part.analytic), words, look, same="is cut off")
