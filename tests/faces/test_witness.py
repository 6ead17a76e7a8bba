from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.text import Text

import fastcheck as fc
from fastcheck.faces.canvas import alone
from fastcheck.faces.witness import excluded, shown_witnesses, witness_piece
from fastcheck.measure.rungs import Rung


def first(cost, gradient, theta) -> fc.Witness:
    return fc.check(cost, np.array(gradient), np.array(theta)).witnesses[0]


@pytest.fixture(scope="module")
def sine() -> fc.Witness:
    return first(lambda theta: float(np.sin(theta).sum()), [1.0, 1.1 * math.cos(2.0)], [0.0, 2.0])


def test_the_slopes_the_analytic_value_and_what_was_settled_on_are_drawn(sine):
    ax = alone(witness_piece(sine)).axes[0]
    levels = {line.get_ydata()[0] for line in ax.lines if list(line.get_xdata()) == [0, 1]}
    assert levels == {sine.slope, sine.analytic}
    drawn = np.concatenate([line.get_xydata() for line in ax.lines if line.get_marker() == "o"])
    assert {(rung.step, rung.slope) for rung in sine.rungs} <= set(map(tuple, drawn.tolist()))
    low, high = ax.get_ylim()
    assert low < min(sine.slope, sine.analytic) < max(sine.slope, sine.analytic) < high
    assert f"Ladder of {sine.name}" in {text.get_text() for text in ax.figure.findobj(Text)}


def test_the_title_says_from_where_to_where_the_claim_is_excluded(sine):
    rungs = [(1e-9, 0.3), (1e-8, 0.1), (1e-7, 1e-3), (1e-6, 1e-4), (1e-5, 2.0), (1e-4, 1e-3)]
    bounded = tuple(Rung(step, 0.0, bound) for step, bound in rungs)
    made = replace(sine, slope=0.0, analytic=0.2, step=1e-7, rungs=bounded)
    assert excluded(made) == "analytic 0.2 lies outside every bound from h = 1.0e-06 down to 1.0e-08"
    assert excluded(replace(sine, analytic=math.nan)).startswith("analytic is nan, where J has the slope")


def test_at_a_kink_both_sides_are_drawn():
    witness = first(lambda theta: float(np.abs(theta).sum()), [1.0, -2.0], [1.0, 0.0])
    ax = alone(witness_piece(witness)).axes[0]
    assert {line.get_marker() for line in ax.lines} >= {"<", ">"}
    assert "both sides of a kink" in excluded(witness)
    assert ax.get_ylim()[0] < -2 < 1 < ax.get_ylim()[1]


def test_a_witness_without_rungs_and_a_second_of_the_same_name_are_not_drawn(sine):
    report = fc.check(lambda theta: float(np.sum(theta**2)), np.zeros(2), np.ones(2))
    made = replace(report, witnesses=(replace(sine, rungs=()), sine, replace(sine, slope=1.0)))
    assert shown_witnesses(made) == [sine]


def test_an_analytic_value_that_is_not_finite_is_told_in_words():
    witness = first(lambda theta: float(np.sum(theta**2)), [2.0, np.nan], [1.0, 1.0])
    ax = alone(witness_piece(witness)).axes[0]
    assert "analytic: nan" in {text.get_text() for text in ax.get_legend().get_texts()}
