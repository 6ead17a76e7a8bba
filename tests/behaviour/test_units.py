"""The verdict is the same in any units: of theta, component by component, of J, and beside tensors that J does not read."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastcheck as fc
from fastcheck import zoo
from fastcheck.zoo import NETWORKS

CALLS = {
    "check": fc.check,
    "auto": lambda *args, **options: fc.check(*args, eps="auto", **options),
    "screen": fc.screen,
}
OFF = {"right": 1.0, "1 % off": 1.01, "sign": -1.0, "forgotten": 0.0}
called = pytest.mark.parametrize("call", CALLS)
LINKS = (
    (np.tanh, lambda z: 1 / np.cosh(z) ** 2),
    (np.square, lambda z: 2 * z),
    (np.sin, np.cos),
    (lambda z: np.log1p(z * z), lambda z: 2 * z / (1 + z * z)),
)


@dataclass(frozen=True)
class Smooth:
    """J = sum w_i f((A theta + b)_i) + constant, times ``k``, of theta / s; one component of the gradient is ``off`` times right."""

    seed: int
    off: float
    s: np.ndarray | float = 1.0
    k: float = 1.0

    def __post_init__(self):
        rng = np.random.default_rng(self.seed)
        n, m = rng.integers(1, 7), rng.integers(1, 9)
        own = rng.standard_normal((m, n)), rng.standard_normal(m), rng.standard_normal(m), rng.standard_normal(n)
        object.__setattr__(self, "own", own)
        object.__setattr__(self, "link", LINKS[rng.integers(len(LINKS))])
        object.__setattr__(self, "constant", float(rng.choice([0.0, 1.0, 1e3])))

    @property
    def n(self):
        return self.own[3].size

    @property
    def theta(self):
        return self.own[3] / self.s

    def cost(self, theta):
        A, b, w, _ = self.own
        return self.k * (float(w @ self.link[0](A @ (theta * self.s) + b)) + self.constant)

    def grad(self, theta):
        A, b, w, _ = self.own
        g = A.T @ (w * self.link[1](A @ (theta * self.s) + b))
        g[self.seed % self.n] *= self.off
        return self.k * (self.s * g)

    def layout(self, extra=0):
        cut = (self.n + 1) // 2
        parts = {"a": np.zeros(cut), "b": np.zeros(self.n - cut), "unread": np.zeros(extra)}
        return fc.pack({name: part for name, part in parts.items() if part.size})[1]

    def asked(self, call):
        return CALLS[call](self.cost, self.grad, self.theta, layout=self.layout())


problems = st.builds(Smooth, st.integers(0, 2**32 - 1), st.sampled_from(list(OFF.values())))


def kind(reason):
    """A reason without its numbers."""
    return re.sub(r"[-+]?\d[\d.e+-]*", "#", reason)


def turned(one, other):
    """Whether right became wrong, or wrong right."""
    verdicts = {one.verdict, other.verdict}
    return fc.Verdict.CORRECT in verdicts and any(verdict.accuses for verdict in verdicts)


def within(report):
    parts = [(report.ratio_low, report.ratio, report.ratio_high)]
    parts += [(t.ratio_low, t.ratio, t.ratio_high) for t in report.tensors]
    return all(low is None or low <= ratio <= high for low, ratio, high in parts)


@called
@settings(max_examples=20)
@given(problems, st.data())
def test_powers_of_two_change_nothing(call, problem, data):
    s = np.ldexp(1.0, data.draw(st.lists(st.integers(-40, 40), min_size=problem.n, max_size=problem.n)))
    k = 2.0 ** data.draw(st.integers(-600, 600))
    here, there = problem.asked(call), replace(problem, s=s, k=k).asked(call)
    assert here.verdict is there.verdict
    assert kind(here.reason) == kind(there.reason)
    assert [t.verdict for t in here.tensors] == [t.verdict for t in there.tensors]
    assert [w.name for w in here.witnesses] == [w.name for w in there.witnesses]
    if call == "auto":
        assert np.array_equal(here.numeric * k * s, there.numeric)
    if call == "screen":
        assert within(here)
        assert (here.ratio, here.ratio_high) == (there.ratio, there.ratio_high)


@settings(max_examples=10)
@given(problems, st.data())
def test_powers_of_two_change_nothing_that_is_located(problem, data):
    s = np.ldexp(1.0, data.draw(st.lists(st.integers(-40, 40), min_size=problem.n, max_size=problem.n)))
    here, there = (p.asked_where for p in (_Located(problem), _Located(replace(problem, s=s, k=2.0**300))))
    assert [c.name for c in here.components] == [c.name for c in there.components]
    assert here.tensors == there.tensors


@dataclass(frozen=True)
class _Located:
    problem: Smooth

    @property
    def asked_where(self):
        p = self.problem
        return fc.locate(p.cost, p.grad, p.theta, layout=p.layout())


@called
@settings(max_examples=15)
@given(problems, st.integers(0, 2**32 - 1))
def test_other_units_turn_nothing_round(call, problem, seed):
    s = 10.0 ** np.random.default_rng(seed).uniform(-6, 6, problem.n)
    here, there = problem.asked(call), replace(problem, s=s).asked(call)
    assert not turned(here, there)
    assert within(there)
    for report in (here, there):
        assert not {f.kind for f in report.findings} & {"kink", "jump", "domain"}
    assert not (problem.off == 1 and (here.verdict.accuses or there.verdict.accuses))


@called
@settings(max_examples=10)
@given(problems)
def test_the_order_of_tensors_turns_nothing_round(call, problem):
    cut = (problem.n + 1) // 2
    back = np.r_[problem.n - cut : problem.n, 0 : problem.n - cut]
    order = np.argsort(back)
    layout = fc.pack({name: np.zeros(k) for name, k in (("b", problem.n - cut), ("a", cut)) if k})[1]
    there = CALLS[call](
        lambda t: problem.cost(t[back]), lambda t: problem.grad(t[back])[order], problem.theta[order], layout=layout
    )
    assert not turned(problem.asked(call), there)


@called
@settings(max_examples=10)
@given(problems, st.integers(1, 5))
def test_a_tensor_that_is_not_read_turns_nothing_round(call, problem, extra):
    n = problem.n
    there = CALLS[call](
        lambda t: problem.cost(t[:n]),
        lambda t: np.r_[problem.grad(t[:n]), np.zeros(extra)],
        np.r_[problem.theta, np.linspace(0.5, 2, extra)],
        layout=problem.layout(extra),
    )
    assert not turned(problem.asked(call), there)


# --- the zoo -----------------------------------------------------------------------------------------------------------
SMALL = {"sizes": (12, 20, 15, 5)}
NETS = {
    "mlp": ("mlp", SMALL),
    "mlp-relu": ("mlp", {**SMALL, "activation": "relu"}),
    **{name: (name, {}) for name in ("conv", "batchnorm", "lstm", "attention")},
}
BUGS = [
    (name, bug) for name, (network, _) in NETS.items() for bug in list(zoo.bugs(network))[:: 3 if "mlp" in name else 4]
]


def made(name, **options):
    network, own = NETS[name]
    return NETWORKS[network].make(**own, **options)


def flat(problem, theta):
    g = problem.grad(theta, *problem.args)
    return problem.layout.pack(g) if isinstance(g, dict) else g


def in_units(problem, seed, call):
    s = 10.0 ** np.random.default_rng(seed).uniform(-6, 6, problem.theta.size)
    return CALLS[call](
        lambda t: problem.cost(t * s, *problem.args),
        lambda t: s * flat(problem, t * s),
        problem.theta / s,
        layout=problem.layout,
    )


@called
@pytest.mark.parametrize("name", NETS)
def test_networks_are_correct_in_any_units(name, call):
    for seed in (0, 3):
        report = in_units(made(name, seed=seed), seed, call)
        assert report.verdict is fc.Verdict.CORRECT, str(report)
        assert not report.witnesses


@called
@pytest.mark.parametrize("name", NETS)
def test_networks_in_float32_are_not_accused(name, call):
    problem = made(name)

    def cost(theta):
        return float(np.float32(problem.cost(theta.astype(np.float32).astype(float), *problem.args)))

    report = CALLS[call](cost, flat(problem, problem.theta), problem.theta, layout=problem.layout)
    assert not report.verdict.accuses, str(report)


@pytest.mark.parametrize(("name", "bug"), BUGS)
def test_bugs_are_found_in_any_units(name, bug):
    problem = made(name, bug=bug)
    right = made(name, l2=problem.args[-1])
    g, expected = (problem.layout.unpack(flat(p, p.theta)) for p in (problem, right))
    wrong = {k for k in g if not np.allclose(g[k], expected[k], rtol=1e-9, atol=0)}
    report = in_units(problem, len(bug), "auto" if len(bug) % 2 else "check")
    assert {t.name for t in report.tensors if t.verdict.accuses} == wrong, str(report)
    assert in_units(problem, len(bug), "screen").verdict.accuses


# --- the ends of the range, and J that is noisy but smooth ---------------------------------------------------------------
@called
@pytest.mark.parametrize("off", [1.0, 1.01, 0.0])
@pytest.mark.parametrize(("s", "k"), [(1e300, 1.0), (1e-300, 1.0), (1.0, 1e200), (1.0, 1e-200), (1e150, 1e-150)])
def test_sizes_at_the_ends_of_the_range(call, off, s, k):
    A = np.random.default_rng(5).standard_normal((12, 4))

    def grad(t):
        g = A.T @ (1 / np.cosh(A @ (t / s)) ** 2)
        g[2] *= off
        return g * k / s

    report = CALLS[call](lambda t: k * float(np.sum(np.tanh(A @ (t / s)))), grad, np.array([0.3, -0.5, 0.7, 0.2]) * s)
    assert report.verdict is (fc.Verdict.CORRECT if off == 1 else fc.Verdict.WRONG), str(report)


@pytest.mark.parametrize(
    "seeds", [range(80), range(80, 160)], ids=["a constant in front", "J is small beside its terms"]
)
def test_a_smooth_noisy_cost_has_no_kink(seeds):
    """One component is 1e-5 off, which directions see and its own ladder does not."""
    for seed in seeds:
        rng = np.random.default_rng(seed)
        A, b, w, theta = (
            rng.standard_normal((9, 7)),
            rng.standard_normal(9),
            rng.standard_normal(9),
            rng.standard_normal(7),
        )
        front = 1e4 if seed < 80 else -float(w @ (A @ theta + b) ** 2) * (1 + 1e-4)
        spoilt = np.where(np.arange(7) == seed % 7, 1.00001, 1.0)
        report = fc.screen(
            lambda t, A=A, b=b, w=w, front=front: front + float(w @ (A @ t + b) ** 2),
            lambda t, A=A, b=b, w=w, spoilt=spoilt: spoilt * (2 * A.T @ (w * (A @ t + b))),
            theta,
        )
        assert "kink" not in report.reason, seed
        assert not {f.kind for f in report.findings} & {"kink", "jump", "domain"}, seed
