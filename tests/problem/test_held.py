"""What arguments hold is found by name and replaced in copies."""

from __future__ import annotations

from collections import namedtuple
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest

from fastcheck.problem.arguments import Arguments
from fastcheck.problem.held import held, replaced, shape_of

X = np.arange(6.0).reshape(3, 2)
Pair = namedtuple("Pair", "x y")


@dataclass(frozen=True)
class Data:
    x: np.ndarray
    rate: float


HOLDERS = {
    "args[0]": X,
    "args[0]['x']": {"x": X, "flag": True},
    "args[0][1]": (0.5, X),
    "args[0][0]": [X, 0.5],
    "args[0].y": Pair(0.5, X),
    "args[0].x": Data(X, 0.5),
    "args[0].inner['x']": SimpleNamespace(inner={"x": X}),
}


@pytest.mark.parametrize("name", HOLDERS)
def test_an_array_is_found_by_name_and_replaced_in_a_copy(name):
    arguments = Arguments((HOLDERS[name],), {"l2": 0.1})
    assert held(arguments)[name] is X
    assert held(arguments)["kwargs['l2']"] == 0.1
    after = replaced(arguments, {name: -X})
    assert np.array_equal(held(after)[name], -X)
    assert type(after.args[0]) is type(arguments.args[0])
    assert held(arguments)[name] is X


def test_a_circle_ends():
    around = SimpleNamespace(x=X)
    around.self = around
    assert held(Arguments((around,)))["args[0].x"] is X


def test_lengths():
    assert (shape_of(X), shape_of([1, 2]), shape_of(1.0), shape_of("four")) == ((3, 2), (2,), (), ())
