"""Ladders along one line of a function of one variable, for the tests of what they see and what is made of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fastcheck.checks.settling import settled
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


class Line:
    """The line of f at x, as a check takes it."""

    def __init__(self, f, x, scale):
        self.f, self.x, self.scale = f, x, scale
        self.look = Look(f, x)

    def table(self, quantum=np.inf):
        return replace(empty(self.f, self.x, self.scale)[1], quantum=quantum)


def said(f, x, claimed, scale=None):
    """What a check makes of a claimed slope; and what was seen."""
    line = Line(f, x, scale)
    found = settled(line, np.array([claimed]) * line.table().unit)
    return found.said, found.sight
