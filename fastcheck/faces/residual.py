"""What numeric and analytic differ by against how large analytic is: rounding and a gross error on one pair of logarithmic axes.

What is right lies in the band of the bounds, whatever its size; a factor that is wrong is a line at its share of |analytic|,
parallel to the diagonals. Exact zeros have a place of their own at the edge.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice, zip_longest
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import colors, patheffects
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from fastcheck.faces.canvas import GREY, INK, PALE, SQUARE, Piece, drawable, key, legend, note
from fastcheck.faces.heat import errors, scale, wrong_tensors
from fastcheck.faces.logarithms import Range, span, ticks
from fastcheck.judge.ratios import worst_of
from fastcheck.vectors import Flags, Vector

if TYPE_CHECKING:
    from fastcheck.results.report import Report
    from fastcheck.results.seen import Seen

_N_MARKS = 600  # beyond so many, what is not wrong is drawn as a density
_N_VECTOR = 1_000  # and what is wrong as pixels, in a file of vector graphics too
_CELLS = (180, 140)  # of the density
_N_BINS = 30  # of |analytic|, for the band
_MOST_BOUNDS = 0.95  # of the components have bounds within the band
_WRONG = ("#cc3311", "#0072b2", "#e08e00", "#8e4a9e")  # the wrong tensors
_OTHERS = INK  # those beyond
_N_NAMED = 3
_HEADROOM = 0.3  # of the height, for their names
_SHARES = {"100 %": 0, "1 %": -2, "0.01 %": -4, "1e-6": -6}  # of |analytic|, as powers of ten
_MARKS = {1.0: "^", -1.0: "v"}  # by the sign of numeric - analytic
_NOTE = "▲ numeric above analytic, ▼ below; dotted: shares of |analytic|"
_HALO = [patheffects.withStroke(linewidth=2.4, foreground="white")]


@dataclass(frozen=True, eq=False)
class Points:
    """Components that are drawn: the powers of ten of |analytic| and of |error|, -inf where that is 0, and the error's sign."""

    size: Vector
    error: Vector
    sign: Vector

    def some(self, which: Any) -> Points:
        return Points(self.size[which], self.error[which], self.sign[which])

    @property
    def n(self) -> int:
        return self.size.size


@dataclass(frozen=True, eq=False)
class _Group:
    """The wrong components of a tensor: names of the worst of them, which come first, and all."""

    name: str
    named: tuple[str, ...]
    points: Points


_Named = tuple[str, float, float]  # a component, and the powers of ten of |analytic| and |error|


def residual_piece(report: Report) -> Piece | None:
    """|numeric - analytic| against |analytic|, the wrong components in the colour of their tensor; None of a screen."""
    if (seen := report.seen) is None:
        return None
    wrong = {tensor.name: _wrong(seen.part(tensor)) for tensor in wrong_tensors(report)}
    everything = np.zeros(seen.numeric.size, dtype=bool)
    for tensor, part in zip(report.layout.tensors, seen.selection.spans, strict=True):
        everything[part] = wrong.get(tensor.name, False)
    groups = [_group(seen.part(tensor), wrong[tensor.name], tensor) for tensor in wrong_tensors(report)]
    groups = [group for group in groups if group.points.n]
    finite = np.isfinite(seen.numeric) & np.isfinite(seen.analytic)
    points, lost = _points(seen), int((~finite).sum())
    others = points.some(~everything & finite)
    told = [f"{group.points.n:,} wrong in {group.name}, the worst {group.named[0]}" for group in groups]
    alt = f"Size of numeric - analytic against that of analytic: {', '.join([*told, _others(others, groups)])}"
    height = SQUARE + 0.2 * (min(len(groups), len(_WRONG) + 1) // 2 + bool(lost))  # of the legend
    named = _worst_of(groups) or ([] if report.passed else _beyond(seen, points))
    draw = partial(_draw, band=_band(points, seen.bound), others=others, groups=groups, named=named, lost=lost)
    return Piece(f"{alt}.", height, draw)


def _points(seen: Seen) -> Points:
    with np.errstate(all="ignore"):
        error = seen.numeric - seen.analytic
        return Points(np.log10(np.abs(seen.analytic)), np.log10(np.abs(error)), np.sign(error))


def _wrong(seen: Seen) -> Flags:
    """Of an accused tensor: what is wrong by itself, or if nothing is, the errors of the last decade."""
    if seen.wrong.any():
        return seen.wrong
    error = errors(seen, scale(seen))
    return np.asarray(error > error.max(initial=0.0, where=np.isfinite(error)) / 10)


def _group(seen: Seen, wrong: Flags, tensor: Any) -> _Group:
    at = np.flatnonzero(wrong & np.isfinite(seen.numeric) & np.isfinite(seen.analytic))
    first = worst_of(seen.numeric[at], seen.analytic[at], seen.bound[at], _N_NAMED)
    order = np.concatenate([at[first], np.delete(at, first)])
    names = tuple(tensor.component(int(seen.selection.index(int(p)))) for p in at[first])
    return _Group(tensor.name, names, _points(seen).some(order))


def _worst_of(groups: list[_Group]) -> list[_Named]:
    """The worst of each tensor, then the next, a few in all."""
    ranked = zip_longest(*(zip(group.named, group.points.size, group.points.error, strict=False) for group in groups))
    return list(islice(filter(None, chain.from_iterable(ranked)), _N_NAMED))


def _beyond(seen: Seen, points: Points) -> list[_Named]:
    """Where nothing is accused, though not all is known to be right: the worst that lie beyond their bounds."""
    with np.errstate(invalid="ignore"):
        beyond = [p for p in seen.worst(_N_NAMED) if seen.bound[p] < 10.0 ** points.error[p] < np.inf]
    return [(seen.component(p).name, points.size[p], points.error[p]) for p in beyond]


def _others(others: Points, wrong: Iterable[Any]) -> str:
    """What is not shown as wrong; not all of that need be right."""
    return f"{others.n:,} {'others' if wrong else 'components'}"


def _band(points: Points, bound: Vector) -> tuple[Vector, Vector]:
    """|analytic| and how high the bounds reach there, as powers of ten; empty where none is known."""
    known = np.isfinite(bound) & (bound > 0) & (points.size < np.inf)
    size, height = points.size[known], np.log10(bound[known])
    if not size.size:
        return size, size
    size = np.fmax(size, size.min(initial=0.0, where=np.isfinite(size)))
    parts = np.array_split(np.argsort(size, kind="stable"), min(_N_BINS, 1 + size.size // 20))
    return (
        np.array([size[part].mean() for part in parts]),
        np.array([np.quantile(height[part], _MOST_BOUNDS) for part in parts]),
    )


# --- drawing -----------------------------------------------------------------------------------------------------------


def _draw(
    ax: Axes,
    band: tuple[Vector, Vector],
    others: Points,
    groups: list[_Group],
    named: list[_Named],
    lost: int,
) -> None:
    every = [others, *(group.points for group in groups)]
    across = span(np.concatenate([points.size for points in every]))
    tops = [across.high, *band[1]]
    up = span(np.concatenate([*(points.error for points in every), tops])).above(_HEADROOM if named else 0.0)
    _draw_band(ax, *band, across, up)
    _draw_shares(ax, across, up)
    words = _others(others, groups)
    keys: list[Any] = [_draw_others(ax, others, words, across, up), *_draw_wrong(ax, groups, across, up)]
    if band[0].size:
        keys.append(Patch(facecolor=GREY, alpha=0.3, label="bounds of numeric"))
    if lost:
        keys.append(key(f"{lost:,} nan or inf, not drawn", marker=""))
    _draw_names(ax, named, across, up)
    for axis, reach in ((ax.xaxis, across), (ax.yaxis, up)):
        axis.set_ticks(*ticks(reach))
    ax.set(xlim=across.limits, ylim=up.limits, xlabel="|analytic|", ylabel="|numeric − analytic|")
    ax.set_title("Residual against analytic", pad=20)
    note(ax, _NOTE, (0, 1), (0, 5), xycoords="axes fraction", in_layout=False)
    legend(ax, keys, 2)


def _draw_band(ax: Axes, size: Vector, height: Vector, across: Range, up: Range) -> None:
    if size.size:
        x = [across.limits[0], *size, across.limits[1]]
        y = np.clip([height[0], *height, height[-1]], *up.limits)
        ax.fill_between(x, up.limits[0], y, color=GREY, alpha=0.25, linewidth=0, zorder=0)


def _draw_shares(ax: Axes, across: Range, up: Range) -> None:
    """Diagonals on which the error is one share of the analytic value."""
    ends = np.array([across.low - 1, across.limits[1]])
    for words, power in _SHARES.items():
        if up.low < ends[1] + power < up.limits[1]:
            ax.plot(ends, ends + power, color=GREY, linewidth=0.9, linestyle=(0, (1, 2)), zorder=1)
            place = (1, ends[1] + power)
            note(ax, words, place, (4, 0), xycoords=ax.get_yaxis_transform(), va="center", annotation_clip=False)


def _draw_others(ax: Axes, points: Points, words: str, across: Range, up: Range) -> Line2D:
    x, y = across.placed(points.size), up.placed(points.error)
    if points.n <= _N_MARKS:
        ax.scatter(x, y, c=PALE, s=11, alpha=0.6, linewidths=0, zorder=2)
    else:
        counts, _, _ = np.histogram2d(y, x, _CELLS[::-1], (up.limits, across.limits))
        shade = np.where(counts > 0, 0.45 + 0.55 * np.log1p(counts) / np.log1p(counts.max()), 0.0)
        pixels = np.concatenate([np.broadcast_to(colors.to_rgb(PALE), (*counts.shape, 3)), shade[..., None]], axis=2)
        extent = (*across.limits, *up.limits)
        ax.imshow(pixels, extent=extent, origin="lower", aspect="auto", interpolation="nearest", zorder=2)
    return key(words, marker="o", color=PALE)


def _draw_wrong(ax: Axes, groups: list[_Group], across: Range, up: Range) -> list[Line2D]:
    """Those of the worst tensors each in a colour of its own, those of the others in one."""
    keys = []
    shown = [(f"{group.points.n:,} wrong in {drawable(group.name, 16)}", [group]) for group in groups[: len(_WRONG)]]
    if rest := groups[len(_WRONG) :]:
        shown.append((f"{sum(group.points.n for group in rest):,} wrong in others", rest))
    for (words, members), colour in zip(shown, (*_WRONG, _OTHERS), strict=False):
        for points in (group.points for group in members):
            for sign, marker in _MARKS.items():
                _scatter(ax, points.some(points.sign == sign), colour, marker, across, up)
        keys.append(key(words, marker="^", color=colour))
    return keys


def _scatter(ax: Axes, points: Points, colour: str, marker: str, across: Range, up: Range) -> None:
    options: dict[str, Any] = {"linewidths": 0, "rasterized": points.n > _N_VECTOR, "zorder": 3, "clip_on": False}
    ax.scatter(across.placed(points.size), up.placed(points.error), c=colour, marker=marker, s=24, alpha=0.8, **options)


def _draw_names(ax: Axes, named: Iterable[_Named], across: Range, up: Range) -> None:
    """Each above its point and above the names that are there."""
    taken: list[tuple[float, float]] = []
    for name, size, error in named:
        x, y = across.share(size), up.share(error)
        height = y + 0.07
        while any(abs(x - other) < 0.35 and abs(height - above) < 0.06 for other, above in taken):
            height += 0.01
        taken.append((x, height))
        _draw_name(ax, drawable(name, 28), (x, y), height)


def _draw_name(ax: Axes, name: str, point: tuple[float, float], height: float) -> None:
    left = point[0] > 0.45
    options: dict[str, Any] = {"ha": "right" if left else "left", "va": "center", "color": INK, "fontsize": 9}
    line: dict[str, Any] = {
        "arrowstyle": "-",
        "color": PALE,
        "linewidth": 0.7,
        "shrinkA": 1,
        "shrinkB": 3,
        "relpos": (float(left), 0.5),
    }
    beside, inside = (point[0] + (-0.04 if left else 0.04), height), "axes fraction"
    ax.annotate(name, point, beside, inside, inside, arrowprops=line, zorder=4, path_effects=_HALO, **options)
