"""Whether a cost can be evaluated at complex theta, found out by doing it once."""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from fastcheck.errors import blame_cost, first_line
from fastcheck.evaluate.forms import Unfit, complex_number
from fastcheck.evaluate.source import Source
from fastcheck.vectors import Vector

_EXCEPTIONS: Any = getattr(np, "exceptions", np)  # a module of its own since numpy 1.25
_COMPLEX_WARNING: type[Warning] = _EXCEPTIONS.ComplexWarning
_ROUNDED = "rounding in x**3 of a negative x, in a transform or in eigenvalues"
_CATCHING = threading.Lock()  # what warnings do is process-wide


def seconds_at_complex(source: Source, theta: Vector) -> float:
    """The seconds that J takes at complex theta; its own exceptions pass, with a note.

    Raises
    ------
    Unfit
        The cost does not take complex theta, discards its imaginary part, returns no complex number, or one with an
        imaginary part where theta has none.
    """
    own = source.own(theta)
    begin = time.perf_counter()
    try:
        with _nothing_discarded(source):
            value = source.value(own)
    except Unfit:
        raise
    except (TypeError, _COMPLEX_WARNING) as error:
        raise Unfit(f"{type(error).__name__}: {first_line(error)}") from error
    except Exception as error:
        blame_cost(error, "at complex theta")
        raise
    seconds = time.perf_counter() - begin
    if left := complex_number(value).imag:
        raise Unfit(f"an imaginary part of {left:.2g} where theta has none ({_ROUNDED})")
    return seconds


@contextmanager
def _nothing_discarded(source: Source) -> Iterator[None]:
    """NumPy's warning that it discards an imaginary part is an error here; compiled code does not warn."""
    if source.compiled:
        yield
        return
    with _CATCHING, warnings.catch_warnings():
        warnings.simplefilter("error", _COMPLEX_WARNING)
        yield
