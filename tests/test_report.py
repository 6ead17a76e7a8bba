from __future__ import annotations

import json

import numpy as np
import pytest
from conftest import quartic, quartic_gradient

import fastcheck as fc
from fastcheck import zoo


@pytest.fixture(scope="module")
def wrong() -> fc.Report:
    return zoo.mlp((5, 8, 3), bug="row").check()


def test_the_fields_are_those_of_the_formula(wrong):
    error = wrong.numeric - wrong.analytic
    norms = np.linalg.norm(wrong.numeric) + np.linalg.norm(wrong.analytic)
    assert wrong.ratio == pytest.approx(np.linalg.norm(error) / norms)
    assert wrong.throughput == pytest.approx(wrong.numeric.size / wrong.seconds)
    assert not wrong.passed
    for tensor, place in zip(wrong.tensors, wrong.layout.tensors, strict=True):
        part = error[place.slice]
        below = np.linalg.norm(wrong.numeric[place.slice]) + np.linalg.norm(wrong.analytic[place.slice])
        assert tensor.ratio == pytest.approx(np.linalg.norm(part) / below)
        assert tensor.worst.error == part[np.abs(part).argmax()]
        assert (tensor.name, tensor.shape) == (place.name, place.shape)


def test_worst_components_come_largest_first_with_both_values(wrong):
    worst = wrong.worst(4)
    assert len(worst) == 4
    for component in worst:
        assert component.name == wrong.layout.name(component.index)
        assert component.numeric == wrong.numeric[component.index]
        assert component.analytic == wrong.analytic[component.index]
        assert component.error == component.numeric - component.analytic
    sizes = [abs(component.error) for component in worst]
    assert sizes == sorted(sizes, reverse=True)
    assert len(wrong.worst(10_000)) == wrong.layout.size


def test_to_dict_is_plain_json(wrong):
    told = json.loads(json.dumps(wrong.to_dict(), allow_nan=False))
    assert told["verdict"] == "WRONG"
    assert told["ratio"] == wrong.ratio
    assert [t["name"] for t in told["tensors"]] == ["W1", "b1", "W2", "b2"]
    assert told["worst"][0]["name"] == wrong.worst(1)[0].name
    assert told["n"] == wrong.layout.size
    assert set(told["versions"]) == {"fastcheck", "numpy", "numba", "python", "machine"}


def test_to_dict_of_what_is_not_finite(theta, weights):
    gradient = quartic_gradient(theta, weights)
    gradient[3] = np.nan
    told = fc.check(quartic, gradient, theta, (weights,)).to_dict()
    assert json.dumps(told, allow_nan=False)
    assert told["worst"][0]["analytic"] is None


def test_the_text_says_verdict_tensors_worst_components_and_what_to_do(wrong):
    lines = str(wrong).splitlines()
    assert lines[0] == "WRONG: the gradient is wrong in W2"
    assert "ratio" in lines[1]
    assert "eps 1e-07" in lines[1]
    rows = {line.split()[0]: line for line in lines if line}
    assert all(name in rows for name in ("W1", "b1", "W2", "b2"))
    worst = wrong.worst(1)[0]
    assert f"{worst.analytic:.5g}" in rows["W2"]
    assert f"{worst.numeric:.5g}" in rows["W2"]
    assert any(line.startswith(worst.name) for line in lines)
    assert "\x1b" not in str(wrong)
    assert "evaluations of J" in lines[-1]


def test_the_text_fits_eighty_columns_where_names_are_short(wrong):
    table = [line for line in str(wrong).splitlines() if line.startswith(("tensor", "W", "b"))]
    assert max(map(len, table)) <= 80


def test_a_right_gradient_shows_no_worst_components(theta, weights):
    text = str(fc.check(quartic, quartic_gradient, theta, (weights,)))
    assert text.startswith("CORRECT")
    assert "worst components" not in text


def test_a_report_is_frozen(wrong):
    with pytest.raises(AttributeError):
        wrong.ratio = 0.0


def test_plain_python_is_said_to_be_slower(theta, weights):
    report = fc.check(quartic.py_func, quartic_gradient, theta, (weights,))
    assert not report.compiled
    assert [f.kind for f in report.findings] == ["python"]
    assert "plain Python cost" in str(report)


def test_empty_and_scalar_tensors_are_reported(theta, weights):
    params = {"e": np.ones((0, 3)), "s": np.array(theta[0]), "W": theta[1:]}
    report = fc.check(quartic, quartic_gradient, params, (weights,))
    assert report.passed
    assert [t.worst is None for t in report.tensors] == [True, False, False]
    assert report.tensors[1].worst.name == "s"
    assert "scalar" in str(report)
