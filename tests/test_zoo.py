from __future__ import annotations

import numpy as np
import pytest

import fastcheck as fc
from fastcheck import zoo
from fastcheck.zoo.mlp import ACTIVATIONS

STEPS = (1e-5, 1e-6, 1e-7)


def planted(problem: fc.Problem, right: fc.Problem) -> set[str]:
    """The tensors whose gradient the bug changes."""
    gradient, expected = problem.grad(problem.theta, *problem.args), right.grad(right.theta, *right.args)
    return {
        t.name
        for t in problem.layout.tensors
        if not np.allclose(gradient[t.slice], expected[t.slice], rtol=1e-9, atol=0)
    }


def named(report: fc.Report) -> set[str]:
    return {t.name for t in report.tensors if t.verdict in (fc.Verdict.WRONG, fc.Verdict.SUSPECT)}


@pytest.mark.parametrize("eps", STEPS)
@pytest.mark.parametrize("l2", [0.0, 0.1])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_right_gradient_is_correct(activation, l2, eps):
    for seed in range(4):
        report = zoo.mlp((12, 20, 15, 5), activation, l2=l2, seed=seed).check(eps=eps)
        assert report.verdict is fc.Verdict.CORRECT, str(report)
        assert not named(report)


@pytest.mark.parametrize("bug", zoo.bugs())
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_bug_is_caught_and_its_tensors_named(activation, bug):
    problem = zoo.mlp((12, 20, 15, 5), activation, bug=bug)
    tensors = planted(problem, zoo.mlp((12, 20, 15, 5), activation, l2=problem.args[-1]))
    assert tensors
    for eps in STEPS:
        report = problem.check(eps=eps)
        assert report.verdict is fc.Verdict.WRONG, str(report)
        assert named(report) == tensors


def test_there_are_bugs_of_every_kind():
    assert len(zoo.bugs()) >= 8
    assert all(zoo.bugs().values())


def test_the_default_has_about_ten_thousand_parameters():
    assert zoo.mlp().theta.size == 10_060


def test_the_course_example_as_given():
    report = zoo.course().check()
    assert f"{report.ratio:.5f}" == "0.28509"
    assert report.verdict is fc.Verdict.WRONG
    assert named(report) == {"W2", "b1"}


def test_the_course_example_fixed_is_correct_and_its_ratio_is_rounding():
    report = zoo.course(fixed=True).check(eps=1e-7)
    assert report.verdict is fc.Verdict.CORRECT
    assert report.ratio == pytest.approx(1.19e-7, rel=0.02)
    assert 1 / 3 < report.ratio / report.floor < 3
    assert [f.kind for f in report.findings] == ["rounding"]
    assert zoo.course(fixed=True).check(eps=1e-5).ratio < 2e-9


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bug": "typo"}, "bug must be one of factor, .*, got 'typo'"),
        ({"activation": "gelu"}, "activation must be one of tanh, relu, sigmoid, got 'gelu'"),
        ({"sizes": (3, 2)}, r"sizes must be .*, got \(3, 2\)"),
    ],
)
def test_mlp_refuses(options, message):
    with pytest.raises(fc.InputError, match=message):
        zoo.mlp(**options)
