"""Small models of the likeness of what people fit with scikit-learn, scipy and statsmodels, with exact gradients.

Each at a random point, trained, beside its optimum, in units of its own, in float32, and with its gradient wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

from benchmarks.models import learners, likelihoods, series
from benchmarks.models.ingredients import Model, Vector

__all__ = ["OFF", "Model", "beside", "fitted", "in_float32", "in_units", "off", "problems", "random_units", "trained"]

FAMILIES = (
    likelihoods.generalised_linear,
    likelihoods.with_spread,
    likelihoods.choices,
    likelihoods.survival,
    likelihoods.densities,
    series.time_series,
    learners.shallow,
    learners.curves,
    learners.networks,
)


@cache
def _problems() -> tuple[Model, ...]:
    return tuple(model for k, family in enumerate(FAMILIES) for model in family(np.random.default_rng(k)))


def problems() -> list[Model]:
    """All models, the same objects every time."""
    return list(_problems())


@cache
@threadpool_limits.wrap(limits=1)  # the matrices are tiny
def fitted(model: Model) -> Vector:
    """theta where L-BFGS stops by its default tolerances: what people have in hand after a fit."""
    theta = minimize(model.cost, model.theta, model.args, "L-BFGS-B", model.grad).x
    theta.setflags(write=False)
    return theta


@cache
@threadpool_limits.wrap(limits=1)
def trained(model: Model) -> Vector:
    """theta at an optimum, as close as float64 goes: L-BFGS, then Newton steps as long as they lower the gradient."""

    def gradient(t: Vector) -> Vector:
        return model.grad(t, *model.args)

    tight = {"ftol": 0.0, "gtol": 1e-10, "maxiter": 400, "maxfun": 800}
    theta = minimize(model.cost, model.theta, model.args, "L-BFGS-B", model.grad, options=tight).x
    size = np.linalg.norm(gradient(theta))
    for _ in range(6):
        hessian = np.array([gradient(theta + e) - gradient(theta - e) for e in 1e-5 * np.eye(theta.size)]) / 2e-5
        nearer = theta - np.linalg.lstsq(hessian + hessian.T, 2 * gradient(theta), rcond=1e-8)[0]
        if not np.linalg.norm(gradient(nearer)) < 0.5 * size:
            break
        theta, size = nearer, np.linalg.norm(gradient(nearer))
    theta.setflags(write=False)
    return theta


def beside(theta: Vector, rng: np.random.Generator, by: float = 1e-4) -> Vector:
    """theta moved by normal variates of size ``by`` times abs(theta_i), or times 1 where that is larger."""
    return theta + by * np.maximum(1.0, abs(theta)) * rng.standard_normal(theta.size)


def random_units(n: int, k: float, rng: np.random.Generator) -> Vector:
    """10^U(-k, k) for every component."""
    return 10.0 ** rng.uniform(-k, k, n)


def in_units(model: Model, s: Vector) -> Model:
    """The same model of theta / s, component by component."""
    s = np.broadcast_to(s, model.theta.shape)
    return replace(
        model,
        name=f"{model.name}, in units",
        cost=lambda t, *args: model.cost(t * s, *args),
        grad=lambda t, *args: s * model.grad(t * s, *args),
        theta=model.theta / s,
    )


def in_float32(model: Model) -> Model:
    """J computed in float32 from float32 copies of theta and args; the gradient in float64 as before."""
    narrow = model.plain

    def cost(theta, *args):
        return float(narrow(theta.astype(np.float32), *map(_float32, args)))

    return replace(model, name=f"{model.name}, float32", cost=cost)


def _float32(arg: Any) -> Any:
    return arg.astype(np.float32) if isinstance(arg, np.ndarray) and arg.dtype.kind == "f" else arg


# --- wrong on purpose: what happens to the right gradient g -------------------------------------------------------------------
def _largest(g: Vector, model: Model) -> Vector:
    return _times(g, int(np.argmax(abs(g))), 1.01)


def _sign(g: Vector, model: Model) -> Vector:
    return _times(g, int(np.argsort(abs(g))[g.size // 2]), -1.0)


def _forgotten(g: Vector, model: Model) -> Vector:
    """The tensor of median norm; of a plain vector the component of median size."""
    own = model.layout and len(model.layout.tensors) > 1
    parts = [t.slice for t in model.layout.tensors] if own else [slice(i, i + 1) for i in range(g.size)]
    part = sorted(parts, key=lambda part: np.linalg.norm(g[part]))[len(parts) // 2]
    return _times(g, part, 0.0)


def _doubled(g: Vector, model: Model) -> Vector:
    return 2 * g


def _tenth(g: Vector, model: Model) -> Vector:
    return _times(g, int(np.random.default_rng(len(model.name)).integers(g.size)), 1.1)


def _times(g: Vector, where: int | slice, factor: float) -> Vector:
    g = g.copy()
    g[where] *= factor
    return g


OFF: dict[str, Callable[[Vector, Model], Vector]] = {
    "largest entry 1 % off": _largest,
    "sign of the median entry": _sign,
    "a tensor forgotten": _forgotten,
    "twice too large": _doubled,
    "one entry 10 % off": _tenth,
}


def off(model: Model, kind: str) -> Model:
    """The model with its gradient wrong; ``kind`` is one of OFF."""
    spoil = OFF[kind]
    return replace(model, name=f"{model.name}, {kind}", grad=lambda t, *args: spoil(model.grad(t, *args), model))
