from __future__ import annotations

import io
import json

import numpy as np
import pytest
from costs import quartic, quartic_gradient
from rich.console import Console

import fastcheck as fc
from fastcheck import zoo
from fastcheck.faces.text import shortened


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
        above = np.abs(part) - wrong.bound[place.slice]
        assert tensor.worst.error == part[(np.abs(part) if tensor.verdict.accuses else above).argmax()]
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
    assert wrong.worst(0) == ()
    assert wrong.to_dict(worst=0)["worst"] == []
    assert "worst components" not in wrong.text(worst=0)


def noisy_beside_quiet() -> fc.Report:
    """J of two tensors, the first with a rounding that is 10^5 times that of the second; one entry of each is off."""

    def cost(theta):
        return 1e-9 * np.round(theta[:10].sum() / 1e-9) + float(theta[10:].sum() * 1e-3)

    gradient = np.r_[np.ones(10), np.full(10, 1e-3)]
    gradient[[3, 15]] *= 1.5
    return fc.check(cost, gradient, {"loud": np.zeros(10), "quiet": np.zeros(10)}, eps=1e-6)


def test_wrong_and_bound_are_what_the_verdicts_went_by():
    report = noisy_beside_quiet()
    assert report.wrong.dtype == np.int64
    assert report.bound.shape == (20,)
    off = np.abs(report.numeric - report.analytic) > report.bound
    accused = {t.name for t in report.tensors if t.verdict.accuses}
    assert {report.layout.tensor_of(i).name for i in report.wrong} <= accused
    assert set(report.wrong.tolist()) <= set(np.flatnonzero(off).tolist())
    assert 3 in report.wrong
    assert [c.index for c in report.worst(len(report.wrong))] == sorted(
        report.wrong, key=lambda i: report.bound[i] - abs(report.numeric[i] - report.analytic[i])
    )


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


def test_the_text_says_tensors_worst_components_cause_and_the_verdict_last(wrong):
    lines = str(wrong).splitlines()
    first = wrong.witnesses[0]
    assert lines[-2:] == ["WRONG: the gradient is wrong in W2", f"  {wrong.reason}"]
    assert lines[-3] == ""
    assert lines[-4].startswith(f"  witness {first.name}: analytic {first.analytic:.5g}, slope {first.slope:.5g} +- ")
    assert lines[-5].startswith(f"  ratio {wrong.ratio:.4e} ") and lines[-5].endswith("eps 1e-07")
    rows = {line.split()[0]: line for line in lines if line}
    assert list(rows)[1] == "W2"  # what is wrong comes first
    assert rows["row:"].startswith("  row: W2: the gradient is wrong on W2[")
    worst = wrong.worst(1)[0]
    assert f"{worst.analytic:.5g}" in rows["W2"]
    assert f"{worst.numeric:.5g}" in rows["W2"]
    assert any(line.startswith(worst.name) for line in lines)
    assert "\x1b" not in str(wrong)
    assert "516 evaluations of J" in " ".join(lines[-8:-5])


def test_a_finding_is_a_sentence_unless_all_is_asked_for(wrong):
    (finding,) = wrong.findings
    assert finding.message == f"{finding.headline}. {finding.details}"
    few, every = (" ".join(text.split()) for text in (wrong.text(), wrong.text(everything=True)))
    assert f"row: {finding.headline} (--all, or" in few
    assert f"row: {finding.headline} {finding.details}" in every
    assert "Look for a sum where the cost takes the mean" in finding.details
    plain = fc.Finding("kind", (), "J is 1.5 at x, e.g. args[2] = 0.5 there")
    assert (plain.headline, plain.details) == (plain.message, "")


@pytest.mark.parametrize(
    ("n_wrong", "words"),
    [
        (1, "wrong in p00"),
        (4, "wrong in p00, p01, p02, p03"),
        (12, "wrong in 12 of 40 tensors: p00, p01, p02 and 9 more"),
        (40, "wrong in all of its 40 tensors"),
    ],
)
def test_many_wrong_tensors_are_counted_and_one_cause_is_one_finding(n_wrong, words):
    params = {f"p{k:02}": np.linspace(0.5, 1.5, 4) for k in range(40)}
    gradient = {name: (1 + (k < n_wrong)) * 4 * value**3 for k, (name, value) in enumerate(params.items())}
    report = fc.check(quartic, gradient, params, (np.ones(160),))
    assert f"WRONG: the gradient is {words}" in str(report).splitlines()
    (finding,) = report.findings
    assert (finding.kind, len(finding.tensors)) == ("scale", n_wrong)
    assert len(str(report).splitlines()) < 55


@pytest.mark.parametrize(
    ("name", "index"), [("W", "W"), ("encoder.layers.11.attention.out_proj.weight_and_bias", "enco")]
)
def test_tables_fit_the_terminal_and_names_give_way(name, index):
    params = {name: np.linspace(0.5, 1.5, 4096).reshape(64, 64), "b": np.ones(3)}
    report = fc.check(quartic, {name: 5 * params[name] ** 3, "b": 4 * np.ones(3)}, params, (np.ones(4099),))
    for width in (80, 120, 200):
        out = io.StringIO()
        Console(file=out, width=width, highlight=False).print(report.renderable())
        lines = out.getvalue().splitlines()
        assert max(map(len, lines)) <= width
        (row,) = [line for line in lines if " 64x64 " in line]
        assert row.startswith(index) and " WRONG " in row and "63]" in row
        assert (name in row) == (width >= 120 or name == "W")
    assert str(report).count(f"{name}[63, ") >= 5


def test_many_right_tensors_are_counted_unless_all_are_asked_for():
    params = {f"W{k}": np.linspace(0.5, 1.5, 4) for k in range(12)}
    gradient = {name: 4 * value**3 for name, value in params.items()}
    gradient["W9"] = 2 * gradient["W9"]
    report = fc.check(quartic, gradient, params, (np.ones(48),))
    lines = report.text().splitlines()
    assert [line.split()[0] for line in lines if line.startswith("W")][:2] == ["W9", "W0"]
    assert "and 4 more that are CORRECT (--all shows every tensor)" in lines
    assert all(f"\n{name} " in report.text(everything=True) for name in params)


def test_the_short_text_names_the_worst_component_and_the_cause_first(wrong):
    lines = wrong.brief().splitlines()
    assert lines[0] == "WRONG: the gradient is wrong in W2"
    assert lines[3].startswith(f"  witness {wrong.witnesses[0].name}: analytic ")
    assert lines[4].startswith(f"  worst {wrong.worst(1)[0].name}: analytic ")
    assert lines[6].startswith("  row: W2")
    assert not any(line.startswith("W1") for line in lines)
    with pytest.raises(AssertionError) as failure:
        fc.assert_gradient(quartic, np.zeros(3), np.ones(3), (np.ones(3),))
    assert str(failure.value).startswith("WRONG: the gradient is wrong in theta")
    assert "zero: theta: the gradient is zero throughout" in str(failure.value)


def test_the_text_fits_eighty_columns_where_names_are_short(wrong):
    assert max(map(len, str(wrong).splitlines())) <= 80


def test_a_right_gradient_shows_no_worst_components(theta, weights):
    text = str(fc.check(quartic, quartic_gradient, theta, (weights,)))
    assert "\nCORRECT: the gradient agrees" in text
    assert "worst components" not in text


def test_a_report_is_frozen(wrong):
    with pytest.raises(AttributeError):
        wrong.ratio = 0.0


def test_plain_python_is_said_to_be_slower(theta, weights):
    report = fc.check(quartic.py_func, quartic_gradient, theta, (weights,))
    assert not report.compiled
    assert [f.kind for f in report.findings] == ["python"]
    assert "plain Python cost" in " ".join(str(report).split())
    assert "numba.njit" in report.findings[0].message


def test_a_cost_that_was_made_is_not_to_be_compiled():
    made = fc.from_layer(lambda x: 2 * x, lambda dy: 2 * dy, [np.arange(1.0, 5.0)])
    for workers, faster in ((None, ' workers="processes" runs it on every core.'), ("processes", ""), (2, "")):
        report = made.check(workers=workers)
        (python,) = [f.message for f in report.findings if f.kind == "python"]
        assert python.endswith(f"on {'one worker' if report.workers == 1 else f'{report.workers} workers'}.{faster}")


def test_empty_and_scalar_tensors_are_reported(theta, weights):
    params = {"e": np.ones((0, 3)), "s": np.array(theta[0]), "W": theta[1:]}
    report = fc.check(quartic, quartic_gradient, params, (weights,))
    assert report.passed
    assert [t.worst is None for t in report.tensors] == [True, False, False]
    assert report.tensors[1].worst.name == "s"
    assert "scalar" in str(report)


def test_names_are_cut_where_they_stay_different():
    names = [f"encoder.layers.{k}.attention.{part}.weight" for k in range(4) for part in ("in", "out")]
    for most in (12, 16, 20):
        cut = shortened(names, most)
        assert max(map(len, cut)) <= most
        assert len(set(cut)) == len(names)
    assert shortened(names, 80) == names
    assert shortened(["alphabetical"], 6) == ["al…cal"]


def test_long_names_take_no_more_than_a_few_lines():
    names = [f"encoder.layers.{k}.self_attention.in_projection.weight" for k in range(12)]
    params = {name: np.linspace(0.5, 1.5, 4) for name in names}
    gradient = {name: (8 if k < 6 else 4) * params[name] ** 3 for k, name in enumerate(names)}
    report = fc.check(quartic, gradient, params, (np.ones(48),))
    assert f"WRONG: the gradient is wrong in 6 of 12 tensors: {names[0]} and 5 more" in " ".join(str(report).split())
    (finding,) = report.findings
    assert finding.tensors == tuple(names[:6])
    assert finding.message.startswith(f"{names[0]}, {names[1]} and 4 more: the gradient is 2 times")
