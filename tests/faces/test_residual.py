from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.collections import PathCollection
from matplotlib.text import Text

import fastcheck as fc
from fastcheck.faces import residual
from fastcheck.faces.canvas import alone
from fastcheck.faces.logarithms import Range, span, ticks
from fastcheck.faces.residual import residual_piece


def cost(theta: np.ndarray) -> float:
    return float(np.sum(theta**4))


def reported(spoil: Callable[[np.ndarray], None], n: int = 40) -> fc.Report:
    theta = np.linspace(0.5, 1.5, n)
    gradient = 4 * theta**3
    spoil(gradient)
    return fc.check(cost, gradient, {"a": theta[: n // 2], "b": theta[n // 2 :]})


def few_per_cent(gradient: np.ndarray) -> None:
    gradient[25:30] *= 1.03


def drawn(report: fc.Report):
    return alone(residual_piece(report)).axes[0]


def marks(ax) -> dict[str, np.ndarray]:
    """Powers of ten of |analytic| and of the error, by the colour of their marks."""
    found: dict[str, list] = {}
    for points in ax.collections:
        if isinstance(points, PathCollection) and len(points.get_offsets()):
            found.setdefault(tuple(points.get_facecolor()[0][:3]), []).append(points.get_offsets())
    return {colour: np.concatenate(each) for colour, each in found.items()}


def said(ax) -> set[str]:
    return {text.get_text() for text in ax.figure.findobj(Text)}


def colour_of(code: str) -> tuple[float, ...]:
    return tuple(int(code[k : k + 2], 16) / 255 for k in (1, 3, 5))


def test_an_error_of_a_few_per_cent_lies_on_its_share_far_above_the_band():
    ax = drawn(reported(few_per_cent))
    wrong = marks(ax)[colour_of(residual._WRONG[0])]
    assert len(wrong) == 5
    assert (wrong[:, 1] - wrong[:, 0]).tolist() == pytest.approx([np.log10(0.03 / 1.03)] * 5, abs=1e-4)
    (band,) = (collection for collection in ax.collections if not isinstance(collection, PathCollection))
    assert wrong[:, 1].min() > band.get_paths()[0].vertices[:, 1].max() + 2


def test_what_is_right_lies_within_the_band():
    report = reported(lambda gradient: None)
    others = residual._points(report.seen)
    size, height = residual._band(others, report.bound)
    below = np.interp(others.size, size, height)
    assert np.mean(others.error <= below) > 0.9
    assert "40 components" in said(drawn(report))


def test_the_sign_is_told_by_the_mark_and_the_worst_of_each_tensor_by_name():
    def spoil(gradient):
        gradient[3] *= 1.1
        gradient[30:32] *= 0.5, 0.4

    report = reported(spoil)
    ax = drawn(report)
    marked = {
        len(c.get_offsets()): c.get_paths()[0].vertices[0].tolist() for c in ax.collections if c.get_offsets().size
    }
    assert marked[1] != marked[2]  # one below, two above: triangles that point down and up
    assert {"a[3]", "b[11]", "b[10]"} <= said(ax)


def test_components_that_are_zero_have_a_place_of_their_own():
    def never_written(gradient):
        gradient[7] = 0.0

    ax = drawn(reported(never_written))
    ((x, _),) = marks(ax)[colour_of(residual._WRONG[0])]
    labels = dict(zip(ax.get_xticks(), (text.get_text() for text in ax.get_xticklabels()), strict=True))
    assert labels[x] == "0"


def test_many_are_drawn_as_a_density_that_loses_none(monkeypatch):
    monkeypatch.setattr(residual, "_N_MARKS", 10)
    ax = drawn(reported(few_per_cent))
    assert len(marks(ax)[colour_of(residual._WRONG[0])]) == 5
    shade = ax.images[0].get_array()[..., 3]
    assert 0 < np.count_nonzero(shade) <= 35
    assert "35 others" in said(ax)


def test_what_is_not_finite_is_counted():
    def spoiled(gradient):
        gradient[2:4] = np.nan, np.inf

    assert "2 nan or inf, not drawn" in said(drawn(reported(spoiled)))


def test_where_nothing_is_accused_what_lies_beyond_its_bound_is_named():
    theta = np.linspace(1.0, 2.0, 12)
    report = fc.check(lambda theta: float(np.sum(theta**2) + np.floor(theta[0])), 2 * theta, theta)
    assert report.verdict is fc.Verdict.UNRESOLVED
    assert "theta[0]" in said(drawn(report))


@pytest.mark.parametrize("powers", [[], [-np.inf], [0.0], [-400.0, 3.0], [2.0, -np.inf, 5.0]])
def test_every_number_has_a_place_within_the_axis(powers):
    reach = span(np.array(powers))
    low, high = reach.limits
    placed = reach.placed(np.array(powers))
    assert ((placed > low) & (placed < high)).all()
    places, labels = ticks(reach)
    assert places == sorted(places)
    assert len(places) == len(labels) <= 10


def test_powers_below_the_range_stand_at_zero():
    reach = Range(-3.0, 0.0, True)
    assert reach.placed(np.array([-np.inf, -3.1, -3.0, -1.0])).tolist() == [reach.zero, reach.zero, -3.0, -1.0]
