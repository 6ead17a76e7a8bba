"""Gradient checking compiled by numba: is a hand-written gradient right, and if not, which component is wrong.

>>> import fastcheck as fc
>>> report = fc.check(cost, grad, theta, args=(X, Y))
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn

from fastcheck.version import __version__ as __version__

if TYPE_CHECKING:
    from collections.abc import Callable

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

_WHERE = {  # loaded when it is asked for: whoever only names fastcheck, as pytest does, does not wait for numba
    "Checker": "checks.checker",
    "Component": "judge.verdict",
    "Finding": "diagnosis.finding",
    "InputError": "errors",
    "InputTypeError": "errors",
    "Layout": "problem.layout",
    "Location": "results.location",
    "Problem": "checks.problem",
    "Report": "results.report",
    "Scaling": "results.scaling",
    "Sweep": "results.swept",
    "Tensor": "problem.layout",
    "TensorReport": "judge.verdict",
    "Verdict": "judge.verdict",
    "Witness": "judge.verdict",
    "WorkersLost": "errors",
    "assert_gradient": "checks.full",
    "central_difference": "evaluate.kernels",
    "check": "checks.full",
    "from_hessian": "shapes.jacobian",
    "from_hvp": "shapes.jacobian",
    "from_jacobian": "shapes.jacobian",
    "from_jax": "shapes.jax",
    "from_layer": "shapes.layer",
    "from_params": "shapes.params",
    "from_pointer": "shapes.pointer",
    "from_retraction": "shapes.retraction",
    "from_torch": "shapes.torch",
    "gradient": "checks.full",
    "locate": "checks.locating",
    "pack": "problem.layout",
    "scale": "scaling.measuring",
    "screen": "checks.screening",
    "staged": "evaluate.stages",
    "sweep": "checks.sweeping",
}
_MODULES = ("errors", "functions", "zoo")


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        value = getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
    except ModuleNotFoundError as error:
        if error.name not in ("torch", "jax"):
            raise
        return _without(name, error)
    return globals().setdefault(name, value)


def _without(name: str, error: ModuleNotFoundError) -> "Callable[..., NoReturn]":
    """In the place of a maker whose library is not installed: names can be listed, but not called."""

    def maker(*args: object, **options: object) -> NoReturn:
        raise ImportError(f"fastcheck.{name} needs {error.name}, which is not installed: install it") from error

    return maker


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
