"""The verdict on the whole from those on its tensors: the one rule, for checks and screens alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from fastcheck.judge import rule
from fastcheck.judge.verdict import Verdict


class Stake(Protocol):
    """What the whole needs to know of a tensor."""

    @property
    def verdict(self) -> Verdict: ...
    @property
    def open_(self) -> float:
        """||max(E, B)||, in J per unit of scale."""
        ...

    @property
    def weight(self) -> float:
        """How much the deciding condition is above its edge."""
        ...


def worst_first(tensors: Sequence[Stake], size: float, accept: float) -> list[int]:
    """The tensors that count, the worst first: the whole is as good as that one; ``size`` is ||G|| + ||S|| of all.

    One that is unresolved and too small to matter, even if all that is open in it were error, does not count.
    """
    small = max(rule.GREAT, accept) * size
    counted = [k for k, t in enumerate(tensors) if t.verdict is not Verdict.UNRESOLVED or not t.open_ <= small]
    return sorted(
        counted or range(len(tensors)),
        key=lambda k: (-tensors[k].verdict.severity, -tensors[k].weight, -tensors[k].open_),
    )
