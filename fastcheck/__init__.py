"""Gradient checking compiled by numba: is a hand-written gradient right, and if not, which component is wrong.

>>> import fastcheck as fc
>>> report = fc.check(cost, grad, theta, args=(X, Y))
"""

from fastcheck.check import Checker, assert_gradient, check, gradient
from fastcheck.compare import Component, TensorReport, Verdict
from fastcheck.diagnosis import Finding
from fastcheck.errors import InputError, InputTypeError
from fastcheck.kernels import central_difference
from fastcheck.layout import Layout, Tensor, pack
from fastcheck.locate import Location, locate
from fastcheck.problem import Problem
from fastcheck.report import Report
from fastcheck.scale import scale
from fastcheck.scaling import Scaling
from fastcheck.screen import screen
from fastcheck.sweep import Sweep, sweep

__version__ = "0.1.0"

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
    "assert_gradient",
    "central_difference",
    "check",
    "gradient",
    "locate",
    "pack",
    "scale",
    "screen",
    "sweep",
]
