"""A report drawn for the terminal with rich: verdict, table of tensors, worst components, findings, what to do next."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from fastcheck import steps
from fastcheck.compare import C_COMPONENT, Component, TensorReport, Verdict

if TYPE_CHECKING:
    from fastcheck.locate import Location
    from fastcheck.report import Report

_PLAIN_WIDTH = 160  # wide enough that no row is folded
_STYLES = {
    Verdict.CORRECT: "bold green",
    Verdict.SUSPECT: "bold yellow",
    Verdict.UNRESOLVED: "bold cyan",
    Verdict.WRONG: "bold red",
}
_NEXT = {
    Verdict.CORRECT: "Nothing to do. Check again after some training, and with other activations or data if they differ.",
    Verdict.SUSPECT: "Look at the worst components above; repeat with another eps: a wrong gradient is wrong at every eps.",
    Verdict.UNRESOLVED: "Repeat as the finding says.",
    Verdict.WRONG: "Look at the backward pass of the tensors that are not CORRECT, the last layer first: errors travel backwards.",
}


def tell(report: Report, worst: int) -> Any:
    """The whole report as one renderable."""
    parts: list[Any] = [_headline(report), Text(f"  {report.reason}"), Text(), _tensors(report)]
    if not report.passed and worst and report.numeric is not None:
        parts += [
            Text(),
            Text(f"worst components (of {report.n_checked:,})"),
            _components(_beyond_rounding(report, worst)),
        ]
    for finding in report.findings:
        parts += [Text(), Padding(Text.assemble((finding.kind, "bold"), ": ", finding.message), (0, 0, 0, 0))]
    if report.passed or report.numeric is not None:
        parts += [Text(), Text(_NEXT[report.verdict])]
    parts.append(Text(_effort(report), style="dim"))
    return Group(*parts)


def tell_location(location: Location) -> Any:
    """What was found, as one renderable."""
    parts: list[Any] = []
    for words, names in (
        ("wrong throughout", (*location.tensors, *location.lines)),
        ("wrong, but not searched to the end", location.unsearched),
    ):
        if names:
            parts.append(Text.assemble((words, "bold"), ": ", ", ".join(names)))
    if location.components:
        parts += [Text("wrong components", style="bold"), _components(location.components)]
    if not parts:
        parts.append(Text("no wrong component found"))
    return Group(*parts, Text(f"{location.evaluations:,} evaluations of J", style="dim"))


def plain(renderable: Any) -> str:
    """A renderable as text without colour, no row folded."""
    out = io.StringIO()
    Console(file=out, width=_PLAIN_WIDTH, color_system=None, highlight=False, soft_wrap=True).print(renderable)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


def _headline(report: Report) -> Text:
    name = report.verdict.name
    return Text.assemble(
        (name, _STYLES[report.verdict]), f": {report.verdict.value}{_where(report)}\n",
        f"  ratio {report.ratio:.4e}   rounding floor {report.floor:.1e}   {'step' if report.numeric is None else 'eps'} {report.eps:g}",
    )  # fmt: skip


def _where(report: Report) -> str:
    names = [t.name for t in report.tensors if t.verdict in (Verdict.WRONG, Verdict.SUSPECT)]
    return f" in {', '.join(names)}" if names and not report.passed else ""


def _tensors(report: Report) -> Table:
    """A row per tensor, with its worst component, or of a screen with the interval of its ratio."""
    screened = report.numeric is None
    last = (
        (("95 % low", "right"), ("high", "right"))
        if screened
        else (("worst", "left"), ("analytic", "right"), ("numeric", "right"))
    )
    table = _table(
        ("tensor", "left"), ("shape", "left"), ("ratio", "right"), ("floor", "right"), ("verdict", "left"), *last
    )
    for t in report.tensors:
        verdict = Text(t.verdict.name, style=_STYLES[t.verdict])
        values = _interval(t) if screened else _worst(t)
        table.add_row(t.name, _shape(t.shape), f"{t.ratio:.1e}", f"{t.floor:.1e}", verdict, *values)
    return table


def _worst(t: TensorReport) -> tuple[str, ...]:
    return (t.worst.name, f"{t.worst.analytic:.5g}", f"{t.worst.numeric:.5g}") if t.worst else ("-", "-", "-")


def _interval(t: TensorReport) -> tuple[str, ...]:
    return tuple("-" if ratio is None else f"{ratio:.1e}" for ratio in (t.ratio_low, t.ratio_high))


def _components(components: tuple[Component, ...]) -> Table:
    table = _table(("component", "left"), ("analytic", "right"), ("numeric", "right"), ("numeric - analytic", "right"))
    for c in components:
        table.add_row(c.name, f"{c.analytic:.9g}", f"{c.numeric:.9g}", f"{c.error:.2e}")
    return table


def _beyond_rounding(report: Report, k: int) -> tuple[Component, ...]:
    """Up to ``k`` of the worst components: those that rounding does not explain, or else the worst one."""
    sigma = steps.sigma(report.noise, report.eps)
    worst = report.worst(k)
    beyond = tuple(c for c in worst if not abs(c.error) <= C_COMPONENT * sigma)
    return beyond or worst[:1]


def _table(*columns: tuple[str, Any]) -> Table:
    table = Table(box=None, padding=(0, 1), pad_edge=False, header_style="bold")
    for name, justify in columns:
        table.add_column(name, justify=justify)
    return table


def _shape(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "scalar"


def _effort(report: Report) -> str:
    kind = "njit cost" if report.compiled else "plain Python cost"
    workers = f"{report.workers} worker{'s' if report.workers > 1 else ''}"
    return (
        f"{report.n_checked:,} components, {report.evaluations:,} evaluations of J in {report.seconds:.2f} s "
        f"({report.throughput:,.0f} components/s), {workers}, {kind}"
    )
