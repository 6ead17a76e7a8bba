"""Smooth costs of any size with exact gradients, as people write them: a kernel regression and the loss of a VAE."""

from __future__ import annotations

import numpy as np

import fastcheck as fc


def kernel_ridge(n, rng):
    """J = ||y - K w||^2 / 2 + 0.15 w.K w of n weights."""
    x = np.sort(rng.uniform(-3, 3, n))
    K, y = np.exp(-np.abs(x[:, None] - x)), np.sin(x)
    theta, layout = fc.pack({"W": rng.standard_normal(n) / 2})

    def cost(w, K, y):
        e = y - K @ w
        return 0.5 * float(e @ e) + 0.15 * float(w @ K @ w)

    def grad(w, K, y):
        return K @ (K @ w - y + 0.3 * w)

    return fc.Problem(cost, grad, theta, (K, y), layout)


def vae(n, rng):
    """Mean and log variance of a code, its decoder: three tensors of about n weights each."""
    k = max(2, int(np.sqrt(n)))
    d = n // k
    X, noise = rng.standard_normal((12, d)), rng.standard_normal((12, k))
    theta, layout = fc.pack({"Wm": rng.normal(0, 0.4, (d, k)), "Ws": rng.normal(0, 0.2, (d, k)),
                             "Wd": rng.normal(0, 0.4, (k, d))})  # fmt: skip

    def forward(theta, X, noise):
        p = layout.unpack(theta)
        m, s = X @ p["Wm"], X @ p["Ws"]
        h = np.tanh(m + np.exp(s / 2) * noise)
        return p, m, s, h, h @ p["Wd"] - X

    def cost(theta, X, noise):
        _, m, s, _, r = forward(theta, X, noise)
        return 0.5 * float(np.sum(r * r) + np.sum(m * m + np.exp(s) - s - 1)) / len(X)

    def grad(theta, X, noise):
        p, m, s, h, r = forward(theta, X, noise)
        dz = r @ p["Wd"].T * (1 - h * h)
        dm, ds = dz + m, 0.5 * (dz * np.exp(s / 2) * noise + np.exp(s) - 1)
        return layout.pack({"Wm": X.T @ dm, "Ws": X.T @ ds, "Wd": h.T @ r}) / len(X)

    return fc.Problem(cost, grad, theta, (X, noise), layout)


SMOOTH = (kernel_ridge, vae)
