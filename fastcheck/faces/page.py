"""A report as one page of HTML that needs nothing else: no network, no fonts, pictures inside."""

from __future__ import annotations

import base64
import math
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import TYPE_CHECKING

from jinja2 import Environment, StrictUndefined

from fastcheck.faces.canvas import WIDTH, Piece, alone, short, written
from fastcheck.faces.dark import themed
from fastcheck.faces.heat import worst_first
from fastcheck.faces.pieces import pieces
from fastcheck.judge.verdict import Component, TensorReport

if TYPE_CHECKING:
    from fastcheck.results.report import Report, Seen

_PICTURES = (12, 4)  # heat maps and ladders, at most
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


@dataclass(frozen=True)
class Image:
    """A picture as the URI of its bytes, what it shows in words, and if it has a row to itself, the URI of a wide one."""

    uri: str
    alt: str
    wide: str = ""


_NOTHING = Cell("–")


def page(report: Report) -> str:
    """The whole page; everything of the caller's in it is escaped."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(files("fastcheck.faces").joinpath("page.html").read_text(encoding="utf-8"))
    return template.render(
        report=report,
        title=f"{report.verdict.name}: {report.name or 'gradient check'}",
        where=_where(report),
        facts=_facts(report),
        images=_images([piece for row in pieces(report, *_PICTURES) for piece in row]),
        tables=[table for table in (_tensors(report), _components(report)) if table.rows],
        settings=_settings(report),
    )


def _images(shown: list[Piece]) -> list[Image]:
    """Two in a row where there is room, and the last, if it is left over, as wide as two."""
    images = [Image(_uri(piece, WIDTH), piece.alt) for piece in shown]
    if len(shown) % 2:
        images[-1] = replace(images[-1], wide=_uri(shown[-1], 2 * WIDTH))
    return images


def _uri(piece: Piece, width: float) -> str:
    coded = base64.b64encode(themed(written(alone(piece, width), "svg"))).decode("ascii")
    return f"data:image/svg+xml;base64,{coded}"


def _where(report: Report) -> str:
    names = [t.name for t in report.tensors if t.verdict.accuses]
    return f" in {', '.join(names)}" if names else ""


def _facts(report: Report) -> dict[str, str]:
    """The numbers to be seen first, by name."""
    facts = {"ratio": short(report.ratio)}
    if report.ratio_low is not None and report.ratio_high is not None:
        facts["95 % interval"] = f"{short(report.ratio_low)} to {short(report.ratio_high)}"
    facts["rounding floor"] = short(report.floor)
    facts["step" if report.numeric is None else "eps"] = report.steps_told
    facts["components"] = _looked_at(report)
    facts["time"] = f"{report.seconds:.2f} s" if report.seconds >= 0.1 else f"{1e3 * report.seconds:.1f} ms"
    return facts


def _looked_at(report: Report) -> str:
    n, n_checked = report.layout.size, report.n_checked
    return f"{n:,}" if n_checked == n else f"{n_checked:,} of {n:,}"


def _settings(report: Report) -> dict[str, str]:
    """What is needed to do it again, by name."""
    screened = report.numeric is None
    settings = {
        "method": "slopes along random directions" if screened else "two-sided differences, component by component",
        "step" if screened else "eps": report.steps_told,
        "components": _looked_at(report),
        "evaluations of J": f"{report.evaluations:,}",
        "seconds": f"{report.seconds:.3f}",
        "components per second": f"{report.throughput:,.0f}",
        "rounding of J (epsJ)": f"{report.noise:.3e}",
        "workers": str(report.workers),
        "cost": "njit" if report.compiled else "plain Python",
    }
    if report.guarantee is not None:
        settings["guarantee"] = f"ratio {short(report.guarantee)}"
    return {**settings, **report.versions}


def _tensors(report: Report) -> Table:
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


def _components(report: Report) -> Table:
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
    listed = worst[: _WORST[0]] + [p for p in worst[_WORST[0] :] if seen.wrong[p] or not _is_finite(seen, p)]
    rows = [
        [_named(c), _exact(c.analytic), _exact(c.numeric), _number(c.error), _number(float(seen.bound[p]))]
        for p in listed
        for c in (seen.component(p),)
    ]
    return Table("components", "Largest errors", note, columns, rows)


def _is_finite(seen: Seen, position: int) -> bool:
    return math.isfinite(seen.numeric[position] - seen.analytic[position])


def _named(c: Component) -> Cell:
    return Cell(c.name, c.index)


def _exact(number: float) -> Cell:
    return Cell(f"{number:.6g}", number)


def _number(number: float | None) -> Cell:
    return _NOTHING if number is None else Cell(short(number), number)
