from __future__ import annotations

import json

import numpy as np
import pytest
from numba import njit
from smooth import SMOOTH, kernel_ridge

import fastcheck as fc
from fastcheck import zoo
from fastcheck.zoo.mlp import ACTIVATIONS

SIZES = (100, 60, 40, 6)


@pytest.fixture(scope="module", params=ACTIVATIONS)
def right(request):
    problem = zoo.mlp(SIZES, request.param)
    return problem, problem.grad(problem.theta, *problem.args)


def located(problem, gradient, **options):
    return fc.locate(problem.cost, gradient, problem.theta, problem.args, layout=problem.layout, **options)


def strong(gradient, rng, k=1):
    return sorted(int(i) for i in rng.choice(np.flatnonzero(np.abs(gradient) > 1e-3), size=k, replace=False))


def test_a_gradient_that_changes_from_call_to_call_is_said_to(right):
    problem, gradient = right
    total, rng = np.zeros_like(gradient), np.random.default_rng(0)

    def adding(*args):
        total[:] += gradient
        return total.copy()

    assert located(problem, gradient).findings == ()
    for grad, kind in ((adding, "accumulates"), (lambda *a: gradient * rng.uniform(0.9, 1.1, gradient.size), "random")):
        location = located(problem, grad, budget=200)
        assert [f.kind for f in location.findings] == [kind]
        assert kind in str(location)
        assert location.to_dict()["findings"][0]["kind"] == kind


@pytest.mark.parametrize("factor", [1.001, 1.01, 2.0, -1.0])
def test_one_wrong_component_is_named_and_no_other(right, factor, rng):
    problem, gradient = right
    for seed in range(3):
        wrong, (k,) = gradient.copy(), strong(gradient, rng)
        wrong[k] *= factor
        location = located(problem, wrong, seed=seed)
        assert [c.index for c in location.components] == [k], str(location)
        assert (location.tensors, location.lines, location.unsearched) == ((), (), ())
        assert location.evaluations <= 140
        (component,) = location.components
        assert component.name == problem.layout.name(k)
        assert component.analytic == wrong[k]
        assert component.numeric == pytest.approx(gradient[k], rel=1e-5)


def test_three_wrong_components(right, rng):
    problem, gradient = right
    for seed in range(3):
        wrong, which = gradient.copy(), strong(gradient, rng, 3)
        wrong[which] *= 1.5
        location = located(problem, wrong, seed=seed)
        assert sorted(c.index for c in location.components) == which, str(location)
        assert location.evaluations <= 350


@pytest.mark.parametrize("factor", [1.0001, -1.0, 0.0])
def test_a_tensor_that_is_wrong_throughout_is_named_and_not_searched(right, factor):
    problem, gradient = right
    wrong = gradient.copy()
    wrong[problem.layout.tensors[2].slice] *= factor
    location = located(problem, wrong)
    assert location.tensors == ("W2",)
    assert location.components == ()
    assert location.evaluations <= 350


@pytest.mark.parametrize("n", [8, 50])
@pytest.mark.parametrize("make", SMOOTH)
def test_one_of_few_components_of_a_smooth_cost_is_named_alone(make, n, rng):
    for seed in range(3):
        problem = make(n, np.random.default_rng(seed))
        gradient = problem.grad(problem.theta, *problem.args)
        wrong, (k,) = gradient.copy(), strong(gradient, rng)
        wrong[k] *= 1.01
        location = located(problem, wrong, seed=seed)
        assert [c.index for c in location.components] == [k], str(location)
        assert (location.tensors, location.lines, location.unsearched) == ((), (), ())


@pytest.mark.parametrize(("n_wrong", "names"), [(2, ()), (3, ("W",))])
def test_a_small_tensor_is_named_where_all_of_it_is_wrong(n_wrong, names):
    problem = kernel_ridge(3, np.random.default_rng(0))
    wrong = problem.grad(problem.theta, *problem.args)
    wrong[:n_wrong] *= 1.01
    location = located(problem, wrong)
    assert location.tensors == names
    assert sorted(c.index for c in location.components) == ([] if names else [0, 1])


def test_components_whose_gradient_is_zero_do_not_speak_for_a_tensor():
    theta, layout = fc.pack({"used": np.linspace(1, 2, 6), "mostly_unused": np.linspace(1, 2, 20)})
    weights = np.where(np.arange(26) < 12, 1.0, 0.0)
    wrong = 2 * weights * theta
    wrong[6:] *= 1.01
    location = fc.locate(lambda theta: float(weights @ theta**2), wrong, theta, layout=layout)
    assert location.tensors == ("mostly_unused",), str(location)
    assert location.components == ()


@pytest.mark.parametrize("make", SMOOTH)
@pytest.mark.parametrize("factor", [1.01, 100.0])
def test_many_wrong_components_that_are_not_most_do_not_make_a_tensor(make, factor, rng):
    problem = make(200, rng)
    tensor = problem.layout.tensors[0]
    wrong = problem.grad(problem.theta, *problem.args)
    which = sorted(rng.choice(tensor.size, 40, replace=False).tolist())
    wrong[which] *= factor
    location = located(problem, wrong, budget=20_000)
    assert (location.tensors, location.lines, location.unsearched) == ((), (), ())
    assert sorted(c.index for c in location.components) == which
    some = located(problem, wrong, budget=700)
    assert (some.tensors, some.unsearched) == ((), (tensor.name,))
    assert {c.index for c in some.components} < set(which)


@pytest.mark.parametrize(("index", "name"), [(np.s_[9, :], "W2[9, :]"), (np.s_[:, 33], "W2[:, 33]")])
def test_a_wrong_row_or_column_is_named(index, name):
    problem = zoo.mlp(SIZES, "tanh")
    wrong = problem.grad(problem.theta, *problem.args)
    problem.layout.unpack(wrong)["W2"][index] *= 1.5
    location = located(problem, wrong)
    assert location.lines == (name,), str(location)
    assert location.components == ()
    assert location.tensors == ()
    assert location.evaluations <= 180


@pytest.mark.parametrize(("index", "name"), [(np.s_[9, :], "W2[9, :]"), (np.s_[:, 33], "W2[:, 33]")])
def test_so_is_one_that_was_never_written(index, name):
    problem = zoo.mlp(SIZES, "tanh")
    wrong = problem.grad(problem.theta, *problem.args)
    problem.layout.unpack(wrong)["W2"][index] = 0.0
    location = located(problem, wrong)
    assert (location.lines, location.components, location.tensors) == ((name,), (), ()), str(location)


def test_two_wrong_in_one_row_are_named_by_themselves(rng):
    problem = zoo.mlp(SIZES, "tanh")
    wrong = problem.grad(problem.theta, *problem.args)
    problem.layout.unpack(wrong)["W2"][9, [3, 30]] *= 1.5
    location = located(problem, wrong)
    assert sorted(c.name for c in location.components) == ["W2[9, 30]", "W2[9, 3]"]
    assert (location.lines, location.tensors, location.unsearched) == ((), (), ())


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_cost_in_float32_makes_no_right_component_wrong(activation):
    problem = zoo.mlp((30, 20, 6), activation)
    right, exact = problem.grad(problem.theta, *problem.args), problem.cost
    rounded = njit(lambda theta, *args: float(np.float32(exact(theta, *args))))
    for seed in range(4):
        wrong, (k,) = right.copy(), strong(right, np.random.default_rng(seed))
        wrong[k] *= -1
        location = fc.locate(rounded, wrong, problem.theta, problem.args, layout=problem.layout, seed=seed)
        assert {c.index for c in location.components} <= {k}
        assert (location.lines, location.tensors) == ((), ())


def test_a_right_gradient_has_nothing_to_find(right):
    problem, gradient = right
    location = located(problem, gradient)
    assert (location.components, location.tensors, location.lines, location.unsearched) == ((), (), (), ())
    assert "no wrong component found" in str(location)


def test_the_budget_bounds_the_work_and_what_is_left_is_said(right, rng):
    problem, gradient = right
    wrong, (k,) = gradient.copy(), strong(gradient, rng)
    wrong[k] *= 2
    location = located(problem, wrong, budget=60)
    assert location.components == ()
    assert location.unsearched == (problem.layout.tensor_of(k).name,)
    assert location.evaluations <= 120  # the screen that comes first, and no search
    for bad, error in ((0, ValueError), (1.5, TypeError)):
        with pytest.raises(error, match="budget must be"):
            located(problem, wrong, budget=bad)


def test_a_location_as_text_and_as_json():
    problem = zoo.mlp((20, 30, 5), bug="component")
    location = problem.locate()
    (component,) = location.components
    assert component.name in str(location)
    assert json.loads(json.dumps(location.to_dict()))["components"][0]["name"] == component.name
