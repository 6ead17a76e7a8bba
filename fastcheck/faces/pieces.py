"""Which pictures a report has, in which order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastcheck.faces.heat import worst_first
from fastcheck.faces.heatmaps import heat_pieces
from fastcheck.faces.ratios import ratio_piece
from fastcheck.faces.residual import residual_piece
from fastcheck.faces.witness import shown_witnesses, witness_piece

if TYPE_CHECKING:
    from fastcheck.faces.canvas import Piece
    from fastcheck.judge.verdict import Witness
    from fastcheck.results.report import Report


def _as_maps(report: Report, witnesses: list[Witness]) -> list[Witness]:
    """In the order of the heat maps of their tensors."""
    order = {t.name: k for k, t in enumerate(worst_first(report.tensors))}
    owner = {w: report.layout.tensor_of(w.index).name for w in witnesses if w.index is not None}
    return sorted(witnesses, key=lambda w: order[owner[w]] if w in owner else len(order))


def pieces(report: Report, most_maps: int, most_ladders: int) -> list[list[Piece]]:
    """In rows of two: the ratios and the residuals; then why it is wrong, and where: ladders and heat maps in turn."""
    first = [piece for piece in (ratio_piece(report), residual_piece(report)) if piece]
    maps = heat_pieces(report, most_maps)
    ladders = [witness_piece(witness) for witness in _as_maps(report, shown_witnesses(report))[:most_ladders]]
    both = min(len(maps), len(ladders))
    mixed = [piece for pair in zip(maps, ladders, strict=False) for piece in pair] + maps[both:] + ladders[both:]
    every = [*first, *mixed]
    return [every[k : k + 2] for k in range(0, len(every), 2)]
