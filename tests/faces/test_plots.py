from __future__ import annotations

import subprocess
import sys

import matplotlib
import numpy as np
import pytest
from costs import quartic, quartic_gradient
from matplotlib.text import Text

import fastcheck as fc
from fastcheck import zoo
from fastcheck.faces.canvas import drawable
from fastcheck.faces.heat import Heat, folded, heat, limits, reduced, wrong_tensors
from fastcheck.faces.heatmaps import heat_pieces
from fastcheck.problem.layout import Tensor
from fastcheck.results.shown import face

BEGINS = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}


@pytest.fixture(scope="module")
def wrong() -> fc.Report:
    return zoo.mlp((5, 8, 3), bug="row").check()


def heat_of(report: fc.Report, tensor: Tensor) -> Heat:
    return heat(report.seen.part(tensor), tensor)


def titles(figure) -> list[str]:
    return [ax.get_title(loc="left") for ax in figure.axes if ax.get_title(loc="left")]


def words(figure) -> set[str]:
    return {" ".join(text.get_text().split()) for text in figure.findobj(Text)}


def test_a_wrong_report_shows_ratios_residuals_and_the_wrong_tensors_with_their_ladders(wrong):
    figure = wrong.plot()
    ladder = f"Ladder of {wrong.witnesses[0].name}"
    assert titles(figure) == ["Ratio, all and by tensor", "Residual against analytic", "Errors of W2, 3×8", ladder]
    assert {"WRONG: the gradient is wrong in W2", "67 others", "8 wrong in W2", "1.6e-01 WRONG"} <= words(figure)
    assert "mlp 5-8-3 tanh, bug row" in words(figure)


def test_a_right_report_shows_no_heat_map_and_a_screen_only_ratios():
    problem = zoo.mlp((5, 8, 3))
    assert titles(problem.check().plot()) == ["Ratio, all and by tensor", "Residual against analytic"]
    figure = problem.screen().plot()
    assert titles(figure) == ["Ratio, all and by tensor"]
    assert "95 % interval" in words(figure)


@pytest.mark.parametrize("suffix", BEGINS)
def test_the_picture_is_saved_by_its_suffix(suffix, wrong, tmp_path):
    wrong.save(tmp_path / f"report{suffix}")
    assert (tmp_path / f"report{suffix}").read_bytes().startswith(BEGINS[suffix])


def test_neither_the_callers_style_nor_anything_global_is_touched(wrong):
    with matplotlib.rc_context({"text.color": "white", "axes.facecolor": "black", "text.usetex": True}):
        before = dict(matplotlib.rcParams)
        figure = wrong.plot()
        assert dict(matplotlib.rcParams) == before
    assert all(ax.get_facecolor() == (1, 1, 1, 1) for ax in figure.axes)
    texts = figure.findobj(Text)
    assert not any(text.get_usetex() or text.get_color() == "white" for text in texts)


def test_pyplot_is_never_loaded(tmp_path):
    code = (
        "import sys; from fastcheck import zoo; report = zoo.mlp((2, 2, 2), bug='row').check(); report.plot();"
        f"report.save(r'{tmp_path / 'report.png'}'); print('matplotlib.pyplot' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"


def test_a_notebook_shows_the_picture(wrong):
    assert wrong.plot()._repr_png_().startswith(BEGINS[".png"])


@pytest.mark.parametrize(("missing", "kind"), [("matplotlib", ".png"), ("jinja2", ".html")])
def test_what_is_not_installed_is_named_before_anything_is_written(missing, kind, wrong, tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == missing or name.startswith("fastcheck.faces.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    message = rf"need {missing}, got no such module: pip install 'fastcheck\[report\]'"
    with pytest.raises(fc.InputError, match=message) as caught:
        wrong.save(tmp_path / f"report{kind}")
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_face_that_is_missing_for_another_reason_is_not_blamed_on_the_extra():
    with pytest.raises(ModuleNotFoundError, match="no_such_face"):
        face("no_such_face")


def test_names_that_a_plot_could_choke_on_are_drawn(theta, weights, tmp_path):
    names = ("$x^", "_hidden", "\\frac", "权重", "a\nb", 60 * "long ")
    params = {name: theta[2 * k : 2 * k + 2] for k, name in enumerate(names)}
    report = fc.check(quartic, lambda theta, weights: 2 * quartic_gradient(theta, weights), params, (weights,))
    report.save(tmp_path / "report.svg")
    assert len(heat_pieces(report)) == len(names)
    assert drawable("$x^ 权\n重") == r"\$x^ □ □"
    assert len(drawable(60 * "long ", 24)) == 24


def test_many_tensors_are_counted_and_the_worst_come_first(rng):
    theta = rng.uniform(0.5, 1.5, 30)
    params = {f"p{k:02}": theta[k : k + 1] for k in range(30)}
    weights = np.ones(30)

    def grad(theta, weights):
        gradient = quartic_gradient(theta, weights)
        gradient[[7, 11]] *= 1.1, 2.0
        return gradient

    figure = fc.check(quartic, grad, params, (weights,)).plot()
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels[:3] == ["all", "p11", "p07"]
    assert labels[-1] == "18 more"
    assert len(labels) == 14


def test_what_is_not_finite_stands_before_all_and_has_a_colour_of_its_own(theta, weights):
    gradient = quartic_gradient(theta, weights)
    gradient[[3, 8]] = np.nan, 2.0
    params = {"W": theta[:6].reshape(2, 3), "b": theta[6:]}
    report = fc.check(quartic, gradient, params, (weights,))
    first, second = (heat_of(report, tensor) for tensor in wrong_tensors(report))
    assert (first.tensor.name, second.tensor.name) == ("W", "b")
    assert np.argwhere(np.isinf(first.pixels)).tolist() == [[1, 0]]
    assert first.worst == (1, 0)
    seen = words(report.plot())
    assert {"nan, inf WRONG", "circle: the largest, W[1, 0]; plain: not wrong by itself; blue: nan or inf"} <= seen


def test_what_is_beyond_rounding_is_what_is_wrong(wrong):
    shown = heat_of(wrong, wrong.layout.tensors[2])
    rows = (shown.pixels > shown.low).any(axis=1)
    assert rows.sum() == 1
    assert (shown.pixels > shown.low)[rows].all()
    assert shown.pixels.max() == pytest.approx(1 / 3)  # the row is 1.5 times what it should be
    assert shown.tensor.component(shown.worst[0] * 8 + shown.worst[1]) == wrong.worst(1)[0].name


def test_of_a_sample_only_what_was_looked_at_is_shown():
    report = zoo.mlp((5, 8, 3), bug="factor").check(components=30)
    w2 = report.layout.tensors[2]
    shown = heat_of(report, w2)
    looked_at = report.components[(report.components >= w2.start) & (report.components < w2.stop)] - w2.start
    assert np.flatnonzero(~np.isnan(shown.pixels)).tolist() == looked_at.tolist()
    assert any("grey: not looked at" in word for word in words(report.plot()))


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((), (0, (1, 1))),
        ((7,), (0, (1, 7))),
        ((3, 5), (1, (3, 5))),
        ((8, 3, 5, 5), (2, (24, 25))),
        ((64, 1, 3, 3), (1, (64, 9))),
        ((2, 3, 100), (2, (6, 100))),
    ],
)
def test_tensors_are_folded_to_what_is_most_like_a_square(shape, expected):
    assert folded(shape) == expected


@pytest.mark.parametrize("shape", [(1, 1), (256, 256), (257, 3), (1000, 784), (1, 100_000)])
def test_one_wrong_entry_survives_the_reduction(shape, rng):
    matrix = np.zeros(shape)
    row, column = (int(rng.integers(n)) for n in shape)
    matrix[row, column] = 1.0
    pixels, block = reduced(matrix)
    assert max(pixels.shape) <= 256
    assert np.argwhere(pixels).tolist() == [[row // block[0], column // block[1]]]
    matrix[:] = np.nan
    matrix[row, column] = 0.5
    assert np.nansum(reduced(matrix)[0]) == 0.5


@pytest.mark.parametrize("low", [0.0, 1e-7, 0.5])
@pytest.mark.parametrize("high", [0.0, 1e-12, 1e-7, 1.0, 2.0])
def test_the_scale_spans_a_decade_at_least(low, high):
    least, most = limits(low, high)
    assert least > 0
    assert most / least >= 10 * (1 - 1e-12)


def test_gradients_that_vanish_can_be_drawn(tmp_path):
    report = fc.check(quartic, np.zeros(3), np.zeros(3), (np.ones(3),))
    report.save(tmp_path / "report.png")
    wrong = fc.check(quartic, np.array([0.0, 1.0, 0.0]), np.zeros(3), (np.ones(3),))
    assert not wrong.passed
    wrong.save(tmp_path / "wrong.png")


@pytest.mark.parametrize("suffix", [".html", ".png", ".svg"])
@pytest.mark.parametrize("spoiled", [np.nan, np.inf])
def test_a_gradient_that_is_not_finite_where_j_is_zero_can_be_drawn(spoiled, suffix, tmp_path):
    report = fc.check(lambda theta: 0.0, np.array([0.0, spoiled, 0.0]), np.ones(3))
    assert report.verdict is fc.Verdict.WRONG
    report.save(tmp_path / f"report{suffix}")


def test_the_heat_map_shows_as_wrong_what_the_rule_found_wrong(rng):
    """A tensor in which J is rounded coarsely beside one in which it is not: the errors there are no bug."""
    theta = rng.uniform(0.5, 1.5, 40)

    def cost(theta):
        return float(1e-10 * np.round(np.sum(theta[:20] ** 2) / 1e-10) + np.sum(theta[20:] ** 2))

    gradient = 2 * theta
    gradient[[4, 25, 30]] *= 1.1
    report = fc.check(cost, gradient, {"loud": theta[:20].reshape(4, 5), "quiet": theta[20:].reshape(4, 5)})
    for tensor in report.layout.tensors:
        shown = heat_of(report, tensor)
        beyond = tensor.start + np.flatnonzero(shown.pixels.ravel() >= shown.low)
        assert beyond.tolist() == [i for i in report.wrong if tensor.start <= i < tensor.stop]
    assert report.wrong.tolist() == [4, 25, 30]


def test_the_circle_is_around_what_is_wrong_even_where_noise_is_larger(rng):
    report = zoo.mlp((5, 8, 3), bug="row").check()
    tensor = report.layout.tensors[2]
    seen = report.seen.part(tensor)
    right = int(np.flatnonzero(~seen.wrong)[0])
    seen.numeric[right] += 10.0
    row, column = heat(seen, tensor).worst
    assert seen.wrong[row * 8 + column]


def test_a_page_and_a_picture_take_the_ladders_in_the_order_of_the_heat_maps(theta, weights):
    params = {"a": theta[:6], "b": theta[6:]}
    gradient = quartic_gradient(theta, weights)
    gradient[[2, 8]] *= 1.01, 2.0
    shown = titles(fc.check(quartic, gradient, params, (weights,)).plot())[2:]
    assert [title.replace("[", " ").replace(",", " ").split()[2] for title in shown] == ["b", "b", "a", "a"]
