"""A layer's forward and backward."""

from __future__ import annotations

from collections import namedtuple

import numpy as np
import pytest

import fastcheck as fc
from fastcheck import InputError


def forward(X, W, b):
    return np.tanh(X @ W + b), (X, W, b)


def backward(upstream, cache, off=0.0):
    X, W, b = cache
    signal = upstream * (1 - np.tanh(X @ W + b) ** 2)
    dW = X.T @ signal
    dW[1, 0] *= 1 + off
    return signal @ W.T, dW, signal.sum(axis=0)


def wrong(upstream, cache):
    return backward(upstream, cache, off=0.01)


@pytest.fixture
def inputs(rng) -> dict[str, np.ndarray]:
    return {"X": rng.standard_normal((4, 3)), "W": rng.standard_normal((3, 2)), "b": rng.standard_normal(2)}


def test_a_right_layer_passes_and_a_wrong_entry_is_named(inputs):
    assert fc.from_layer(forward, backward, inputs).check().passed
    report = fc.from_layer(forward, wrong, inputs).check()
    assert report.verdict.name == "WRONG" and report.witnesses[0].name == "W[1, 0]"


def test_inputs_in_a_sequence_are_named_by_their_places(inputs):
    report = fc.from_layer(forward, wrong, list(inputs.values())).check()
    assert report.witnesses[0].name == "inputs[1][1, 0]"


def test_by_screen_and_locate(inputs):
    problem = fc.from_layer(forward, wrong, inputs)
    assert not problem.screen().passed
    assert [c.name for c in problem.locate().components] == ["W[1, 0]"]


def test_without_a_cache_backward_gets_the_upstream_alone(rng):
    class Relu:
        """Keeps what it needs, as layers with a state do."""

        def forward(self, x):
            self.mask = x > 0
            return x * self.mask

        def backward(self, upstream):
            return upstream * self.mask

    relu = Relu()
    assert fc.from_layer(relu.forward, relu.backward, (rng.standard_normal(9),)).check().passed


def test_indices_and_labels_are_held_fixed(rng):
    ids = np.array([0, 2, 2])

    def scatter(upstream, cache, add=True):
        dW = np.zeros((4, 3))
        if add:
            np.add.at(dW, ids, upstream)
        else:
            dW[ids] += upstream
        return dW, None

    def embed(W, ids):
        return W[ids], None

    given = {"W": rng.standard_normal((4, 3)), "ids": ids}
    assert fc.from_layer(embed, scatter, given).check().passed
    report = fc.from_layer(embed, lambda u, c: scatter(u, c, add=False), given).check()
    assert report.layout.names == ("W",) and report.witnesses[0].name.startswith("W[2, ")


def test_one_floating_input_may_return_a_bare_array_beside_labels(rng):
    labels = np.array([1, 0])

    def loss(x, labels):
        p = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
        return -np.log(p[np.arange(2), labels]).mean(), p

    def back(upstream, p):
        return upstream * (p - np.eye(3)[labels]) / 2

    assert fc.from_layer(loss, back, {"x": rng.standard_normal((2, 3)), "labels": labels}).check().passed


def test_no_gradient_for_an_input_holds_it_and_is_said(inputs):
    report = fc.from_layer(forward, lambda u, c: (None, *backward(u, c)[1:]), inputs).check()
    assert report.passed and report.layout.names == ("W", "b")
    assert "backward returns no gradient for X" in str(report)


def test_gradients_by_name(inputs):
    problem = fc.from_layer(forward, lambda u, c: dict(zip("bWX", backward(u, c)[::-1], strict=True)), inputs)
    assert problem.check().passed


def test_the_upstream_is_as_given_or_drawn_from_the_seed(inputs):
    ones = fc.from_layer(forward, backward, inputs, upstream=np.ones((4, 2)))
    np.testing.assert_allclose(ones.cost(ones.theta), forward(**inputs)[0].sum())
    values = [fc.from_layer(forward, backward, inputs, seed=k).cost(ones.theta) for k in (0, 0, 1)]
    assert values[0] == values[1] != values[2]


@pytest.mark.parametrize("seed", range(3))
def test_what_is_drawn_has_nothing_in_common_with_data_of_the_same_seed(seed):
    x = np.random.default_rng(seed).standard_normal((4, 4))  # with x itself upstream, dW would be symmetric
    report = fc.from_layer(lambda W: x @ W, lambda dy: (x.T @ dy).T, [np.eye(4) + x], seed=seed).check()
    assert report.verdict.name == "WRONG" and report.findings[0].kind in ("transpose", "order")


def test_a_backward_that_forgets_the_upstream_is_wrong():
    report = fc.from_layer(lambda x: x.sum(), lambda upstream: np.ones(3), (np.arange(3.0),)).check()
    assert report.verdict.name == "WRONG"


@pytest.mark.parametrize(
    ("forward", "backward", "message"),
    [
        (lambda x: (x, 1, 2), lambda u: u, r"forward must return the output, or \(output, cache\), got a tuple of 3"),
        (lambda x: x * 1j, lambda u: u, "forward must return an array of real floating-point numbers, got complex128"),
        (lambda x: None, lambda u: u, "forward must return an array .* got NoneType"),
        (lambda x: x / 0, lambda u: u, "forward must return finite numbers, got inf"),
        (lambda x: x, lambda u: (u, u), r"backward must return a gradient for each of inputs\[0\], got 2"),
        (
            lambda x: x,
            lambda u: u[:2],
            r"gradient of shape \(3,\) for inputs\[0\], got \(2,\): give it the input's own",
        ),
        (lambda x: x, lambda u: u[None], r"for inputs\[0\], got \(1, 3\): reshape it"),
        (lambda x: x, lambda u: np.ones((2, 3)), r"for inputs\[0\], got \(2, 3\): sum it over the axes"),
        (lambda x: x, lambda u: {"x": u}, r"the inputs inputs\[0\], got one for x: .* or name the inputs in a dict"),
        (
            lambda x: x,
            lambda u: None,
            r"backward must return the gradient of a floating input, got none for inputs\[0\]",
        ),
        (lambda x: x, lambda u: u * 1j, r"the gradient of inputs\[0\] must be real floating point"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_what_a_layer_must_return(forward, backward, message):
    with pytest.raises(InputError, match=message):
        fc.from_layer(forward, backward, (np.arange(1.0, 4.0),))


@pytest.mark.parametrize("upstream", [np.zeros(3), np.array([1.0, np.nan, 1.0]), np.ones(2), 1.0, "ones"])
def test_an_upstream_that_shows_nothing(upstream):
    with pytest.raises(InputError, match="upstream must be"):
        fc.from_layer(lambda x: x**2, lambda u: 3 * u, (np.ones(3),), upstream=upstream)


@pytest.mark.parametrize("inputs", [["x", "y"], [1, 2], {"ids": np.arange(3)}, [np.ones(2) * 1j], (None,)])
def test_inputs_without_a_floating_array(inputs):
    with pytest.raises(InputError, match="inputs must hold an array of floating-point numbers, got .*: pass those"):
        fc.from_layer(lambda *x: x[0], lambda u: u, inputs)


def test_nothing_to_look_at():
    with pytest.raises(InputError, match="inputs must hold what forward takes, got none"):
        fc.from_layer(lambda: 1.0, lambda u: u, {})
    with pytest.raises(InputError, match="inputs must hold what forward takes, got none"):
        fc.from_layer(lambda: 1.0, lambda u: u, [])
    with pytest.raises(InputError, match=r"forward must return at least one number, got shape \(0,\)"):
        fc.from_layer(lambda x: x[:0], lambda u: np.zeros(3), (np.ones(3),))


@pytest.mark.parametrize(
    ("mix_up", "message"),
    [
        (lambda dX, dW, db: (dX, dW.T, db), r"\(3, 2\) for W, got \(2, 3\): transpose it"),
        (lambda dX, dW, db: (dW, dX, db), r"for X, got \(3, 2\): that is the shape of W; return them in the order"),
        (lambda dX, dW, db: {"dX": dX}, "gradients of the inputs X, W, b, got one for dX: name them so"),
        (lambda dX, dW, db: (dX, dW, None, db), "a gradient for each of X, W, b, got 4"),
    ],
)
def test_gradients_in_another_shape_order_or_name_are_told_apart(inputs, mix_up, message):
    with pytest.raises(InputError, match=message):
        fc.from_layer(forward, lambda u, c: mix_up(*backward(u, c)), inputs)


def test_names_in_another_order_than_forward_has_them(inputs):
    with pytest.raises(InputError, match="takes them by position, X, W, b, got W, X, b: reorder them, or wrap forward"):
        fc.from_layer(forward, backward, {name: inputs[name] for name in ("W", "X", "b")})

    def by_name(X, *, W, b):
        return forward(X, W, b)

    with pytest.raises(InputError, match="by position, X, got X, W, b"):
        fc.from_layer(by_name, backward, inputs)
    other = {"b": inputs["X"], "weights": inputs["W"], "X": inputs["b"]}  # names of one's own
    assert fc.from_layer(forward, backward, other).check().passed


def test_an_output_that_differs_from_run_to_run(rng):
    class Dropout:
        def forward(self, x):
            self.mask = rng.random(x.shape) < 0.5
            return x * self.mask

    def batch_norm(x, seen=np.zeros(3)):  # noqa: B008
        seen += 0.1 * x
        return x - seen

    for layer in (Dropout().forward, batch_norm):
        with pytest.raises(InputError, match="the same output every time, got .* and then .*: switch dropout off"):
            fc.from_layer(layer, lambda u: u, (np.array([1.0, 2.0, 3.0]),))


def test_a_backward_that_adds_to_what_it_returned_is_told_so(inputs):
    total = np.zeros((3, 2))

    def adding(upstream, cache):
        dX, dW, db = backward(upstream, cache)
        np.add(total, dW, out=total)
        return dX, total, db

    report = fc.from_layer(forward, adding, inputs).check()
    assert report.verdict.name == "WRONG" and report.findings[0].kind == "accumulates"
    assert report.findings[0].tensors == ("W",)


def test_by_the_complex_step(inputs):
    report = fc.from_layer(forward, backward, inputs).check(method="complex")
    assert report.passed and report.ratio < 1e-14
    assert fc.from_layer(forward, wrong, inputs).check(method="complex").worst(1)[0].name == "W[1, 0]"


def test_a_mask_of_padding_is_held_and_must_not_have_a_gradient():
    mask = np.array([0.0, 0.0, -np.inf])

    def softmax(x, mask):
        p = np.exp(x + mask)
        return p / p.sum(), p / p.sum()

    def back(upstream, p):
        return p * (upstream - upstream @ p), None

    x = np.array([0.3, -0.2, 0.9])
    assert fc.from_layer(softmax, back, {"x": x, "mask": mask}).check().passed
    with pytest.raises(
        InputError, match="mask must be finite, as backward returns its gradient, got -inf: return None"
    ):
        fc.from_layer(softmax, lambda u, p: (back(u, p)[0], np.zeros(3)), {"x": x, "mask": mask})


def test_a_hinge_that_is_off_has_no_gradient(rng):
    """Far away on both sides J is a parabola, whose slope at its middle is not J's."""
    x = rng.standard_normal((6, 3))
    x[0] *= 20

    def hinge(x):
        return np.maximum((x**2).sum(axis=1) - 30, 0).sum(), x

    def back(upstream, x):
        return 2 * upstream * x * ((x**2).sum(axis=1) > 30)[:, None]

    assert fc.from_layer(hinge, back, {"x": x}).check().passed
    report = fc.from_layer(hinge, lambda u, x: 2 * u * x, {"x": x}).check()
    assert report.verdict.name == "WRONG" and not report.witnesses[0].name.startswith("x[0")


def test_numbers_in_and_out(rng):
    x = rng.standard_normal((4, 3))

    def scaled(x, a):
        return a * (x**2).sum(), (x, a)

    def back(upstream, cache):
        x, a = cache
        return 2 * a * x * upstream[..., None], upstream * (x**2).sum()

    assert fc.from_layer(scaled, back, {"x": x, "a": 0.7}, upstream=1.0).check().passed
    report = fc.from_layer(scaled, lambda u, c: (back(u, c)[0], 1), {"x": x, "a": 0.7}).check()
    assert [t.name for t in report.tensors if t.verdict.name == "WRONG"] == ["a"]


def test_lists_of_numbers_are_arrays():
    def forward(x, y):
        return [float(v) for v in x * y], (x, y)

    def back(upstream, cache):
        return [(upstream * other).tolist() for other in cache[::-1]]

    report = fc.from_layer(forward, back, ([1.0, 2.0, 3.0], [0.1, 0.2, 0.3])).check()
    assert report.passed and report.layout.names == ("inputs[0]", "inputs[1]")
    assert fc.from_layer(lambda x: 2 * x, lambda u: (2 * u).tolist(), [[1.0, 2.0, 3.0]]).check().passed


def test_an_output_of_float32_is_said(inputs):
    report = fc.from_layer(lambda X, W, b: (np.float32(forward(X, W, b)[0]), (X, W, b)), wrong, inputs).check()
    assert any("forward returns float32, though its inputs are float64" in f.message for f in report.findings)


def test_what_is_held_goes_by_its_name(rng):
    def adds_once(upstream, cache):
        dW = np.zeros((5, 3))
        dW[cache] += upstream
        return dW, None

    given = {"W": rng.standard_normal((5, 3)), "ids": np.array([0, 2, 2, 1])}
    report = fc.from_layer(lambda W, ids: (W[ids], ids), adds_once, given).check()
    assert "of the 4 examples or time steps along axis 0 of ids" in report.findings[0].message


def test_named_tuples_bring_names(inputs):
    record = namedtuple("record", inputs)(**inputs)
    assert fc.from_layer(forward, wrong, record).check().witnesses[0].name == "W[1, 0]"


def test_jax_computes_in_float64(inputs):
    jax = pytest.importorskip("jax")

    def of_jax(X, W, b):
        return jax.numpy.tanh(X @ W + b), (X, W, b)

    def back(upstream, cache):
        X, W, b = cache
        signal = upstream * (1 - jax.numpy.tanh(X @ W + b) ** 2)
        return signal @ W.T, X.T @ signal, signal.sum(0)

    for given in (inputs, {name: jax.numpy.asarray(value) for name, value in inputs.items()}):
        report = fc.from_layer(jax.jit(of_jax), jax.jit(back), given).check()
        assert report.passed and report.ratio < 1e-8
        report = fc.from_layer(of_jax, lambda u, c: (*back(u, c)[:2], u.sum(0)), given).check()
        assert [t.name for t in report.tensors if t.verdict.name == "WRONG"] == ["b"]
    assert not jax.config.jax_enable_x64


def test_too_few_gradients(inputs):
    with pytest.raises(InputError, match="backward must return a gradient for each of X, W, b, got 2"):
        fc.from_layer(forward, lambda u, c: backward(u, c)[:2], inputs)


def test_an_output_that_changes_shape():
    with pytest.raises(InputError, match=r"forward must return outputs of one shape, got \(\d,\) after \(3,\)"):
        fc.from_layer(lambda x: x[x <= x0[0]], lambda u: u, (x0 := np.array([1.0, 1.0, 1.0]),)).check()


@pytest.mark.parametrize("inputs", [np.ones(3), 1.0, {1: np.ones(2)}, "xy"])
def test_inputs_are_a_sequence_or_named(inputs):
    with pytest.raises(InputError, match="inputs must be"):
        fc.from_layer(lambda x: x, lambda u: u, inputs)


def test_a_layer_may_write_into_what_it_is_given():
    x = np.array([-1.0, 2.0])

    def in_place(x):
        x[x < 0] = 0
        return x

    assert fc.from_layer(in_place, lambda u: u * (x > 0), (x,)).check().passed
    assert fc.from_layer(in_place, lambda u: u, (x,)).check().witnesses[0].name == "inputs[0][0]"
    np.testing.assert_array_equal(x, [-1.0, 2.0])


def test_inputs_may_be_structures(inputs):
    given = {"X": inputs.pop("X"), "p": inputs}

    def wrapped(backward):
        def nested(upstream, cache):
            dX, dW, db = backward(upstream, cache)
            return dX, {"W": dW, "b": db}

        return nested

    def nested_forward(X, p):
        return forward(X, **p)

    assert fc.from_layer(nested_forward, wrapped(backward), given).check().passed
    report = fc.from_layer(nested_forward, wrapped(wrong), given).check()
    assert report.witnesses[0].name == "p.W[1, 0]"
    with pytest.raises(InputError, match=r"like the inputs X, p\.W, p\.b, got a gradient for p: return one for each"):
        fc.from_layer(nested_forward, lambda u, c: (None, u), given)


def test_a_gradient_of_what_is_not_floating_is_not_passed_over_in_silence():
    problem = fc.from_layer(
        lambda x, W: (x @ W, (x, W)),
        lambda u, c: (u @ c[1].T, 3 * c[0].T @ u),
        {"x": np.eye(2), "W": np.ones((2, 2), int)},
    )
    assert "a gradient for W, no floating array: held fixed" in " ".join(str(problem.check()).split())


def test_a_pair_of_outputs_is_told_how_it_was_read():
    with pytest.raises(TypeError) as caught:
        fc.from_layer(lambda x: (2 * x, 3 * x), lambda u: 2 * u, (np.ones(2),))
    assert any("as forward returned a pair, (output, cache)" in note for note in caught.value.__notes__)
