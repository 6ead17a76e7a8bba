"""A report as one page of HTML that needs nothing else: no network, no fonts, pictures inside."""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import TYPE_CHECKING

from jinja2 import Environment, StrictUndefined

from fastcheck.faces.canvas import WIDTH, Piece, alone, short, written
from fastcheck.faces.dark import themed
from fastcheck.faces.headline import accused, headline
from fastcheck.faces.pieces import pieces
from fastcheck.faces.sheets import components, looked_at, places, tensors

if TYPE_CHECKING:
    from fastcheck.diagnosis.finding import Finding
    from fastcheck.results.report import Report

_PICTURES = (12, 4)  # heat maps and ladders, at most


@dataclass(frozen=True)
class Image:
    """A picture as the URI of its bytes, what it shows in words, and if it has a row to itself, the URI of a wide one."""

    uri: str
    alt: str
    wide: str = ""


def page(report: Report) -> str:
    """The whole page; everything of the caller's in it is escaped."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(files("fastcheck.faces").joinpath("page.html").read_text(encoding="utf-8"))
    return template.render(
        report=report,
        title=f"{report.verdict.name}: {report.name or 'gradient check'}",
        found=headline(report, ", ".join(accused(report))),
        facts=_facts(report),
        images=_images([piece for row in pieces(report, *_PICTURES) for piece in row]),
        findings=_findings(report),
        tables=[places(report), tensors(report), components(report)],
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


def _findings(report: Report) -> list[Finding]:
    """Causes before what is worth knowing beside them, each once; where it was searched, no advice to search."""
    found = report.location
    own = report.located(found).findings if found else report.findings
    every = dict.fromkeys([*own, *(found.findings if found else ())])
    return sorted(every, key=lambda finding: finding.advice)


def _facts(report: Report) -> dict[str, str]:
    """The numbers to be seen first, by name."""
    facts = {"ratio": short(report.ratio)}
    if report.ratio_low is not None and report.ratio_high is not None:
        facts["95 % interval"] = f"{short(report.ratio_low)} to {short(report.ratio_high)}"
    facts["rounding floor"] = short(report.floor)
    facts["step" if report.numeric is None else "eps"] = report.steps_told
    facts["components"] = looked_at(report)
    facts["time"] = f"{report.seconds:.2f} s" if report.seconds >= 0.1 else f"{1e3 * report.seconds:.1f} ms"
    return facts


def _settings(report: Report) -> dict[str, str]:
    """What is needed to do it again, by name."""
    screened = report.numeric is None
    settings = {
        "method": "slopes along random directions" if screened else "two-sided differences, component by component",
        "step" if screened else "eps": report.steps_told,
        "components": looked_at(report),
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
