"""Models as machine learning fits them: kernels, factors, embeddings, curves, networks, sequences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from benchmarks.models.ingredients import Model, logsumexp, one_hot, sigmoid, softmax, softplus, tensors, vector

Rng = np.random.Generator


# --- kernels, factors, distances ----------------------------------------------------------------------------------------------
def elastic(p, X, y, l1, l2, width):
    """Least squares, ridge, and the l1 norm with its corner rounded."""
    e = X @ p["coef"] + p["intercept"] - y
    return 0.5 * np.mean(e * e) + l1 * np.sum(np.sqrt(p["coef"] ** 2 + width**2)) + 0.5 * l2 * np.sum(p["coef"] ** 2)


def d_elastic(p, X, y, l1, l2, width):
    w = p["coef"]
    e = (X @ w + p["intercept"] - y) / y.size
    return {"coef": X.T @ e + l1 * w / np.sqrt(w**2 + width**2) + l2 * w, "intercept": e.sum()}


def kernel_ridge(p, K, y, lam):
    e, a = y - K @ p["dual"], p["dual"]
    return 0.5 * np.sum(e * e) + 0.5 * lam * np.sum(a * (K @ a))


def d_kernel_ridge(p, K, y, lam):
    return {"dual": K @ (K @ p["dual"] - y + lam * p["dual"])}


def factorisation(p, R, seen, lam):
    e = seen * (p["U"] @ p["V"].T + p["bias"] - R)
    return 0.5 * np.sum(e * e) + 0.5 * lam * (np.sum(p["U"] ** 2) + np.sum(p["V"] ** 2))


def d_factorisation(p, R, seen, lam):
    e = seen * (p["U"] @ p["V"].T + p["bias"] - R)
    return {"U": e @ p["V"] + lam * p["U"], "V": e.T @ p["U"] + lam * p["V"], "bias": e.sum(axis=0)}


def squared_distances(Z):
    return np.sum((Z[:, None, :] - Z) ** 2, axis=2)


def d_squared_distances(Z, D):
    """The gradient in Z, given that in its squared distances."""
    S = D + D.T
    return 2 * (S.sum(axis=1)[:, None] * Z - S @ Z)


def neighbourhood(p, X, same, apart):
    """Neighbourhood components analysis: minus the expected number of right nearest neighbours."""
    Z = -squared_distances(X @ p["A"].T) - apart
    return -np.sum(same * np.exp(Z - logsumexp(Z)[:, None]))


def d_neighbourhood(p, X, same, apart):
    Z = X @ p["A"].T
    P = softmax(-squared_distances(Z) - apart)
    D = P * (same - np.sum(same * P, axis=1, keepdims=True))
    return {"A": d_squared_distances(Z, D).T @ X}


def t_sne(p, P):
    D = 1 + squared_distances(p["Y"])
    return np.sum(P * np.log(D)) + np.log(np.sum(1 / D) - len(P))


def d_t_sne(p, P):
    W = 1 / (1 + squared_distances(p["Y"]))
    return {"Y": d_squared_distances(p["Y"], P * W - W**2 / (W.sum() - len(P)))}


def skip_gram(p, centre, context, sign, lam):
    score = np.sum(p["centre"][centre] * p["context"][context], axis=1)
    return np.mean(softplus(-sign * score)) + 0.5 * lam * (np.sum(p["centre"] ** 2) + np.sum(p["context"] ** 2))


def d_skip_gram(p, centre, context, sign, lam):
    u, v = p["centre"][centre], p["context"][context]
    d = (-sign * sigmoid(-sign * np.sum(u * v, axis=1)) / sign.size)[:, None]
    g = {name: lam * p[name] for name in p}
    np.add.at(g["centre"], centre, d * v)
    np.add.at(g["context"], context, d * u)
    return g


def shallow(rng: Rng) -> Iterator[Model]:
    normal = rng.standard_normal
    X = normal((40, 6))
    y = X @ np.array([1.5, 0, 0, -1.0, 0, 0.2]) + 0.3 * normal(40)
    yield tensors(
        "elastic net, rounded",
        elastic,
        d_elastic,
        {"coef": normal(6), "intercept": np.array(0.4)},
        X,
        y,
        0.1,
        0.05,
        0.05,
    )
    x = np.linspace(-3, 3, 20)
    K = np.exp(-abs(x[:, None] - x))
    yield tensors(
        "kernel ridge", kernel_ridge, d_kernel_ridge, {"dual": 0.5 * normal(20)}, K, np.sin(x) + 0.1 * normal(20), 0.3
    )
    R = normal((7, 2)) @ normal((2, 6)) + 0.2 * normal((7, 6))
    params = {"U": 0.6 * normal((7, 2)), "V": 0.6 * normal((6, 2)), "bias": 0.2 * normal(6)}
    yield tensors(
        "matrix factorisation", factorisation, d_factorisation, params, R, (rng.random((7, 6)) < 0.8) * 1.0, 0.1
    )
    label = rng.integers(3, size=24)
    X = normal((24, 4)) + normal((3, 4))[label]
    same = (label[:, None] == label) * 1.0
    yield tensors(
        "neighbourhood components",
        neighbourhood,
        d_neighbourhood,
        {"A": 0.5 * normal((2, 4))},
        X,
        same,
        1e3 * np.eye(24),
    )
    P = np.exp(-0.5 * squared_distances(normal((9, 4))))
    np.fill_diagonal(P, 0)
    yield tensors("t-SNE", t_sne, d_t_sne, {"Y": normal((9, 2))}, (P + P.T) / (2 * P.sum()))
    centre, context, sign = (
        rng.integers(8, size=80),
        rng.integers(8, size=80),
        np.where(rng.random(80) < 0.4, 1.0, -1.0),
    )
    params = {"centre": normal((8, 3)), "context": 0.5 * normal((8, 3))}
    yield tensors("skip-gram, negative samples", skip_gram, d_skip_gram, params, centre, context, sign, 0.01)


# --- curves -----------------------------------------------------------------------------------------------------------------------
def two_decays(theta, x, y):
    e = theta[0] * np.exp(-theta[1] * x) + theta[2] * np.exp(-theta[3] * x) - y
    return 0.5 * np.sum(e * e)


def d_two_decays(theta, x, y):
    a, b = np.exp(-theta[1] * x), np.exp(-theta[3] * x)
    e = theta[0] * a + theta[2] * b - y
    return np.array([e @ a, -theta[0] * (e @ (x * a)), e @ b, -theta[2] * (e @ (x * b))])


def dose_response(theta, log_dose, y):
    """theta: bottom, top, log of the half dose, slope."""
    e = theta[0] + (theta[1] - theta[0]) * sigmoid(theta[3] * (log_dose - theta[2])) - y
    return 0.5 * np.mean(e * e)


def d_dose_response(theta, log_dose, y):
    low, high, half, slope = theta
    s = sigmoid(slope * (log_dose - half))
    e = (low + (high - low) * s - y) / y.size
    d = (high - low) * s * (1 - s) * e
    return np.array([e @ (1 - s), e @ s, -slope * d.sum(), d @ (log_dose - half)])


def growth(theta, y, h):
    """u' = r u (1 - u / K) by Runge-Kutta of order 4, two steps an observation. theta: logs of r, K, u(0)."""
    r, K, u, J = np.exp(theta[0]), np.exp(theta[1]), np.exp(theta[2]), 0.0 * theta[0]
    for x in y:
        J += 0.5 * (np.log(u) - x) ** 2
        for _ in range(2):
            a = r * u * (1 - u / K)
            v = u + 0.5 * h * a
            b = r * v * (1 - v / K)
            v = u + 0.5 * h * b
            c = r * v * (1 - v / K)
            v = u + h * c
            u = u + h / 6 * (a + 2 * b + 2 * c + r * v * (1 - v / K))
    return J


def d_growth(theta, y, h):
    r, K, u = np.exp(theta)

    def slope(u, du):
        f = r * u * (1 - u / K)
        return f, r * (1 - 2 * u / K) * du + np.array([f, r * u * u / K, 0.0])

    du, g = np.array([0.0, 0.0, u]), np.zeros(3)
    for x in y:
        g += (np.log(u) - x) * du / u
        for _ in range(2):
            a, da = slope(u, du)
            b, db = slope(u + 0.5 * h * a, du + 0.5 * h * da)
            c, dc = slope(u + 0.5 * h * b, du + 0.5 * h * db)
            d, dd = slope(u + h * c, du + h * dc)
            u, du = u + h / 6 * (a + 2 * b + 2 * c + d), du + h / 6 * (da + 2 * db + 2 * dc + dd)
    return g


def curves(rng: Rng) -> Iterator[Model]:
    x = np.linspace(0, 4, 40)
    y = 2 * np.exp(-0.4 * x) + 3 * np.exp(-3 * x) + 0.02 * rng.standard_normal(40)
    yield vector("two exponential decays", two_decays, d_two_decays, [1.5, 0.7, 2.5, 2.0], x, y)
    y = 0.2 + 1.5 * sigmoid(1.3 * (x - 2)) + 0.05 * rng.standard_normal(40)
    yield vector("dose response", dose_response, d_dose_response, [0.5, 1.2, 1.5, 0.8], x, y)
    y = np.log(10 / (1 + 19 * np.exp(-0.9 * np.arange(15) * 0.6))) + 0.05 * rng.standard_normal(15)
    yield vector("logistic growth, RK4", growth, d_growth, [0.2, 1.9, -0.4], y, 0.3)


# --- networks: widths, an activation with its derivative from its output, and the link of the last layer --------------------
ACTIVATIONS = {
    "tanh": (np.tanh, lambda a: 1 - a * a),
    "softplus": (softplus, lambda a: 1 - np.exp(-a)),
    "sigmoid": (sigmoid, lambda a: a * (1 - a)),
}
HEADS = {  # loss of an example and link, whose difference to Y is the slope
    "regression": (lambda Z, Y: 0.5 * np.sum((Z - Y) ** 2, axis=1), lambda Z: Z),
    "classification": (lambda Z, Y: logsumexp(Z) - np.sum(Y * Z, axis=1), softmax),
    "binary": (lambda Z, Y: np.sum(softplus(Z) - Y * Z, axis=1), sigmoid),
}


def network(name: str, activation: str, head: str, widths: Sequence[int], X, Y, rng: Rng, lam: float = 0.01) -> Model:
    act, d_act = ACTIVATIONS[activation]
    example_loss, link = HEADS[head]
    layers = range(1, len(widths))

    def activations(p, X):
        A = [X]
        for k in layers:
            Z = A[-1] @ p[f"W{k}"] + p[f"b{k}"]
            A.append(act(Z) if k < len(layers) else Z)
        return A

    def loss(p, X, Y):
        penalty = sum(np.sum(W**2) for W in p.values())
        return np.mean(example_loss(activations(p, X)[-1], Y)) + 0.5 * lam * penalty

    def back(p, X, Y):
        A, g = activations(p, X), {}
        D = (link(A[-1]) - Y) / len(X)
        for k in reversed(layers):
            g[f"W{k}"], g[f"b{k}"] = A[k - 1].T @ D, D.sum(axis=0)
            D = (D @ p[f"W{k}"].T) * d_act(A[k - 1])
        return {name: g[name] + lam * p[name] for name in p}

    params = {}
    for k in layers:
        params[f"W{k}"] = rng.standard_normal((widths[k - 1], widths[k])) / np.sqrt(widths[k - 1])
        params[f"b{k}"] = 0.1 * rng.standard_normal(widths[k])
    return tensors(name, loss, back, params, X, Y)


def variational(p, X, noise):
    """A linear encoder to mean and log variance, one fixed draw, a tanh decoder; squared error and divergence."""
    H = X @ p["We"] + p["be"]
    mean, log_var = H[:, :2], H[:, 2:]
    out = np.tanh((mean + np.exp(0.5 * log_var) * noise) @ p["Wd"] + p["bd"])
    divergence = 0.5 * np.sum(np.exp(log_var) + mean**2 - 1 - log_var)
    return (0.5 * np.sum((out - X) ** 2) + divergence) / len(X)


def d_variational(p, X, noise):
    H = X @ p["We"] + p["be"]
    mean, log_var = H[:, :2], H[:, 2:]
    Z = mean + np.exp(0.5 * log_var) * noise
    out = np.tanh(Z @ p["Wd"] + p["bd"])
    D = (out - X) * (1 - out**2) / len(X)
    dZ = D @ p["Wd"].T
    d_log_var = 0.5 * dZ * np.exp(0.5 * log_var) * noise + 0.5 * (np.exp(log_var) - 1) / len(X)
    dH = np.c_[dZ + mean / len(X), d_log_var]
    return {"We": X.T @ dH, "be": dH.sum(axis=0), "Wd": Z.T @ D, "bd": D.sum(axis=0)}


def attention(p, X, Y, lam):
    """One head of self-attention over a sequence (length, width), squared error."""
    Q, K, V = X @ p["Wq"], X @ p["Wk"], X @ p["Wv"]
    S = Q @ K.T / np.sqrt(3.0)
    e = np.exp(S - logsumexp(S)[:, None]) @ V @ p["Wo"] - Y
    return 0.5 * np.mean(e * e) + 0.5 * lam * sum(np.sum(W**2) for W in p.values())


def d_attention(p, X, Y, lam):
    Q, K, V = X @ p["Wq"], X @ p["Wk"], X @ p["Wv"]
    P = softmax(Q @ K.T / np.sqrt(3.0))
    C = P @ V
    D = (C @ p["Wo"] - Y) / Y.size
    dC = D @ p["Wo"].T
    dP = dC @ V.T
    dS = P * (dP - np.sum(P * dP, axis=1, keepdims=True)) / np.sqrt(3.0)
    g = {"Wq": X.T @ (dS @ K), "Wk": X.T @ (dS.T @ Q), "Wv": X.T @ (P.T @ dC), "Wo": C.T @ D}
    return {name: g[name] + lam * p[name] for name in p}


def random_field(p, X, Y, lam):
    """Linear chain: log of the partition function less the score of the labels Y (one-hot)."""
    U = X @ p["W"]
    a = U[0]
    for u in U[1:]:
        a = u + logsumexp(a[:, None] + p["T"], axis=0)
    score = np.sum(Y * U) + np.sum(Y[:-1].T @ Y[1:] * p["T"])
    return logsumexp(a, axis=0) - score + 0.5 * lam * (np.sum(p["W"] ** 2) + np.sum(p["T"] ** 2))


def d_random_field(p, X, Y, lam):
    U, T = X @ p["W"], p["T"]
    left, right = U.copy(), np.zeros_like(U)
    for t in range(1, len(U)):
        left[t] += logsumexp(left[t - 1][:, None] + T, axis=0)
    for t in range(len(U) - 2, -1, -1):
        right[t] = logsumexp(T + U[t + 1] + right[t + 1], axis=1)
    log_z = logsumexp(left[-1], axis=0)
    pairs = np.exp(left[:-1, :, None] + T + (U + right)[1:, None, :] - log_z).sum(axis=0)
    D = np.exp(left + right - log_z) - Y
    return {"W": X.T @ D + lam * p["W"], "T": pairs - Y[:-1].T @ Y[1:] + lam * T}


def networks(rng: Rng) -> Iterator[Model]:
    normal = rng.standard_normal
    X = normal((30, 4))
    Y = np.c_[np.sin(X[:, 0]), X[:, 1] * X[:, 2]]
    y = one_hot(np.digitize(X[:, 0] + 0.5 * normal(30), [-0.5, 0.5]), 3)
    yield network("tanh network, regression", "tanh", "regression", (4, 5, 2), X, Y, rng)
    yield network("tanh network, two hidden layers", "tanh", "regression", (4, 5, 3, 2), X, Y, rng)
    yield network("softplus network, two hidden layers", "softplus", "classification", (4, 5, 4, 3), X, y, rng)
    yield network("sigmoid network, binary", "sigmoid", "binary", (4, 6, 1), X, y[:, :1], rng)
    params = {"We": 0.5 * normal((4, 4)), "be": 0.1 * normal(4), "Wd": normal((2, 4)), "bd": 0.1 * normal(4)}
    yield tensors("variational autoencoder", variational, d_variational, params, np.tanh(X), normal((30, 2)))
    S = normal((8, 4))
    params = {"Wq": normal((4, 3)), "Wk": normal((4, 3)), "Wv": normal((4, 3)), "Wo": normal((3, 2))}
    yield tensors("attention head", attention, d_attention, params, S, normal((8, 2)), 0.02)
    labels = one_hot(np.repeat([0, 1, 2, 1], 4), 3)
    yield tensors(
        "conditional random field",
        random_field,
        d_random_field,
        {"W": normal((4, 3)), "T": 0.5 * normal((3, 3))},
        np.c_[labels + 0.7 * normal((16, 3)), np.ones(16)],
        labels,
        0.1,
    )
