"""A report, a sweep or a scaling as one matplotlib figure, put together from its pieces."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from fastcheck.faces.canvas import DARK, INK, Heading, drawable, short, together
from fastcheck.faces.growth import names, reaches, threads
from fastcheck.faces.headline import headline
from fastcheck.faces.heat import wrong_tensors
from fastcheck.faces.pieces import pieces
from fastcheck.faces.ratios import sweep_piece
from fastcheck.faces.trend import power, trend_pieces
from fastcheck.words import listed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from fastcheck.results.report import Report
    from fastcheck.results.scaling import Scaling
    from fastcheck.results.swept import Sweep

_N_HEAT_MAPS, _N_LADDERS = 4, 2
_LETTERS = 46  # large ones in a line as wide as one piece
_NAMED, _NAME = 4, 30  # tensors that are named, and the letters of a name, at most
_ROOM = _NAMED * (2 * _NAME + 2)  # for all of them, whatever has to be escaped in their names


def figure(report: Report) -> Figure:
    """The whole picture: the ratios and, unless it is a screen, the residuals; then the wrong tensors and their witnesses."""
    rows = pieces(report, _N_HEAT_MAPS, _N_LADDERS)
    return together(_heading(report, _LETTERS * len(rows[0])), rows)


def _heading(report: Report, width: int) -> Heading:
    wrong = [drawable(tensor.name, _NAME) for tensor in wrong_tensors(report)]
    words = f"{report.verdict.name}: {headline(report, listed(wrong, _NAMED, _ROOM), drawable)}"
    step = "step" if report.numeric is None else "eps"
    numbers = f"ratio {short(report.ratio)}, floor {short(report.floor)}, {step} {report.steps_told}, {report.n_checked:,} components"
    name = [drawable(report.name)] if report.name else []
    small = [line for text in (*name, numbers) for line in textwrap.wrap(text, int(1.4 * width))]
    return Heading(tuple(textwrap.wrap(words, width)), DARK[report.verdict], tuple(small))


def sweep_figure(sweep: Sweep) -> Figure:
    """Ratio and floor against eps."""
    best = sweep.best
    words = "Ratio against eps" if best is None else f"Lowest ratio {short(best.ratio)} at eps {best.eps:.1e}"
    looked_at = f"{sweep.n_checked:,} of {sweep.n:,} components, {sweep.evaluations:,} evaluations of J"
    texts = [text for text in (drawable(sweep.name), sweep.conclusion, looked_at) if text]
    small = [line for text in texts for line in textwrap.wrap(text, int(1.4 * _LETTERS))]
    return together(Heading((words,), INK, tuple(small)), [[sweep_piece(sweep)]])


def scaling_figure(scaling: Scaling) -> Figure:
    """Time and throughput against n."""
    fit = scaling.fit
    words = "How checking scales" if fit is None else f"The time of an exhaustive check grows as {power(fit.exponent)}"
    interval = "" if fit is None else f"95 % interval of the exponent {fit.low:.2f} to {fit.high:.2f}, "
    called = drawable(names(scaling))
    small = [text for text in (called, f"{interval}{threads(scaling)}", reaches(scaling)) if text]
    return together(Heading((words,), INK, tuple(small)), [trend_pieces(scaling)])
