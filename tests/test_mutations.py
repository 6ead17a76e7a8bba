"""Every bug of every network in the zoo: caught, its tensors named and no other, explained as what it is."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

import fastcheck as fc
from fastcheck import zoo
from fastcheck.zoo import NETWORKS

SIZES = {"mlp": {"sizes": (12, 20, 15, 5)}}  # the default takes a second per check
MUTANTS = [(network, bug) for network in NETWORKS for bug in zoo.bugs(network)]
KINDS_RIGHT = 0.9
SEEDS = 20


def problem(network: str, **options) -> fc.Problem:
    return NETWORKS[network].make(**SIZES.get(network, {}), **options)


def changed(mutant: fc.Problem, right: fc.Problem) -> set[str]:
    """The tensors whose gradient the bug changes."""
    gradient, expected = mutant.grad(mutant.theta, *mutant.args), right.grad(right.theta, *right.args)
    return {
        t.name
        for t in mutant.layout.tensors
        if not np.allclose(gradient[t.slice], expected[t.slice], rtol=1e-6, atol=1e-12)
    }


@pytest.fixture(scope="module")
def reports() -> dict[tuple[str, str], tuple[fc.Report, set[str]]]:
    """A check of every mutant, and what its bug changes."""
    found = {}
    for network, bug in MUTANTS:
        mutant = problem(network, bug=bug)
        found[network, bug] = mutant.check(), changed(mutant, problem(network, l2=mutant.args[-1]))
    return found


def test_there_are_enough_bugs_in_every_network():
    assert len(MUTANTS) >= 60
    assert min(Counter(network for network, _ in MUTANTS).values()) >= 6


@pytest.mark.parametrize("mutant", MUTANTS, ids="-".join)
def test_a_bug_is_caught_and_no_other_tensor_accused(mutant, reports):
    report, tensors = reports[mutant]
    assert not report.passed
    assert {t.name for t in report.tensors if t.verdict in (fc.Verdict.WRONG, fc.Verdict.SUSPECT)} == tensors
    causes = [finding for finding in report.findings if not finding.advice]
    assert causes[0].tensors[0] in tensors
    assert {name for finding in causes for name in finding.tensors} == tensors  # all of them explained, no other


def test_the_kind_is_right(reports):
    first = {mutant: report.findings[0].kind for mutant, (report, _) in reports.items()}
    other = {mutant: kind for mutant, kind in first.items() if kind != NETWORKS[mutant[0]].bugs[mutant[1]].kind}
    assert len(other) <= (1 - KINDS_RIGHT) * len(MUTANTS), other


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("l2", [0.0, 0.01])
def test_a_right_gradient_has_no_finding_but_advice(network, l2):
    for seed in range(SEEDS):
        report = problem(network, seed=seed, l2=l2).check()
        assert report.passed, str(report)
        assert [f for f in report.findings if not f.advice and f.kind != "rounding"] == []
