"""What a sweep says in words: which steps serve, what hides the gradient at others, or that it differs at them all.

Only what was seen is said. A ratio is rounding's where it is not far above its floor; truncation's where it grows with eps;
the gradient's own where it stays level over a decade or more, far above the floor, and the slopes of J stay as large.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from fastcheck.judge import rule
from fastcheck.problem.question import LECTURE

_LEVEL = 2.0  # times, by which a ratio that stays level may change
_DECADE = 3  # steps, half a decade apart
_GROWS = 3.0  # times, by which truncation grows from step to step, at least
_DIFFERENT = 0.5  # ratio beyond which differences and gradient have little in common


@dataclass(frozen=True)
class Step:
    """The ratio at one eps, and the floor there; nan where J or the differences are not finite. ``size`` is what both are
    parts of, ``||numeric|| + ||analytic||``."""

    eps: float
    ratio: float
    floor: float
    size: float = math.nan

    @property
    def serves(self) -> bool:
        """Whether it shows a gradient to be right: neither the gradient nor rounding comes in the way."""
        return max(self.ratio, self.floor) <= rule.GREAT

    @property
    def rounding(self) -> bool:
        """Whether the ratio may be rounding alone."""
        return self.ratio <= rule.HEARD_AS_FLOOR * self.floor

    def __str__(self) -> str:
        return f"{self.eps:.0e}"


def concluded(steps: Sequence[Step]) -> str:
    """One sentence about steps from the largest to the smallest."""
    seen = [step for step in steps if math.isfinite(step.ratio)]
    if not seen:
        return "no step serves: the ratio is finite at none"
    if not any(step.size for step in seen):
        return "no step serves: J does not move at any, and the gradient is zero"
    if any(step.serves for step in seen):
        return _serving(seen)
    return _differing(seen) or _vanishing(seen) or _hidden(seen)


def _serving(seen: Sequence[Step]) -> str:
    runs = [list(run) for serves, run in groupby(seen, key=lambda step: step.serves) if serves]
    if len(runs[0]) == len(seen) > 1:
        return f"every step from {seen[-1]} to {seen[0]} serves"
    ranges = " and ".join(_range(run) for run in reversed(runs))
    verb = "serves" if len(runs) == len(runs[0]) == 1 else "serve"
    return "; ".join([f"{ranges} {verb}", *_below(seen, runs[-1][-1]), *_above(seen, runs[0][0])])


def _range(run: Sequence[Step]) -> str:
    return f"{run[0]}" if len(run) == 1 else f"{run[-1]} to {run[0]}"


def _below(seen: Sequence[Step], last: Step) -> Iterator[str]:
    """What is in the way at the lecture's step, or else at the first that is too small."""
    finer = seen[seen.index(last) + 1 :]
    step = next((step for step in finer if step.eps == LECTURE), finer[0] if finer else None)
    if step is not None:
        hides = step.rounding and step.floor > rule.GREAT
        yield f"at {step} rounding hides everything below {step.floor:.0e}" if hides else _plain(step)


def _above(seen: Sequence[Step], first: Step) -> Iterator[str]:
    """What is in the way at the first step that is too large."""
    coarser = seen[: seen.index(first)]
    if coarser:
        step = coarser[-1]
        grows = len(coarser) > 1 and coarser[-2].ratio >= _GROWS * step.ratio >= _GROWS * _GROWS * first.ratio
        yield (
            f"at {step} truncation raises the ratio to {step.ratio:.0e}"
            if grows and not step.rounding
            else _plain(step)
        )


def _plain(step: Step) -> str:
    return f"at {step} the ratio is {step.ratio:.0e}, the rounding floor {step.floor:.0e}"


def _differing(seen: Sequence[Step]) -> str:
    """The ratio stays level over a decade, where rounding and the steps can not make it so."""
    lowest = min(step.ratio for step in seen)
    run = _longest([step for step in seen if step.ratio <= _LEVEL * lowest and not step.rounding], seen)
    if len(run) < _DECADE or max(step.size for step in run) > _LEVEL * min(step.size for step in run):
        return ""
    return f"no step brings the ratio below {lowest:.1e}, where it stays from {_range(run)}, above rounding: the gradient differs from the differences of J"


def _vanishing(seen: Sequence[Step]) -> str:
    """Differences that fall with eps as far as they are seen: there is no slope that they come to."""
    level = _longest([step for step in seen if step.ratio > _DIFFERENT and not step.rounding], seen)
    falls = all(fine.size <= coarse.size / _LEVEL for coarse, fine in zip(level, level[1:], strict=False))
    if len(level) < _DECADE or not falls:
        return ""
    return f"no step serves: from {_range(level)} the differences fall with eps, to {level[-1].size:.0e}: the slope of J is zero, as far as can be told"


def _hidden(seen: Sequence[Step]) -> str:
    best = min(seen, key=lambda step: (max(step.ratio, step.floor), step.eps))
    if best.rounding and best.floor > rule.GREAT:
        return f"no step serves: even at {best} rounding hides everything below {best.floor:.0e}"
    return (
        f"no step serves: the lowest ratio is {best.ratio:.1e}, at {best}, where the rounding floor is {best.floor:.0e}"
    )


def _longest(some: Sequence[Step], seen: Sequence[Step]) -> list[Step]:
    """The longest run of neighbours among ``seen`` that are all in ``some``."""
    runs = [list(run) for inside, run in groupby(seen, key=lambda step: step in some) if inside]
    return max(runs, key=len, default=[])
