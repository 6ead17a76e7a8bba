"""What Python and NumPy had when some of the libraries were written: each file asks for what its library needs."""

from __future__ import annotations

import collections
import collections.abc

import numpy as np


def names_of_collections() -> None:
    """Those that were there until Python 3.10."""
    collections.Hashable = collections.abc.Hashable


def names_of_numpy() -> None:
    """Those that were there until NumPy 2."""
    for name, value in {"Inf": np.inf, "row_stack": np.vstack, "asfarray": lambda a: np.asarray(a, float)}.items():
        setattr(np, name, value)


def seed() -> None:
    """NumPy's one generator, from which libraries draw their parameters."""
    np.random.seed(0)  # noqa: NPY002
