"""Modules, functions and autograd functions of torch."""

from __future__ import annotations

import copy

import numpy as np
import pytest

torch = pytest.importorskip("torch")
import fastcheck as fc  # noqa: E402
from fastcheck import InputError  # noqa: E402

nn = torch.nn


@pytest.fixture(autouse=True)
def _alone():
    """One thread: the tensors are tiny."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(before)


class Square(torch.autograd.Function):
    """(x w)^2."""

    off = 0.0

    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        return (x * w) ** 2

    @classmethod
    def backward(cls, ctx, upstream):
        x, w = ctx.saved_tensors
        dw = 2 * upstream * x**2 * w
        dw[1] *= 1 + cls._forward_cls.off if hasattr(cls, "_forward_cls") else 1 + cls.off
        return 2 * upstream * x * w**2, dw


class Spoilt(Square):
    off = 0.01


def leaf(*shape, **kinds):
    return torch.randn(*shape, **kinds).requires_grad_()


@pytest.fixture
def net():
    return nn.Sequential(nn.Linear(4, 5), nn.LayerNorm(5), nn.Tanh(), nn.Dropout(0.3), nn.Linear(5, 2))


def test_a_module_and_its_loss(net):
    y = torch.randint(2, (6,))
    report = fc.from_torch(net, torch.randn(6, 4), loss=lambda out: nn.functional.cross_entropy(out, y)).check()
    assert report.passed and report.layout.names[:2] == ("0.weight", "0.bias")
    assert "what came in torch.float32 was evaluated in copies in torch.float64" in " ".join(str(report).split())


def test_a_wrong_backward_is_caught_at_the_named_entry():
    given = (leaf(4, dtype=torch.float64), leaf(4, dtype=torch.float64))
    assert fc.from_torch(Square, given).check().passed
    report = fc.from_torch(Spoilt, given).check()
    assert report.verdict.name == "WRONG" and report.witnesses[0].name == "inputs[1][1]"


def test_a_wrong_function_inside_a_module():
    class Layer(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(torch.randn(4))

        def forward(self, x):
            return Spoilt.apply(x, self.w).sum()

    problem = fc.from_torch(Layer(), torch.randn(4))
    assert problem.check().witnesses[0].name == "w[1]"
    assert [c.name for c in problem.locate().components] == ["w[1]"]
    assert not problem.screen().passed


def test_a_backward_that_forgets_the_upstream():
    class Sum(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.size = x.shape
            return x.sum()

        @staticmethod
        def backward(ctx, upstream):
            return torch.ones(ctx.size, dtype=upstream.dtype)

    assert fc.from_torch(Sum, leaf(3)).check().verdict.name == "WRONG"


def test_everything_is_put_back(net):
    net[1].weight.requires_grad_(False)
    net.train()
    x = leaf(3, 4)
    (net(torch.randn(3, 4)).sum()).backward()
    state, modes = copy.deepcopy(net.state_dict()), [m.training for m in net.modules()]
    grads, drawn = [None if p.grad is None else p.grad.clone() for p in net.parameters()], torch.get_rng_state()
    fc.from_torch(net, x).check()
    with pytest.raises(InputError):
        fc.from_torch(net, x, loss=lambda out: out)
    assert all(
        torch.equal(before, after) for before, after in zip(state.values(), net.state_dict().values(), strict=True)
    )
    assert [m.training for m in net.modules()] == modes and torch.equal(drawn, torch.get_rng_state())
    assert {p.dtype for p in net.parameters()} == {torch.float32} and x.grad is None
    for before, p in zip(grads, net.parameters(), strict=True):
        assert (before is None and p.grad is None) or torch.equal(before, p.grad)


def test_batch_statistics_do_not_drift():
    net = nn.Sequential(nn.BatchNorm1d(3), nn.Tanh())
    problem = fc.from_torch(net, leaf(5, 3))
    assert problem.check().passed
    assert net[0].num_batches_tracked == 0


def test_inputs_by_name_and_nested():
    def function(pair, scale, *, bias):
        return pair[0] * pair[1]["w"] * scale + bias

    with pytest.raises(TypeError):
        fc.from_torch(function, ((leaf(2), {"w": leaf(2)}), 2.0))
    given = {"pair": (leaf(2), {"w": leaf(2)}), "scale": 2.0, "bias": torch.ones(2)}
    report = fc.from_torch(function, given).check()
    assert report.passed and report.layout.names == ("pair[0]", "pair[1].w")


def test_several_outputs_and_integers_among_them():
    problem = fc.from_torch(lambda x: {"a": x**2, "b": (x.sum(), x.argmax())}, leaf(3))
    assert problem.check().passed


def test_a_function_that_differentiates_by_itself():
    def penalty(x):
        (slope,) = torch.autograd.grad((x**3).sum(), x, create_graph=True)
        return (slope**2).sum()

    assert fc.from_torch(penalty, leaf(3)).check().passed


def test_float32_is_kept_where_asked(net):
    report = fc.from_torch(net, torch.randn(6, 4), dtype=None).check()
    assert not report.verdict.accuses and "copies" not in [f.kind for f in report.findings]


def test_a_parameter_that_is_not_used_has_no_slope():
    net = nn.ModuleDict({"used": nn.Linear(2, 1), "idle": nn.Linear(2, 1)})
    net.forward = lambda x: net["used"](x)
    report = fc.from_torch(lambda x, w, idle: x @ w, (torch.ones(2), leaf(2), leaf(2))).check()
    assert report.passed and (report.analytic[2:] == 0).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: fc.from_torch(nn.Tanh(), torch.randn(3)),
            "function must have parameters, or inputs that require a gradient",
        ),
        (
            lambda: fc.from_torch(torch.tanh, torch.randn(3)),
            "inputs must hold floating tensors that require a gradient",
        ),
        (lambda: fc.from_torch(3, torch.randn(3)), "function must be a module or a function of tensors, got 3"),
        (lambda: fc.from_torch(lambda x: x * 1j, leaf(3)), "function must return real tensors, got complex"),
        (
            lambda: fc.from_torch(lambda x: x, leaf(3, dtype=torch.complex64)),
            r"inputs\[0\] must be real floating point, got torch.complex64",
        ),
        (lambda: fc.from_torch(lambda x: x.argmax(), leaf(3)), "function must return a floating tensor, got none"),
        (lambda: fc.from_torch(torch.tanh, leaf(3), loss=lambda y: y), r"loss must return one real number, got \(3,\)"),
        (lambda: fc.from_torch(torch.tanh, leaf(3), dtype="int32"), "dtype must be torch.float64"),
        (lambda: fc.from_torch(nn.LazyLinear(2), torch.randn(3, 2)), "run the module once"),
        (lambda: fc.from_torch(lambda x: x.detach(), leaf(3)).check(), "something on the way detaches it"),
        (
            lambda: fc.from_torch(lambda x: x[x > 0.0], torch.tensor([0.0, 1.0]).requires_grad_()).check(),
            "outputs of one shape",
        ),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(InputError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


# --- tensors as they are ------------------------------------------------------------------------------------------------


def test_tensors_as_theta_and_args():
    X, theta = torch.randn(5, 3, dtype=torch.float64), torch.randn(3, dtype=torch.float64)

    def cost(theta, X):
        return torch.tanh(X @ theta).pow(2).sum()

    def grad(theta, X):
        a = torch.tanh(X @ theta)
        return X.T @ (2 * a * (1 - a**2))

    assert fc.check(cost, grad, theta, (X,)).passed
    assert fc.check(cost, lambda t, X: grad(t, X) * torch.tensor([1, 1.01, 1]), theta, (X,)).witnesses[0].index == 1
    before = X.clone()
    with pytest.raises(InputError, match=r"must not modify its arguments, got a change of args\[0\]"):
        fc.check(lambda theta, X: X.mul_(1.5).sum() * 0 + theta.sum(), grad, theta, (X,))
    assert torch.equal(X, before)


def test_a_dict_of_tensors():
    params = {"W": torch.randn(2, 2).double(), "b": torch.ones(2, requires_grad=True)}
    report = fc.check(lambda p: (p["W"] @ p["b"]).pow(2).sum(), lambda p: grads(p), params)
    assert report.passed and report.layout.names == ("W", "b")


def grads(p):
    y = p["W"] @ p["b"]
    return {"W": 2 * torch.outer(y, p["b"]), "b": 2 * p["W"].T @ y}


def test_an_njit_cost_gets_arrays():
    import numba

    cost = numba.njit(lambda theta, X: np.sum((X @ theta) ** 2))
    X, theta = torch.randn(4, 2).double(), torch.ones(2).double()
    assert fc.check(cost, lambda t, X: 2 * X.T @ (X @ t), theta, (X,)).passed


def test_a_layer_of_tensors():
    layer = fc.from_layer(
        lambda x, w: (x * w, (x, w)), lambda u, c: (u * c[1], u * c[0]), (torch.randn(3), torch.randn(3))
    )
    assert layer.check().passed
