"""Whether a second call of the gradient at the same theta gives the same, and if not, what it gives."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fastcheck import compare
from fastcheck.diagnosis.finding import Finding
from fastcheck.layout import Layout, Vector

_ALIKE = 1e-3  # a ratio below which a change is taken for the gradient once more


def repeats(
    first: Vector, again: Vector | None, numeric: Vector, layout: Layout, components: np.ndarray | None
) -> Finding | None:
    """The finding about a gradient that changes from call to call."""
    if again is None:
        return None
    with np.errstate(invalid="ignore"):
        change = again - first
    changed = {
        tensor.name: span
        for tensor, span in zip(layout.tensors, layout.spans(components), strict=True)
        if compare.unrepeatable(first[span], again[span])
    }
    names = tuple(changed)
    if all(_is_once_more(change[span], (first[span], numeric[span])) for span in changed.values()):
        message = f"{', '.join(names)}: a second call of grad at the same theta gives more, by the gradient once again. A buffer is added to and never cleared: set it to zero at the start of grad."
        return Finding("accumulates", names, message)
    message = f"{', '.join(names)}: a second call of grad at the same theta gives something else. Switch dropout off or fix its mask, seed any generator, and keep nothing between calls."
    return Finding("random", names, message)


def _is_once_more(change: Vector, gradients: Sequence[Vector]) -> bool:
    return any(compare.size(gradient, change, 0.0).ratio <= _ALIKE for gradient in gradients)
