"""One case to check, carried around whole: the zoo makes them, the command line loads them, benchmarks sweep them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from fastcheck.check import check
from fastcheck.layout import Layout
from fastcheck.locate import Location, locate
from fastcheck.report import Report
from fastcheck.screen import screen
from fastcheck.sweep import Sweep, sweep

_Outcome = TypeVar("_Outcome", Report, Sweep)


@dataclass(frozen=True, eq=False)
class Problem:
    """A cost, its gradient, and where they are to be compared.

    Parameters
    ----------
    cost : callable
        ``cost(theta, *args) -> float``; njit, or plain Python.
    grad : callable, ndarray of shape (n,), or dict
        The analytic gradient, or the function ``grad(theta, *args)`` that returns it.
    theta : ndarray of shape (n,), or dict of arrays
        The parameters.
    args : tuple
        What ``cost`` and ``grad`` take beside theta.
    layout : Layout, optional
        Which slice of theta is which tensor; a dict brings its own.
    name : str
        What reports call it.
    """

    cost: Callable[..., float]
    grad: Any
    theta: Any
    args: tuple[Any, ...] = ()
    layout: Layout | None = None
    name: str = ""

    def check(self, **options: Any) -> Report:
        """`fastcheck.check` of this problem, with its keyword options."""
        return self._named(check(self.cost, self.grad, self.theta, self.args, layout=self.layout, **options))

    def screen(self, **options: Any) -> Report:
        """`fastcheck.screen` of this problem, with its keyword options."""
        return self._named(screen(self.cost, self.grad, self.theta, self.args, layout=self.layout, **options))

    def sweep(self, **options: Any) -> Sweep:
        """`fastcheck.sweep` of this problem, with its keyword options."""
        return self._named(sweep(self.cost, self.grad, self.theta, self.args, layout=self.layout, **options))

    def locate(self, **options: Any) -> Location:
        """`fastcheck.locate` of this problem, with its keyword options."""
        return locate(self.cost, self.grad, self.theta, self.args, layout=self.layout, **options)

    def _named(self, outcome: _Outcome) -> _Outcome:
        return replace(outcome, name=self.name)
