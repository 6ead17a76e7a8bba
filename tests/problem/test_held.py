"""What arguments hold is found by name and replaced in copies."""

from __future__ import annotations

from collections import UserDict, namedtuple
from dataclasses import dataclass
from types import MappingProxyType, SimpleNamespace

import numpy as np
import pytest

import fastcheck as fc
from fastcheck.problem.arguments import Arguments
from fastcheck.problem.held import held, replaced, shape_of

X = np.arange(6.0).reshape(3, 2)
Pair = namedtuple("Pair", "x y")


@dataclass(frozen=True)
class Data:
    x: np.ndarray
    rate: float


class Attributes(dict):
    """A dict that raises KeyError where it has no attribute."""

    __getattr__ = dict.__getitem__


class Bare:
    def __getattr__(self, name):
        raise KeyError(name)


HOLDERS = {
    "args[0]": X,
    "args[0]['x']": {"x": X, "flag": True},
    "args[0][1]": (0.5, X),
    "args[0][0]": [X, 0.5],
    "args[0].y": Pair(0.5, X),
    "args[0].x": Data(X, 0.5),
    "args[0].inner['x']": SimpleNamespace(inner={"x": X}),
    "args[0]['y']": Attributes(y=X),
    "args[0]['z']": MappingProxyType({"z": X}),
    "args[0]['inner']['x']": UserDict(inner=Attributes(x=X)),
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


def test_objects_that_raise_whatever_they_are_asked_for():
    assert list(held(Arguments((Bare(), X)))) == ["args[1]"]
    report = fc.check(lambda t, o: np.sum(t**2), lambda t, o: 3 * t, np.ones(2), (Bare(),))
    assert report.verdict.accuses


def test_lengths():
    assert (shape_of(X), shape_of([1, 2]), shape_of(1.0), shape_of("four")) == ((3, 2), (2,), (), ())
