"""The tables of a page: where the gradient is wrong, its tensors, and the largest errors."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastcheck.faces.canvas import short
from fastcheck.faces.heat import worst_first
from fastcheck.judge.verdict import Component, TensorReport

if TYPE_CHECKING:
    from fastcheck.results.report import Report

_WORST = (5, 20)  # components listed: at least, though rounding explains them, and at most


@dataclass(frozen=True)
class Cell:
    """What stands in a table's cell, and the number by which its column is sorted; None sorts by the text."""

    text: str
    value: float | None = None


@dataclass(frozen=True)
class Table:
    """A table: its id, its title, a sentence on it, the kind of each column by its name, the rows.

    The kinds are ``name``, ``number``, ``verdict`` and ``text``.
    """

    id: str
    title: str
    note: str
    columns: dict[str, str]
    rows: list[list[Cell]]


_NOTHING = Cell("–")


def looked_at(report: Report) -> str:
    n, n_checked = report.layout.size, report.n_checked
    return f"{n:,}" if n_checked == n else f"{n_checked:,} of {n:,}"


def places(report: Report) -> Table:
    """What was found where the wrong components were searched for; no rows where they were not."""
    columns = {
        "place": "name",
        "what": "text",
        "analytic": "number",
        "numeric": "number",
        "numeric − analytic": "number",
    }
    found = report.location
    if found is None:
        return Table("places", "", "", columns, [])
    whole = {"row or column": found.lines, "tensor": found.tensors, "not searched to the end": found.unsearched}
    rows = [[Cell(name), Cell(what), *3 * [_NOTHING]] for what, names in whole.items() for name in names]
    rows += [
        [_named(c), Cell("component"), _exact(c.analytic), _exact(c.numeric), _number(c.error)]
        for c in found.components
    ]
    throughout = "Rows, columns and tensors are wrong throughout. " if found.lines or found.tensors else ""
    note = f"{throughout}The search took {found.evaluations:,} evaluations of J."
    return Table("places", "Where it is wrong", note, columns, rows)


def tensors(report: Report) -> Table:
    columns = {"tensor": "name", "shape": "number", "verdict": "verdict", "ratio": "number", "floor": "number"}
    if report.numeric is None:
        columns |= {"95 % low": "number", "95 % high": "number", "reason": "text"}
    else:
        columns |= {"worst": "name", "analytic": "number", "numeric": "number", "reason": "text"}
    rows = [_tensor_row(t, report.numeric is None) for t in worst_first(report.tensors)]
    return Table("tensors", "Tensors", "A click on a column's name sorts by it.", columns, rows)


def _tensor_row(t: TensorReport, screened: bool) -> list[Cell]:
    if screened:
        last = [_number(t.ratio_low), _number(t.ratio_high)]
    else:
        last = [_named(t.worst), _exact(t.worst.analytic), _exact(t.worst.numeric)] if t.worst else 3 * [_NOTHING]
    return [
        Cell(t.name),
        Cell("×".join(map(str, t.shape)) or "scalar", math.prod(t.shape)),
        Cell(t.verdict.name, t.verdict.severity),
        _number(t.ratio),
        _number(t.floor),
        *last,
        Cell(t.reason),
    ]


def components(report: Report) -> Table:
    """The components with the largest errors: those that are wrong by themselves, and a few at least."""
    columns: dict[str, str] = {"component": "name"}
    columns |= dict.fromkeys(("analytic", "numeric", "numeric − analytic", "bound"), "number")
    note = (
        f"Of {report.n_checked:,} components. Up to its bound, a numeric value may be off by rounding or by the step."
    )
    seen = report.seen
    if seen is None:
        return Table("components", "Largest errors", note, columns, [])
    worst = seen.worst(_WORST[1])
    listed = worst[: _WORST[0]] + [p for p in worst[_WORST[0] :] if seen.stands_out(p)]
    rows = [
        [_named(c), _exact(c.analytic), _exact(c.numeric), _number(c.error), _number(float(seen.bound[p]))]
        for p in listed
        for c in (seen.component(p),)
    ]
    return Table("components", "Largest errors", note, columns, rows)


def _named(c: Component) -> Cell:
    return Cell(c.name, c.index)


def _exact(number: float) -> Cell:
    return Cell(f"{number:.6g}", number)


def _number(number: float | None) -> Cell:
    return _NOTHING if number is None else Cell(short(number), number)
