"""What is said before a run of more than ten seconds: how long it will take, of what, and what would be quicker."""

from __future__ import annotations

import sys

from fastcheck.evaluate.evaluator import Evaluator
from fastcheck.evaluate.progress import Progress, muted
from fastcheck.problem.brought import brought
from fastcheck.problem.question import CENTRAL, COMPLEX
from fastcheck.problem.selection import Selection
from fastcheck.words import counted, duration

POINTS = {
    CENTRAL: 2,
    COMPLEX: 2,
}  # evaluations of J for a component, by the method; one at complex theta takes as long as two
_LONG = 10.0  # seconds from which on a run is announced
_SCREEN = "screen (a few dozen J)"
_SAMPLE = "components (a sample)"
_STAGED = "staged (J in stages)"
_COMPILED = "numba.njit (a compiled J)"
_PROCESSES = 'workers="processes"'


def announce(
    evaluator: Evaluator, selection: Selection, n_points: int, progress: Progress, screens: bool = False
) -> None:
    """Two lines on stderr, unless nothing is to be told; ``n_points`` is how often J is evaluated for a component.

    ``screens`` says whether a screen would answer the same question.
    """
    seconds = evaluator.projected_seconds(n_points * selection.size)
    if seconds <= _LONG or progress is muted:
        return
    each, workers = duration(evaluator.seconds), counted(evaluator.n_workers, "worker")
    print(
        f"fastcheck: {counted(selection.size, 'component')}, J {each}, {workers}: this will take about {duration(seconds)}",
        *(f"  quicker: {', '.join(quicker)}" for quicker in [_quicker(evaluator, selection, screens)] if quicker),
        sep="\n",
        file=sys.stderr,
        flush=True,
    )


def _quicker(evaluator: Evaluator, selection: Selection, screens: bool) -> list[str]:
    """What applies to this cost and these components."""
    n_filled = sum(span.stop > span.start for span in selection.spans)
    source, several = evaluator.source, n_filled > 1
    staged = source.compiled and several and evaluator.stages is None and not source.paired
    made = not (source.compiled or source.compilable) and "threads" not in brought(source.function).mute
    return [
        *([_SCREEN] if screens else []),
        *([_SAMPLE] if selection.size > n_filled else []),
        *([_STAGED] if staged else []),
        *([_COMPILED] if source.compilable else []),
        *([_PROCESSES] if made and evaluator.n_workers == 1 else []),
    ]
