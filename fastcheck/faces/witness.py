"""Why a witness refutes the gradient, seen at a glance: the slope that every step shows, its bound, and the analytic value beside."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import ticker
from matplotlib.axes import Axes

from fastcheck.faces.canvas import GREY, INK, Piece, decades, drawable, key, legend, note
from fastcheck.judge.verdict import Witness
from fastcheck.measure.rungs import Rung

if TYPE_CHECKING:
    from fastcheck.results.report import Report

_ANALYTIC, _SLOPE = "#cc3311", "#0072b2"
_MARKS = {0: "o", 1: ">", -1: "<"}  # by the side of a kink
_SIDES = {0: "slope of J from one step", 1: "on the right of theta", -1: "on the left of theta"}
_HOLLOW: dict[str, Any] = {"markerfacecolor": "white", "markeredgecolor": GREY}
_ROOM = 0.45  # of the distance of slope and analytic value, above and below
_HEIGHT = 3.9  # inches
_LINE = 66  # characters of a note


def shown_witnesses(report: Report) -> list[Witness]:
    """Those that can be drawn, the deciding one first, and one along a tensor's directions."""
    named = {witness.name: witness for witness in reversed(report.witnesses) if witness.rungs}
    return list(reversed(named.values()))


def witness_piece(witness: Witness) -> Piece:
    """Slope against step with its bounds; the analytic value and the slope that was settled on as lines."""
    why = excluded(witness)
    alt = f"Ladder of {witness.name}: {len(witness.rungs)} slopes of J against the step, that settled on {witness.slope:.5g}; {why}."
    return Piece(alt, _HEIGHT, partial(_draw, witness=witness, why=why))


def excluded(witness: Witness) -> str:
    """In one sentence why the analytic value is wrong."""
    analytic = f"analytic {witness.analytic:.4g}"
    if not math.isfinite(witness.analytic):
        return f"analytic is {witness.analytic}, where J has the slope {witness.slope:.4g}"
    if any(rung.side for rung in witness.rungs):
        return f"{analytic} lies beyond the slopes on both sides of a kink, by more than their bounds"
    first, last = _run(witness)
    return f"{analytic} lies outside every bound from h = {last:.1e} down to {first:.1e}"


def _run(witness: Witness) -> tuple[float, float]:
    """The finest and the widest of the neighbouring steps, around the one that decided, whose bounds exclude the analytic value."""
    known = [rung for rung in witness.rungs if math.isfinite(rung.bound)]
    excludes = [abs(rung.slope - witness.analytic) > rung.bound for rung in known]
    at = min(range(len(known)), key=lambda k: abs(math.log(known[k].step / witness.step)), default=0)
    below = next((k for k in range(at, -1, -1) if not excludes[k]), -1)
    above = next((k for k in range(at, len(known)) if not excludes[k]), len(known))
    run = [rung.step for rung in known[below + 1 : above]] or [witness.step]
    return run[0], run[-1]


# --- drawing -----------------------------------------------------------------------------------------------------------


def _draw(ax: Axes, witness: Witness, why: str) -> None:
    low, high = _limits(witness)
    ax.set(xscale="log", xlabel=f"step h, in units of {_unit(witness)}", ylim=(low, high))
    ax.set_ylabel(f"slope of J, per unit of {_unit(witness)}")
    keys = [_draw_side(ax, witness, side) for side in sorted({rung.side for rung in witness.rungs})]
    if not all(math.isfinite(rung.bound) for rung in witness.rungs):
        keys.append(key("its bound not known", marker="o", **_HOLLOW))
    ax.axhline(witness.slope, color=_SLOPE, linewidth=1.4, zorder=1)
    ring: dict[str, Any] = {"marker": "o", "markersize": 11, "markerfacecolor": "none", "markeredgewidth": 1.4}
    ax.plot([witness.step], [witness.slope], color=_SLOPE, zorder=4, **ring)
    keys.append(key(f"settled on: {witness.slope:.5g}", linestyle="-", color=_SLOPE, linewidth=1.4, **ring))
    if math.isfinite(witness.analytic):
        ax.axhline(witness.analytic, color=_ANALYTIC, linewidth=1.6, linestyle=(0, (5, 2)), zorder=1)
    keys.append(key(f"analytic: {witness.analytic:.5g}", linestyle=(0, (5, 2)), color=_ANALYTIC, linewidth=1.6))
    steps = [rung.step for rung in witness.rungs]
    ax.set_xlim(min(steps) / 3, max(steps) * 3)
    decades(ax.xaxis)
    ax.yaxis.set_major_locator(ticker.MaxNLocator(6))
    digits = 3 + max(0, math.ceil(math.log10(max(abs(low), abs(high)) / (high - low))))
    ax.yaxis.set_major_formatter(ticker.FuncFormatter(lambda value, place: f"{value:.{digits}g}".replace("-", "−")))
    lines = textwrap.wrap(why, _LINE)
    note(ax, "\n".join(lines), (0, 1), (0, 6), xycoords="axes fraction", va="bottom", in_layout=False)
    ax.set_title(f"Ladder of {drawable(witness.name, 36)}", pad=12 + 12.5 * len(lines))
    legend(ax, keys, 2)


def _limits(witness: Witness) -> tuple[float, float]:
    """Around slope and analytic value; a rough slope from a step that is too fine may lie beyond."""
    values = [value for value in (witness.slope, witness.analytic) if math.isfinite(value)]
    values += [rung.slope for rung in witness.rungs if rung.side and math.isfinite(rung.bound)]
    room = _ROOM * (max(values) - min(values)) or abs(witness.slope) or 1.0
    return min(values) - room, max(values) + room


def _draw_side(ax: Axes, witness: Witness, side: int) -> Any:
    """Slopes with their bounds as bars; hollow where the bound is not known."""
    rungs = [rung for rung in witness.rungs if rung.side == side]
    known = [rung for rung in rungs if math.isfinite(rung.bound)]
    unknown = [rung for rung in rungs if not math.isfinite(rung.bound)]
    mark: dict[str, Any] = {"linestyle": "", "marker": _MARKS[side], "markersize": 5.5, "color": INK, "zorder": 3}
    step, slope, bound = _columns(known)
    ax.errorbar(step, slope, bound, elinewidth=1.3, capsize=3, ecolor=INK, **mark)
    step, slope, _ = _columns(unknown)
    ax.plot(step, slope, **{**mark, **_HOLLOW})
    return key(_SIDES[side], marker=_MARKS[side], color=INK)


def _columns(rungs: Sequence[Rung]) -> np.ndarray:
    return np.array([(rung.step, rung.slope, rung.bound) for rung in rungs]).reshape(-1, 3).T


def _unit(witness: Witness) -> str:
    return "theta" if witness.index is not None else "scale along it"
