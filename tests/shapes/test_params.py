"""Parameters in a structure, through from_params and through check as it is."""

from __future__ import annotations

import warnings
from collections import OrderedDict, UserDict, UserList, defaultdict, deque
from dataclasses import dataclass, field
from types import MappingProxyType, SimpleNamespace
from typing import NamedTuple
from unittest.mock import Mock

import numba
import numpy as np
import pytest

import fastcheck as fc
from fastcheck import InputError, InputTypeError


@dataclass(frozen=True)
class Layer:
    W: np.ndarray
    b: np.ndarray


class Net(NamedTuple):
    layers: list
    gain: float


@pytest.fixture
def net(rng) -> Net:
    layers = [Layer(rng.standard_normal((3, 4)), np.full(4, 0.1)), Layer(rng.standard_normal((4, 2)), np.zeros(2))]
    return Net(layers, 1.5)


@pytest.fixture
def X(rng) -> np.ndarray:
    return rng.standard_normal((5, 3))


def cost(net, X):
    for layer in net.layers:
        X = np.tanh(X @ layer.W + layer.b)
    return net.gain * np.sum(X**2)


def grad(net, X, off=0.0):
    """The gradient; ``off`` spoils one entry of the second layer's W."""
    activations = [X]
    for layer in net.layers:
        activations.append(np.tanh(activations[-1] @ layer.W + layer.b))
    signal, layers = 2 * net.gain * activations[-1], []
    for layer, before, after in zip(net.layers[::-1], activations[-2::-1], activations[:0:-1], strict=True):
        signal = signal * (1 - after**2)
        layers.insert(0, Layer(before.T @ signal, signal.sum(axis=0)))
        signal = signal @ layer.W.T
    layers[1].W[2, 1] *= 1 + off
    return Net(layers, np.sum(activations[-1] ** 2))


def wrong(net, X):
    return grad(net, X, off=0.01)


def test_names_are_paths_and_a_right_gradient_passes(net, X):
    report = fc.from_params(cost, grad, net, (X,)).check()
    assert report.verdict.name == "CORRECT"
    assert report.layout.names == ("layers[0].W", "layers[0].b", "layers[1].W", "layers[1].b", "gain")


@pytest.mark.parametrize("ask", ["check", "screen", "locate"])
def test_a_wrong_entry_is_named_by_its_path(net, X, ask):
    problem = fc.from_params(cost, wrong, net, (X,))
    if ask == "locate":
        assert [c.name for c in problem.locate().components] == ["layers[1].W[2, 1]"]
        return
    report = getattr(problem, ask)()
    assert report.verdict.accuses
    assert ask == "screen" or report.witnesses[0].name == "layers[1].W[2, 1]"


def test_a_gradient_that_comes_as_a_structure(net, X):
    assert fc.from_params(cost, grad(net, X), net, (X,)).check().passed
    assert not fc.from_params(cost, wrong(net, X), net, (X,)).check().passed


def test_a_cost_that_returns_the_pair(net, X):
    assert fc.from_params(lambda net, X: (cost(net, X), grad(net, X)), True, net, (X,)).check().passed


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"W": np.ones(2), "name": "relu"}, "params must hold real floating-point arrays, got str 'relu' at name"),
        ([{"W": np.ones(2)}, {"W": np.arange(2)}], r"params\[1\]\.W must be real floating point .* got int64"),
        ({"a": [np.ones(2), 1j]}, r"a\[1\] must be real floating point .* got complex128"),
        ({"a": {"b": np.array([1.0, np.nan])}}, r"params values must be finite, got a\.b\[1\] = nan"),
        ({}, "params must hold at least one component, got none"),
        (
            {"gain": 3, "W": [np.ones(2)]},
            r"gain must be real floating point .* got int 3: write 3\.0 if it is a parameter",
        ),
        ({"f": np.tanh}, "params must hold .* got ufunc <ufunc 'tanh'> at f: pass it in args"),
        (
            SimpleNamespace(W=1.0),
            "got SimpleNamespace .* at params: make it a dict, list, tuple or dataclass of arrays",
        ),
        ({"W": [np.ma.masked_array(np.ones(2))]}, r"W\[0\] must have no masked entries"),
    ],
)
def test_what_cannot_be_a_parameter(params, message):
    with pytest.raises(InputError, match=message):
        fc.from_params(lambda p: 0.0, lambda p: p, params)


def test_a_structure_in_itself():
    params = [np.ones(1)]
    params.append(params)
    with pytest.raises(InputError, match="a structure must end, got a list"):
        fc.from_params(cost, grad, params)


def test_of_many_tensors_the_first_few_are_named():
    params = {f"W{k}": [np.ones(1)] for k in range(300)}
    with pytest.raises(InputError, match=r"got missing W7\[0\]: rename") as caught:
        fc.from_params(cost, {name: leaf for name, leaf in params.items() if name != "W7"}, params)
    assert len(str(caught.value)) < 200


def test_odd_keys_stay_apart():
    params = {"a.b": np.ones(1), "a": {"b": np.ones(1)}, 0: np.ones(1), "0": np.ones(1)}
    report = fc.from_params(lambda p: sum(_leaves(p)), lambda p: _ones(p), params).check()
    assert report.layout.names == ("['a.b']", "a.b", "params[0]", "0") or len(set(report.layout.names)) == 4
    assert report.passed


def _leaves(p):
    return [p["a.b"][0], p["a"]["b"][0], p[0][0], p["0"][0]]


def _ones(p):
    return {"a.b": np.ones(1), "a": {"b": np.ones(1)}, 0: np.ones(1), "0": np.ones(1)}


def test_a_missing_leaf_of_the_gradient_is_named(net, X):
    with pytest.raises(InputError, match=r"gradient must name the tensors .*, got missing layers\[1\]\.b"):
        fc.from_params(
            cost, lambda net, X: Net([grad(net, X).layers[0], {"W": 2 * net.layers[1].W}], 1.0), net, (X,)
        ).check()


@pytest.mark.parametrize(
    ("params", "returned"),
    [
        ({"W": np.ones(2), "b": np.ones(1)}, {"W": np.ones(2), "b": None}),
        ({"W": [np.ones(2), np.ones(1)]}, {"W": [np.ones(2), None]}),
        ([Layer(np.ones(2), np.ones(1))], [Layer(np.ones(2), None)]),
        ([Layer(np.ones(2), np.ones(1))], [{"W": np.ones(2), "b": None}]),
    ],
)
def test_none_for_a_leaf_of_the_gradient_is_named(params, returned):
    for problem in (fc.from_params, fc.Problem):
        with pytest.raises(InputTypeError, match=r"gradient '.*(b|\[1\])' must be an array, got None: return zeros"):
            problem(lambda p: 0.0, lambda p: returned, params).check()


def test_nothing_handed_in_is_changed(net, X):
    before = [array.copy() for layer in net.layers for array in (layer.W, layer.b)]
    with pytest.raises(InputError, match=r"cost must not modify theta, got a change of layers\[0\]\.W\[0, 0\]"):
        fc.from_params(lambda net: net.layers[0].W.fill(0.0) or 1.0, net, net).check()
    for old, new in zip(before, (a for layer in net.layers for a in (layer.W, layer.b)), strict=True):
        np.testing.assert_array_equal(old, new)


class Attributes(dict):
    """A dict whose items are attributes, as configurations often are."""

    __getattr__ = dict.__getitem__


class Several(list):
    pass


def cubed(items):
    """J of arrays, and a gradient that adds ``off`` to the last."""
    return float(sum(np.sum(np.asarray(item) ** 3) for item in items))


def thrice(items, off=0.0):
    return [3 * np.asarray(item) ** 2 + off * (item is items[-1]) for item in items]


KINDS = {
    "ordered": (OrderedDict, lambda p: [p["W"], p["b"]]),
    "attributes": (Attributes, lambda p: [p.W, p.b]),
    "with a default": (lambda p: defaultdict(float, p), lambda p: [p["W"], p["b"] + p["absent"]]),
    "of a class of its own": (UserDict, lambda p: [p.data["W"], p.data["b"]]),
    "read-only": (MappingProxyType, lambda p: [p["W"], p["b"]]),
}


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_dicts_of_other_kinds_stay_what_they_are(kind, nested, rng):
    made, items = KINDS[kind]
    params = made({"W": rng.standard_normal((2, 2)), "b": rng.standard_normal(3)})
    given, own = ({"net": [params]}, lambda p: p["net"][0]) if nested else (params, lambda p: p)

    def returned(p, off=0.0):
        W, b = thrice(items(own(p)), off)
        return {"net": [{"b": b, "W": W}]} if nested else {"b": b, "W": W}

    for problem in (fc.from_params, fc.Problem):
        assert problem(lambda p: cubed(items(own(p))), returned, given).check().passed
        off = problem(lambda p: cubed(items(own(p))), lambda p: returned(p, 0.1), given).check()
        assert off.witnesses[0].name.startswith("net[0].b[" if nested else "b[")


@pytest.mark.parametrize("kind", [Several, UserList, deque, tuple])
def test_so_do_lists(kind, rng):
    params = {"W": kind([rng.standard_normal((2, 2)), rng.standard_normal(3)])}
    right, off = lambda p: {"W": thrice(list(p["W"]))}, lambda p: {"W": thrice(list(p["W"]), 0.1)}
    assert fc.check(lambda p: cubed(p["W"]) if type(p["W"]) is kind else np.nan, right, params).passed
    assert fc.check(lambda p: cubed(p["W"]), off, params).witnesses[0].name.startswith("W[1][")


def test_keys_with_dots_as_a_state_has_them(rng):
    params = {"0.weight": rng.standard_normal((2, 2)), "0.bias": rng.standard_normal(2)}
    for problem in (fc.from_params, fc.Problem):
        report = problem(
            lambda p: cubed(p.values()), lambda p: dict(zip(p, thrice([*p.values()]), strict=True)), params
        ).check()
        assert report.passed and report.layout.names == ("0.weight", "0.bias")


@dataclass
class Dense:
    W: np.ndarray
    bias: np.ndarray | None = None
    activation: str = field(default="tanh", metadata={"static": True})
    stride: int = field(default=1, metadata={"pytree_node": False})


def test_static_fields_and_what_is_none_are_held(rng):
    params = [Dense(rng.standard_normal(2)), Dense(rng.standard_normal(2), rng.standard_normal(2), "relu", 2)]

    def cost(p):
        assert [(layer.activation, layer.stride) for layer in p] == [("tanh", 1), ("relu", 2)]
        return cubed([p[0].W, p[1].W, p[1].bias])

    def grad(p, off=0.0):
        first, second, bias = thrice([p[0].W, p[1].W, p[1].bias], off)
        return [{"W": first}, Dense(second, bias)]

    report = fc.check(cost, grad, params)
    assert report.passed and report.layout.names == ("params[0].W", "params[1].W", "params[1].bias")
    assert fc.check(cost, lambda p: grad(p, 0.1), params).witnesses[0].name.startswith("params[1].bias[")


def test_classes_of_attrs_are_dataclasses_too(rng):
    attrs = pytest.importorskip("attrs")

    @attrs.frozen
    class Layer:
        _W: np.ndarray
        b: np.ndarray
        activation: str = attrs.field(default="tanh", metadata={"static": True})

    params = [Layer(rng.standard_normal((2, 2)), rng.standard_normal(2))]
    for off in (0.0, 0.1):
        report = fc.check(
            lambda p: cubed([p[0]._W, p[0].b]), lambda p, off=off: [Layer(*thrice([p[0]._W, p[0].b], off))], params
        )
        assert report.passed is (off == 0.0) and report.layout.names == ("params[0]._W", "params[0].b")


def test_a_field_that_is_no_parameter_is_told_how_to_be_marked():
    @dataclass
    class Layer:
        W: np.ndarray
        activation: str = "relu"

    with pytest.raises(
        InputTypeError, match=r"got str 'relu' at activation: .* mark the field metadata=\{'static': True\}"
    ):
        fc.from_params(cost, grad, Layer(np.ones(2)))


@pytest.mark.parametrize("grad", [None, "x", 1j, {"W": None}, {"V": np.ones(2)}])
def test_what_is_no_gradient_and_no_args_is_said_at_once(grad):
    with pytest.raises(InputError, match="gradient"):
        fc.from_params(lambda p: 0.0, grad, {"W": np.ones(2)})
    with pytest.raises(InputTypeError, match="args must be a tuple, got list"):
        fc.from_params(lambda p: 0.0, lambda p: p, {"W": np.ones(2)}, [1.0])


# --- check as it is -----------------------------------------------------------------------------------------------------


def flat(rng):
    return {"W": rng.standard_normal((3, 2)), "b": rng.standard_normal(2)}


def of_dict(p, X):
    return np.sum(np.tanh(X @ p["W"] + p["b"]) ** 2)


def grad_of_dict(p, X, off=0.0):
    a = np.tanh(X @ p["W"] + p["b"])
    signal = 2 * a * (1 - a**2)
    return {"W": X.T @ signal, "b": signal.sum(axis=0) * np.array([1, 1 + off])}


def kinds(report):
    return [finding.kind for finding in report.findings]


def test_a_dict_goes_to_a_cost_that_takes_it_and_the_report_says_so(rng, X):
    report = fc.check(of_dict, grad_of_dict, flat(rng), (X,))
    assert report.passed
    assert "went to cost and grad as they were given, a dict" in str(report)
    off = fc.check(of_dict, lambda p, X: grad_of_dict(p, X, 0.01), flat(rng), (X,))
    assert off.witnesses[0].name == "b[1]"


def test_a_dict_goes_as_a_vector_to_a_cost_that_takes_that(rng):
    report = fc.check(lambda theta: np.sum(theta**3), lambda theta: 3 * theta**2, flat(rng))
    assert report.passed and "structure" not in kinds(report)


def test_cost_and_gradient_may_take_different_forms(rng):
    report = fc.check(lambda theta: np.sum(theta**3), lambda p: {k: 3 * v**2 for k, v in p.items()}, flat(rng))
    assert report.passed and "went to grad as they were given" in str(report)


def test_a_nested_structure_by_check_itself(net, X):
    assert fc.check(cost, grad, net, (X,)).passed
    assert fc.check(cost, wrong, net, (X,)).witnesses[0].name == "layers[1].W[2, 1]"


@dataclass
class Scaled:
    """What is derived in __post_init__ follows the parameters; what was set later stays."""

    W: np.ndarray
    twice: np.ndarray = field(init=False)
    name: str = field(default="", init=False)

    def __post_init__(self):
        self.twice = 2 * self.W


def test_dataclasses_that_derive_and_such_that_were_set_later(rng):
    params = Scaled(rng.standard_normal(3))
    assert fc.from_params(lambda p: np.sum(p.twice**2), lambda p: {"W": 8 * p.W}, params).check().passed
    params.name = "first"
    cost = {"first": lambda p: np.sum(p.W**3)}
    assert fc.from_params(lambda p: cost[p.name](p), lambda p: {"W": 3 * p.W**2}, params).check().passed


def test_what_is_in_dataclasses_is_not_changed_either():
    @dataclass
    class Data:
        X: np.ndarray
        k: int = 0

    data = Data(np.ones(3))

    def counting(theta, data):
        data.k += 1
        return np.sum(theta**2 * data.X)

    def writing(theta, data):
        data.X *= 1.5
        return np.sum(theta**2)

    for cost, place in ((counting, r"args\[0\]\.k"), (writing, r"args\[0\]\.X")):
        with pytest.raises(InputError, match=f"cost must not modify its arguments, got a change of {place}"):
            fc.check(cost, lambda theta, data: 2 * theta, np.ones(3), (data,))
    assert data.k == 0 and (data.X == 1).all()


@pytest.mark.parametrize(
    "params", [{"l1.w": np.ones(2)}, {0: np.ones(2)}, {"it's": np.ones(2)}, {"a": [1.5, 2.5]}, [[1.0], [3.0]]]
)
def test_a_gradient_is_taken_apart_as_its_parameters_are(params):
    def leaves(p):
        return [np.sum(np.square(v)) for v in (p.values() if isinstance(p, dict) else p)]

    def twice(p):
        return (
            {k: twice(v) for k, v in p.items()}
            if isinstance(p, dict)
            else [twice(v) for v in p]
            if isinstance(p, list)
            else 2 * p
        )

    assert fc.from_params(lambda p: float(sum(leaves(p))), twice, params).check().passed


def test_an_njit_cost_of_a_tuple_of_arrays(rng):
    cost = numba.njit(lambda p: np.sum(p[0] ** 2) + np.sum(p[1] ** 3))
    params = (rng.standard_normal(2), rng.standard_normal((2, 2)))
    for problem in (
        fc.Problem(cost, lambda p: (2 * p[0], 3 * p[1] ** 2), params),
        fc.from_params(cost, lambda p: (2 * p[0], 3 * p[1] ** 2), params),
    ):
        assert problem.check().passed


def test_an_njit_cost_that_cannot_take_the_structure():
    with pytest.raises(
        InputError, match=r"an njit cost must take the structure itself, got .* given a dict: join .* fastcheck\.pack"
    ) as caught:
        fc.from_params(by_key, lambda p: p, {"W": np.ones(2), "b": {"c": np.ones(1)}})
    assert "\n" not in str(caught.value)


def test_tensors_and_bounds_by_the_names_that_reports_have(net, X):
    problem = fc.from_params(cost, wrong, net, (X,))
    assert problem.check(tensors="layers[0].*").passed
    assert not problem.check(tensors="layers[1].W").passed
    low = Net([Layer(np.full((3, 4), -9.0), np.full(4, -9.0)), Layer(np.full((4, 2), -9.0), np.full(2, -9.0))], 0.0)
    assert fc.check(cost, grad, net, (X,), bounds=(low, None)).passed


def test_a_function_that_wants_the_dict_and_fails_is_told_so_itself(rng):
    with pytest.raises(ValueError, match="no such case") as caught:
        fc.check(lambda p: p["W"].sum() and raising(), lambda p: p, {"W": np.ones(2)})
    assert any("given dict; given a vector: IndexError" in note for note in caught.value.__notes__)


def raising():
    raise ValueError("no such case")


def test_where_neither_form_is_taken_both_are_told(rng):
    with pytest.raises(KeyError) as caught:
        fc.check(lambda p: p["nothing"], lambda p: p, {"W": {"a": np.ones(2)}})
    assert any("given dict; given a vector" in note for note in caught.value.__notes__)


@pytest.mark.parametrize("params", [[np.ones((2, 2)), np.ones(3)], [np.ones(2), np.ones(2)]])
def test_a_list_is_never_given_as_a_vector(params):
    """In which an index means another thing: the gradient is right, and the cost of the vector another."""
    cost = numba.njit(lambda p: np.sum(p[0] ** 3) + np.sum(p[1] ** 2))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # numba's, of lists
            assert fc.check(cost, lambda p: [3 * p[0] ** 2, 2 * p[1]], params).passed
    except InputError as error:
        assert "an njit cost must take the structure itself" in str(error) and "pass a tuple of arrays" in str(error)


def test_numbas_own_containers_go_to_an_njit_cost(rng):
    params = numba.typed.Dict()
    params["W"], params["b"] = rng.standard_normal(3), rng.standard_normal(2)
    cost = numba.njit(lambda p: np.sum(p["W"] ** 3) + np.sum(p["b"] ** 2))
    for off in (0.0, 0.1):
        report = fc.check(cost, lambda p, off=off: {"W": 3 * p["W"] ** 2, "b": 2 * p["b"] + off}, params)
        assert report.passed is (off == 0.0)


@pytest.mark.parametrize("theta", [[0.5, [1.0, 2.0]], [[0.5], [1.0, 2.0]], {0: 0.5, 1: np.ones(2)}, {"a": 0.5, 1: 2.0}])
def test_nested_lists_of_numbers_and_keys_that_are_no_names(theta):
    def items(p):
        return list(p.values()) if isinstance(p, dict) else p

    def grad(p):
        each = [3 * np.square(v) if np.ndim(v) == 0 else [3 * x * x for x in v] for v in items(p)]
        return dict(zip(p, each, strict=True)) if isinstance(p, dict) else each

    report = fc.check(lambda p: cubed(items(p)), grad, theta)
    assert report.passed and report.layout.names[0].startswith(("params[0]", "a"))


def test_a_list_of_numbers_is_a_vector():
    assert fc.check(lambda theta: float(theta @ theta), lambda theta: 2 * theta, [1, 2]).passed
    report = fc.check(lambda theta: float(theta @ theta), lambda theta: 2 * theta, [1.0, 2.0])
    assert report.passed and report.layout.names == ("theta",) and kinds(report)[:1] != ["structure"]


@numba.njit
def square(theta):
    return theta[0] ** 2


@pytest.mark.parametrize("cost", [lambda t: t * t if isinstance(t, float) else np.nan, square])
@pytest.mark.parametrize("theta", [3, 3.0, np.float64(3.0), np.array(3.0)])
def test_a_scalar_is_a_theta_of_one_component(cost, theta):
    grad = (lambda t: 2 * t) if cost is not square else (lambda t: 2 * np.atleast_1d(t))
    report = fc.check(cost, grad, theta)
    assert report.passed and report.layout.size == 1
    assert not fc.check(cost, lambda t: 2.02 * np.reshape(t, -1), theta).passed


def test_the_gradient_of_a_vector_of_one_may_be_a_number():
    theta = np.array([3.0])
    assert fc.check(lambda t: t[0] ** 2, lambda t: 2 * t[0], theta).passed
    assert not fc.check(lambda t: t[0] ** 2, lambda t: 2.1 * t[0], theta).passed
    with pytest.raises(InputError, match=r"gradient must have shape \(2,\) like theta, got \(\)"):
        fc.check(lambda t: t[0] ** 2, lambda t: 2 * t[0], np.ones(2))


@numba.njit
def by_key(p):
    return p["W"].sum()


def test_a_dict_for_an_njit_cost_that_cannot_take_it():
    with pytest.raises(
        InputError, match=r"one vector, got a dict: join it with fastcheck\.pack .* layout\.jit_unpack\(\)"
    ) as caught:
        fc.check(by_key, lambda p: p, {"W": np.ones(2)})
    assert "\n" not in str(caught.value)


def test_steps_and_scales_may_come_in_the_same_structure(net, X):
    like = Net([Layer(np.full((3, 4), 1e-6), np.full(4, 1e-6)), Layer(np.full((4, 2), 1e-6), np.full(2, 1e-6))], 1e-6)
    report = fc.check(cost, grad, net, (X,), eps=like, scale=like)
    assert report.passed
    np.testing.assert_array_equal(report.eps, 1e-6)


def test_one_number_may_stand_for_a_tensor(net, X):
    by_path = dict.fromkeys(fc.from_params(cost, grad, net, (X,)).layout.names, 1e-6) | {"gain": 1e-5}
    report = fc.check(cost, grad, net, (X,), eps=by_path, scale=by_path)
    assert report.passed and set(report.eps[:-1]) == {1e-6} and report.eps[-1] == 1e-5
    for option in ("eps", "scale"):
        with pytest.raises(InputError, match=rf"{option} must name the tensors .*, got missing gain"):
            fc.check(cost, grad, net, (X,), **{option: {k: v for k, v in by_path.items() if k != "gain"}})
        with pytest.raises(InputError, match=rf"{option} must be positive and finite, got -1\.0 for gain"):
            fc.check(cost, grad, net, (X,), **{option: by_path | {"gain": -1.0}})


def test_a_checker_takes_structures_of_its_own_form(rng, X):
    params = flat(rng)
    with fc.Checker(of_dict, params, (X,)) as checker:
        for given in (params, dict(reversed(params.items()))):
            assert checker.check(given, grad_of_dict).passed
            assert checker.check(given, grad_of_dict(given, X, 0.01)).witnesses[0].name == "b[1]"
        with pytest.raises(InputError, match=r"layout must name .* got b of shape \(2,\) for b of shape \(3,\)"):
            checker.gradient({"W": params["W"], "b": np.ones(3)})
        with pytest.raises(InputError, match=r"got b of shape \(2,\) for nothing"):
            checker.gradient({"W": params["W"]})


def test_tensors_in_float32_and_args_that_are(rng, X):
    torch = pytest.importorskip("torch")

    def cost(p, data):
        return torch.sum(torch.tanh(data["X"][0] @ p["W"][0]) ** 2)

    def grad(p, data, off=0.0):
        a = torch.tanh(data["X"][0] @ p["W"][0])
        return {"W": [data["X"][0].T @ (2 * a * (1 - a * a)) + off]}

    params, args = {"W": [torch.tensor(rng.standard_normal((3, 2))).float()]}, ({"X": [torch.tensor(X).float()]},)
    for problem in (fc.from_params, fc.Problem):
        assert problem(cost, grad, params, args).check().passed
        assert not problem(cost, lambda p, data: grad(p, data, 0.1), params, args).check().passed
    assert params["W"][0].dtype == args[0]["X"][0].dtype == torch.float32


def test_functions_that_have_every_attribute(rng, X):
    cost, grad = Mock(wraps=of_dict), Mock(wraps=grad_of_dict)
    assert fc.check(cost, grad, flat(rng), (X,)).passed
    assert fc.from_params(cost, grad, flat(rng), (X,)).check().passed
    assert not fc.check(cost, Mock(wraps=lambda p, X: grad_of_dict(p, X, 0.01)), flat(rng), (X,)).passed


def test_from_params_wants_a_function():
    with pytest.raises(InputTypeError, match="cost must be a function"):
        fc.from_params(1.0, lambda p: p, {"W": np.ones(2)})


# --- JAX ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrap", [lambda j: j, float])
def test_functions_of_jax_are_in_float64_where_theta_or_args_are_numpys(rng, X, wrap):
    jax = pytest.importorskip("jax")

    def cost(p, X):
        return jax.numpy.sum(jax.numpy.tanh(X @ p["W"]) * p["b"])

    params = {"W": rng.standard_normal((3, 2)), "b": rng.standard_normal(2)}
    args = [(X,), (jax.numpy.asarray(X),)] if wrap is not float else [(jax.numpy.asarray(X),)]
    for given in args:
        report = fc.check(lambda p, X: wrap(cost(p, X)), jax.grad(cost), params, given)
        assert report.passed and report.agreement < 1e-8
        off = fc.check(
            cost, lambda p, X: {**jax.grad(cost)(p, X), "b": 1.01 * jax.grad(cost)(p, X)["b"]}, params, given
        )
        assert off.witnesses[0].name.startswith("b[")
    assert not jax.config.jax_enable_x64


def test_what_takes_no_float64_of_jax_is_called_as_it_is(rng):
    jax = pytest.importorskip("jax")

    def cost(theta, X):
        return jax.numpy.sum(jax.lax.dot(X, jax.numpy.asarray(theta, dtype="float32")) ** 2)

    X = jax.numpy.asarray(rng.standard_normal((4, 3)))
    assert fc.check(cost, jax.grad(cost), rng.standard_normal(3), (X,)).verdict.name in ("CORRECT", "UNRESOLVED")
