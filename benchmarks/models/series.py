"""Likelihoods of time series: hidden states, autoregression, a Kalman filter, changing variance."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.models.ingredients import Model, simplex, softmax, vector

Rng = np.random.Generator


def hidden_markov(theta, y, lam):
    """Two states. theta: logits of the start (2) and of the transitions (2, 2), means (2), logs of spreads (2)."""
    start, first, second = simplex(theta[:2]), simplex(theta[2:4]), simplex(theta[4:6])
    means, log_sd = theta[6:8], theta[8:10]
    J = 0.5 * lam * np.sum(theta * theta)
    a = start
    for t in range(y.size):
        if t > 0:
            a = a[0] * first + a[1] * second
        a = a * np.exp(-0.5 * ((y[t] - means) * np.exp(-log_sd)) ** 2 - log_sd)
        c = np.sum(a)
        J -= np.log(c)
        a = a / c
    return J


def d_hidden_markov(theta, y, lam):
    start, T = softmax(theta[:2]), softmax(theta[2:6].reshape(2, 2))
    z = (y[:, None] - theta[6:8]) * np.exp(-theta[8:10])
    emit = np.exp(-0.5 * z * z - theta[8:10])
    forward, backward = np.empty_like(emit), np.ones_like(emit)
    for t in range(y.size):
        a = (start if t == 0 else forward[t - 1] @ T) * emit[t]
        forward[t] = a / a.sum()
    for t in range(y.size - 2, -1, -1):
        b = T @ (emit[t + 1] * backward[t + 1])
        backward[t] = b / (forward[t] @ b)
    state = forward * backward
    move = forward[:-1, :, None] * T * (emit * backward)[1:, None, :]
    move = np.sum(move / move.sum(axis=(1, 2), keepdims=True), axis=0)
    parts = [
        start - state[0],
        (move.sum(axis=1, keepdims=True) * T - move).ravel(),
        -np.sum(state * z, axis=0) * np.exp(-theta[8:10]),
        np.sum(state * (1 - z * z), axis=0),
    ]
    return np.concatenate(parts) + lam * theta


def autoregression(theta, y):
    """Exact AR(1) likelihood. theta: mean, arctanh of phi, log sigma."""
    phi, v = np.tanh(theta[1]), np.exp(2 * theta[2])
    z = y - theta[0]
    u = z[1:] - phi * z[:-1]
    return y.size * theta[2] - 0.5 * np.log(1 - phi**2) + 0.5 * ((1 - phi**2) * z[0] ** 2 + np.sum(u * u)) / v


def d_autoregression(theta, y):
    phi, v = np.tanh(theta[1]), np.exp(2 * theta[2])
    z = y - theta[0]
    u = z[1:] - phi * z[:-1]
    d_phi = phi / (1 - phi**2) - (phi * z[0] ** 2 + u @ z[:-1]) / v
    return np.array(
        [
            -((1 - phi**2) * z[0] + (1 - phi) * u.sum()) / v,
            (1 - phi**2) * d_phi,
            y.size - ((1 - phi**2) * z[0] ** 2 + u @ u) / v,
        ]
    )


def local_level(theta, y):
    """Kalman filter. theta: first level, logs of the variances of level and observation."""
    a, q, r = theta[0], np.exp(theta[1]), np.exp(theta[2])
    P, J = 1.0 + q, 0.0 * q
    for x in y:
        v, F = x - a, P + r
        J += 0.5 * (np.log(F) + v * v / F)
        a = a + P / F * v
        P = P * r / F + q
    return J


def d_local_level(theta, y):
    a, q, r = theta[0], np.exp(theta[1]), np.exp(theta[2])
    dq, dr = np.array([0, q, 0]), np.array([0, 0, r])
    P, dP, da, g = 1.0 + q, dq, np.array([1.0, 0, 0]), np.zeros(3)
    for x in y:
        v, F, dF = x - a, P + r, dP + dr
        k = P / F
        dk = (dP - k * dF) / F
        g = g + 0.5 * (dF / F - 2 * v * da / F - v * v * dF / F**2)
        a, da = a + k * v, da + dk * v - k * da
        P, dP = P * (1 - k) + q, dP * (1 - k) - P * dk + dq
    return g


def garch(theta, e):
    """GARCH(1, 1). theta: logs of omega, alpha and beta; the first variance is 1."""
    w, a, b = np.exp(theta[0]), np.exp(theta[1]), np.exp(theta[2])
    h, J = 1.0 + 0.0 * w, 0.0 * w
    for x in e:
        J += 0.5 * (np.log(h) + x * x / h)
        h = w + a * x * x + b * h
    return J


def d_garch(theta, e):
    w, a, b = np.exp(theta)
    h, dh, g = 1.0, np.zeros(3), np.zeros(3)
    for x in e:
        g = g + 0.5 * dh * (1 / h - x * x / h**2)
        h, dh = w + a * x * x + b * h, np.array([w, a * x * x, b * h]) + b * dh
    return g


def time_series(rng: Rng) -> Iterator[Model]:
    state = np.cumsum(rng.random(60) < 0.2) % 2
    y = np.where(state == 0, -1.0, 1.5) + 0.5 * rng.standard_normal(60)
    theta = np.concatenate([0.5 * rng.standard_normal(6), [-0.6, 0.9], 0.2 * rng.standard_normal(2)])
    yield vector("hidden Markov", hidden_markov, d_hidden_markov, theta, y, 0.1)
    walk = np.zeros(80)
    for t in range(1, 80):
        walk[t] = 0.7 * walk[t - 1] + rng.standard_normal()
    yield vector("AR(1)", autoregression, d_autoregression, 0.4 * rng.standard_normal(3), 1.0 + walk)
    level = np.cumsum(0.6 * rng.standard_normal(60)) + rng.standard_normal(60)
    yield vector("local level, Kalman", local_level, d_local_level, 0.4 * rng.standard_normal(3), level)
    e, h = np.empty(200), 1.0
    for t in range(200):
        e[t] = np.sqrt(h) * rng.standard_normal()
        h = 0.2 + 0.3 * e[t] ** 2 + 0.5 * h
    yield vector("GARCH(1, 1)", garch, d_garch, [-1.2, -1.5, -0.9], e)
