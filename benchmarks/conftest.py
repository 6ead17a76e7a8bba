"""How benchmarks compare: in turn within one run, after a warm-up, by the median of the ratios.

Figures are collected and shown as one table at the end; nothing here fails because a machine was busy.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import pytest

_figures: list[tuple[str, float, str, str]] = []


class Figures:
    """Takes the figures of one benchmark: into its ``extra_info``, and into the table at the end."""

    def __init__(self, benchmark: Any) -> None:
        self._benchmark = benchmark

    def note(self, name: str, value: float, unit: str = "", target: str = "") -> None:
        self._benchmark.extra_info[name] = value
        _figures.append((f"{self._benchmark.name}: {name}", value, unit, target))

    def ratio(
        self, name: str, run: Callable[[], Any], against: Callable[[], Any], target: str = "", rounds: int = 9
    ) -> float:
        """The median time of ``run`` over that of ``against``, the two in turn, each warmed up."""
        run()
        before: list[float] = []

        def time_other() -> None:
            begin = time.perf_counter()
            against()
            before.append(time.perf_counter() - begin)

        self._benchmark.pedantic(run, setup=time_other, rounds=rounds, warmup_rounds=1)
        own = self._benchmark.stats.stats.data
        ratio = median(mine / theirs for mine, theirs in zip(own, before[-len(own) :], strict=True))
        self.note(name, ratio, "x", target)
        return ratio


@pytest.fixture
def figures(benchmark: Any) -> Figures:
    return Figures(benchmark)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if not _figures:
        return
    terminalreporter.section("figures")
    for name, value, unit, target in _figures:
        terminalreporter.write_line(f"{name:<72} {value:>10.4g} {unit:<8} {target}")
