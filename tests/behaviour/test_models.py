"""The small models of the benchmarks: every gradient is exact, optima are optima, and the variants are what they say."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[2]))  # the benchmarks are not installed

import fastcheck as fc
from benchmarks import models

MODELS = models.problems()
named = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)


def complex_step(model, theta):
    """Im J(theta + i h e_k) / h: no difference is taken, so nothing cancels."""
    steps = 1e-30j * np.eye(theta.size)
    return np.array([model.plain(theta + step, *model.args).imag for step in steps]) / 1e-30


@named
def test_gradient_is_exact(model):
    for theta in (model.theta, model.theta + 0.1 * np.random.default_rng(1).standard_normal(model.theta.size)):
        true = complex_step(model, theta)
        np.testing.assert_allclose(model.grad(theta, *model.args), true, rtol=1e-8, atol=1e-11 * abs(true).max())


@named
def test_in_units_the_model_is_the_same(model):
    s = models.random_units(model.theta.size, 6, np.random.default_rng(2))
    scaled = models.in_units(model, s)
    np.testing.assert_allclose(scaled.theta * s, model.theta, rtol=1e-15)
    g = model.grad(model.theta, *model.args)
    np.testing.assert_allclose(scaled.grad(scaled.theta, *model.args), s * g, rtol=1e-7, atol=0)


@named
def test_float32(model):
    wide, narrow = model.plain(model.theta, *model.args), (m := models.in_float32(model)).cost(m.theta, *m.args)
    assert narrow == np.float32(narrow)
    assert narrow == pytest.approx(wide, rel=1e-4, abs=1e-4)


@named
def test_wrong_is_wrong(model):
    g = model.grad(model.theta, *model.args)
    for kind in models.OFF:
        wrong = models.off(model, kind).grad(model.theta, *model.args)
        assert np.linalg.norm(wrong - g) > 1e-6 * np.linalg.norm(g), kind


@pytest.mark.parametrize("name", ["hidden Markov", "local level, Kalman"])
def test_a_sign_is_told_whatever_the_noise(name):
    (model,) = (model for model in MODELS if model.name == name)
    right = model.grad(model.theta, *model.args)
    for k in range(right.size):
        wrong = right.copy()
        wrong[k] *= -1
        report = fc.check(model.cost, wrong, model.theta, model.args)
        assert (report.verdict, report.wrong.tolist()) == (fc.Verdict.WRONG, [k]), report.reason


@pytest.mark.parametrize("model", MODELS[::4], ids=lambda model: model.name)
def test_optima_are_optima(model):
    compiled, plain = model.cost(model.theta, *model.args), model.plain(model.theta, *model.args)
    assert compiled == pytest.approx(plain, rel=1e-13)
    fitted, trained = models.fitted(model), models.trained(model)
    start, near, end = (np.linalg.norm(model.grad(t, *model.args)) for t in (model.theta, fitted, trained))
    assert near < 1e-3 * start
    assert end < 1e-8 * start
    assert model.cost(trained, *model.args) < compiled
    assert abs(trained).max() < 100, "no optimum at infinity"


def test_names_differ():
    assert len({model.name for model in MODELS}) == len(MODELS)
