"""Where a gradient is wrong, drawn for the terminal with rich: what `locate` found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.text import Text

from fastcheck.faces.text import Columns, Hanging
from fastcheck.judge.verdict import Component
from fastcheck.words import counted

if TYPE_CHECKING:
    from fastcheck.results.location import Location

_NOTHING = "no wrong component found"


def tell_location(location: Location) -> Any:
    """What was found, as one renderable, the place in one line last."""
    return Group(*places(location), Text(location.words or _NOTHING, style="bold"))


def places(location: Location) -> list[Any]:
    """What was found, and what that took."""
    told = [Text.assemble((finding.kind, "bold"), ": ", finding.message) for finding in location.findings]
    for words, names in (
        ("wrong throughout", (*location.tensors, *location.lines)),
        ("wrong, but not searched to the end", location.unsearched),
    ):
        if names:
            told.append(Text.assemble((words, "bold"), ": ", ", ".join(names)))
    parts: list[Any] = [Hanging(text, 0, 2) for text in told]
    if location.components:
        parts += [Text("wrong components", style="bold"), components(location.components)]
    return [*parts, Text(f"located in {counted(location.evaluations, 'evaluation')} of J", style="dim")]


def components(some: tuple[Component, ...]) -> Columns:
    """A row for each, both derivatives and how far they are apart."""
    table = Columns(("component", "left"), ("analytic", "right"), ("numeric", "right"), ("numeric - analytic", "right"))
    for c in some:
        table.add(c.name, f"{c.analytic:.9g}", f"{c.numeric:.9g}", f"{c.error:.2e}")
    return table
