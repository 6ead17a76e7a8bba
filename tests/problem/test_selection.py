"""Which components are looked at, and what they are called."""

from __future__ import annotations

import numpy as np
import pytest
from costs import quartic, quartic_gradient

import fastcheck as fc
from fastcheck.problem.selection import Selection

SHAPES = {"W1": (2, 3), "b1": (2,), "W2": (1, 2), "b2": (2,)}
LAYOUT = fc.Layout.of(SHAPES)


@pytest.mark.parametrize(
    ("tensors", "names"),
    [
        ("W*", ["W1", "W2"]),
        ("b2", ["b2"]),
        ("?1", ["W1", "b1"]),
        (["b*", "W2"], ["b1", "W2", "b2"]),
        (("W1", "W*"), ["W1", "W2"]),
        ("*", list(SHAPES)),
    ],
)
def test_tensors_are_chosen_by_name(tensors, names, theta, weights):
    expected = np.concatenate([np.arange(t.start, t.stop) for t in LAYOUT.tensors if t.name in names])
    report = fc.check(quartic, quartic_gradient, theta, (weights,), layout=LAYOUT, tensors=tensors)
    assert report.components.tolist() == expected.tolist()
    assert [t.name for t in report.tensors if t.n_components] == names
    whole = fc.gradient(quartic, theta, (weights,), layout=LAYOUT)
    assert np.array_equal(fc.gradient(quartic, theta, (weights,), layout=LAYOUT, tensors=tensors), whole[expected])
    assert fc.sweep(quartic, quartic_gradient, theta, (weights,), layout=LAYOUT, tensors=tensors).n_checked == len(
        expected
    )
    with fc.Checker(quartic, theta, (weights,), layout=LAYOUT) as checker:
        assert np.array_equal(checker.gradient(theta, tensors=tensors), whole[expected])
        assert checker.check(theta, quartic_gradient, tensors=tensors).components.tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tensors": "V*"}, r"tensors must match a name of theta's, got 'V\*': the names are W1, b1, W2, b2"),
        ({"tensors": ["W1", "w2"]}, "tensors must match a name of theta's, got 'w2'"),
        ({"tensors": "W*", "components": [1]}, "components and tensors must not both be given"),
        ({"tensors": [], "components": None}, "tensors must be a name or a list of names"),
        ({"tensors": [3]}, r"tensors must be a name or a list of names, got \[3\]"),
    ],
)
def test_tensors_that_cannot_be_chosen(options, message, theta, weights):
    for function, grad in ((fc.check, [quartic_gradient]), (fc.gradient, []), (fc.sweep, [quartic_gradient])):
        with pytest.raises(fc.InputError, match=message) as caught:
            function(quartic, *grad, theta, (weights,), layout=LAYOUT, **options)
        assert "\n" not in str(caught.value)


def test_a_problem_brings_its_tensors_and_options_come_before_them(theta, weights):
    problem = fc.Problem(quartic, quartic_gradient, theta, (weights,), LAYOUT, tensors="W*")
    assert problem.check().n_checked == problem.sweep().n_checked == 8
    assert problem.check(tensors="b*").n_checked == 4
    assert problem.check(components=[0, 1, 2]).n_checked == 3
    assert problem.screen().layout is LAYOUT


def test_positions_and_indices():
    some = Selection(LAYOUT, np.array([7, 3, 3, 9])).sorted()
    assert (some.size, some.indices.tolist(), some.index(1)) == (3, [3, 7, 9], 7)
    assert [(span.start, span.stop) for span in some.spans] == [(0, 1), (1, 2), (2, 3), (3, 3)]
    assert some.name(2) == "W2[0, 1]"
    assert some.named(np.array([0, 1, 2])) == (("W1", "b1", "W2"), "W1[1, 0], b1[1], W2[0, 1]")
    everything = Selection(LAYOUT)
    assert everything.sorted() is everything
    assert everything.index(5) == 5
