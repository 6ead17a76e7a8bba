"""An error that lives in one place only: some rows, columns or components, and what is wrong there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from fastcheck.diagnosis.constants import Constant, Constants
from fastcheck.diagnosis.evidence import Hypothesis, Part
from fastcheck.judge import ratios
from fastcheck.words import counted

_FILLED = 0.5  # the part of its lines that an error fills if it is one of lines,
_FEW = 0.5  # and the part of all lines that it spares at least
_SCATTERED = 0.05  # the part of a tensor that single components may be
_NAMED = 3  # components, or runs of lines, that are named one by one

MINUS_ONE = Constant(1.0, "1")  # the size of the factor of a wrong sign

Values = Callable[[Part], Iterator[Hypothesis]]


@dataclass(frozen=True)
class _Spot:
    """Where the error is: the kind of the place, how many there are of how many, and its name as an index."""

    kind: str
    n: int
    of: int
    index: str


def spots(part: Part, values: Values) -> Iterator[Hypothesis]:
    """The hypothesis that all but a few components are right; ``values`` proposes what is wrong with those."""
    numeric = part.numeric
    if numeric is None:
        return
    error = np.abs(numeric - part.analytic)
    wrong = error > part.slack
    matters = np.maximum(np.abs(numeric), np.abs(part.analytic)) > part.slack
    if not wrong.any():
        return
    spot = _spot(part, wrong, wrong | matters)
    if spot is None:
        return
    positions = np.flatnonzero(wrong)
    there = _there(part, positions, values)
    what = f", where it {there.words}" if there else ""
    words = f"is wrong on {part.tensor.name}{spot.index} only ({spot.n:,} of {counted(spot.of, spot.kind)}){what}"
    look = there.look if there else "Look at what is special there: the first, the last, an edge, a block."
    same = f"is wrong on {spot.index} only{what}" if spot.index else ""
    yield Hypothesis(spot.kind, np.where(wrong, numeric, part.analytic), words, look, same=same)


def scaled_spots(part: Part, constants: Constants, values: Values) -> Iterator[Hypothesis]:
    """Two mistakes: a plain factor on all of the tensor, and something else in one place."""
    numeric = part.numeric
    if numeric is None:
        return
    matters = (np.abs(numeric) > part.slack) & (part.analytic != 0)
    if not matters.any():
        return
    c = float(np.median(part.analytic[matters] / numeric[matters]))  # a few components do not move it
    named = constants.name(abs(c), 1e-4 * abs(c)) if abs(c + 1) > 1e-4 else MINUS_ONE
    if named is None:
        return
    exact = np.copysign(named.value, c)
    for h in spots(replace(part, analytic=part.analytic / exact), values):
        words = f"is {'-' if c < 0 else ''}{named} times the numeric one, and beside that {h.words}"
        yield Hypothesis("scale", h.corrected, words, "Two mistakes. " + h.look)


def _there(part: Part, positions: np.ndarray, values: Values) -> Hypothesis | None:
    """What is wrong with the components at ``positions``, if that is plain."""
    inside = part.some(positions)
    return next((h for h in values(inside) if h.kind != "clip" and inside.explained(h)), None)


def _spot(part: Part, wrong: np.ndarray, matters: np.ndarray) -> _Spot | None:
    """The lines that the error fills, or the few components that it is."""
    shape = part.tensor.shape
    places = np.unravel_index(part.places, shape) if shape else ()
    long = [axis for axis, length in enumerate(shape) if length > 1]
    if len(long) > 1 and np.count_nonzero(wrong) > 1:
        filled = [line for axis in long if (line := _lines(shape, places, axis, wrong, matters))]
        if filled:
            return min(filled, key=lambda line: line.n / line.of)
    n, of = int(np.count_nonzero(wrong)), int(np.count_nonzero(matters))
    block = _block(shape, places, wrong, matters) if n <= max(_FEW * of, 1) else None
    if n == of or (block is None and n > max(_SCATTERED * of, 1)):
        return None
    return _Spot("component", n, of, block or _listed(part, wrong))


def _lines(
    shape: tuple[int, ...], places: tuple[np.ndarray, ...], axis: int, wrong: np.ndarray, matters: np.ndarray
) -> _Spot | None:
    """The lines along ``axis`` that hold the error, if it spares enough others and fills these."""
    bad, live = np.unique(places[axis][wrong]), np.unique(places[axis][matters])
    inside = np.isin(places[axis], bad)
    if bad.size > _FEW * live.size or np.count_nonzero(wrong) < _FILLED * np.count_nonzero(matters & inside):
        return None
    index = [":"] * len(shape)
    index[axis] = _runs(bad)
    return _Spot("column" if axis else "row", bad.size, shape[axis], f"[{', '.join(index)}]")


def _block(
    shape: tuple[int, ...], places: tuple[np.ndarray, ...], wrong: np.ndarray, matters: np.ndarray
) -> str | None:
    """The smallest block around the error as an index, if the error fills it."""
    bad = [np.unique(place[wrong]) for place in places]
    inside = np.logical_and.reduce([np.isin(place, b) for place, b in zip(places, bad, strict=True)])
    runs = [_runs(b) for b in bad]
    if (
        not shape
        or np.count_nonzero(wrong) < _FILLED * np.count_nonzero(matters & inside)
        or any("..." in r for r in runs)
    ):
        return None
    return f"[{', '.join(runs)}]"


def _runs(indices: np.ndarray) -> str:
    """Sorted indices as ``3``, ``0:4``, or a few of them."""
    starts = np.flatnonzero(np.diff(indices, prepend=indices[0] - 2) != 1)
    stops = [*starts[1:], indices.size]
    runs = [
        f"{indices[a]}" if b - a == 1 else f"{indices[a]}:{indices[b - 1] + 1}"
        for a, b in zip(starts, stops, strict=True)
    ]
    shown = ", ".join(runs[:_NAMED]) + (", ..." if len(runs) > _NAMED else "")
    return runs[0] if len(runs) == 1 else f"({shown})"


def _listed(part: Part, wrong: np.ndarray) -> str:
    """The worst few components by their indices."""
    error = np.abs(part.observed - part.analytic)
    worst = [p for p in ratios.worst_of(part.observed, part.analytic, 0.0, _NAMED) if wrong[p] and error[p] > 0]
    name = part.tensor.name
    names = [part.tensor.component(int(part.places[p]))[len(name) :] for p in worst]
    more = np.count_nonzero(wrong) - len(names)
    return ", ".join(names) + (f" and {more} more" if more > 0 else "")
