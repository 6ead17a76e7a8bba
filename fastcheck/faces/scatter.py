"""Analytic against numeric: what is right lies on the diagonal, a wrong factor or sign is a line of another slope."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from fastcheck.faces.canvas import GREY, INK, PALE, SQUARE, Piece, drawable, key, legend
from fastcheck.faces.heat import errors, scale, wrong_tensors

if TYPE_CHECKING:
    from fastcheck.results.report import Report, Seen

Points = npt.NDArray[np.float64]

_N_POINTS = 20_000  # that are not wrong; beyond, a sample of them
_N_VECTOR = 2_000  # points beyond which they are pixels, in a file of vector graphics too
_WRONG = (("#cc3311", "X"), ("#0072b2", "s"), ("#d98e04", "D"), ("#8e4a9e", "^"))  # of the wrong tensors
_OTHERS = (INK, "P")  # of those beyond


def scatter_piece(report: Report) -> Piece | None:
    """Analytic against numeric, each tensor in parts of its largest entry, the wrong components in the colour of theirs."""
    if (seen := report.seen) is None:
        return None
    wrong = wrong_tensors(report)
    shown = {t.name: _points(seen.part(t), t in wrong) for t in report.layout.tensors if t.size}
    others = np.concatenate([points for points, _ in shown.values()], axis=1)
    named = [(tensor.name, shown[tensor.name][1]) for tensor in wrong]
    beside = [f"{points.shape[1]:,} wrong in {name}" for name, points in named]
    alt = f"Analytic against numeric: {', '.join([*beside, _others(others, beside)])}"
    height = SQUARE + 0.2 * (min(len(named), len(_WRONG) + 1) // 2)  # of the legend
    return Piece(f"{alt}.", height, lambda ax: _draw_scatter(ax, others, named))


def _others(points: Points, wrong: list[Any]) -> str:
    """What is not shown as wrong; not all of that need be right."""
    return f"{points.shape[1]:,} {'others' if wrong else 'components'}"


def _points(seen: Seen, is_wrong: bool) -> tuple[Points, Points]:
    """Of one tensor, numeric and analytic of the wrong components and before them of the others, shape (2, k) each."""
    size = scale(seen)
    points = np.stack([seen.numeric, seen.analytic]) / size
    error = errors(seen, size)
    finite = np.isfinite(error)
    beyond = seen.wrong if seen.wrong.any() else error > error.max(initial=0.0, where=finite) / 10
    beyond = finite & beyond & is_wrong
    return points[:, finite & ~beyond], points[:, beyond]


def _draw_scatter(ax: Axes, others: np.ndarray, wrong: list[tuple[str, Points]]) -> None:
    ax.axline((0, 0), slope=1, color=GREY, linewidth=1, zorder=1)
    words = _others(others, wrong)
    keys = [_draw_others(ax, others, words), *_draw_wrong(ax, [item for item in wrong if item[1].size])]
    ax.set(xlim=(-1.08, 1.08), xlabel="numeric / largest entry of its tensor")
    ax.set(ylim=(-1.08, 1.08), ylabel="analytic / largest entry of its tensor")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(ticker.MultipleLocator(0.5))
    ax.set_aspect("equal", anchor="N")
    ax.set_title("Analytic against numeric")
    legend(ax, keys, 2)


def _draw_others(ax: Axes, points: Points, words: str) -> Line2D:
    n = points.shape[1]
    if n > _N_POINTS:
        points = points[:, np.random.default_rng(0).choice(n, _N_POINTS, replace=False)]
        words = f"{words}, {_N_POINTS:,} drawn"
    _scatter(ax, points, PALE, "o", s=12, alpha=0.5)
    return key(words, marker="o", color=PALE)


def _draw_wrong(ax: Axes, wrong: list[tuple[str, Points]]) -> list[Line2D]:
    """The wrong components of the worst tensors, each in a colour of its own, those of the others in one."""
    groups = [(drawable(name, 16), points) for name, points in wrong[: len(_WRONG)]]
    if others := [points for _, points in wrong[len(_WRONG) :]]:
        groups.append(("others", np.concatenate(others, axis=1)))
    keys = []
    for (name, points), (colour, marker) in zip(groups, (*_WRONG, _OTHERS), strict=False):
        _scatter(ax, points, colour, marker, s=26, alpha=0.8)
        keys.append(key(f"{points.shape[1]:,} wrong in {name}", marker=marker, color=colour))
    return keys


def _scatter(ax: Axes, points: Points, colour: str, marker: str, **options: Any) -> None:
    many = points.shape[1] > _N_VECTOR
    ax.scatter(points[0], points[1], c=colour, marker=marker, linewidths=0, rasterized=many, zorder=2, **options)
