"""A report drawn for the terminal with rich: tensors, components, causes and advice; the verdict last, where the eye is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.text import Text

from fastcheck.diagnosis.finding import Finding
from fastcheck.faces.headline import accused, headline
from fastcheck.faces.places import components, places
from fastcheck.faces.text import Columns, Hanging, Justify
from fastcheck.judge.verdict import Component, TensorReport, Verdict
from fastcheck.words import counted, listed

if TYPE_CHECKING:
    from fastcheck.results.report import Report

_ROWS = 8  # tensors that are shown even if they are right,
_WRONG = 24  # and those that are not right
_NAMED = 4  # tensors that the verdict names,
_FEW = 3  # and of more than these the first,
_ROOM = 40  # in so many letters
STYLES = {
    Verdict.CORRECT: "bold green",
    Verdict.SUSPECT: "bold yellow",
    Verdict.UNRESOLVED: "bold cyan",
    Verdict.WRONG: "bold red",
}
_NEXT = {
    Verdict.CORRECT: "",
    Verdict.SUSPECT: "Look at the worst components: the slopes of J that were measured there are others.",
    Verdict.UNRESOLVED: "Whether the gradient is right is not known.",
    Verdict.WRONG: "Look at the backward pass of these tensors, that nearest to the cost first: errors travel backwards.",
}


def tell(report: Report, worst: int, everything: bool = False) -> Any:
    """The whole report as one renderable; ``everything`` shows every tensor, and all that there is to say of a finding."""
    parts = _tensors(report, everything)
    if not report.passed and worst and report.numeric is not None:
        title = f"worst components (of {report.n_checked:,})"
        parts += [Text(), Text(title, style="bold"), components(_beyond_rounding(report, worst))]
    if report.location:
        parts += [Text(), *places(report.location)]
    parts += _explained(report, everything)
    parts += [Text(), Text(_effort(report), style="dim"), *_numbers(report)]
    return Group(*parts, Text(), *_verdict(report))


def tell_top_down(report: Report, worst: int) -> Any:
    """The same for those who read from the top, as in a notebook: verdict and causes first."""
    parts = [*_verdict(report), *_numbers(report), *_explained(report, everything=True), Text()]
    parts += _tensors(report, everything=False, how="report.text(everything=True)")
    if not report.passed and report.numeric is not None:
        parts += [Text(), components(_beyond_rounding(report, worst))]
    located = [Text(), *places(report.location)] if report.location else []
    return Group(*parts, *located, Text(), Text(_effort(report), style="dim"))


def tell_briefly(report: Report) -> Any:
    """What a failing test says: verdict, worst component and causes first, then the tensors that are not right."""
    causes, _ = _parted(report.findings)
    worst = [Text(f"  worst {_sentence(c)}") for c in _beyond_rounding(report, 1)]
    told: list[Any] = [part for finding in causes for part in (Text(), Hanging(_found(finding, finding.message)))]
    wrong = [t for t in report.tensors if t.verdict is not Verdict.CORRECT]
    table: list[Any] = [Text(), _rows(report, wrong)] if wrong else []
    return Group(*_verdict(report), *_numbers(report), *worst, *told, *table)


def _explained(report: Report, everything: bool) -> list[Any]:
    """A line for each finding, what explains the verdict first; or else what to do next."""
    causes, notes = _parted(report.findings)
    told: list[Any] = []
    for finding in [*causes, *notes]:
        told.append(Hanging(_found(finding, finding.headline)))
        if everything and finding.details:
            told.append(Hanging(Text(finding.details), 6, 6))
    if not everything and any(finding.details for finding in report.findings):
        told.append(Text("  (--all, or text(everything=True), tells how that is known and where to look)", style="dim"))
    if (advice := _NEXT[report.verdict]) and not causes and (report.numeric is not None or not notes):
        told.append(Text(advice))
    return [Text(), *told] if told else []


def _parted(findings: tuple[Finding, ...]) -> tuple[list[Finding], list[Finding]]:
    """What explains the verdict, and what is worth knowing beside it."""
    return [f for f in findings if not f.advice], [f for f in findings if f.advice]


def _found(finding: Finding, words: str) -> Text:
    return Text.assemble((finding.kind, "bold"), ": ", words)


def _verdict(report: Report) -> list[Any]:
    """The verdict and the condition that decided."""
    line = Text.assemble((report.verdict.name, STYLES[report.verdict]), f": {headline(report, _accused(report))}")
    return [Hanging(line, 0, 2), *([Hanging(Text(report.reason), 2, 2)] if report.reason else [])]


def _numbers(report: Report) -> list[Any]:
    step = "step" if report.numeric is None else "eps"
    line = f"  ratio {report.ratio:.4e}   rounding floor {report.floor:.1e}   {step} {report.steps_told}"
    return [Text(line), *(Hanging(Text(f"witness {words}", style="dim")) for words in report.testimony[:1])]


def _accused(report: Report) -> str:
    """The tensors that are wrong, by name where they are few."""
    names = accused(report)
    n, n_all, told = len(names), len(report.tensors), ", ".join(names)
    if n < 2 or (n <= _NAMED and len(told) <= _ROOM):
        return told
    if n == n_all:
        return f"all of its {n:,} tensors"
    return f"{n:,} of {n_all:,} tensors: {listed(names, _FEW, _ROOM)}"


def _tensors(report: Report, everything: bool, how: str = "--all") -> list[Any]:
    """A row per tensor, the wrong ones first; of many that are right only how many they are, and ``how`` to see them."""
    ordered = sorted(report.tensors, key=lambda t: -t.verdict.severity)
    n_wrong = sum(t.verdict is not Verdict.CORRECT for t in ordered)
    shown = ordered if everything else ordered[: max(_ROWS, min(n_wrong, _WRONG))]
    hidden = ordered[len(shown) :]
    counts = {verdict.name: sum(t.verdict is verdict for t in hidden) for verdict in reversed(Verdict)}
    told = listed([f"{n:,} more that {'is' if n == 1 else 'are'} {name}" for name, n in counts.items() if n])
    more = [Text(f"and {told} ({how} shows every tensor)", style="dim")] if hidden else []
    return [_rows(report, shown), *more]


def _rows(report: Report, tensors: list[TensorReport]) -> Columns:
    """With the worst component of each, or of a screen with the interval of its ratio."""
    head: tuple[tuple[str, Justify], ...] = (
        ("tensor", "left"),
        ("shape", "left"),
        ("ratio", "right"),
        ("floor", "right"),
        ("verdict", "left"),
    )
    if screened := report.numeric is None:
        table = Columns(*head, ("95 % low", "right"), ("high", "right"))
    else:
        table = Columns(*head, ("worst", "left"), ("analytic", "right"), ("numeric", "right"), names=(0, 5))
    for t in tensors:
        verdict = Text(t.verdict.name, style=STYLES[t.verdict])
        values = _interval(t) if screened else _worst(t)
        table.add(t.name, _shape(t.shape), f"{t.ratio:.1e}", f"{t.floor:.1e}", verdict, *values)
    return table


def _worst(t: TensorReport) -> tuple[str, ...]:
    return (t.worst.name, f"{t.worst.analytic:.5g}", f"{t.worst.numeric:.5g}") if t.worst else ("-", "-", "-")


def _interval(t: TensorReport) -> tuple[str, ...]:
    return tuple("-" if ratio is None else f"{ratio:.1e}" for ratio in (t.ratio_low, t.ratio_high))


def _sentence(c: Component) -> str:
    return f"{c.name}: analytic {c.analytic:.6g}, numeric {c.numeric:.6g}"


def _beyond_rounding(report: Report, k: int) -> tuple[Component, ...]:
    """Up to ``k`` of the worst components: those that are wrong by themselves or not finite, or else the worst one."""
    seen = report.seen
    if seen is None:
        return ()
    worst = seen.worst(max(k, 1))
    beyond = [p for p in worst[:k] if seen.stands_out(p)]
    return tuple(map(seen.component, beyond or worst[:1]))


def _shape(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "scalar"


def _effort(report: Report) -> str:
    kind = "njit cost" if report.compiled else "plain Python cost"
    name = f"{report.name}: " if report.name else ""
    return (
        f"{name}{counted(report.n_checked, 'component')}, {counted(report.evaluations, 'evaluation')} of J in "
        f"{report.seconds:.2f} s ({report.throughput:,.0f} components/s), {counted(report.workers, 'worker')}, {kind}"
    )
