"""The options that an editor offers are those that the functions take."""

from __future__ import annotations

import inspect

import pytest

import fastcheck as fc
from fastcheck.problem.typed import CheckOptions, LocateOptions, ScreenOptions, SweepOptions

REFUSED = {"checkpoint", "method"}  # taken only to be refused in one line, but by check


@pytest.mark.parametrize(
    ("options", "function", "refused"),
    [
        (CheckOptions, fc.check, set()),
        (ScreenOptions, fc.screen, REFUSED),
        (LocateOptions, fc.locate, REFUSED),
        (SweepOptions, fc.sweep, REFUSED),
    ],
)
def test_offered_and_taken(options, function, refused):
    taken = {p.name for p in inspect.signature(function).parameters.values() if p.kind is p.KEYWORD_ONLY}
    assert options.__optional_keys__ == taken - refused
