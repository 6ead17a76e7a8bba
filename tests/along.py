"""Ladders along one line of a function of one variable, for the tests of what they see and what is made of it."""

from __future__ import annotations

import numpy as np

from fastcheck.judge.outcomes import outcomes
from fastcheck.measure.ladder import climb, grow, look_where_worth
from fastcheck.measure.levels import opened
from fastcheck.measure.readings import plateau, readings, sharpest
from fastcheck.measure.sight import Shape, see

ONE = np.arange(1)


class Look:
    """``f`` along lines at these points; counts looks and evaluations."""

    def __init__(self, f, *points):
        self.f, self.points, self.looks, self.evaluations = f, np.array(points), 0, 0

    def __call__(self, lines, h):
        self.looks += 1
        self.evaluations += 2 * lines.size
        f, x = self.f, self.points[lines]
        return np.array([[f(a), f(b)] for a, b in zip(x + h, x - h, strict=True)]).reshape(-1, 2)


def empty(f, x, scale=None):
    """A way to look along the line of f at x, and its empty table."""
    look = Look(f, x)
    return look, opened(f(x), np.array([abs(x) or 1.0 if scale is None else scale]), 8 * np.spacing(np.abs([x])))


def grown(f, x, scale=None, worth=None):
    """The ladder, looked at as well where a slope of ``worth`` is worth seeing."""
    look, table = empty(f, x, scale)
    table = grow(look, table)
    if worth is not None:
        table = look_where_worth(look, table, ONE, np.array([worth]) * table.unit)
        table = climb(look, table, ONE, sharpest(readings(table)).level)
    return table, look


def seen(f, x, scale=None, worth=None):
    """Shape, slope and bound in J per unit of x, and all else that was seen."""
    table, _ = grown(f, x, scale, worth)
    sight = see(table)
    best, _ = plateau(sight.readings, np.zeros(1), 0.05, 2.0)
    return Shape(int(sight.shape[0])), best.value[0] / table.unit[0], best.bound[0] / table.unit[0], sight


def said(f, x, claimed, scale=None):
    """What is said of a claimed slope after a second look where either slope is worth seeing; and what was seen."""
    look, table = empty(f, x, scale)
    table = grow(look, table).knowing()
    claim = np.array([claimed]) * table.unit
    for worth in (np.abs(claim), np.abs(outcomes(see(table), claim).slope)):
        table = look_where_worth(look, table, ONE, worth)
    level = outcomes(see(table), claim).level
    table = climb(look, table, ONE, level) if (table.level == level).any() else table
    sight = see(table)
    return outcomes(sight, claim), sight
