"""How benchmarks compare: in turn within one run, after a warm-up, by the median of the ratios.

Figures are collected and shown as one table at the end; nothing here fails because a machine was busy.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from threadpoolctl import threadpool_limits

from benchmarks.cases import Case, seconds_of, settle, timing
from benchmarks.records import Measured, Timing

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
        ratio = self._in_turn(run, against, rounds).ratio
        self.note(name, ratio, "x", target)
        return ratio

    def throughput(self, case: Case, target: str = "", rounds: int = 5) -> Measured:
        """The case against its bare loop, BLAS on one thread for both; ``target`` is of its time over that loop's."""
        with threadpool_limits(1, user_api="blas"):
            measured = Measured(case.load, self._in_turn(case.run, case.bare, rounds))
        self._benchmark.extra_info.update(measured.figures())
        self.note("over the bare loop", measured.timing.ratio, "x", target)
        self.note("evaluations per second", measured.evaluations_per_second, "/s")
        return measured

    def _in_turn(self, run: Callable[[], Any], against: Callable[[], Any], rounds: int) -> Timing:
        run()
        before: list[float] = []

        def time_other() -> None:
            before.append(seconds_of(against))
            settle()

        self._benchmark.pedantic(run, setup=time_other, rounds=rounds, warmup_rounds=1)
        own = self._benchmark.stats.stats.data
        return timing(list(zip(own, before[-len(own) :], strict=True)))


@pytest.fixture
def figures(benchmark: Any) -> Figures:
    return Figures(benchmark)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if not _figures:
        return
    terminalreporter.section("figures")
    for name, value, unit, target in _figures:
        terminalreporter.write_line(f"{name:<72} {value:>10.4g} {unit:<8} {target}")
