"""Modules, functions and autograd functions of torch."""

from __future__ import annotations

import copy
import pickle
import threading
import warnings
from collections import UserDict
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

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


def test_a_function_that_writes_into_computed_inputs():
    x = 2 * leaf(3)
    before = x.detach().clone()
    assert fc.from_torch(lambda x: x.mul_(3) ** 2, x).check().passed and torch.equal(x.detach(), before)


def test_generators_and_arrays_among_the_inputs():
    def function(x, generator, times):
        times *= 2
        return x * torch.rand(2, generator=generator) * torch.from_numpy(times)

    generator, times = torch.Generator().manual_seed(3), np.ones(2)
    state = generator.get_state()
    assert fc.from_torch(function, (leaf(2), generator, times)).check().passed
    assert torch.equal(generator.get_state(), state) and (times == 1).all()


def test_several_outputs_and_integers_among_them():
    problem = fc.from_torch(lambda x: {"a": x**2, "b": (x.sum(), x.argmax())}, leaf(3))
    assert problem.check().passed


def test_outputs_without_a_gradient_are_left_out():
    problem = fc.from_torch(lambda x: (x**2, x.detach(), x.argmax(), torch.ones(1) * 1j), leaf(3))
    assert problem.check().passed and said(problem)["weighted"] == "J leaves out 3 outputs that require no gradient."


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


def said(problem):
    """The notes of a problem, by their kinds."""
    return {note.kind: note.message for note in problem.cost.fastcheck_brings.notes}


class Scaled(nn.Module):
    """A layer behind a closure, which a copy does not have for its own."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(2))
        self.layer = nn.Linear(2, 2)
        self.called = lambda x: self.layer(x)

    def forward(self, x):
        return self.called(x) * self.scale


def test_what_autograd_does_not_reach_is_said():
    problem = fc.from_torch(lambda a, scale: 2 * a, {"a": leaf(2), "scale": leaf(2)})
    assert said(problem)["unreached"] == ("autograd found no path from scale to the output: its slope was taken for 0.")
    assert problem.check().passed
    closed = said(fc.from_torch(Scaled(), torch.randn(3, 2), dtype=None))["unreached"]
    assert "layer.weight, layer.bias" in closed and "closures of the original" in closed
    assert "unreached" not in said(fc.from_torch(torch.tanh, leaf(2)))


def test_what_is_not_handed_in_is_said():
    net, x = nn.Linear(2, 2, dtype=torch.float64), leaf(3, 2)
    message = said(fc.from_torch(lambda x: net(x), x))["held"]
    assert "were not handed in, and are held fixed" in message and "(2, 2)" in message and "(2,)" in message
    regularised = fc.from_torch(net, x, loss=lambda out: out.sum() + net.weight.norm())
    assert "of shape (2, 2) require" in said(regularised)["held"] and regularised.check().passed
    assert "held" not in said(fc.from_torch(net, x)) and net.weight.grad is None


def test_complex_buffers_inputs_and_fixed_parameters_stay_complex():
    class Phase(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(torch.randn(2))
            self.fixed = nn.Parameter(torch.randn(2, dtype=torch.complex64), requires_grad=False)
            self.register_buffer("phase", torch.randn(2, dtype=torch.complex64))

        def forward(self, x):
            return (self.w * self.fixed * self.phase * x).imag

    x = torch.randn(2, dtype=torch.complex64)
    net = Phase()
    problem = fc.from_torch(net, x, loss=torch.sum)
    assert problem.check().passed
    wide = [tensor.detach().to(torch.complex128) for tensor in (net.fixed, net.phase, x)]
    assert np.allclose(problem.grad(problem.theta)["w"], torch.stack(wide).prod(0).imag, rtol=1e-14)


def test_hooks_are_left_out_and_that_is_said():
    net, x = nn.Linear(2, 2), leaf(3, 2)
    net.weight.register_hook(lambda slope: 2 * slope)
    x.register_hook(lambda slope: 2 * slope)
    problem = fc.from_torch(net, x)
    assert "hooks on weight, inputs[0] were left out" in said(problem)["hooks"] and problem.check().passed


class First(nn.Sequential):
    def forward(self, out):
        return super().forward(out)[0]


def test_a_loss_with_parameters_and_buffers():
    loss = First(nn.BatchNorm1d(2), nn.Linear(2, 1), nn.Flatten(0), nn.Softmax(0))
    problem = fc.from_torch(nn.Linear(2, 2), torch.randn(3, 2), loss=loss, dtype=None)
    assert problem.layout.names == ("weight", "bias")
    assert said(problem)["held"] == "parameters of the loss are held fixed: 0.weight, 0.bias, 1.weight, 1.bias."
    assert not problem.check().verdict.accuses


def test_one_problem_in_several_threads(net):
    problem = fc.from_torch(net, torch.randn(6, 4))
    with ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(lambda _: problem.check(workers=1), range(4)))
    assert all(report.passed for report in reports)


def test_a_problem_travels(net):
    problem = fc.from_torch(net, torch.randn(6, 4))
    travelled = pickle.loads(pickle.dumps(problem))
    assert travelled.cost(problem.theta) == problem.cost(problem.theta)


def test_a_backward_that_draws_leaves_the_generator_as_it_was():
    class Drawing(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return 2 * x

        @staticmethod
        def backward(ctx, upstream):
            return 2 * upstream + 0 * torch.rand(upstream.shape)

    x, state = leaf(3), torch.get_rng_state()
    assert fc.from_torch(Drawing, x).check().passed
    assert torch.equal(state, torch.get_rng_state())


def test_a_function_that_writes_into_its_parameters():
    problem = fc.from_torch(nn.Embedding(4, 3, max_norm=0.1), torch.arange(3))
    before = problem.theta.copy()
    problem.cost(problem.theta)
    problem.grad(problem.theta)
    assert np.array_equal(before, problem.theta)


def test_the_complex_step_is_not_taken(net):
    report = fc.from_torch(net, torch.randn(3, 4)).check(method="complex")
    assert report.passed and "two-sided differences were taken instead" in " ".join(str(report).split())


def test_a_bound_forward_is_its_module(net):
    assert fc.from_torch(net.forward, torch.randn(3, 4)).layout == fc.from_torch(net, torch.randn(3, 4)).layout


def test_sparse_slopes():
    assert fc.from_torch(nn.Embedding(5, 2, sparse=True), torch.tensor([0, 3, 3])).check().passed


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_slopes_come_in_the_dtype_that_torch_gave(dtype):
    problem = fc.from_torch(lambda x, idle: x**2, (leaf(3, dtype=dtype), leaf(2, dtype=dtype)), dtype=None)
    slopes = problem.grad(problem.theta)
    assert {slope.dtype for slope in slopes.values()} == {dtype} and tuple(slopes) == problem.layout.names


class Pair(NamedTuple):
    a: torch.Tensor
    b: torch.Tensor


def test_inputs_that_are_one_argument_or_a_mapping():
    report = fc.from_torch(lambda pair: pair.a * pair.b, Pair(leaf(2), leaf(2))).check()
    assert report.passed and report.layout.names == ("inputs[0].a", "inputs[0].b")
    packed = nn.utils.rnn.pack_sequence([torch.randn(3, 2), torch.randn(2, 2)])
    assert fc.from_torch(nn.GRU(2, 2), packed).check().passed
    assert fc.from_torch(lambda a, b: a * b, UserDict(a=leaf(2), b=leaf(2))).layout.names == ("a", "b")


def test_a_seed_of_any_size(net):
    assert fc.from_torch(net, torch.randn(6, 4), seed=2**70).check().passed


def test_who_raised_is_said(net):
    with pytest.raises(TypeError) as caught:
        fc.from_torch(net, torch.randn(3, 4), loss=nn.MSELoss())
    assert "raised by the loss" in caught.value.__notes__[0] and "F.mse_loss(out, y)" in caught.value.__notes__[0]
    with pytest.raises(RuntimeError) as caught:
        fc.from_torch(net, torch.randn(3, 5))
    assert "raised by the function at the inputs" in caught.value.__notes__[0]


def quietly(make, *given):
    """What torch calls deprecated."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return make(*given)


class Forgotten(torch.autograd.Function):
    """A backward that has nothing to say."""

    @staticmethod
    def forward(ctx, x):
        return x**2

    @staticmethod
    def backward(ctx, upstream):
        return None


def test_a_backward_that_returns_none():
    report = fc.from_torch(Forgotten, leaf(3)).check()
    assert report.verdict.name == "WRONG" and "unreached" in [finding.kind for finding in report.findings]


class TooFew(Square):
    @staticmethod
    def backward(ctx, upstream):
        return upstream


class Misshapen(Square):
    @staticmethod
    def backward(ctx, upstream):
        return upstream, upstream.sum()


class Keeping(nn.Module):
    """A layer that keeps its activations, and a mask that is no buffer."""

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.randn(3, 3))
        self.mask, self.kept = torch.ones(3, 3), []

    def forward(self, x):
        self.last = torch.tanh(x @ self.mask @ self.w)
        self.kept[:] = [self.last]
        return self.last

    def energy(self, x):
        return self(x).pow(2).mean()


class Locked(nn.Linear):
    """A module with what cannot be copied."""

    def __init__(self):
        super().__init__(3, 2)
        self.lock = threading.Lock()


def weight_normed():
    layer = nn.utils.weight_norm(nn.Linear(3, 3))
    layer(torch.ones(3))
    return layer


@pytest.mark.parametrize("make", [Keeping, lambda: quietly(weight_normed)])
def test_a_module_that_ran_before(make):
    net, x = make(), torch.randn(2, 3)
    before = net(x)
    assert fc.from_torch(net, x).check().passed
    if isinstance(net, Keeping):
        assert net.last is before and net.kept[0] is before and net.mask.dtype == torch.float32


def test_another_method_of_a_module():
    net = Keeping()
    problem = fc.from_torch(net.energy, torch.randn(2, 3))
    assert problem.check().passed and problem.layout.names == ("w",) and "forward" not in vars(net)
    assert fc.from_torch(net.__call__, torch.randn(2, 3)).check().passed


def test_parameters_as_inputs():
    pair = [nn.Parameter(torch.randn(2, 2)) for _ in range(2)]
    for given in (nn.ParameterList(pair), nn.ParameterDict(dict(zip("ab", pair, strict=True))), iter(pair)):
        assert fc.from_torch(lambda a, b: a @ b, given).check().passed


def counting():
    calls = []

    def function(x):
        calls.append(1)
        return len(calls) * x

    return function


def elsewhere(w):
    return lambda x: 2 * w


@torch.inference_mode()
def inferred(x):
    return 2 * x


def in_inference_mode(net):
    with torch.inference_mode():
        return fc.from_torch(net, torch.randn(3, 2))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: fc.from_torch(nn.Tanh(), torch.randn(3)),
            "function must have parameters, or inputs that require a gradient",
        ),
        (
            lambda: fc.from_torch(torch.tanh, torch.randn(3)),
            r"inputs must hold floating tensors that require a gradient, got none among inputs\[0\] \(torch.float32\)",
        ),
        (lambda: fc.from_torch(torch.tanh, np.ones(3)), r"got none among inputs\[0\] \(ndarray\)"),
        (
            lambda: fc.from_torch(torch.tanh, {0: leaf(3)}),
            "inputs must have the names that the function gives them, got 0",
        ),
        (
            lambda: fc.from_torch(lambda net, x: net(x), (nn.Linear(2, 2), leaf(2))),
            r"inputs must hold tensors, got the module Linear at inputs\[0\]: pass it as the function",
        ),
        (lambda: fc.from_torch(counting(), leaf(3)), "function must be repeatable, got .* and then .*: let it draw"),
        (
            lambda: fc.from_torch(lambda x: x[:0], leaf(3)),
            r"a floating tensor with entries, got shape \(0,\) of torch.float64",
        ),
        (lambda: fc.from_torch(nn.DataParallel(nn.Linear(3, 2)), leaf(3)), "got DataParallel: pass what it wraps"),
        (
            lambda: fc.from_torch(nn.Linear(3, 2, device="meta"), leaf(3)),
            "weight must be .*, got one on the device meta",
        ),
        (
            lambda: fc.from_torch(TooFew, (leaf(3), leaf(3))),
            r"a gradient for each input of forward.* \(expected 2, got 1\)",
        ),
        (
            lambda: fc.from_torch(Misshapen, (leaf(3), leaf(3))),
            "a gradient for each input of forward, in its shape, but",
        ),
        (lambda: fc.from_torch(Locked(), leaf(3)), "a module must be one that copy.deepcopy copies, got .*lock"),
        (lambda: fc.from_torch(3, torch.randn(3)), "function must be a module or a function of tensors, got 3"),
        (lambda: fc.from_torch(lambda x: x * 1j, leaf(3)), "function must return real tensors, got complex"),
        (
            lambda: fc.from_torch(lambda x: x, leaf(3, dtype=torch.complex64)),
            r"inputs\[0\] must be real floating point, got torch.complex64",
        ),
        (
            lambda: fc.from_torch(lambda x: x.argmax(), leaf(3)),
            r"a floating tensor with entries, got shape \(\) of torch.int64",
        ),
        (lambda: fc.from_torch(torch.tanh, leaf(3), loss=lambda y: y), r"loss must return one real number, got \(3,\)"),
        (
            lambda: fc.from_torch(torch.tanh, leaf(3), loss=lambda y: y.sum() * 1j),
            r"one real number, got \(\) of torch.complex128",
        ),
        (lambda: fc.from_torch(torch.tanh, leaf(3), dtype="int32"), "dtype must be torch.float64"),
        (lambda: fc.from_torch(nn.LazyLinear(2), torch.randn(3, 2)), "run the module once"),
        (lambda: fc.from_torch(lambda x: x.detach(), leaf(3)), "something on the way detaches it"),
        (lambda: fc.from_torch(inferred, leaf(3)), r"requires no gradient: torch.inference_mode\(\) is on"),
        (lambda: in_inference_mode(nn.Linear(2, 2)), r"requires no gradient: torch.inference_mode\(\) is on"),
        (lambda: fc.from_torch(elsewhere(leaf(3)), leaf(3)), r"got no path from inputs\[0\] to the output"),
        (lambda: fc.from_torch(torch.tanh, leaf(3), dtype="f64"), "dtype must be torch.float64.*got 'f64'"),
        (lambda: fc.from_torch(torch.tanh, leaf(3), loss=0), "loss must be a function of the output, got 0"),
        (lambda: fc.from_torch(nn.Linear, leaf(3)), "function must be a module, got the class Linear: make one"),
        (lambda: fc.from_torch(nn.Linear(2, 2), {"weight": leaf(2)}), "got weight for both"),
        (
            lambda: fc.from_torch(quietly(torch.jit.script, nn.Linear(2, 2)), leaf(2)),
            "pass the module before scripting",
        ),
        (
            lambda: fc.from_torch(nn.ParameterList([leaf(2, dtype=torch.complex64)]), ()),
            "0 must be real floating point, got torch.complex64",
        ),
        (
            lambda: fc.from_torch(lambda x: [y for y in x if y > 0.0], torch.tensor([0.0, 1.0]).requires_grad_()),
            "outputs of one shape, got 2 after 1",
        ),
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
