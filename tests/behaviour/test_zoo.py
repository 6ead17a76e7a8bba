"""The zoo: every right gradient is correct, and every mutant is caught, its tensors named, and explained as what it is."""

from __future__ import annotations

from functools import cache
from importlib import import_module

import numpy as np
import pytest

import fastcheck as fc
from fastcheck import zoo
from fastcheck.zoo import NETWORKS

SMALL = {"mlp": {"sizes": (12, 20, 15, 5)}}
CASES = {
    **{
        f"{network}-{activation}": (network, {"activation": activation})
        for network in ("mlp", "conv", "batchnorm")
        for activation in import_module(f"fastcheck.zoo.{network}").ACTIVATIONS
    },
    "lstm": ("lstm", {}),
    "attention": ("attention", {}),
}
STEPS = (1e-5, 1e-6, 1e-7)
SEEDS = 20
MUTANTS = [(case, bug) for case in CASES for bug in zoo.bugs(CASES[case][0])]


def make(case: str, **options) -> fc.Problem:
    network, own = CASES[case]
    return NETWORKS[network].make(**SMALL.get(network, {}), **own, **options)


@cache
def mutant(case: str, bug: str) -> tuple[fc.Problem, set[str]]:
    """A mutant, and the tensors whose gradient its bug changes."""
    problem = make(case, bug=bug)
    right = make(case, l2=problem.args[-1])
    gradient, expected = (p.layout.unpack(p.grad(p.theta, *p.args)) for p in (problem, right))
    return problem, {name for name in expected if not np.allclose(gradient[name], expected[name], rtol=1e-9, atol=0)}


def accused(report: fc.Report) -> set[str]:
    return {t.name for t in report.tensors if t.verdict.accuses}


@pytest.mark.parametrize("eps", [None, "auto", *STEPS])
@pytest.mark.parametrize("l2", [0.0, 0.1])
@pytest.mark.parametrize("case", CASES)
def test_every_right_gradient_is_correct(case, l2, eps):
    for seed in range(4):
        report = make(case, l2=l2, seed=seed).check(eps=eps)
        served = "does not serve" not in report.reason  # a step that was asked for may not, and that is said
        assert report.verdict is (fc.Verdict.CORRECT if served else fc.Verdict.UNRESOLVED), str(report)
        assert served or eps in STEPS
        assert not accused(report)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("l2", [0.0, 0.01])
def test_a_right_gradient_has_no_finding_but_advice(case, l2):
    for seed in range(SEEDS):
        report = make(case, seed=seed, l2=l2).check()
        assert report.passed, str(report)
        assert [f for f in report.findings if not f.advice and f.kind != "rounding"] == []


@pytest.mark.parametrize("eps", STEPS)
@pytest.mark.parametrize("which", MUTANTS, ids="-".join)
def test_every_bug_is_caught_its_tensors_named_and_explained_as_what_it_is(which, eps):
    problem, tensors = mutant(*which)
    report = problem.check(eps=eps)
    assert report.verdict is fc.Verdict.WRONG, str(report)
    assert tensors
    assert accused(report) == tensors
    causes = [finding for finding in report.findings if not finding.advice]
    assert causes[0].tensors[0] in tensors
    assert {name for finding in causes for name in finding.tensors} == tensors  # all of them explained, no other
    kind = NETWORKS[CASES[which[0]][0]].bugs[which[1]].kind
    assert causes[0].kind == kind


def test_the_course_example_as_given():
    report = zoo.course().check()
    assert f"{report.ratio:.5f}" == "0.28509"
    assert report.verdict is fc.Verdict.WRONG
    assert accused(report) == {"W2", "b1"}


def test_the_course_example_fixed_is_correct_and_its_ratio_is_rounding():
    report = zoo.course(fixed=True).check(eps=1e-7)
    assert report.verdict is fc.Verdict.CORRECT
    assert report.ratio == pytest.approx(1.19e-7, rel=0.02)
    assert 1 / 3 < report.ratio / report.floor < 3
    assert "rounding" in {f.kind for f in report.findings}
    assert zoo.course(fixed=True).check(eps=1e-5).ratio < 2e-9
