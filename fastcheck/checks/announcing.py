"""What is said before a run of more than ten seconds: how long it will take, of what, and what would be quicker."""

from __future__ import annotations

import sys

from fastcheck.diagnosis.finding import counted, duration
from fastcheck.evaluate.evaluator import Evaluator
from fastcheck.evaluate.progress import Progress, muted
from fastcheck.problem.selection import Selection

_LONG = 10.0  # seconds from which on a run is announced
_SCREEN = "screen, a few dozen evaluations"
_SAMPLE = "components, a sample of them"
_STAGED = "fastcheck.staged, a cost in stages"
_COMPILED = "numba.njit, a compiled cost"


def announce(
    evaluator: Evaluator, selection: Selection, n_points: int, progress: Progress, screens: bool = False
) -> None:
    """One line on stderr, unless nothing is to be told; ``n_points`` is how often J is evaluated for a component.

    ``screens`` says whether a screen would answer the same question.
    """
    n = n_points * selection.size
    seconds = evaluator.projected_seconds(n)
    if seconds <= _LONG or progress is muted:
        return
    quicker = [*([_SCREEN] if screens else []), *_quicker(evaluator, selection)]
    told = f"; quicker: {'; '.join(quicker)}" if quicker else ""
    print(
        f"fastcheck: {counted(selection.size, 'component')}, {counted(n, 'evaluation')} of J at {duration(evaluator.seconds)} "
        f"on {counted(evaluator.n_workers, 'worker')}: about {duration(seconds)}{told}",
        file=sys.stderr,
        flush=True,
    )


def _quicker(evaluator: Evaluator, selection: Selection) -> list[str]:
    """What applies to this cost and these components."""
    n_filled = sum(span.stop > span.start for span in selection.spans)
    compiled, several = evaluator.source.compiled, n_filled > 1
    staged = compiled and several and evaluator.stages is None and not evaluator.source.paired
    return [
        *([_SAMPLE] if selection.size > n_filled else []),
        *([_STAGED] if staged else []),
        *([] if compiled else [_COMPILED]),
    ]
