"""Likelihoods as statistics packages fit them: GLMs, choices and orders, survival, mixtures, Gaussian processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from numba.extending import register_jitable
from scipy.special import log_ndtr, loggamma, ndtr, psi

from benchmarks.models.ingredients import (
    Model,
    design,
    gaussian_nll,
    logsumexp,
    sigmoid,
    softmax,
    softplus,
    tensors,
    vector,
)

Rng = np.random.Generator


# --- generalised linear models: J = mean loss(X theta, y) + lam / 2 ||theta||^2 -----------------------------------------
def linear_predictor(name: str, loss: Callable, slope: Callable, theta, X, y, lam: float = 0.0, compiled=True) -> Model:
    def cost(theta, X, y, lam):
        return np.mean(loss(X @ theta, y)) + 0.5 * lam * np.sum(theta * theta)

    def grad(theta, X, y, lam):
        return X.T @ slope(X @ theta, y) / y.size + lam * theta

    if compiled:
        return vector(name, cost, grad, theta, X, y, lam)
    return Model(name, cost, grad, np.array(theta), None, (X, y, lam))


@register_jitable
def logistic_loss(z, y):
    return softplus(-y * z)


@register_jitable
def poisson_loss(z, y):
    return np.exp(z) - y * z


@register_jitable
def squared_loss(z, y):
    return 0.5 * (z - y) ** 2


def gamma_loss(z, y):
    return z + y * np.exp(-z)


def tweedie_loss(z, y, p=1.5):
    """Half the deviance at power p, log link."""
    return np.exp((2 - p) * z) / (2 - p) - y * np.exp((1 - p) * z) / (1 - p)


def pinball_loss(z, y, q=0.8, h=0.3):
    """The check function of quantile q, its corner rounded at width h."""
    return q * (y - z) + h * softplus((z - y) / h)


def normal_hazard(z):
    return np.exp(-0.5 * z * z - log_ndtr(z)) / np.sqrt(2 * np.pi)


def generalised_linear(rng: Rng) -> Iterator[Model]:
    X = design(rng, 50, 6)
    true, theta = 0.6 * rng.standard_normal(6), 0.7 * rng.standard_normal(6)
    z = X @ true
    sign = np.where(rng.random(50) < sigmoid(z), 1.0, -1.0)
    counts = rng.poisson(np.exp(z)).astype(float)
    positive = np.exp(z) * rng.gamma(2.0, 0.5, 50)
    noisy = z + 0.5 * rng.standard_normal(50)
    compiled, plain = linear_predictor, partial(linear_predictor, compiled=False)
    yield compiled("logistic regression, ridge", logistic_loss, lambda z, y: -y * sigmoid(-y * z), theta, X, sign, 0.02)
    yield compiled("Poisson regression", poisson_loss, lambda z, y: np.exp(z) - y, theta, X, counts)
    yield compiled("ridge regression", squared_loss, lambda z, y: z - y, theta, X, noisy, 0.1)
    yield plain("gamma regression", gamma_loss, lambda z, y: 1 - y * np.exp(-z), theta, X, positive)
    yield plain(
        "Tweedie regression",
        tweedie_loss,
        lambda z, y: np.exp(0.5 * z) - y * np.exp(-0.5 * z),
        theta,
        X,
        positive,
        0.01,
    )
    yield plain(
        "probit regression", lambda z, y: -log_ndtr(y * z), lambda z, y: -y * normal_hazard(y * z), theta, X, sign
    )
    yield plain("smooth quantile", pinball_loss, lambda z, y: sigmoid((z - y) / 0.3) - 0.8, theta, X, noisy, 0.001)


# --- regressions with a parameter of spread -------------------------------------------------------------------------------
def negative_binomial(p, X, y):
    r, mu = np.exp(-p["log_alpha"]), np.exp(X @ p["coef"])
    J = loggamma(r) - loggamma(y + r) - r * np.log(r / (r + mu)) - y * np.log(mu / (r + mu))
    return np.sum(J)


def d_negative_binomial(p, X, y):
    r, mu = np.exp(-p["log_alpha"]), np.exp(X @ p["coef"])
    dr = psi(r) - psi(y + r) - np.log(r / (r + mu)) - 1 + (r + y) / (r + mu)
    return {"coef": X.T @ ((mu - y) * r / (r + mu)), "log_alpha": -r * np.sum(dr)}


def beta_regression(p, X, y):
    mu, f = sigmoid(X @ p["coef"]), np.exp(p["log_precision"])
    a, b = mu * f, (1 - mu) * f
    return np.sum(loggamma(a) + loggamma(b) - loggamma(f) - (a - 1) * np.log(y) - (b - 1) * np.log(1 - y))


def d_beta_regression(p, X, y):
    mu, f = sigmoid(X @ p["coef"]), np.exp(p["log_precision"])
    da, db = psi(mu * f) - np.log(y), psi((1 - mu) * f) - np.log(1 - y)
    return {
        "coef": X.T @ (f * (da - db) * mu * (1 - mu)),
        "log_precision": f * np.sum(mu * da + (1 - mu) * db - psi(f)),
    }


def student(p, X, y):
    s, v = np.exp(p["log_scale"]), np.exp(p["log_df"])
    z = (y - X @ p["coef"]) / s
    each = loggamma(v / 2) - loggamma((v + 1) / 2) + 0.5 * np.log(v) + np.log(s)
    return np.sum(each + (v + 1) / 2 * np.log1p(z * z / v))


def d_student(p, X, y):
    s, v = np.exp(p["log_scale"]), np.exp(p["log_df"])
    z = (y - X @ p["coef"]) / s
    dz = (v + 1) * z / (v + z * z)
    dv = 0.5 * (psi(v / 2) - psi((v + 1) / 2) + 1 / v + np.log1p(z * z / v) - dz * z / v)
    return {"coef": -X.T @ dz / s, "log_scale": np.sum(1 - dz * z), "log_df": v * np.sum(dv)}


def huber(p, X, y, edge, alpha):
    """Concomitant scale: sum of s + s H((y - X w) / s), plus alpha ||w||^2."""
    s = np.exp(p["log_scale"])
    z = (y - X @ p["coef"]) / s
    a = np.where(np.real(z) > 0, z, -z)
    H = np.where(np.real(a) < edge, z * z, 2 * edge * a - edge**2)
    return np.sum(s + s * H) + alpha * np.sum(p["coef"] ** 2)


def d_huber(p, X, y, edge, alpha):
    s = np.exp(p["log_scale"])
    z = (y - X @ p["coef"]) / s
    dH = 2 * np.clip(z, -edge, edge)
    H = np.where(abs(z) < edge, z * z, 2 * edge * abs(z) - edge**2)
    return {"coef": -X.T @ dH + 2 * alpha * p["coef"], "log_scale": s * np.sum(1 + H - z * dH)}


def heteroscedastic(p, X, y):
    g = X @ p["log_variance"]
    return 0.5 * np.mean(g + (y - X @ p["mean"]) ** 2 * np.exp(-g))


def d_heteroscedastic(p, X, y):
    g, r = X @ p["log_variance"], y - X @ p["mean"]
    return {
        "mean": -X.T @ (r * np.exp(-g)) / y.size,
        "log_variance": 0.5 * X.T @ (1 - r * r * np.exp(-g)) / y.size,
    }


def zero_inflated(p, X, y):
    mu, w = np.exp(X @ p["count"]), p["inflate"] @ X[:, :2].T
    zero = -np.log(np.exp(w) + np.exp(-mu))
    return np.sum(softplus(w) + np.where(y == 0, zero, mu - y * np.log(mu)))


def d_zero_inflated(p, X, y):
    mu, w = np.exp(X @ p["count"]), X[:, :2] @ p["inflate"]
    share = np.exp(w) / (np.exp(w) + np.exp(-mu))  # of the zeros, those that no count made
    dmu = np.where(y == 0, (1 - share) * mu, mu - y)
    return {"count": X.T @ dmu, "inflate": X[:, :2].T @ (sigmoid(w) - np.where(y == 0, share, 0))}


def with_spread(rng: Rng) -> Iterator[Model]:
    X = design(rng, 60, 4)
    true, start = 0.5 * rng.standard_normal(4), 0.5 * rng.standard_normal(4)
    z = X @ true
    counts = rng.poisson(np.exp(z) * rng.gamma(1.5, 1 / 1.5, 60))
    shares = np.clip(rng.beta(6 * sigmoid(z), 6 * sigmoid(-z)), 1e-3, 1 - 1e-3)
    heavy = z + 0.4 * rng.standard_t(3, 60)
    rare = rng.poisson(np.exp(z + 0.5)) * (rng.random(60) < 0.7)
    log_alpha, log_scale, log_df = map(np.array, (0.3, -0.2, 0.8))
    yield tensors(
        "negative binomial", negative_binomial, d_negative_binomial, {"coef": start, "log_alpha": log_alpha}, X, counts
    )
    yield tensors(
        "beta regression", beta_regression, d_beta_regression, {"coef": start, "log_precision": log_alpha}, X, shares
    )
    yield tensors(
        "Student t regression", student, d_student, {"coef": start, "log_scale": log_scale, "log_df": log_df}, X, heavy
    )
    yield tensors("Huber regression", huber, d_huber, {"coef": start, "log_scale": log_scale}, X, heavy, 1.35, 0.01)
    yield tensors(
        "heteroscedastic regression",
        heteroscedastic,
        d_heteroscedastic,
        {"mean": start, "log_variance": true},
        X,
        heavy,
    )
    yield tensors(
        "zero-inflated Poisson", zero_inflated, d_zero_inflated, {"count": start, "inflate": start[:2]}, X, rare
    )


# --- choices and orders ------------------------------------------------------------------------------------------------------
def multinomial(p, X, Y, lam):
    Z = X @ p["W"] + p["b"]
    return np.mean(logsumexp(Z) - np.sum(Y * Z, axis=1)) + 0.5 * lam * np.sum(p["W"] ** 2)


def d_multinomial(p, X, Y, lam):
    D = (softmax(X @ p["W"] + p["b"]) - Y) / len(X)
    return {"W": X.T @ D + lam * p["W"], "b": D.sum(axis=0)}


def conditional_logit(p, X, Y):
    Z = X @ p["coef"]
    return np.mean(logsumexp(Z) - np.sum(Y * Z, axis=1))


def d_conditional_logit(p, X, Y):
    return {"coef": np.einsum("ij,ijk->k", softmax(X @ p["coef"]) - Y, X) / len(X)}


def ordered(distribution: Callable, density: Callable) -> tuple[Callable, Callable]:
    """P(y <= k) = distribution(cut_k - X coef); the cuts are the first and logs of their increments."""

    def parts(p, X, y, of):
        cuts = p["first"] + np.concatenate([[0.0 * p["first"]], np.cumsum(np.exp(p["log_steps"]))])
        top, z = cuts.size, X @ p["coef"]
        return cuts, of(cuts[np.minimum(y, top - 1)] - z), of(cuts[np.maximum(y - 1, 0)] - z), y < top, y > 0

    def loss(p, X, y):
        _, upper, lower, capped, floored = parts(p, X, y, distribution)
        return -np.sum(np.log(np.where(capped, upper, 1.0) - np.where(floored, lower, 0.0)))

    def back(p, X, y):
        cuts, upper, lower, capped, floored = parts(p, X, y, distribution)
        P = np.where(capped, upper, 1.0) - np.where(floored, lower, 0.0)
        _, up, low, _, _ = parts(p, X, y, density)
        up, low = np.where(capped, up, 0.0) / P, np.where(floored, low, 0.0) / P
        d = np.array([low[y == k + 1].sum() - up[y == k].sum() for k in range(cuts.size)])
        tails = np.cumsum(d[::-1])[::-1]
        return {"coef": X.T @ (up - low), "first": tails[0], "log_steps": np.exp(p["log_steps"]) * tails[1:]}

    return loss, back


def bradley_terry(theta, winner, loser, lam):
    return np.sum(softplus(theta[loser] - theta[winner])) + 0.5 * lam * np.sum(theta * theta)


def d_bradley_terry(theta, winner, loser, lam):
    d, g = sigmoid(theta[loser] - theta[winner]), lam * theta
    np.add.at(g, winner, -d)
    np.add.at(g, loser, d)
    return g


def choices(rng: Rng) -> Iterator[Model]:
    X = rng.standard_normal((60, 3))
    z = X @ np.array([1.0, -0.5, 0.3]) + rng.logistic(size=60)
    Y = np.eye(4)[np.digitize(z, [-1.0, 0.2, 1.5])]
    y = Y.argmax(axis=1)
    yield tensors(
        "multinomial logit",
        multinomial,
        d_multinomial,
        {"W": rng.standard_normal((3, 4)), "b": 0.3 * rng.standard_normal(4)},
        X,
        Y,
        0.02,
    )
    A = rng.standard_normal((40, 4, 3))
    C = np.eye(4)[np.argmax(A @ [1.0, -1.0, 0.5] + rng.gumbel(size=(40, 4)), axis=1)]
    yield tensors("conditional logit", conditional_logit, d_conditional_logit, {"coef": rng.standard_normal(3)}, A, C)
    start = {"coef": 0.5 * rng.standard_normal(3), "first": np.array(-0.7), "log_steps": 0.3 * rng.standard_normal(2)}
    logit = ordered(sigmoid, lambda z: sigmoid(z) * sigmoid(-z))
    probit = ordered(ndtr, lambda z: np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi))
    yield tensors("ordered logit", *logit, start, X, y)
    yield tensors("ordered probit", *probit, start, X, y)
    pairs = np.array([rng.permutation(8)[:2] for _ in range(60)])
    yield vector(
        "Bradley-Terry",
        bradley_terry,
        d_bradley_terry,
        rng.standard_normal(8),
        pairs[:, 0].copy(),
        pairs[:, 1].copy(),
        0.1,
    )


# --- survival: times with a flag that is 1 where the event was seen ---------------------------------------------------------
def cox(theta, X, at_risk, event):
    """Breslow's partial likelihood; at_risk[i, j] is 1 where j is still observed when i ends."""
    z = X @ theta
    return -np.sum(event * (z - np.log(at_risk @ np.exp(z))))


def d_cox(theta, X, at_risk, event):
    e = np.exp(X @ theta)
    return -X.T @ (event - e * (at_risk.T @ (event / (at_risk @ e))))


def weibull(p, X, log_time, event):
    s = np.exp(p["log_sigma"])
    z = (log_time - X @ p["coef"]) / s
    return np.sum(np.exp(z) - event * (z - np.log(s)))


def d_weibull(p, X, log_time, event):
    s = np.exp(p["log_sigma"])
    z = (log_time - X @ p["coef"]) / s
    d = np.exp(z) - event
    return {"coef": -X.T @ d / s, "log_sigma": np.sum(event - d * z)}


def log_logistic(p, X, log_time, event):
    s = np.exp(p["log_sigma"])
    z = (log_time - X @ p["coef"]) / s
    return np.sum((1 + event) * softplus(z) - event * (z - np.log(s)))


def d_log_logistic(p, X, log_time, event):
    s = np.exp(p["log_sigma"])
    z = (log_time - X @ p["coef"]) / s
    d = (1 + event) * sigmoid(z) - event
    return {"coef": -X.T @ d / s, "log_sigma": np.sum(event - d * z)}


def survival(rng: Rng) -> Iterator[Model]:
    X = design(rng, 50, 4)
    log_time = X @ np.array([1.0, 0.5, -0.4, 0.2]) + 0.6 * np.log(rng.exponential(size=50))
    limit = np.log(rng.uniform(1, 8, 50))
    event, log_time = (log_time < limit).astype(float), np.minimum(log_time, limit)
    weeks = np.ceil(2 * np.exp(log_time))  # ties
    start = {"coef": 0.4 * rng.standard_normal(4), "log_sigma": np.array(-0.2)}
    at_risk = (weeks[None, :] >= weeks[:, None]).astype(float)
    yield vector("Cox, Breslow ties", cox, d_cox, 0.6 * rng.standard_normal(3), X[:, 1:].copy(), at_risk, event)
    yield tensors("Weibull AFT, censored", weibull, d_weibull, start, X, log_time, event)
    yield tensors("log-logistic AFT, censored", log_logistic, d_log_logistic, start, X, log_time, event)


# --- mixtures, Gaussian processes -----------------------------------------------------------------------------------------------
def joint_density(p, X):
    """log of weight times density: (m, k)."""
    z = (X[:, None, :] - p["means"]) * np.exp(-p["log_sd"])
    weights = p["logits"] - logsumexp(p["logits"], 0)
    return weights - np.sum(p["log_sd"], axis=1) - 0.5 * np.sum(z * z, axis=2), z


def mixture(p, X):
    return -np.mean(logsumexp(joint_density(p, X)[0]))


def d_mixture(p, X):
    L, z = joint_density(p, X)
    R = (softmax(L) / len(X))[:, :, None]
    return {
        "logits": softmax(p["logits"]) - R.sum(axis=(0, 2)),
        "means": -np.sum(R * z, axis=0) * np.exp(-p["log_sd"]),
        "log_sd": np.sum(R * (1 - z * z), axis=0),
    }


def gp_rbf(theta, D, y):
    """theta: logs of amplitude, length scale and noise."""
    K = np.exp(2 * theta[0] - 0.5 * (D * np.exp(-theta[1])) ** 2)
    for i in range(y.size):
        K[i, i] += np.exp(2 * theta[2])
    return gaussian_nll(K, y)


def gp_matern(theta, D, y):
    """Smoothness 3/2; theta as for gp_rbf."""
    r = np.sqrt(3.0) * D * np.exp(-theta[1])
    K = np.exp(2 * theta[0]) * (1 + r) * np.exp(-r)
    for i in range(y.size):
        K[i, i] += np.exp(2 * theta[2])
    return gaussian_nll(K, y)


def trace_form(K: np.ndarray, y: np.ndarray, dK: list[np.ndarray]) -> np.ndarray:
    """0.5 tr((K^-1 - a a^T) dK) with a = K^-1 y, for each dK."""
    inverse = np.linalg.inv(K)
    a = inverse @ y
    return np.array([0.5 * np.sum((inverse - np.outer(a, a)) * d) for d in dK])


def d_gp_rbf(theta, D, y):
    r = D * np.exp(-theta[1])
    K, noise = np.exp(2 * theta[0] - 0.5 * r * r), np.exp(2 * theta[2]) * np.eye(y.size)
    return trace_form(K + noise, y, [2 * K, K * r * r, 2 * noise])


def d_gp_matern(theta, D, y):
    r = np.sqrt(3.0) * D * np.exp(-theta[1])
    E, noise = np.exp(2 * theta[0] - r), np.exp(2 * theta[2]) * np.eye(y.size)
    return trace_form((1 + r) * E + noise, y, [2 * (1 + r) * E, r * r * E, 2 * noise])


def densities(rng: Rng) -> Iterator[Model]:
    X = np.concatenate(
        [m + s * rng.standard_normal((30, 2)) for m, s in (([-2, 0], 0.6), ([2, 1], 0.9), ([0, 4], 0.7))]
    )
    params = {
        "logits": 0.3 * rng.standard_normal(3),
        "means": np.array([[-1.5, 0.3], [1.5, 0.7], [0.3, 3.0]]),
        "log_sd": 0.2 * rng.standard_normal((3, 2)),
    }
    yield tensors("Gaussian mixture", mixture, d_mixture, params, X)
    x = np.sort(rng.uniform(0, 10, 25))
    y, D = np.sin(x) + 0.3 * rng.standard_normal(25), abs(x[:, None] - x)
    yield vector("Gaussian process, RBF", gp_rbf, d_gp_rbf, 0.3 * rng.standard_normal(3), D, y)
    yield vector("Gaussian process, Matern 3/2", gp_matern, d_gp_matern, 0.3 * rng.standard_normal(3), D, y)
