"""Compiled pieces of forward and backward passes that several networks share; of scores, every column is an example."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fastcheck.evaluate.kernels import cached_njit
from fastcheck.functions import exp, sigmoid, tanh

Array = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

CODES = {"tanh": 1, "relu": 2, "sigmoid": 3}

_LARGE = 1e150  # a product that is cut off here does not overflow: every factor is at most the number of rows
_EPSILON = 1e-5  # added to the variance under the root


@cached_njit
def vector(theta: Array, start: int, size: int) -> tuple[Array, int]:
    """The tensor of shape (size,) at ``start`` of theta, a view, and where the next one starts."""
    return theta[start : start + size], start + size


@cached_njit
def matrix(theta: Array, start: int, n_rows: int, n_columns: int) -> tuple[Array, int]:
    """The tensor of shape (n_rows, n_columns) at ``start`` of theta, a view, and where the next one starts."""
    stop = start + n_rows * n_columns
    return theta[start:stop].reshape((n_rows, n_columns)), stop


@cached_njit
def sum_of_squares(tensor: Array) -> float:
    """The sum over all components of their squares."""
    total = 0.0
    for value in tensor.reshape(-1):
        total += value * value
    return total


@cached_njit
def activate(z: Array, code: int) -> None:
    """The activation, in place; a loop for each, as only a loop without branches is vectorised."""
    flat = z.reshape(-1)
    if code == 1:
        for i in range(flat.size):
            flat[i] = tanh(flat[i])
    elif code == 2:
        for i in range(flat.size):
            flat[i] = max(flat[i], 0.0)
    elif code == 3:
        for i in range(flat.size):
            flat[i] = sigmoid(flat[i])


@cached_njit
def times_slope(delta: Array, a: Array, code: int) -> None:
    """delta times the activation's derivative, in place, the derivative written in terms of the activation a."""
    d, v = delta.reshape(-1), a.reshape(-1)
    for i in range(d.size):
        if code == 1:
            d[i] *= 1.0 - v[i] * v[i]
        elif code == 2:
            d[i] *= 1.0 if v[i] > 0.0 else 0.0
        elif code == 3:
            d[i] *= v[i] * (1.0 - v[i])


@cached_njit
def add_bias(z: Array, b: Array) -> None:
    """``z[row] += b[row]``."""
    for row in range(z.shape[0]):
        for column in range(z.shape[1]):
            z[row, column] += b[row]


@cached_njit
def affine(w: Array, b: Array, a: Array) -> Array:
    """``w a + b``, of every column of a."""
    z = w @ a
    add_bias(z, b)
    return z


@cached_njit
def add_scaled(out: Array, factor: float, a: Array) -> None:
    """``out += factor * a``, component by component."""
    o, v = out.reshape(-1), a.reshape(-1)
    for i in range(o.size):
        o[i] += factor * v[i]


@cached_njit
def add_product(out: Array, a: Array, b: Array) -> None:
    """``out += a @ b``; plain loops compile several times faster than a sum with what ``@`` returns."""
    for row in range(out.shape[0]):
        for k in range(b.shape[0]):
            for column in range(out.shape[1]):
                out[row, column] += a[row, k] * b[k, column]


@cached_njit
def add_row_sums(out: Array, a: Array) -> None:
    """``out[row] += sum of a[row]``."""
    for row in range(a.shape[0]):
        for column in range(a.shape[1]):
            out[row] += a[row, column]


@cached_njit
def cross_entropy(scores: Array, y: Integers) -> float:
    """The sum over columns of -log softmax(column)[label]; row by row, so that the loops run along memory."""
    top, total = scores[0].copy(), np.zeros(y.size)
    for row in range(1, scores.shape[0]):
        for column in range(y.size):
            top[column] = max(top[column], scores[row, column])
    for row in range(scores.shape[0]):
        for column in range(y.size):
            total[column] += exp(scores[row, column] - top[column])
    loss: float = 0.0
    product = 1.0
    for column in range(y.size):
        loss += top[column] - scores[y[column], column]
        product *= total[column]  # the logarithm of the product is the sum of the logarithms
        if product > _LARGE:
            loss += np.log(product)
            product = 1.0
    loss += np.log(product)
    return loss


@cached_njit
def softmax_minus_label(scores: Array, y: Integers, n: int) -> None:
    """The derivative of `cross_entropy` / n, (softmax(column) - one-hot label) / n, written over the scores."""
    for column in range(y.size):
        top = np.max(scores[:, column])
        total = 0.0
        for row in range(scores.shape[0]):
            scores[row, column] = exp(scores[row, column] - top)
            total += scores[row, column]
        for row in range(scores.shape[0]):
            scores[row, column] /= total * n
        scores[y[column], column] -= 1.0 / n


@cached_njit
def standardise(z: Array, inverse: Array) -> None:
    """Every row to mean 0 and variance 1, in place; ``inverse[row] = 1 / sqrt(variance + 1e-5)``."""
    n = z.shape[1]
    for row in range(z.shape[0]):
        mean, variance = 0.0, 0.0
        for column in range(n):
            mean += z[row, column] / n
        for column in range(n):
            variance += (z[row, column] - mean) ** 2 / n
        inverse[row] = 1.0 / np.sqrt(variance + _EPSILON)
        for column in range(n):
            z[row, column] = (z[row, column] - mean) * inverse[row]


@cached_njit
def standardise_backward(delta: Array, normal: Array, inverse: Array, mean_path: bool, variance_path: bool) -> None:
    """From the derivative by `standardise`'s result ``normal`` to that by its input, in place.

    ``inverse (delta - mean(delta) - normal mean(delta normal))`` for every row; the two means are the paths through the
    row's mean and variance, left out where they are False.
    """
    n = delta.shape[1]
    for row in range(delta.shape[0]):
        mean, along = 0.0, 0.0
        for column in range(n):
            mean += delta[row, column] / n if mean_path else 0.0
            along += delta[row, column] * normal[row, column] / n if variance_path else 0.0
        for column in range(n):
            delta[row, column] = inverse[row] * (delta[row, column] - mean - normal[row, column] * along)
