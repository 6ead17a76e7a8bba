"""Where a tensor is wrong, seen at a glance: its errors as a heat map, the largest in a ring."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import colormaps, colors, patheffects, ticker
from matplotlib.axes import Axes
from matplotlib.image import AxesImage

from fastcheck.faces.canvas import GREY, INK, Piece, drawable, note
from fastcheck.faces.heat import Heat, heat, wrong_tensors

if TYPE_CHECKING:
    from fastcheck.results.report import Report

_EXPLAINED, _UNSEEN, _NOT_FINITE = "#e8f1f5", "#c3cad1", "#2166ac"
_COLOURS = colormaps["YlOrRd"].with_extremes(under=_EXPLAINED, bad=_UNSEEN, over=_NOT_FINITE)
_LINE = 66  # characters of a note


def heat_pieces(report: Report, most: int = 12) -> list[Piece]:
    """A heat map of the errors for each wrong tensor, the worst first, up to ``most``; none for a screen."""
    if (seen := report.seen) is None:
        return []
    looked_at = {t.name for t in report.tensors if t.n_components}
    shown = [tensor for tensor in wrong_tensors(report)[:most] if tensor.name in looked_at]
    maps = [heat(seen.part(tensor), tensor) for tensor in shown]
    return [_heat_piece(h) for h in maps]


def _heat_piece(h: Heat) -> Piece:
    worst = h.tensor.component(h.worst[0] * h.size[1] + h.worst[1])
    alt = f"Errors of {h.tensor.name}, {_extent(h.tensor.shape)}, as a heat map; the largest is at {worst}."
    height = 2.5 if h.size[0] == 1 else 3.0 if h.size[0] < 6 else 3.7
    return Piece(alt, height, lambda ax: _draw_heat(ax, h, worst))


def _extent(shape: tuple[int, ...]) -> str:
    if len(shape) > 1:
        return "×".join(map(str, shape))
    return f"{shape[0]:,} entries" if shape else "one number"


def _draw_heat(ax: Axes, h: Heat, worst: str) -> None:
    image = _draw_pixels(ax, h)
    ring: dict[str, Any] = {
        "marker": "o",
        "markersize": 14,
        "markerfacecolor": "none",
        "color": INK,
        "markeredgewidth": 1.4,
    }
    halo = [patheffects.withStroke(linewidth=3.6, foreground="white")]  # so that the ring is seen on any colour
    ax.plot([h.worst[1]], [h.worst[0]], path_effects=halo, clip_on=False, **ring)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(ticker.MaxNLocator(6, integer=True, min_n_ticks=1))
    rows, columns = _folding(h)
    ax.set(xlabel=columns, ylabel=rows)
    if not rows:
        ax.set_yticks([])
    ax.spines[:].set_visible(True)
    bar = ax.figure.colorbar(
        image, ax=ax, extend="both" if np.isinf(h.pixels).any() else "min", pad=0.02, fraction=0.08
    )
    bar.set_label("error / largest entry")
    bar.ax.minorticks_off()
    bar.outline.set_edgecolor(GREY)
    notes = _notes(h, worst)
    note(ax, "\n".join(notes), (0, 1), (0, 6), xycoords="axes fraction", va="bottom", in_layout=False)
    ax.set_title(f"Errors of {drawable(h.tensor.name, 30)}, {_extent(h.tensor.shape)}", pad=12 + 12.5 * len(notes))


def _draw_pixels(ax: Axes, h: Heat) -> AxesImage:
    """The pixels where the entries they stand for are; the last ones may reach over the edge, and are cut off there."""
    bottom, right = (n * each - 0.5 for n, each in zip(h.pixels.shape, h.block, strict=True))
    shades = np.where(np.isinf(h.pixels), 10 * h.high, np.maximum(h.pixels, h.low / 2))  # there is no log of 0 and inf
    scale = colors.LogNorm(h.low, h.high)
    extent = (-0.5, right, bottom, -0.5)
    image = ax.imshow(shades, _COLOURS, scale, extent=extent, aspect="auto", interpolation="nearest")
    ax.set(xlim=(-0.5, h.size[1] - 0.5), ylim=(h.size[0] - 0.5, -0.5))
    return image


def _folding(h: Heat) -> tuple[str, str]:
    """What rows and columns are."""
    n_axes = len(h.tensor.shape)
    if n_axes < 2:
        return "", "entry"
    if n_axes == 2:
        return "row", "column"
    return _axes("rows", range(h.n_row_axes)), _axes("columns", range(h.n_row_axes, n_axes))


def _axes(what: str, which: range) -> str:
    return f"{what}: {'axes' if len(which) > 1 else 'axis'} {', '.join(map(str, which))}"


def _notes(h: Heat, worst: str) -> list[str]:
    """What the ring and the colours mean, as far as they are met, in lines."""
    met = (
        (True, f"circle: the largest, {drawable(worst, 40)}"),
        ((h.pixels <= h.low).any(), "plain: not wrong by itself"),
        (np.isnan(h.pixels).any(), "grey: not looked at"),
        (np.isinf(h.pixels).any(), "blue: nan or inf"),
        (h.block != (1, 1), f"a pixel is the largest of {_extent(h.block)}"),
    )
    return textwrap.wrap("; ".join(words for is_met, words in met if is_met), _LINE)
