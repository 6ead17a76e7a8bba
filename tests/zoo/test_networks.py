"""The networks of the zoo and the bugs that they plant."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import fastcheck as fc
from fastcheck import zoo
from fastcheck.zoo import NETWORKS
from fastcheck.zoo._bugs import KINDS

SMALL = {"mlp": {"sizes": (12, 20, 15, 5)}}


def make(network: str, **options) -> fc.Problem:
    return NETWORKS[network].make(**SMALL.get(network, {}), **options)


def gradients(problem: fc.Problem) -> dict[str, np.ndarray]:
    return problem.layout.unpack(problem.grad(problem.theta, *problem.args))


@pytest.mark.parametrize("network", NETWORKS)
def test_every_bug_changes_the_gradient_by_much(network):
    for name in zoo.bugs(network):
        problem = NETWORKS[network].make(bug=name)
        gradient, expected = gradients(problem), gradients(NETWORKS[network].make(l2=problem.args[-1]))
        assert any(np.abs(gradient[t] - g).max() > 1e-3 * np.abs(g).max() for t, g in expected.items()), name


@pytest.mark.parametrize("network", NETWORKS)
def test_bugs_are_described_and_made_in_one_way(network):
    words, bugs = zoo.bugs(network), NETWORKS[network].bugs
    assert len(words) >= 13
    assert len(set(words.values())) == len(words)
    assert words == {name: bug.words for name, bug in bugs.items()}
    assert all((bug.flaw == 0) == (bug.spoil is not None) for bug in bugs.values())
    assert all(bug.needs_l2 == (bug.kind == "regularisation") for bug in bugs.values())


def test_there_are_bugs_of_every_kind():
    bugs = [bug for network in NETWORKS.values() for bug in network.bugs.values()]
    assert len(bugs) >= 66
    assert {bug.kind for bug in bugs} == set(KINDS)
    assert zoo.bugs() == zoo.bugs("mlp")


@pytest.mark.parametrize("network", NETWORKS)
def test_the_data_shows_the_number_of_examples(network):
    problem = make(network, examples=9)
    x, y = problem.args[:2]
    assert 9 in (x.shape[0], x.shape[-1])
    assert y.shape[-1] == 9


def test_the_default_has_about_ten_thousand_parameters():
    assert zoo.mlp().theta.size == 10_060


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (zoo.mlp, {"bug": "typo"}, "bug must be one of factor, .*, got 'typo'"),
        (zoo.mlp, {"activation": "gelu"}, "activation must be one of tanh, relu, sigmoid, got 'gelu'"),
        (zoo.mlp, {"sizes": (3, 2)}, r"sizes must be .*, got \(3, 2\)"),
        (zoo.conv, {"bug": "typo"}, "bug must be one of flipped, .*, got 'typo'"),
        (zoo.conv, {"activation": "sigmoid"}, "activation must be one of relu, tanh, got 'sigmoid'"),
        (zoo.conv, {"image": (8, 7)}, r"image must be an even height and an even width, got \(8, 7\)"),
        (zoo.conv, {"filters": 0}, "filters must be at least 1, got 0"),
        (zoo.batchnorm, {"sizes": (4, 5, 5, 2)}, r"sizes must be inputs, hidden units .*, got \(4, 5, 5, 2\)"),
        (zoo.batchnorm, {"examples": 1}, "examples must be at least 2, got 1"),
        (zoo.lstm, {"classes": 1}, "classes must be at least 2, got 1"),
        (zoo.lstm, {"steps": 0}, "steps must be at least 1, got 0"),
        (zoo.attention, {"heads": 3}, "heads must divide the width 8, got 3"),
        (zoo.bugs, {"network": "gan"}, "network must be one of mlp, conv, .*, got 'gan'"),
    ],
)
def test_what_makes_no_sense_is_refused(make, options, message):
    with pytest.raises(fc.InputError, match=message):
        make(**options)


STAGED = {
    "mlp": lambda **options: zoo.mlp((12, 20, 15, 8, 5), **options),
    "one hidden layer": lambda **options: zoo.mlp((6, 5, 3), l2=0.1, **options),
    "conv": zoo.conv,
    "conv with a penalty": lambda **options: zoo.conv(l2=0.1, **options),
    "lenet": lambda **options: zoo.lenet(examples=2, **options),
}


@pytest.mark.parametrize("network", STAGED.values(), ids=STAGED)
def test_a_cost_in_stages_gives_the_bits_of_that_in_one_piece(network):
    one, other = network(staged=True), network(staged=False)
    assert one.cost(one.theta, *one.args) == other.cost(other.theta, *other.args)
    components = np.unique(np.linspace(0, one.theta.size - 1, 60).astype(int))
    reports = [problem.check(components=components) for problem in (one, other)]
    assert reports[0].passed and replace(reports[0], seconds=0, name="") == replace(reports[1], seconds=0, name="")


def test_lenet_has_the_size_of_lenet_and_its_gradient_is_right():
    problem = zoo.lenet(examples=2)
    assert problem.theta.size == 44_426
    assert problem.screen().passed
