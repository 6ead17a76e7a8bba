"""The whole from its tensors: as good as the worst that counts."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from fastcheck.judge.verdict import Verdict
from fastcheck.judge.worst import worst_first

RIGHT, OPEN, SUSPECT, WRONG = Verdict.CORRECT, Verdict.UNRESOLVED, Verdict.SUSPECT, Verdict.WRONG


@dataclass(frozen=True)
class Tensor:
    verdict: Verdict
    open_: float = 0.0
    weight: float = 0.0


@pytest.mark.parametrize(
    ("tensors", "order"),
    [
        ([Tensor(RIGHT), Tensor(WRONG), Tensor(SUSPECT)], [1, 2, 0]),
        ([Tensor(RIGHT), Tensor(OPEN, 1e-6)], [1, 0]),
        ([Tensor(RIGHT), Tensor(OPEN, 1e-8)], [0]),  # too small to matter
        ([Tensor(OPEN, 1e-8)], [0]),
        ([Tensor(RIGHT), Tensor(OPEN, float("nan"))], [1, 0]),
        ([Tensor(WRONG, 1.0, 0.1), Tensor(WRONG, 0.5, 0.9)], [1, 0]),
    ],
)
def test_order(tensors, order):
    assert worst_first(tensors, 1.0, 1e-9) == order


def test_accept_widens_what_is_too_small_to_matter():
    assert worst_first([Tensor(RIGHT), Tensor(OPEN, 1e-6)], 1.0, 1e-4) == [0]
