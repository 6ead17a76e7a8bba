"""How checking scales, drawn: seconds and throughput against n, on logarithmic axes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes

from fastcheck.faces.canvas import GREY, INK, PALE, SQUARE, Piece, decades, legend, note
from fastcheck.words import duration

if TYPE_CHECKING:
    from fastcheck.results.scaling import Scaling

_CHECK, _SCREEN = "#0072b2", "#d55e00"
_SPANS = {"a minute": 60.0, "an hour": 3600.0, "a day": 86400.0}
_ROOM = 1.6  # times the largest and smallest number


def power(exponent: float) -> str:
    """n to the exponent, as matplotlib sets it."""
    return f"n$^{{{exponent:.2f}}}$"


def trend_pieces(scaling: Scaling) -> list[Piece]:
    """Time, and throughput."""
    told = ", ".join(f"{duration(m.seconds)} at n = {m.n:,}" for m in scaling.sizes)
    fast = ", ".join(f"{m.throughput:.2g} at n = {m.n:,}" for m in scaling.sizes)
    return [
        Piece(f"Time of an exhaustive check against n: {told}.", SQUARE, lambda ax: _draw_seconds(ax, scaling)),
        Piece(f"Components per second against n: {fast}.", SQUARE, lambda ax: _draw_throughput(ax, scaling)),
    ]


def _draw_seconds(ax: Axes, scaling: Scaling) -> None:
    n = [m.n for m in scaling.sizes]
    seconds, screens = [m.seconds for m in scaling.sizes], [m.screen_seconds for m in scaling.sizes]
    lowest, highest = min(seconds + screens) / _ROOM, max(seconds + screens) * _ROOM
    _against_n(ax, n, (lowest, highest), "seconds")
    if fit := scaling.fit:
        ends = np.array([scaling.fitted[0].n, scaling.fitted[-1].n], dtype=float)
        line = fit.factor * ends**fit.exponent
        ax.plot(ends, line, color=INK, linewidth=1.2, linestyle=(0, (4, 2)), label=f"fit, {power(fit.exponent)}")
    _draw_checks(ax, scaling, lambda m: m.seconds)
    ax.plot(n, screens, color=_SCREEN, marker="s", markersize=4.5, linewidth=1.3, label="screen")
    for words, span in _SPANS.items():
        if lowest < span < highest:
            ax.axhline(span, color=GREY, linewidth=0.8, zorder=0)
            note(ax, words, (0, span), (4, 3), xycoords=ax.get_yaxis_transform())
    ax.set_title("Time of a check")
    legend(ax, ax.get_legend_handles_labels()[0], _n_columns(scaling))


def _draw_throughput(ax: Axes, scaling: Scaling) -> None:
    n = [m.n for m in scaling.sizes]
    bare = [m.throughput / m.efficiency for m in scaling.sizes]
    fast = [m.throughput for m in scaling.sizes]
    _against_n(ax, n, (min(fast + bare) / _ROOM, max(fast + bare) * _ROOM), "components per second")
    ax.plot(n, bare, color=PALE, linewidth=1.3, linestyle=":", label="bare loop")
    _draw_checks(ax, scaling, lambda m: m.throughput)
    ax.set_title("Components per second")
    legend(ax, ax.get_legend_handles_labels()[0], _n_columns(scaling))


def _n_columns(scaling: Scaling) -> int:
    """As many lines of legend in both pictures, so that their axes end at the same height."""
    return 2 if any(m.projected for m in scaling.sizes) else 3


def _against_n(ax: Axes, n: list[int], limits: tuple[float, float], label: str) -> None:
    ax.set(xscale="log", xlim=(min(n) / _ROOM, max(n) * _ROOM), xlabel="n, the number of components")
    ax.set(yscale="log", ylim=limits, ylabel=label)
    for axis in (ax.xaxis, ax.yaxis):
        decades(axis)


def _draw_checks(ax: Axes, scaling: Scaling, height: Any) -> None:
    """Full markers where all components were checked, hollow ones where that is projected."""
    kinds: tuple[tuple[str, bool, str], ...] = (
        ("every component", False, _CHECK),
        ("projected from a sample", True, "white"),
    )
    for label, projected, face in kinds:
        points = [(m.n, height(m)) for m in scaling.sizes if m.projected is projected]
        if points:
            options: dict[str, Any] = {"linestyle": "", "marker": "o", "markersize": 6, "markeredgewidth": 1.5}
            ax.plot(*np.array(points).T, color=_CHECK, markerfacecolor=face, label=label, zorder=3, **options)
