"""Gradient checking compiled by numba: is a hand-written gradient right, and if not, which component is wrong.

>>> import fastcheck as fc
>>> report = fc.check(cost, grad, theta, args=(X, Y))
"""

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
    "gradient",
    "locate",
    "pack",
    "scale",
    "screen",
    "staged",
    "sweep",
]
