"""What every picture is drawn on: figures without pyplot, one style whatever the caller's is, and their files' bytes.

No display is opened and nothing global stays changed.
"""

from __future__ import annotations

import io
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import font_manager, style, ticker, transforms
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure, SubFigure
from matplotlib.layout_engine import ConstrainedLayoutEngine, LayoutEngine
from matplotlib.lines import Line2D

from fastcheck.judge import rule
from fastcheck.judge.verdict import Verdict

WIDTH = 5.4  # inches, of one piece: its text can be read on a telephone too
SQUARE = 4.4  # inches, the height of one that is about as high as wide
INK, PALE, GREY = "#1f2933", "#5f6b76", "#9aa5b1"
COLOURS = {  # told apart by colour-blind readers, and by their markers
    Verdict.CORRECT: "#009e73",
    Verdict.SUSPECT: "#e08e00",
    Verdict.WRONG: "#cc3311",
    Verdict.UNRESOLVED: "#0072b2",
}
DARK = {  # the same, dark enough for letters on white
    Verdict.CORRECT: "#00724f",
    Verdict.SUSPECT: "#8f5b00",
    Verdict.WRONG: "#b3260a",
    Verdict.UNRESOLVED: "#005e95",
}
MARKERS = {Verdict.CORRECT: "o", Verdict.SUSPECT: "D", Verdict.WRONG: "X", Verdict.UNRESOLVED: "s"}
_DPI = 160
_STYLE = {
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "legend.borderaxespad": 0,
    "legend.handletextpad": 0.5,
    "legend.columnspacing": 1.4,
    "svg.hashsalt": "fastcheck",  # the same picture is the same file
}
_STYLING = threading.RLock()  # the style is the process's: two that overlap would leave one behind


class Picture(Figure):
    """A figure that a notebook shows without pyplot."""

    def _repr_png_(self) -> bytes:
        return written(self, "png")


@dataclass(frozen=True)
class Piece:
    """One part of a picture: what it shows, in words, its height in inches, and how it is drawn on axes."""

    alt: str
    height: float
    draw: Callable[[Axes], None]


@dataclass(frozen=True)
class Heading:
    """What stands above a whole picture: lines in large letters in a colour, and lines in small ones."""

    large: tuple[str, ...]
    colour: str
    small: tuple[str, ...]

    @property
    def height(self) -> float:
        """In inches."""
        return 0.2 + 0.27 * len(self.large) + 0.21 * len(self.small)

    def draw(self, place: SubFigure) -> None:
        inches = place.dpi_scale_trans + transforms.ScaledTranslation(0.15, 0, place.dpi_scale_trans)
        top = place.bbox.ymax / place.dpi - 0.15
        large: dict[str, Any] = {"fontsize": 13, "fontweight": "bold", "color": self.colour}
        for k, line in enumerate(self.large):
            place.text(0, top - 0.27 * k, line, va="top", transform=inches, **large)
        below = top - 0.27 * len(self.large) - 0.03
        for k, line in enumerate(self.small):
            place.text(0, below - 0.21 * k, line, va="top", transform=inches, color=PALE)


@contextmanager
def _styled() -> Iterator[None]:
    with _STYLING, style.context(["default", _STYLE]):
        yield


def _layout() -> LayoutEngine:
    """Nothing overlaps and nothing is cut off, whatever the length of the names."""
    return ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.08)


def alone(piece: Piece, width: float = WIDTH) -> Figure:
    """One piece on a figure of its own."""
    with _styled():
        drawn = Picture(figsize=(width, piece.height), layout=_layout())
        piece.draw(drawn.add_subplot())
    return drawn


def together(heading: Heading, rows: list[list[Piece]]) -> Figure:
    """Pieces in rows, each row as wide as the figure, under a heading."""
    width = WIDTH * max(map(len, rows))
    heights = [heading.height, *(max(piece.height for piece in row) for row in rows)]
    with _styled():
        drawn = Picture(figsize=(width, sum(heights)), layout=_layout())
        top, *bands = drawn.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
        heading.draw(top)
        for band, pieces in zip(bands, rows, strict=True):
            for place, piece in zip(band.subfigures(1, len(pieces), squeeze=False)[0], pieces, strict=True):
                piece.draw(place.add_subplot())
    return drawn


def written(drawn: Figure, kind: str) -> bytes:
    """The bytes of a ``"png"``, ``"svg"`` or ``"pdf"`` file."""
    out = io.BytesIO()
    with _styled():
        drawn.savefig(out, format=kind, dpi=_DPI)
    return out.getvalue()


def drawable(text: str, most: int = 80) -> str:
    """The caller's words on one line, not taken for a formula, without letters that the font lacks, the middle left out."""
    text = " ".join(text.split())
    if len(text) > most:
        text = f"{text[: most // 2]}…{text[-(most // 2) + 1 :]}"
    font = font_manager.get_font(font_manager.findfont("DejaVu Sans"))
    return "".join(c if font.get_char_index(ord(c)) else "□" for c in text).replace("$", r"\$")


def short(number: float) -> str:
    """Two digits, as everywhere in a report."""
    return f"{number:.1e}" if number else "0"


def bands(span: Callable[..., object], least: float, most: float) -> tuple[tuple[float, str], ...]:
    """The bands of the ratio, drawn by ``axvspan`` or ``axhspan``; where their names belong, and the names."""
    edges = (least, rule.GREAT, rule.WORRY, most)
    verdicts = (Verdict.CORRECT, Verdict.SUSPECT, Verdict.WRONG)
    for low, high, verdict in zip(edges[:-1], edges[1:], verdicts, strict=True):
        span(low, high, color=COLOURS[verdict], alpha=0.1, linewidth=0)
    return (
        (math.sqrt(least * rule.GREAT), "great"),
        (rule.LOOK, "look"),
        (math.sqrt(rule.WORRY * most), "worry"),
    )


def decades(axis: Axis) -> None:
    """Ticks of a logarithmic axis: powers of ten, not too many; where fewer than two are met, 2 and 5 times them too."""
    low, high = np.log10(axis.get_view_interval())
    few = np.floor(high) - np.ceil(low) < 1
    axis.set_major_locator(ticker.LogLocator(subs=(1.0, 2.0, 5.0) if few else (1.0,), numticks=8))
    axis.set_minor_locator(ticker.NullLocator())


def note(ax: Axes, words: str, place: tuple[float, float], offset: tuple[float, float], **options: Any) -> None:
    """Small words beside a place; ``offset`` is in points."""
    options = {"color": PALE, "fontsize": 9, **options}
    ax.annotate(words, place, offset, textcoords="offset points", **options)


def key(label: str, **options: Any) -> Line2D:
    """An entry of a legend: a marker, or with ``linestyle`` a line."""
    return Line2D([], [], label=label, **{"linestyle": "", **options})


def legend(ax: Axes, keys: Sequence[Artist], n_columns: int = 3) -> None:
    """A legend below the label of the x axis."""
    below = ax.transAxes + transforms.ScaledTranslation(0, -40 / 72, ax.figure.dpi_scale_trans)
    ax.legend(handles=keys, loc="upper left", bbox_to_anchor=(0, 0), bbox_transform=below, ncols=n_columns)
