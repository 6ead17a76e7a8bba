"""Whether a second call of the gradient at the same theta gives the same, and if not, what it gives."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fastcheck.diagnosis.finding import Finding
from fastcheck.judge import ratios, rule
from fastcheck.problem.selection import Selection
from fastcheck.vectors import Vector
from fastcheck.words import listed


def repeats(first: Vector, again: Vector | None, numeric: Vector | None, selection: Selection) -> Finding | None:
    """The finding about a gradient that changes from call to call; all vectors at the components of ``selection``."""
    if again is None or not ratios.unrepeatable(first, again):
        return None
    with np.errstate(invalid="ignore", over="ignore"):
        change = again - first
    changed = {
        tensor.name: span
        for tensor, span in zip(selection.layout.tensors, selection.spans, strict=True)
        if ratios.unrepeatable(first[span], again[span])
    }
    names = tuple(changed)
    known = [first] if numeric is None else [first, numeric]
    if all(_is_once_more(change[span], [gradient[span] for gradient in known]) for span in changed.values()):
        message = f"{listed(names)}: a second call of grad at the same theta gives more, by the gradient once again. A buffer is added to and never cleared: set it to zero at the start of grad."
        return Finding("accumulates", names, message)
    message = f"{listed(names)}: a second call of grad at the same theta gives something else. Switch dropout off or fix its mask, seed any generator, and keep nothing between calls."
    return Finding("random", names, message)


def _is_once_more(change: Vector, gradients: Sequence[Vector]) -> bool:
    return any(ratios.ratio(gradient, change) <= rule.ALIKE for gradient in gradients)
