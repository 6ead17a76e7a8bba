"""A sweep drawn for the terminal with rich: a row per step, the ratio as a bar on a log scale, the floor as a mark on it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from fastcheck.faces.text import Hanging
from fastcheck.judge import rule
from fastcheck.words import counted

if TYPE_CHECKING:
    from fastcheck.results.concluding import Step
    from fastcheck.results.swept import Sweep

_LOWEST = -13  # the power of ten at which bars begin; they end at 1
_PER_DECADE = 3  # characters; a row stays within 80 columns
_WIDTH = -_LOWEST * _PER_DECADE + 1
_LABELLED = (-12, -9, -6, -3, 0)
_MEANING = """= is the ratio, | the floor that rounding in J puts under it. The ratio of a
right gradient falls with eps to the floor, that of a wrong one stays level."""


def tell_sweep(sweep: Sweep) -> Any:
    """The whole sweep as one renderable."""
    title: list[Any] = [Text(sweep.name, style="bold")] if sweep.name else []
    parts = [*title, _table(sweep), Text(), Text(_MEANING, style="dim"), Text(_effort(sweep), style="dim")]
    parts += [Text(line) for line in _lowest(sweep)]
    return Group(*parts, Text(), Hanging(Text(sweep.conclusion, style="bold"), 0, 2))


def _lowest(sweep: Sweep) -> list[str]:
    best = sweep.best
    if best is None:
        return ["ratio finite at no eps: J overflows near theta, or every step is lost in its rounding"]
    lines = [f"lowest ratio {best.ratio:.1e} at eps {best.eps:.1e}, rounding floor there {best.floor:.1e}"]
    if math.isfinite(sweep.chosen):
        lines.append(f"eps='auto' takes {sweep.chosen:.0e}{' (*)' if sweep.marked else ''}")
    return lines


def _table(sweep: Sweep) -> Table:
    table = Table(box=None, padding=(0, 1), pad_edge=False, header_style="bold")
    table.add_column("")
    for name in ("eps", "ratio", "floor"):
        table.add_column(name, justify="right")
    table.add_column(Text(_scale()), no_wrap=True)
    for step in sweep.steps:
        mark = "*" if step is sweep.marked else ""
        table.add_row(mark, f"{step.eps:.1e}", f"{step.ratio:.1e}", f"{step.floor:.1e}", _bar(step))
    return table


def _scale() -> str:
    """What stands above the bars: powers of ten, each beginning at its place."""
    scale = ""
    for power in _LABELLED:
        scale = scale.ljust(_place(10.0**power)) + (f"1e{power}" if power else "1")
    return scale


def _bar(step: Step) -> Text:
    """``=`` up to the ratio, ``|`` at the floor."""
    bar = Text()
    if not math.isfinite(step.ratio):
        return bar
    end, floor = _place(step.ratio), _place(step.floor)
    for place in range(max(end, floor) + 1):
        bar.append(
            "|" if place == floor else "=" if place <= end else " ", _style(step.ratio) if place != floor else ""
        )
    return bar


def _place(ratio: float) -> int:
    """The character at which a ratio lies."""
    power = math.log10(ratio) if ratio > 0 else _LOWEST
    return round((min(max(power, _LOWEST), 0) - _LOWEST) * _PER_DECADE)


def _style(ratio: float) -> str:
    return "green" if ratio <= rule.GREAT else "yellow" if ratio < rule.WORRY else "red"


def _effort(sweep: Sweep) -> str:
    return f"{sweep.n_checked:,} of {counted(sweep.n, 'component')}, {counted(sweep.evaluations, 'evaluation')} of J in {sweep.seconds:.2f} s"
