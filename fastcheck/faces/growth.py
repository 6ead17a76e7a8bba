"""How checking scales, drawn for the terminal with rich: a row per size, then the exponent and what it reaches."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from fastcheck.faces.tables import STYLES
from fastcheck.judge.verdict import Verdict
from fastcheck.words import counted, duration

if TYPE_CHECKING:
    from fastcheck.results.scaling import Measured, Scaling

_COLUMNS = ("size", "n", "J", "components/s", "exhaustive", "efficiency", "screen")  # a row stays within 80 columns
_PROJECTED = "~ is projected from a sample of the components. "
_MEANING = "Efficiency is against a bare loop of the same evaluations, shared out among the workers."
_NO_EXPONENT = "No exponent: it takes three sizes whose check takes 10 ms or more. Give more sizes, or larger ones."


def tell_scaling(scaling: Scaling) -> Any:
    """The whole of it as one renderable."""
    projected = any(m.projected for m in scaling.sizes)
    meaning = Text((_PROJECTED if projected else "") + _MEANING, style="dim")
    parts = [Text(sentence) for sentence in (growth(scaling), reaches(scaling), _screen(scaling)) if sentence]
    left_out = [Text(_left_out(scaling))] if scaling.left_out else []
    return Group(
        Text(_heading(scaling), style="bold"),
        Text(),
        _table(scaling),
        Text(),
        *parts,
        *_wrong(scaling),
        *left_out,
        Text(),
        meaning,
    )


def rounded(n: float) -> str:
    """A number of components in two digits."""
    if n >= 1e12:
        return f"{n:.1e}"
    digits = max(math.floor(math.log10(n)) - 1, 0) if n else 0
    return f"{round(n, -digits):,.0f}"


def names(scaling: Scaling) -> str:
    """What the smallest and the largest problem are called."""
    first, last = scaling.sizes[0].name, scaling.sizes[-1].name
    return first if first == last else f"{first} to {last}"


def threads(scaling: Scaling) -> str:
    return counted(scaling.workers, "worker")


def growth(scaling: Scaling) -> str:
    """A sentence about the exponent."""
    fit, fitted = scaling.fit, scaling.fitted
    if fit is None:
        return _NO_EXPONENT
    return (
        f"The time of an exhaustive check grows as n^{fit.exponent:.2f}, 95 % interval {fit.low:.2f} to {fit.high:.2f}, "
        f"fitted from n = {fitted[0].n:,} to {fitted[-1].n:,}."
    )


def _heading(scaling: Scaling) -> str:
    return ", ".join(words for words in (names(scaling), threads(scaling)) if words)


def _table(scaling: Scaling) -> Table:
    table = Table(box=None, padding=(0, 1), pad_edge=False, header_style="bold")
    for name in _COLUMNS:
        table.add_column(name, justify="right", no_wrap=True)
    for m in scaling.sizes:
        table.add_row(*_row(m))
    return table


def _row(m: Measured) -> tuple[str, ...]:
    return (
        str(m.size),
        f"{m.n:,}",
        duration(m.evaluation_seconds),
        f"{m.throughput:,.0f}" if m.throughput >= 100 else f"{m.throughput:.2g}",
        f"{'~' if m.projected else ''}{duration(m.seconds)}",
        f"{m.efficiency:.2f}",
        duration(m.screen_seconds),
    )


def reaches(scaling: Scaling) -> str:
    """At which n a check passes a minute, an hour and a day, and which of these lie beyond the sizes."""
    least, most = scaling.sizes[0].n, scaling.sizes[-1].n
    told = {f"{_a(span)} at n = {rounded(n)}": least <= n <= most for span, n in scaling.reaches.items() if n}
    if not any(told.values()):
        return f"It passes {_listed(list(told))}, all extrapolated." if told else ""
    return f"It passes {_listed([words + ('' if inside else ' (extrapolated)') for words, inside in told.items()])}."


def _screen(scaling: Scaling) -> str:
    """What a screen needs, there too."""
    counts = [m.screen_evaluations for m in scaling.sizes]
    few = f"{min(counts)} to {max(counts)}" if min(counts) < max(counts) else f"{counts[0]}"
    reached = ((n, scaling.screen_seconds(n)) for n in scaling.reaches.values() if n is not None)
    told = [duration(seconds) for _, seconds in reached if seconds is not None]
    there = f", and about {_listed(told)} there" if told else ""
    return f"A screen took {few} evaluations of J{there}."


def _a(span: str) -> str:
    return f"{'an' if span[0] == 'h' else 'a'} {span}"


def _listed(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _wrong(scaling: Scaling) -> list[Text]:
    """A word about gradients that are not right, or not known to be."""
    sizes: dict[tuple[Verdict, Verdict], list[str]] = {}
    for m in scaling.sizes:
        sizes.setdefault((m.verdict, m.screen_verdict), []).append(str(m.size))
    return [_said(*verdicts, at) for verdicts, at in sizes.items() if set(verdicts) != {Verdict.CORRECT}]


def _said(checked: Verdict, screened: Verdict, at: list[str]) -> Text:
    where = f" at size{'s' if len(at) > 1 else ''} {_listed(at)}"
    if checked is screened:
        return Text.assemble((checked.name, STYLES[checked]), f"{where}, by check and screen.")
    return Text.assemble((checked.name, STYLES[checked]), f"{where} by the check, ", screened.name, " by the screen.")


def _left_out(scaling: Scaling) -> str:
    why = "the run was interrupted" if scaling.interrupted else f"the {scaling.max_seconds:g} s given were over"
    return f"Left out, as {why}: {', '.join(map(str, scaling.left_out))}."
