"""A layer's forward and backward."""

from __future__ import annotations

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
        (lambda x: x, lambda u: u[:2], r"gradient of shape \(3,\) for inputs\[0\], got \(2,\)"),
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


@pytest.mark.parametrize("upstream", [np.zeros(3), np.array([1.0, np.nan, 1.0]), np.ones(2)])
def test_an_upstream_that_shows_nothing(upstream):
    with pytest.raises(InputError, match="upstream must be"):
        fc.from_layer(lambda x: x**2, lambda u: 3 * u, (np.ones(3),), upstream=upstream)


def test_nothing_to_look_at():
    with pytest.raises(InputError, match="inputs must hold what forward takes, got none"):
        fc.from_layer(lambda: 1.0, lambda u: u, [])
    with pytest.raises(InputError, match=r"forward must return at least one number, got shape \(0,\)"):
        fc.from_layer(lambda x: x[:0], lambda u: np.zeros(3), (np.ones(3),))


def test_too_few_gradients(inputs):
    with pytest.raises(InputError, match="backward must return a gradient for each of X, W, b, got 2"):
        fc.from_layer(forward, lambda u, c: backward(u, c)[:2], inputs)


def test_an_output_that_changes_shape():
    with pytest.raises(InputError, match=r"forward must return outputs of one shape, got \(\d,\) after \(3,\)"):
        fc.from_layer(lambda x: x[x <= x0[0]], lambda u: u, (x0 := np.array([1.0, 1.0, 1.0]),)).check()


@pytest.mark.parametrize("inputs", [np.ones(3), 1.0, {1: np.ones(2)}])
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
