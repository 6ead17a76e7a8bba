"""Every njit loop over a cost: a theta that may be written to goes in, numbers come out, theta is as it was.

The cost is an argument, never captured. `probe` is what the engine runs; it is compiled for costs of
`numba.types.FunctionType` only, once per kind of args (`fastcheck.cost`). `central_difference` is for njit code of
users and specialises on their own function: one dispatcher cannot serve both.
"""

from __future__ import annotations

from functools import partial

import numba

# nogil lets threads run kernels side by side; the numpy error model makes x / 0 an inf, not an exception.
_options = {"nogil": True, "error_model": "numpy"}


def cached_njit(function=None, **more):
    """``numba.njit`` with the disk cache, or without where no folder for it can be written to; ``more`` are its options."""
    if function is None:
        return partial(cached_njit, **more)
    try:
        return numba.njit(cache=True, **_options, **more)(function)
    except RuntimeError:  # numba's "no locator available": a read-only installation without a home
        return numba.njit(**_options, **more)(function)


@cached_njit
def probe(cost, theta, args, components, offsets, out):
    """``out[k] = J(theta + offsets[k] e_i)`` with ``i = components[k]``, one component perturbed at a time.

    If the cost raises, theta stays perturbed there: the component at fault can be read off it.
    """
    for k in range(components.size):
        i = components[k]
        saved = theta[i]
        theta[i] = saved + offsets[k]
        out[k] = cost(theta, *args)
        theta[i] = saved


@numba.njit(**_options)
def central_difference(cost, theta, args, start, stop, eps, out):
    """Two-sided differences of components ``start`` to ``stop`` (excluded); njit, callable from njit code.

    Parameters
    ----------
    cost : njit function
        ``cost(theta, *args) -> float``.
    theta : ndarray of float64, shape (n,)
        Perturbed in place, one component at a time, and restored to the same bits. If the cost raises, the component
        at which it did stays perturbed.
    args : tuple
        What the cost takes beside theta; ``()`` for nothing.
    start, stop : int
        ``0 <= start <= stop <= n``; not verified.
    eps : float
        The perturbation, in the units of theta.
    out : ndarray of float64, shape (stop - start,)
        Receives ``(J(theta + eps e_i) - J(theta - eps e_i)) / ((theta_i + eps) - (theta_i - eps))``. Nothing is
        allocated.
    """
    for i in range(start, stop):
        saved = theta[i]
        plus = saved + eps
        minus = saved - eps
        theta[i] = plus
        j_plus = cost(theta, *args)
        theta[i] = minus
        j_minus = cost(theta, *args)
        theta[i] = saved
        out[i - start] = (j_plus - j_minus) / (plus - minus)
