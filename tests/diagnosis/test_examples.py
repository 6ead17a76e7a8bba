"""Examples that are left out, wherever the arguments hold them, and examples that are mixed."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

import fastcheck as fc
from fastcheck import zoo

M, D, K = 12, 4, 3
_rng = np.random.default_rng(3)
X, Y = _rng.standard_normal((M, D)), _rng.standard_normal(M)
THETA = {"w": _rng.standard_normal(D), "b": np.array([0.3])}

HELD = {  # how x and y are handed over, and how they are read
    "alone": ((X, Y), lambda *args: args),
    "in a tuple": (((X, Y),), lambda pair: pair),
    "in a dict": (({"x": X, "y": Y},), lambda data: (data["x"], data["y"])),
    "in an object": ((SimpleNamespace(x=X, y=Y),), lambda data: (data.x, data.y)),
    "in one array": ((np.c_[X, Y],), lambda data: (data[:, :-1], data[:, -1])),
    "in a list of examples": (([*zip(X, Y, strict=True)],), lambda pairs: map(np.array, zip(*pairs, strict=True))),
}


def residuals(theta, args, read):
    x, y = read(*args)
    return x, x @ theta[:D] + theta[D] - y


@pytest.mark.parametrize("how", HELD)
def test_the_last_example_only(how):
    args, read = HELD[how]

    def cost(theta, *args):
        return float(np.mean(residuals(theta, args, read)[1] ** 2) / 2)

    def grad(theta, *args):
        x, e = residuals(theta, args, read)
        return {"w": x[-1] * e[-1] / M, "b": e[-1:] / M}

    causes = [f for f in fc.check(cost, grad, THETA, args).findings if not f.advice]
    assert [(f.kind, f.tensors) for f in causes] == [("partial", ("w", "b"))]
    assert "does not change with number 0, 1, 2" in causes[0].message


def test_no_position_is_named_at_which_j_does_not_change_either():
    """A recurrence: of its matrix the first time step knows nothing, as the state before it is zero."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 6, 2))
    theta = {"V": rng.standard_normal((2, 2))}

    def states(x):
        return np.r_[np.zeros((1, 2)), np.cumsum(np.tanh(x), 0)[:-1]]

    def cost(theta, x, y):
        return float(np.sum((states(x) @ theta.reshape(2, 2) - y) ** 2) / 2)

    def last(theta, x, y):
        h = states(x)
        return {"V": np.outer(h[-1], h[-1] @ theta.reshape(2, 2) - y[-1])}

    (finding, _) = fc.check(cost, last, theta, (x, y)).findings
    assert finding.kind == "partial"
    assert "with number 1, 2, 3, 4 of the 6" in finding.message


def softmax(z, axis):
    e = np.exp(z - z.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


@pytest.mark.parametrize("m", [D, M, 100])
@pytest.mark.parametrize("one_hot", [True, False])
def test_a_softmax_over_the_examples(m, one_hot):
    rng = np.random.default_rng(m)
    x, labels = rng.standard_normal((m, D)), rng.integers(K, size=m)
    theta, layout = fc.pack({"W": rng.standard_normal((D, K)), "b": rng.standard_normal(K)})

    def scores(theta, x):
        w, b = layout.unpack(theta).values()
        return x @ w + b

    def targets(y):
        return y if one_hot else np.eye(K)[y]

    def cost(theta, x, y):
        return float(-np.mean(np.sum(targets(y) * np.log(softmax(scores(theta, x), 1)), 1)))

    def grad(axis):
        def back(theta, x, y):
            d = (softmax(scores(theta, x), axis) - targets(y)) / len(x)
            return {"W": x.T @ d, "b": d.sum(0)}

        return back

    args = (x, np.eye(K)[labels] if one_hot else labels)
    assert fc.check(cost, grad(1), theta, args, layout=layout).passed
    causes = [f for f in fc.check(cost, grad(0), theta, args, layout=layout).findings if not f.advice]
    assert [(f.kind, f.tensors) for f in causes] == [("axis", ("W", "b"))]
    assert f"the {m} examples along axis 0 of args[0] and axis 0 of args[1]" in causes[0].message


@pytest.mark.parametrize("bug", zoo.bugs("batchnorm"))
def test_batch_normalisation_mixes_examples_by_right(bug):
    assert "axis" not in {finding.kind for finding in zoo.batchnorm(bug=bug).check().findings}


def test_a_gradient_that_leaves_one_out_is_told_by_the_complex_step_as_well(rng):
    x, y = rng.standard_normal((3, 7)), rng.standard_normal(7)

    def cost(theta, x, y):
        return np.sum((theta @ x - y) ** 2)

    def gradient(theta, x, y):
        return 2 * x[:, :-1] @ (theta @ x - y)[:-1]

    report = fc.check(cost, gradient, rng.standard_normal(3), (x, y), method="complex")
    (said,) = [finding for finding in report.findings if finding.kind == "partial"]
    assert "does not change with number 6 of the 7 examples" in said.message
