"""Ratios on their bands: of the whole and of each tensor, and of a sweep against eps."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from fastcheck.faces.canvas import (
    COLOURS,
    GREY,
    INK,
    MARKERS,
    PALE,
    SQUARE,
    Piece,
    bands,
    decades,
    drawable,
    key,
    legend,
    note,
    short,
)
from fastcheck.faces.heat import is_finite, worst_first
from fastcheck.judge.verdict import TensorReport, Verdict

if TYPE_CHECKING:
    from fastcheck.results.report import Report
    from fastcheck.results.swept import Sweep

_N_TENSORS = 12  # that are drawn
_LEAST, _MOST = 1e-9, 2.0  # the axis reaches down to this at least, and up to that
_SMALLEST = 1e-17  # whatever is below it
_RATIO = "ratio  ‖numeric − analytic‖ / (‖numeric‖ + ‖analytic‖)"
_FLOOR: dict[str, Any] = {"marker": "|", "markersize": 16, "markeredgewidth": 1.6, "color": INK}
_LINE, _AUTO = "#0072b2", "#8e4a9e"  # of a sweep


def ratio_piece(report: Report) -> Piece:
    """The ratio of the whole and of every tensor, the worst first, on the bands, with its floor or its interval."""
    tensors = worst_first(report.tensors)
    rows: list[Report | TensorReport] = [report, *tensors[:_N_TENSORS]]
    rest = tensors[_N_TENSORS:]
    told = ", ".join(f"{_name(row)} {short(row.ratio)} {row.verdict.name}" for row in rows)
    least = 3.2 if report.numeric is None else SQUARE  # as high as its neighbour
    height = max(1.75 + 0.27 * (len(rows) + bool(rest)), least)
    alt = f"Ratio of the whole and of each tensor on a logarithmic axis: {told}."
    return Piece(alt, height, lambda ax: _draw_ratios(ax, rows, rest))


def _name(row: Report | TensorReport) -> str:
    return row.name if isinstance(row, TensorReport) else "all"


def _draw_ratios(ax: Axes, rows: list[Report | TensorReport], rest: list[TensorReport]) -> None:
    left = _lowest([x for row in rows for x in (row.ratio, row.floor, row.ratio_low or 0.0)])
    for place, words in bands(ax.axvspan, left, _MOST):
        note(ax, words, (place, 1), (0, 3), xycoords=ax.get_xaxis_transform(), ha="center")
    for y, row in enumerate(rows):
        _draw_row(ax, y, row, left)
    names = [drawable(_name(row), 20) for row in rows]
    if rest:
        names.append(f"{len(rest):,} more")
        _beside(ax, len(rows), f"up to {short(max(row.ratio for row in rest))}", PALE)
    ax.set_yticks(range(len(names)), names)
    ax.get_yticklabels()[0].set_fontweight("bold")
    ax.set(xscale="log", xlim=(left, _MOST), ylim=(len(names) - 0.4, -0.6), xlabel=_RATIO)
    decades(ax.xaxis)
    ax.tick_params(axis="y", length=0, pad=9)
    ax.set_title("Ratio, all and by tensor", pad=20)
    legend(ax, _keys(rows))


def _lowest(numbers: list[float]) -> float:
    """The power of ten at which the axis begins."""
    positive = [x for x in numbers if x > 0 and math.isfinite(x)]
    return max(10.0 ** math.floor(math.log10(min([_LEAST, *positive]))), _SMALLEST)


def _draw_row(ax: Axes, y: int, row: Report | TensorReport, left: float) -> None:
    colour = COLOURS[row.verdict]
    if row.ratio_low is not None and row.ratio_high is not None:
        interval = [max(row.ratio_low, left), max(row.ratio_high, left)]
        ax.plot(interval, [y, y], color=colour, alpha=0.35, linewidth=8, solid_capstyle="butt")
    if row.floor > 0:
        ax.plot([row.floor], [y], **_FLOOR)
    edge: dict[str, Any] = {"markeredgecolor": "white", "markeredgewidth": 0.6, "clip_on": False}
    ax.plot([max(row.ratio, left)], [y], marker=MARKERS[row.verdict], markersize=8, color=colour, **edge)
    finite = not isinstance(row, TensorReport) or is_finite(row)
    _beside(ax, y, f"{short(row.ratio) if finite else 'nan, inf'}  {row.verdict.name}", INK)


def _beside(ax: Axes, y: int, words: str, colour: str) -> None:
    """Words to the right of a row."""
    note(ax, words, (1, y), (6, 0), xycoords=ax.get_yaxis_transform(), va="center", color=colour)


def _keys(rows: list[Report | TensorReport]) -> list[Line2D]:
    met = [verdict for verdict in Verdict if any(row.verdict is verdict for row in rows)]
    keys = [key(v.name, marker=MARKERS[v], color=COLOURS[v], markersize=7) for v in met]
    keys.append(key("rounding floor", **{**_FLOOR, "markersize": 11}))
    if any(row.ratio_low is not None for row in rows):
        keys.append(key("95 % interval", linestyle="-", color=GREY, alpha=0.6, linewidth=7, solid_capstyle="butt"))
    return keys


def sweep_piece(sweep: Sweep) -> Piece:
    """Ratio and floor against eps, on the bands, with the eps that "auto" takes."""
    told = ", ".join(f"{short(step.ratio)} at {step.eps:.1e}" for step in sweep.steps)
    return Piece(f"Ratio against eps: {told}.", SQUARE, lambda ax: _draw_sweep(ax, sweep))


def _draw_sweep(ax: Axes, sweep: Sweep) -> None:
    eps, ratio, floor = np.array([(step.eps, step.ratio, step.floor) for step in sweep.steps]).T
    shown = [*eps, sweep.chosen] if math.isfinite(sweep.chosen) else [*eps]
    lowest = _lowest([*ratio, *floor])
    ax.set(xscale="log", xlim=(min(shown) / 2, max(shown) * 2), xlabel="eps")
    ax.set(yscale="log", ylim=(lowest, _MOST), ylabel="ratio")
    for axis in (ax.xaxis, ax.yaxis):
        decades(axis)
    for place, words in bands(ax.axhspan, lowest, _MOST):
        note(ax, words, (1, place), (5, 0), xycoords=ax.get_yaxis_transform(), va="center")
    ax.plot(eps, floor, color=INK, linestyle=(0, (4, 2)), linewidth=1.3, label="rounding floor")
    ax.plot(eps, np.maximum(ratio, lowest), color=_LINE, marker="o", markersize=4.5, label="ratio")
    if math.isfinite(sweep.chosen):
        ax.axvline(sweep.chosen, color=_AUTO, linewidth=1.3, linestyle=":", label=f'eps="auto": {sweep.chosen:.0e}')
    if n_lost := int(np.isnan(ratio).sum()):
        words = f"no ratio at {n_lost} of {eps.size} steps: J overflows, or eps is lost in rounding"
        note(ax, words, (0, 1), (0, 5), xycoords="axes fraction")
    legend(ax, ax.get_legend_handles_labels()[0])
