"""A report as one page of HTML that needs nothing else: no network, no fonts, pictures inside."""

from __future__ import annotations

import base64
import math
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import TYPE_CHECKING

from jinja2 import Environment, StrictUndefined

from fastcheck import steps
from fastcheck.compare import C_COMPONENT, Component, TensorReport, Verdict
from fastcheck.faces.canvas import WIDTH, Piece, alone, short, written
from fastcheck.faces.heat import worst_first
from fastcheck.faces.heatmaps import heat_pieces
from fastcheck.faces.ratios import ratio_piece
from fastcheck.faces.scatter import scatter_piece

if TYPE_CHECKING:
    from fastcheck.report import Report

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
    pieces = [ratio_piece(report), scatter_piece(report), *heat_pieces(report)]
    return template.render(
        report=report,
        title=f"{report.verdict.name}: {report.name or 'gradient check'}",
        where=_where(report),
        facts=_facts(report),
        images=_images([piece for piece in pieces if piece]),
        tables=[table for table in (_tensors(report), _components(report)) if table.rows],
        settings=_settings(report),
    )


def _images(pieces: list[Piece]) -> list[Image]:
    """Two in a row where there is room, and the last, if it is left over, as wide as two."""
    images = [Image(_uri(piece, WIDTH), piece.alt) for piece in pieces]
    if len(pieces) % 2:
        images[-1] = replace(images[-1], wide=_uri(pieces[-1], 2 * WIDTH))
    return images


def _uri(piece: Piece, width: float) -> str:
    coded = base64.b64encode(written(alone(piece, width), "svg")).decode("ascii")
    return f"data:image/svg+xml;base64,{coded}"


def _where(report: Report) -> str:
    names = [t.name for t in report.tensors if t.verdict in (Verdict.WRONG, Verdict.SUSPECT)]
    return f" in {', '.join(names)}" if names else ""


def _facts(report: Report) -> dict[str, str]:
    """The numbers to be seen first, by name."""
    facts = {"ratio": short(report.ratio)}
    if report.ratio_low is not None and report.ratio_high is not None:
        facts["95 % interval"] = f"{short(report.ratio_low)} to {short(report.ratio_high)}"
    facts["rounding floor"] = short(report.floor)
    facts["step" if report.numeric is None else "eps"] = f"{report.eps:g}"
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
        "step" if screened else "eps": repr(report.eps),
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
    """The components with the largest errors: those that rounding does not explain, and a few at least."""
    sigma = steps.sigma(report.noise, report.eps)
    in_sigma = [(c, abs(c.error) / sigma if sigma else math.inf) for c in report.worst(_WORST[1])]
    listed = in_sigma[: _WORST[0]] + [item for item in in_sigma[_WORST[0] :] if not item[1] <= C_COMPONENT]
    columns = dict.fromkeys(("component", "analytic", "numeric", "numeric − analytic", "in sigma"), "number")
    note = f"Of {report.n_checked:,} components. Rounding in one has the standard deviation sigma = {sigma:.1e}; up to {C_COMPONENT:g} sigma may be that."
    rows = [[_named(c), _exact(c.analytic), _exact(c.numeric), _number(c.error), _number(times)] for c, times in listed]
    return Table("components", "Largest errors", note, columns | {"component": "name"}, rows)


def _named(c: Component) -> Cell:
    return Cell(c.name, c.index)


def _exact(number: float) -> Cell:
    return Cell(f"{number:.6g}", number)


def _number(number: float | None) -> Cell:
    return _NOTHING if number is None else Cell(short(number), number)
