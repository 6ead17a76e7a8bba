"""Gradient checking compiled by numba: is a hand-written gradient right, and if not, which component is wrong.

>>> import fastcheck as fc
>>> report = fc.check(cost, grad, theta, args=(X, Y))
"""

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn

from fastcheck.checks.checker import Checker
from fastcheck.checks.full import assert_gradient, check, gradient
from fastcheck.checks.locating import locate
from fastcheck.checks.problem import Problem
from fastcheck.checks.screening import screen
from fastcheck.checks.sweeping import sweep
from fastcheck.diagnosis.finding import Finding
from fastcheck.errors import InputError, InputTypeError, WorkersLost
from fastcheck.evaluate.kernels import central_difference
from fastcheck.evaluate.stages import staged
from fastcheck.judge.verdict import Component, TensorReport, Verdict, Witness
from fastcheck.problem.layout import Layout, Tensor, pack
from fastcheck.results.location import Location
from fastcheck.results.report import Report
from fastcheck.results.scaling import Scaling
from fastcheck.results.swept import Sweep
from fastcheck.scaling.measuring import scale
from fastcheck.version import __version__ as __version__

if TYPE_CHECKING:
    from fastcheck.shapes.jacobian import from_hessian, from_hvp, from_jacobian
    from fastcheck.shapes.jax import from_jax
    from fastcheck.shapes.layer import from_layer
    from fastcheck.shapes.params import from_params
    from fastcheck.shapes.pointer import from_pointer
    from fastcheck.shapes.retraction import from_retraction
    from fastcheck.shapes.torch import from_torch

__all__ = [
    "Checker",
    "Component",
    "Finding",
    "InputError",
    "InputTypeError",
    "Layout",
    "Location",
    "Problem",
    "Report",
    "Scaling",
    "Sweep",
    "Tensor",
    "TensorReport",
    "Verdict",
    "Witness",
    "WorkersLost",
    "assert_gradient",
    "central_difference",
    "check",
    "from_hessian",
    "from_hvp",
    "from_jacobian",
    "from_jax",
    "from_layer",
    "from_params",
    "from_pointer",
    "from_retraction",
    "from_torch",
    "gradient",
    "locate",
    "pack",
    "scale",
    "screen",
    "staged",
    "sweep",
]

_SHAPES = {  # loaded on demand
    "from_hessian": "jacobian",
    "from_hvp": "jacobian",
    "from_jacobian": "jacobian",
    "from_jax": "jax",
    "from_layer": "layer",
    "from_params": "params",
    "from_pointer": "pointer",
    "from_retraction": "retraction",
    "from_torch": "torch",
}


def __getattr__(name: str) -> Any:
    if name not in _SHAPES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(f"{__name__}.shapes.{_SHAPES[name]}"), name)
    except ModuleNotFoundError as error:
        if error.name not in ("torch", "jax"):
            raise
        return _without(name, error)


def _without(name: str, error: ModuleNotFoundError) -> Callable[..., NoReturn]:
    """In the place of a maker whose library is not installed: names can be listed, but not called."""

    def maker(*args: object, **options: object) -> NoReturn:
        raise ImportError(f"fastcheck.{name} needs {error.name}, which is not installed: install it") from error

    return maker


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
