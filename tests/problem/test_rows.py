"""Rows and columns of a tensor, by name and by place."""

from __future__ import annotations

import numpy as np
import pytest

import fastcheck as fc
from fastcheck.problem.rows import blank_lines, column_of, middle_of, row_around, row_of, shared_lines

LAYOUT = fc.Layout.of({"a": (10,), "W": (40, 25), "K": (3, 4, 5)})
VECTOR, MATRIX, CUBE = LAYOUT.tensors


def names(lines):
    return [line.name for line in lines]


@pytest.mark.parametrize("tensor", [MATRIX, CUBE])
def test_a_row_is_along_the_first_axis_and_a_column_along_the_last(tensor):
    theta = np.arange(LAYOUT.size)
    own = theta[tensor.slice].reshape(tensor.shape)
    assert row_of(tensor, 2).indices.tolist() == own[2].ravel().tolist()
    assert column_of(tensor, 3).indices.tolist() == own[..., 3].ravel().tolist()
    assert theta[column_of(tensor, 3).place].tolist() == column_of(tensor, 3).indices.tolist()


def test_their_names_are_indices():
    assert (row_of(CUBE, 2).name, column_of(CUBE, 3).name) == ("K[2, :, :]", "K[:, :, 3]")


def test_components_are_halved_between_rows_until_they_are_in_one():
    start, stop = MATRIX.start, MATRIX.stop
    while (row := row_around(MATRIX, start, stop)) is None:
        middle = middle_of(MATRIX, start, stop)
        assert (middle - MATRIX.start) % 25 == 0
        start = middle
    assert row.name == "W[39, :]"
    assert start < middle_of(MATRIX, start, stop) < stop
    assert row_around(VECTOR, 3, 4) is None
    assert middle_of(VECTOR, 0, 10) == 5


def test_lines_that_are_shared_hold_two_of_the_components():
    at = [MATRIX.start + 25 * row + column for row, column in ((3, 4), (3, 9), (7, 9), (8, 1))]
    assert names(shared_lines(MATRIX, at)) == ["W[3, :]", "W[:, 9]"]
    assert shared_lines(MATRIX, at[:1]) == shared_lines(VECTOR, [1, 2]) == []


def test_blank_lines_are_those_that_are_zero_throughout(rng):
    gradient = rng.standard_normal(LAYOUT.size)
    assert blank_lines(MATRIX, gradient) == blank_lines(VECTOR, np.zeros(LAYOUT.size)) == []
    gradient[row_of(MATRIX, 5).place] = gradient[column_of(MATRIX, 0).place] = 0.0
    assert names(blank_lines(MATRIX, gradient)) == ["W[5, :]", "W[:, 0]"]
