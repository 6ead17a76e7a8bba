"""A report drawn for the terminal with rich, what is wrong first: verdict, causes, tensors, components, advice."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from fastcheck.diagnosis.finding import Finding
from fastcheck.judge.verdict import Component, TensorReport, Verdict

if TYPE_CHECKING:
    from fastcheck.results.location import Location
    from fastcheck.results.report import Report

_PROSE = 80  # columns of running text in a file or a pipe; tables are never folded there
_ROWS = 8  # tensors that are shown even if they are right
STYLES = {
    Verdict.CORRECT: "bold green",
    Verdict.SUSPECT: "bold yellow",
    Verdict.UNRESOLVED: "bold cyan",
    Verdict.WRONG: "bold red",
}
_NEXT = {
    Verdict.CORRECT: "Nothing to do.",
    Verdict.SUSPECT: "Look at the worst components: the slopes of J that were measured there are others.",
    Verdict.UNRESOLVED: "Whether the gradient is right is not known.",
    Verdict.WRONG: "Look at the backward pass of these tensors, that nearest to the cost first: errors travel backwards.",
}


def tell(report: Report, worst: int, everything: bool = False) -> Any:
    """The whole report as one renderable; ``everything`` shows every tensor."""
    causes, notes = _parted(report.findings)
    parts: list[Any] = [_headline(report), *_findings(causes), Text(), *_tensors(report, everything)]
    if not report.passed and worst and report.numeric is not None:
        parts += [
            Text(),
            Text(f"worst components (of {report.n_checked:,})", style="bold"),
            _components(_beyond_rounding(report, worst)),
        ]
    parts += _findings(notes)
    if not report.findings or (not causes and not report.passed and report.numeric is not None):
        parts += [Text(), Text(_NEXT[report.verdict])]
    if report.location:
        parts += [Text(), *_places(report.location)]
    return Group(*parts, Text(), Text(_effort(report), style="dim"))


def tell_briefly(report: Report) -> Any:
    """What a failing test says: verdict, worst component and causes, then the tensors that are not right."""
    causes, _ = _parted(report.findings)
    worst = [Text(f"  worst {_sentence(c)}") for c in _beyond_rounding(report, 1)]
    wrong = [t for t in report.tensors if t.verdict is not Verdict.CORRECT]
    table: list[Any] = [Text(), _rows(report, wrong)] if wrong else []
    return Group(_headline(report), *worst, *_findings(causes), *table)


def tell_location(location: Location) -> Any:
    """What was found, as one renderable."""
    return Group(*_places(location))


def _places(location: Location) -> list[Any]:
    parts: list[Any] = _findings(list(location.findings))
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
    return [*parts, Text(f"{location.evaluations:,} evaluations of J", style="dim")]


def plain(renderable: Group) -> str:
    """A renderable as text without colour: running text at 80 columns, tables as wide as they are."""
    lines: list[str] = []
    for part in renderable.renderables:
        out = io.StringIO()
        width = 10_000 if isinstance(part, Table) else _PROSE
        Console(file=out, width=width, color_system=None, highlight=False, force_jupyter=False).print(part)
        lines += [line.rstrip() for line in out.getvalue().splitlines()]
    return "\n".join(lines)


def _parted(findings: tuple[Finding, ...]) -> tuple[list[Finding], list[Finding]]:
    """What explains the verdict, and what is worth knowing beside it."""
    return [f for f in findings if not f.advice], [f for f in findings if f.advice]


def _findings(findings: list[Finding]) -> list[Any]:
    told = []
    for finding in findings:
        told += [Text(), Padding(Text.assemble((finding.kind, "bold"), ": ", finding.message), (0, 0, 0, 2))]
    return told


def _headline(report: Report) -> Text:
    return Text.assemble(
        (report.verdict.name, STYLES[report.verdict]), f": {_found(report)}\n",
        f"  ratio {report.ratio:.4e}   rounding floor {report.floor:.1e}   {'step' if report.numeric is None else 'eps'} {report.steps_told}\n",
        (f"  {report.reason}", "dim"),
        *((f"\n  witness {words}", "dim") for words in report.testimony[:1]),
    )  # fmt: skip


def _found(report: Report) -> str:
    """What the verdict means here: where the gradient is wrong, as nearly as that was searched for."""
    if report.location and report.location.words:
        return report.location.words
    names = [t.name for t in report.tensors if t.verdict.accuses]
    return report.verdict.value + (f" in {', '.join(names)}" if names and not report.passed else "")


def _tensors(report: Report, everything: bool) -> list[Any]:
    """A row per tensor, the wrong ones first; of many that are right only how many they are."""
    ordered = sorted(report.tensors, key=lambda t: -t.verdict.severity)
    wrong = [t for t in ordered if t.verdict is not Verdict.CORRECT]
    shown = ordered if everything else ordered[: max(_ROWS, len(wrong))]
    hidden = len(ordered) - len(shown)
    more = [Text(f"and {hidden} more that are CORRECT (--all shows every tensor)", style="dim")] if hidden else []
    return [_rows(report, shown), *more]


def _rows(report: Report, tensors: list[TensorReport]) -> Table:
    """With the worst component of each, or of a screen with the interval of its ratio."""
    screened = report.numeric is None
    last = (
        (("95 % low", "right"), ("high", "right"))
        if screened
        else (("worst", "left"), ("analytic", "right"), ("numeric", "right"))
    )
    table = _table(
        ("tensor", "left"), ("shape", "left"), ("ratio", "right"), ("floor", "right"), ("verdict", "left"), *last
    )
    for t in tensors:
        verdict = Text(t.verdict.name, style=STYLES[t.verdict])
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


def _sentence(c: Component) -> str:
    return f"{c.name}: analytic {c.analytic:.6g}, numeric {c.numeric:.6g}"


def _beyond_rounding(report: Report, k: int) -> tuple[Component, ...]:
    """Up to ``k`` of the worst components: those that are wrong by themselves or not finite, or else the worst one."""
    seen = report.seen
    if seen is None:
        return ()
    worst = seen.worst(max(k, 1))
    beyond = [p for p in worst[:k] if seen.wrong[p] or not math.isfinite(seen.numeric[p] - seen.analytic[p])]
    return tuple(map(seen.component, beyond or worst[:1]))


def _table(*columns: tuple[str, Any]) -> Table:
    table = Table(box=None, padding=(0, 1), pad_edge=False, header_style="bold")
    for name, justify in columns:
        table.add_column(name, justify=justify, no_wrap=name in ("tensor", "worst", "component"), overflow="fold")
    return table


def _shape(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "scalar"


def _effort(report: Report) -> str:
    kind = "njit cost" if report.compiled else "plain Python cost"
    workers = f"{report.workers} worker{'s' if report.workers > 1 else ''}"
    name = f"{report.name}: " if report.name else ""
    return (
        f"{name}{report.n_checked:,} components, {report.evaluations:,} evaluations of J in {report.seconds:.2f} s "
        f"({report.throughput:,.0f} components/s), {workers}, {kind}"
    )
