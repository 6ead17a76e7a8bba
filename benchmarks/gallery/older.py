"""Names that Python and NumPy had when some of the libraries were written. Each file asks for those that its library needs."""

from __future__ import annotations

import collections
import collections.abc

import numpy as np


def of_collections() -> None:
    """Until Python 3.10."""
    collections.Hashable = collections.abc.Hashable


def of_numpy() -> None:
    """Until NumPy 2."""
    np.Inf, np.row_stack, np.asfarray = np.inf, np.vstack, lambda a: np.asarray(a, dtype=float)
