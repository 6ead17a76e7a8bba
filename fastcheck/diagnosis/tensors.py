"""Right values in the wrong tensor: two gradients exchanged, one copied, or all joined in another order than theta."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from fastcheck.diagnosis.evidence import Hypothesis, Part
from fastcheck.problem.layout import Layout, Tensor
from fastcheck.vectors import Vector


def owner(part: Part, others: Sequence[Part]) -> Part | None:
    """The other tensor whose numeric gradient this tensor's analytic one is, in place or transposed."""
    for other in others:
        if other is part or not (part.whole and other.whole) or other.analytic.size != part.analytic.size:
            continue
        nothing = replace(other, analytic=np.zeros_like(other.analytic))  # what agreement is measured against
        if any(nothing.explained(Hypothesis("swap", values, "", "")) for values in _readings(part, other.tensor.shape)):
            return other
    return None


def _readings(part: Part, shape: tuple[int, ...]) -> list[Vector]:
    """The tensor's values as they are, and transposed where the shapes suggest it."""
    transposed = part.tensor.shape == shape[::-1] and len(shape) == 2
    return [part.analytic, *([part.analytic.reshape(part.tensor.shape).T.ravel()] if transposed else [])]


def joined_order(parts: Sequence[Part], analytic: Vector, layout: Layout) -> list[Tensor] | None:
    """The order in which the gradient's tensors are joined, if it is not theta's and every tensor is found."""
    places = []
    for part in parts:
        start = _place(part, analytic)
        if start is None:
            return None
        places.append(start)
    order = sorted(range(len(parts)), key=places.__getitem__)
    stops = np.cumsum([parts[k].tensor.size for k in order])
    tiled = all(places[k] == stop - parts[k].tensor.size for k, stop in zip(order, stops, strict=True))
    return [parts[k].tensor for k in order] if tiled and order != sorted(order) and stops[-1] == layout.size else None


def _place(part: Part, analytic: Vector) -> int | None:
    """Where in the joined gradient this tensor's numeric gradient starts."""
    if part.numeric is None or not part.whole or not part.numeric.any():
        return None
    peak = int(np.abs(part.numeric).argmax())
    near = np.flatnonzero(np.abs(analytic - part.numeric[peak]) <= part.slack[peak])
    for start in near - peak:
        if start < 0 or start + part.tensor.size > analytic.size:
            continue
        block = analytic[start : start + part.tensor.size]
        if (np.abs(block - part.numeric) <= part.slack).all():
            return int(start)
    return None
