"""Functions of JAX."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pytest

jax = pytest.importorskip("jax")
from jax import numpy as jnp  # noqa: E402

import fastcheck as fc  # noqa: E402
from fastcheck import InputError  # noqa: E402


class Layer(NamedTuple):
    W: jax.Array
    b: jax.Array


@pytest.fixture
def params(rng):
    layers = [
        Layer(jnp.asarray(rng.standard_normal((3, 4))), jnp.full(4, 0.1)),
        Layer(jnp.asarray(rng.standard_normal((4, 2))), jnp.ones(2) / 3),
    ]
    return {"layers": layers, "gain": 1.5, "none": None}


@pytest.fixture
def x(rng):
    return jnp.asarray(rng.standard_normal((5, 3)))


def network(params, x, activation=jnp.tanh):
    for layer in params["layers"]:
        x = activation(x @ layer.W + layer.b)
    return params["gain"] * jnp.sum(x**2)


def square(off):
    """The square of a matrix's entries, with a backward rule that is off in row 1."""

    @jax.custom_vjp
    def squared(w):
        return w**2

    def backward(w, upstream):
        return (upstream * 2 * w * (1 + off * (jnp.arange(w.shape[0]) == 1))[:, None],)

    squared.defvjp(lambda w: (w**2, w), backward)
    return squared


def test_a_pytree_and_its_names(params, x):
    report = fc.from_jax(network, params, x).check()
    assert report.passed
    assert set(report.layout.names) == {"layers[0].W", "layers[0].b", "layers[1].W", "layers[1].b", "gain"}
    assert "what came in float32 was evaluated in float64" in " ".join(str(report).split())


def test_x64_is_as_it_was(params, x):
    fc.from_jax(network, params, x).check()
    assert jnp.ones(2).dtype == jnp.float32 and not jax.config.jax_enable_x64


@pytest.mark.parametrize("off", [0.0, 0.01])
def test_a_rule_written_by_hand(x, off):
    squared = square(off)
    problem = fc.from_jax(lambda p: jnp.sum(jnp.cos(squared(p["W"]))), {"W": x})
    report = problem.check()
    assert report.passed == (off == 0)
    if off:
        assert all(witness.name.startswith("W[1, ") for witness in report.witnesses)
        assert {c.name[:5] for c in problem.locate().components} <= {"W[1, "}


def test_a_gradient_by_hand(x):
    def grad(p):
        return {"W": 3 * p["W"] ** 2}

    assert fc.from_jax(lambda p: jnp.sum(p["W"] ** 3), {"W": x}, grad=grad).check().passed
    assert fc.from_jax(lambda p: jnp.sum(p["W"] ** 3), {"W": x}, grad=grad({"W": np.asarray(x, float)})).check().passed
    off = fc.from_jax(lambda p: jnp.sum(p["W"] ** 3), {"W": x}, grad=lambda p: {"W": grad(p)["W"].at[4, 2].mul(1.01)})
    assert off.check().witnesses[0].name == "W[4, 2]"


def test_a_problem_travels(params, x):
    problem = fc.from_jax(network, params, x)
    travelled = pickle.loads(pickle.dumps(problem))
    assert travelled.cost(problem.theta) == problem.cost(problem.theta)
    assert travelled.check().passed


@pytest.mark.parametrize("kind", [np.float32, jnp.float32, jnp.bfloat16])
def test_narrow_numbers_of_any_kind(kind):
    report = fc.from_jax(lambda p: p["a"] * jnp.sum(p["w"] ** 2), {"a": kind(1.5), "w": np.ones(3, kind)}).check()
    assert report.passed and [f.kind for f in report.findings if f.kind in ("copies", "float32")] == ["copies"]


def test_what_cannot_be_traced_is_run_as_it_is(x):
    def branching(w):
        return jnp.sum(w**2) if w[0, 0] > 0 else jnp.sum(w**3)

    assert fc.from_jax(branching, x).check().passed


def test_numpy_by_hand_is_run_as_it_is(x):
    def cost(p, x):
        return float(np.sum(np.dot(np.asarray(x), np.asarray(p["w"])) ** 2))

    def grad(p, x):
        x, w = np.asarray(x), np.asarray(p["w"])
        return {"w": 2 * np.einsum("ij,i->j", x, np.dot(x, w))}

    params = {"w": np.array([1.0, -0.5, 0.3])}
    assert fc.from_jax(cost, params, x, grad=grad).check().passed
    off = fc.from_jax(cost, params, x, grad=lambda p, x: {"w": grad(p, x)["w"] * [1, 1, 1.01]}).check()
    assert off.witnesses[0].name == "w[2]"


def test_an_index_that_must_be_known(x):
    assert fc.from_jax(lambda w: jnp.sum(w**2) * range(3)[jnp.argmax(w) * 0 + 1], x).check().passed


def counts(w, calls):
    calls.append(1)
    return jnp.sum(w**2) * len(calls)


def counts_where_it_is_not_traced(w, calls):
    return counts(w, calls) if w[0, 0] != 0 else 0.0


def is_another_at_first(w, calls):
    calls.append(1)
    return jnp.sum(w**2) * min(len(calls), 2)


def draws(w, calls):
    return jnp.sum(w * np.random.default_rng().standard_normal(w.shape))


@pytest.mark.parametrize("function", [counts, counts_where_it_is_not_traced, is_another_at_first, draws])
def test_what_does_not_repeat_is_refused(x, function):
    calls = []
    with pytest.raises(InputError, match=r"function must be repeatable, got .* and then .* at the same params"):
        fc.from_jax(lambda w: function(w, calls), x)


def test_rounding_is_no_draw():
    def cancelling(w):  # compiled or not, all but rounding cancels
        return jnp.sum(jnp.sin(w) ** 2 + jnp.cos(w) ** 2 - 1) + jnp.sum(jnp.exp(w) * jnp.exp(-w) - 1)

    fc.from_jax(cancelling, jnp.linspace(0.1, 30, 500))


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
def test_slopes_come_in_the_dtype_of_the_gradient(x, dtype):
    problem = fc.from_jax(lambda p: jnp.sum(p["W"] ** 2), {"W": x}, grad=lambda p: {"W": (2 * p["W"]).astype(dtype)})
    slopes = problem.grad(problem.theta)
    assert {name: slope.dtype.name for name, slope in slopes.items()} == {"W": dtype.replace("bfloat16", "float32")}
    as_vector = fc.from_jax(lambda p: jnp.sum(p["W"] ** 2), {"W": x}, grad=lambda p: (2 * p["W"]).ravel().astype(dtype))
    assert as_vector.grad(problem.theta)["W"].shape == (5, 3)


def test_what_does_not_depend_on_params_has_no_slope(x):
    assert fc.from_jax(lambda w: 3.0, x).check().passed


def test_arrays_that_are_no_numbers_are_passed_on(x):
    names, things = np.array(["a", "b"]), np.array([None, "b"], dtype=object)

    def function(w, names, things):
        return jnp.sum(w ** (2 if names[1] == things[1] else 3))

    assert fc.from_jax(function, x, names, things).check().passed


def test_a_function_that_changes_what_it_is_given(x):
    def function(p, more):
        p["W"], more["x"] = 2 * p["W"], 2 * more["x"]
        return jnp.sum(p["W"] ** 2 * more["x"])

    params, more = {"W": x}, {"x": x}
    assert fc.from_jax(function, params, more).check().passed
    assert params["W"] is x and more["x"] is x


def test_errors_say_that_x64_is_on(x):
    with pytest.raises(KeyError) as caught:
        fc.from_jax(lambda p: p["V"], {"W": x})
    assert "x64 switched on" in caught.value.__notes__[-1]


@dataclass
class Unknown:
    W: jax.Array


def test_other_arguments_are_passed_on(x):
    key = jax.random.key(1)

    def function(w, key, options, activation):
        return options["scale"] * jnp.sum(activation(w) * jax.random.normal(key, w.shape))

    assert fc.from_jax(function, x, key, {"scale": 2, "name": "unused"}, jnp.tanh).check().passed


def test_by_screen(params, x):
    assert fc.from_jax(network, params, x).screen().passed


def torch_ones():
    return pytest.importorskip("torch").ones(3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: fc.from_jax(lambda p: p, x), r"function must return one real number, got float64 of shape \(5, 3\)"),
        (lambda x: fc.from_jax(lambda p: jnp.sum(p * 1j), x), "function must return one real number, got complex128"),
        (lambda x: fc.from_jax(lambda p: (1.0, 2.0), x), "function must return one real number, got tuple: return J alone"),
        (lambda x: fc.from_jax(jnp.argmax, x), "function must return one real number, got int64: compute J in floating point"),
        (lambda x: fc.from_jax(jnp.sum, torch_ones()), "got a tensor of torch at params: take fastcheck.from_torch"),
        (lambda x: fc.from_jax(jnp.sum, x, grad="auto"), "grad must be a function of params, or a pytree like them, got 'auto'"),
        (lambda x: fc.from_jax(jnp.sum, x, grad=jax.value_and_grad(jnp.sum)), "grad must return the gradient alone, got it in a tuple of 2"),
        (lambda x: fc.from_jax(lambda p: "x", x), "function must return one real number, got str"),
        (lambda x: fc.from_jax(lambda p: None, x), "function must return one real number, got NoneType"),
        (lambda x: fc.from_jax(lambda p: {1, 2}, x), "function must return one real number, got set"),
        (lambda x: fc.from_jax(lambda p: float(np.sum(np.asarray(p))), x), "that JAX can differentiate, got TracerArrayConversionError"),
        (lambda x: fc.from_jax(lambda p: p, {"a": Unknown(x)}), "got the dataclass Unknown at a: register it with jax.tree_util.register_dataclass"),
        (lambda x: fc.from_jax(lambda p: p, {"W": x, "key": jax.random.key(0)}), "got a PRNG key at key: pass it in args"),
        (lambda x: fc.from_jax(lambda p: p, {"W": x, "act": jnp.tanh}), "got .* at act: pass it in args, or register what it is"),
        (lambda x: jax.jit(lambda w: fc.from_jax(jnp.sum, w))(x), "got what JAX traces at params: call from_jax outside"),
        (lambda x: fc.from_jax(jnp.sum, x, grad=lambda p: None), "grad must return a pytree like params, got None"),
        (lambda x: fc.from_jax(1, x), "function must be a function of params"),
        (lambda x: fc.from_jax(lambda p: 1.0, {"n": 3}), "n must be real floating point"),
        (lambda x: fc.from_jax(lambda p: 1.0, {"n": "x"}), "params must be a pytree of floating arrays, got str 'x' at n: pass it in args"),
        (lambda x: fc.from_jax(lambda p: jnp.sum(p["W"]), {"W": x}, grad=lambda p: {"V": p["W"]}), "gradient must name the tensors W, got missing W; extra V"),
        (lambda x: fc.from_jax(lambda p: jnp.sum(p), x, grad=lambda p: p[0]), r"must have shape \(5, 3\), got \(3,\)"),
    ],
)  # fmt: skip
def test_bad_input(x, call, message):
    with pytest.raises(InputError, match=message) as caught:
        call(x)
    assert "\n" not in str(caught.value)


def test_arrays_as_theta_and_args(x):
    def cost(theta, x):
        return jnp.sum(jnp.tanh(x @ theta) ** 2)

    def grad(theta, x):
        a = jnp.tanh(x @ theta)
        return x.T @ (2 * a * (1 - a**2))

    report = fc.check(cost, grad, jnp.ones(3), (x,))
    assert not report.verdict.accuses  # in JAX's own float32


def test_the_complex_step_is_exact_where_jax_takes_it():
    params = {"a": jnp.arange(1.0, 4.0), "b": jnp.ones(3)}
    report = fc.from_jax(lambda p: jnp.sum(jnp.tanh(p["a"]) * p["b"]), params).check(method="complex")
    assert report.passed and report.ratio < 1e-15
    report = fc.from_jax(lambda p: jnp.sum(jnp.abs(p["a"]) * p["a"]), params).check(method="complex")
    assert report.passed and "two-sided differences were taken instead" in " ".join(str(report).split())
