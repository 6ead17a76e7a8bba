"""What is said about a wrong gradient: each kind of mistake planted in a small network, and nothing read into chance."""

from __future__ import annotations

import numba
import numpy as np
import pytest
from costs import quartic
from hypothesis import given, settings
from hypothesis import strategies as st

import fastcheck as fc
from fastcheck.diagnosis.causes import Case, causes
from fastcheck.diagnosis.constants import Constants
from fastcheck.diagnosis.evidence import Part
from fastcheck.judge import ratios, rule
from fastcheck.problem.arguments import Arguments
from fastcheck.problem.layout import Layout
from fastcheck.vectors import largest, norm

SHAPES = {"W1": (6, 5), "b1": (6,), "W2": (3, 6), "b2": (3,), "V": (6, 6)}
EXAMPLES = 12
L2 = 0.05
SIGMA = 1e-9

_rng = np.random.default_rng(1)
X, Y = _rng.standard_normal((5, EXAMPLES)), _rng.standard_normal((3, EXAMPLES))
THETA, LAYOUT = fc.pack({name: _rng.standard_normal(shape) for name, shape in SHAPES.items()})
PARAMS = LAYOUT.unpack(THETA)
unpack = LAYOUT.jit_unpack()


@numba.njit
def cost(theta, x, y, l2):
    """A network with a skip connection V, half the mean square error, and an L2 term on its matrices."""
    w1, b1, w2, b2, v = unpack(theta)
    h = np.tanh(w1 @ x + b1.reshape(-1, 1))
    error = w2 @ (h + v @ h) + b2.reshape(-1, 1) - y
    squares = np.sum(w1 * w1) + np.sum(w2 * w2) + np.sum(v * v)
    return 0.5 * np.sum(error * error) / x.shape[1] + 0.5 * l2 * squares


def right(theta, x, y, l2):
    p = LAYOUT.unpack(theta)
    h = np.tanh(p["W1"] @ x + p["b1"][:, None])
    d2 = (p["W2"] @ (h + p["V"] @ h) + p["b2"][:, None] - y) / x.shape[1]
    back = p["W2"].T @ d2
    d1 = (back + p["V"].T @ back) * (1 - h**2)
    return {
        "W1": d1 @ x.T + l2 * p["W1"],
        "b1": d1.sum(1),
        "W2": d2 @ (h + p["V"] @ h).T + l2 * p["W2"],
        "b2": d2.sum(1),
        "V": back @ h.T + l2 * p["V"],
    }


def check(grad, **options) -> fc.Report:
    return fc.check(cost, grad, THETA, (X, Y, L2), layout=LAYOUT, **options)


def spoiled(change):
    """The right gradient with ``change`` applied to its dict."""

    def grad(theta, *args):
        gradient = right(theta, *args)
        change(gradient)
        return gradient

    return grad


def scale(name, c):
    return lambda g: g.update({name: c * g[name]})


def sum_but_for_l2(g):
    l2_term = L2 * PARAMS["W2"]
    g["W2"] = EXAMPLES * (g["W2"] - l2_term) + l2_term


def twice_but_for_one(g):
    g["V"] *= 2
    g["V"][0, 0] *= 7


def in_blocks_of_another_order(gradient):
    return gradient.reshape(6, 2, 3).swapaxes(1, 2).reshape(6, 6)


def in_any_order(gradient):
    return np.random.default_rng(0).permutation(gradient.ravel()).reshape(gradient.shape)


def others(*names):
    """Other numbers altogether in these tensors."""

    def change(g):
        for name in names:
            g[name] = np.sin(9 * g[name])

    return change


def where(name, index, factor=0.0):
    def change(g):
        g[name][index] *= factor

    return change


def replaced(name, by):
    return lambda g: g.update({name: by(g[name])})


def fortran(g):
    for name, gradient in g.items():
        g[name] = gradient.ravel(order="F").reshape(gradient.shape)


MISTAKES = {
    "twice": (scale("W2", 2), "scale", ("W2",), "is 2 times"),
    "half": (scale("W2", 0.5), "scale", ("W2",), "is 1/2 times"),
    "sum for mean": (lambda g: [scale(n, EXAMPLES)(g) for n in ("b1", "b2")], "scale", ("b1", "b2"), "is 12 (the length of axis 1 of args[0]"),
    "mean twice": (scale("b2", 1 / EXAMPLES), "scale", ("b2",), "is 1/12 (12 is the length"),
    "any factor": (scale("V", 1.234), "scale", ("V",), "is 1.234 times"),
    "root": (scale("V", np.sqrt(5)), "scale", ("V",), "is sqrt(5) (5 is the length"),
    "sum for mean, but for L2": (sum_but_for_l2, "scale", ("W2",), "but for a multiple of theta"),
    "sign": (scale("b1", -1), "sign", ("b1",), "wrong sign"),
    "never written": (scale("V", 0), "zero", ("V",), "zero throughout"),
    "transposed": (replaced("W1", lambda g: g.T.reshape(6, 5)), "transpose", ("W1",), "transposed order"),
    "transposed, square": (replaced("V", lambda g: g.T), "transpose", ("V",), "transposed order"),
    "every matrix in Fortran order": (fortran, "order", ("W1", "W2", "V"), "Fortran order"),
    "reshaped in Fortran order": (replaced("W1", lambda g: g.ravel().reshape(6, 5, order="F")), "order", ("W1",), "reshaped in Fortran order"),
    "features in another order": (replaced("V", in_blocks_of_another_order), "order", ("V",), "axis 1 in another order"),
    "blocks in another order": (replaced("V", lambda g: g[[4, 5, 0, 1, 2, 3]]), "shift", ("V",), "off by 2 along axis 0"),
    "gates in another order": (replaced("V", lambda g: g[[2, 3, 0, 1, 4, 5]]), "order", ("V",), "what belongs to 0:2 is at 2:4"),
    "any order": (replaced("W1", in_any_order), "order", ("W1",), "in another order"),
    "flipped": (replaced("W2", lambda g: g[:, ::-1]), "reverse", ("W2",), "reversed along axis 1"),
    "flipped both ways": (replaced("W2", lambda g: g[::-1, ::-1]), "reverse", ("W2",), "reversed along axes 0, 1"),
    "off by one": (replaced("V", lambda g: np.roll(g, 1, 0)), "shift", ("V",), "off by 1 along axis 0"),
    "off by one, edge lost": (replaced("V", lambda g: np.pad(g, ((0, 0), (1, 0)))[:, :6]), "shift", ("V",), "those at the edge lost"),
    "no L2": (replaced("W1", lambda g: g - L2 * PARAMS["W1"]), "regularisation", ("W1",), "lacks 0.05 (args[2] = 0.05) times theta"),
    "L2 twice": (replaced("W2", lambda g: g + L2 * PARAMS["W2"]), "regularisation", ("W2",), "has 0.05 (args[2] = 0.05) times theta too much"),
    "L2 on a bias": (replaced("b1", lambda g: g + L2 * PARAMS["b1"]), "regularisation", ("b1",), "where the cost has none"),
    "a row": (where("W2", 1, 1.5), "row", ("W2",), "W2[1, :] only (1 of 3 rows), where it is 3/2 times"),
    "rows": (where("V", slice(2, 4)), "row", ("V",), "V[2:4, :] only (2 of 6 rows), where it is zero"),
    "a column": (where("W1", np.s_[:, 4], -1), "column", ("W1",), "W1[:, 4] only (1 of 5 columns), where it has the wrong sign"),
    "a component": (where("W1", (2, 3), 1.01), "component", ("W1",), "W1[2, 3] only (1 of 30 components)"),
    "a corner": (where("V", np.s_[:2, :2]), "component", ("V",), "V[0:2, 0:2] only (4 of 36 components)"),
    "part of a bias": (where("b1", slice(0, 2)), "component", ("b1",), "b1[0:2] only"),
    "a factor and a component": (twice_but_for_one, "scale", ("V",), "is 2 times the numeric one, and beside that is wrong on V[0, 0] only"),
    "clipped": (replaced("V", lambda g: np.clip(g, -0.5, 0.5)), "clip", ("V",), "cut off at +-0.5"),
    "a factor forgotten": (replaced("W1", lambda g: g / PARAMS["b1"][:, None]), "scale", ("W1",), "lacks the factor b1, line by line along axis 0"),
    "a factor for each row": (replaced("W1", lambda g: g * np.arange(1.0, 7.0)[:, None]), "scale", ("W1",), "a factor for each line along axis 0, 1 to 6"),
    "its formula": (replaced("W2", lambda g: g**2), "local", ("W2",), "W1, b1 agree, so the signal that passes W2 is right"),
    "the signal": (others("W1", "b1"), "upstream", ("b1", "W1"), "nearer to the cost W2, b2, V agree"),
    "the beginning": (others(*SHAPES), "upstream", ("V", "b2", "W2", "b1", "W1"), "V is nearest to the cost"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_named(name):
    change, kind, tensors, words = MISTAKES[name]
    report = check(spoiled(change))
    assert not report.passed
    assert [f.kind for f in report.findings] == [kind], report.findings
    assert report.findings[0].tensors == tensors
    assert words in report.findings[0].message


@pytest.mark.parametrize("shape", [(3, 4), (4, 4), (2, 3, 4), (2, 3, 2, 2)])
def test_the_only_matrix_or_kernel_in_fortran_order(shape, rng):
    theta = {"K": rng.uniform(1, 2, shape), "b": rng.uniform(1, 2, 3)}
    gradient = {name: 4 * value**3 for name, value in theta.items()}
    gradient["K"] = gradient["K"].ravel(order="F").reshape(shape)
    weights = np.ones(theta["K"].size + 3)
    (finding,) = fc.check(quartic, gradient, theta, (weights,)).findings
    assert (finding.kind, finding.tensors) == ("order", ("K",))
    assert "Fortran order" in finding.message


def test_one_wrong_entry_of_many_however_large(rng):
    theta = rng.uniform(1, 2, 3_000)
    gradient = 4 * theta**3
    gradient[1234] *= 1e6
    (finding,) = fc.check(quartic, gradient, theta, (np.ones(theta.size),)).findings
    assert finding.kind == "component"
    assert "[1234] only (1 of 3,000 components)" in finding.message


def test_the_number_of_samples_is_found_in_what_the_arguments_hold(rng):
    x, y, w = rng.standard_normal((11, 4)), rng.standard_normal(11), rng.standard_normal(4)

    def squares(w, data):
        return float(np.mean((data["x"] @ w - data["y"]) ** 2) / 2)

    (finding, _) = fc.check(squares, lambda w, data: x.T @ (x @ w - y), w, ({"x": x, "y": y},)).findings
    assert finding.kind == "scale"
    assert "is 11 (the length of axis 0 of args[0]['x'] and axis 0 of args[0]['y'])" in finding.message


def test_a_right_gradient_has_no_finding():
    assert check(right).findings == ()


SEEN_BY_SCREEN = ("twice", "sum for mean", "sign", "never written", "transposed", "flipped", "off by one", "no L2", "L2 twice", "a factor forgotten")  # fmt: skip


@pytest.mark.parametrize("name", SEEN_BY_SCREEN)
def test_a_screen_names_it_too(name):
    change, kind, tensors, words = MISTAKES[name]
    report = fc.screen(cost, spoiled(change), THETA, (X, Y, L2), layout=LAYOUT)
    finding = report.findings[0]
    assert (finding.kind, finding.tensors) == (kind, tensors)
    assert words in finding.message


def test_a_screen_does_not_explain_what_it_cannot_see():
    for name in ("a component", "a row", "its formula"):
        report = fc.screen(cost, spoiled(MISTAKES[name][0]), THETA, (X, Y, L2), layout=LAYOUT)
        assert {f.kind for f in report.findings} == {"locate"}


def test_several_mistakes_are_told_apart_the_last_layer_first():
    report = check(spoiled(lambda g: [scale("W1", 2)(g), scale("b2", -1)(g)]))
    assert [(f.kind, f.tensors) for f in report.findings] == [("sign", ("b2",)), ("scale", ("W1",))]


@pytest.mark.parametrize("order", [("V", "b1", "W2", "b2", "W1"), ("W1", "W2", "V", "b1", "b2")])
def test_joined_in_another_order(order):
    (finding,) = check(lambda *a: np.concatenate([right(*a)[name].ravel() for name in order])).findings
    assert finding.kind == "swap"
    assert f"joined in the order {', '.join(order)}, theta in the order W1, b1, W2, b2, V" in finding.message


@pytest.mark.parametrize("shape", [(3, 4), (4, 3)])
def test_two_gradients_exchanged(shape, rng):
    theta = {"A": rng.uniform(1, 2, (3, 4)), "B": rng.uniform(1, 2, shape)}
    a, b = (4 * value**3 for value in theta.values())
    exchanged = {"A": b.reshape(3, 4), "B": a.reshape(shape)} if shape == (3, 4) else {"A": b.T, "B": a.T}
    (finding,) = fc.check(quartic, exchanged, theta, (np.ones(24),)).findings
    assert (finding.kind, finding.tensors) == ("swap", ("A", "B"))
    assert "A holds the gradient of B, B holds the gradient of A" in finding.message


@pytest.mark.parametrize(
    ("kept", "left_out"),
    [(slice(-1, None), "0, 1, 2, 3, 4, 5, 6, 7 and 3 more"), (slice(0, -1), "11"), (slice(1, None), "0")],
)
def test_examples_left_out(kept, left_out):
    def grad(theta, x, y, l2):
        some = right(theta, x[:, kept], y[:, kept], 0.0)
        share = x[:, kept].shape[1] / x.shape[1]
        regularised = right(theta, x, y, l2), right(theta, x, y, 0.0)
        return {name: share * some[name] + regularised[0][name] - regularised[1][name] for name in some}

    (finding,) = check(grad).findings
    assert finding.kind == "partial"
    assert set(finding.tensors) == set(SHAPES)
    assert f"does not change with number {left_out} of the 12 examples" in finding.message


def test_a_gradient_that_is_given_as_an_array_is_diagnosed_as_well():
    gradient = LAYOUT.pack(right(THETA, X, Y, L2))
    gradient[LAYOUT.tensors[2].slice] *= 2
    assert check(gradient).findings[0].kind == "scale"


def test_buffers_that_are_not_cleared():
    sums = {name: np.zeros(shape) for name, shape in SHAPES.items()}

    def grad(*args):
        for name, gradient in right(*args).items():
            sums[name] += gradient
        return {name: total.copy() for name, total in sums.items()}

    report = check(grad)
    assert report.verdict is fc.Verdict.WRONG  # though what the first call returned is right
    assert "second call of grad" in report.reason
    assert [f.kind for f in report.findings] == ["accumulates"]
    assert check(grad).findings[0].kind == "accumulates"  # four times by now


def test_a_random_gradient():
    rng = np.random.default_rng(0)
    report = check(lambda *a: {name: g * rng.uniform(0.9, 1.1, g.shape) for name, g in right(*a).items()})
    assert [f.kind for f in report.findings] == ["random"]


def test_a_tensor_that_the_cost_does_not_use():
    frozen = PARAMS["V"].copy()

    @numba.njit
    def without(theta, x, y, l2):
        w1, b1, w2, b2, v = unpack(theta)
        h = np.tanh(w1 @ x + b1.reshape(-1, 1))
        error = w2 @ (h + frozen @ h) + b2.reshape(-1, 1) - y
        return 0.5 * np.sum(error * error) / x.shape[1] + 0.5 * l2 * (np.sum(w1 * w1) + np.sum(w2 * w2))

    report = fc.check(without, right, THETA, (X, Y, L2), layout=LAYOUT)
    assert [(f.kind, f.tensors) for f in report.findings] == [("unused", ("V",))]


def test_a_sample_of_components_is_explained_too():
    report = check(spoiled(MISTAKES["twice"][0]), components=40)
    assert [f.kind for f in report.findings] == ["scale", "sample"]


@st.composite
def parts(draw):
    """A tensor with a numeric gradient, and an analytic one that has nothing to do with it."""
    shape = tuple(draw(st.lists(st.integers(1, 5), min_size=1, max_size=3)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    tensor = Layout.of({"W": shape}).tensors[0]
    numeric, analytic, theta = rng.standard_normal((3, tensor.size))
    numeric *= 10 ** draw(st.floats(-9, 9))  # the least of them are no more than their noise
    noise = np.full(tensor.size, 10 * SIGMA)
    slack = np.maximum(noise, rule.GREAT * largest(numeric, analytic))
    wrong = np.abs(numeric - analytic) > slack
    return Part(tensor, theta, analytic, numeric, slack, norm(slack), ratios.sigma_of(slack), wrong, None, noise=noise)


@settings(max_examples=300)
@given(parts())
def test_nothing_is_read_into_chance(part):
    layout = Layout.of({"W": part.tensor.shape, "other": (4,)})
    constants = Constants.of(Arguments((np.zeros((5, 7)), np.zeros(7), 0.01)), layout)
    case = Case(layout, (part,), (part,), frozenset(), constants, {"other": np.arange(1.0, 5.0)})
    assert causes(case, part.analytic) == []
