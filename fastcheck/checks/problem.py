"""One case to check, carried around whole: the zoo makes them, the command line loads them, benchmarks sweep them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from fastcheck.checks.full import check
from fastcheck.checks.locating import locate
from fastcheck.checks.screening import screen
from fastcheck.checks.sweeping import sweep
from fastcheck.errors import InputError, InputTypeError, shown
from fastcheck.problem import accept as accepting
from fastcheck.problem.layout import Layout
from fastcheck.problem.question import ACCEPT, Question
from fastcheck.problem.typed import (
    BoundsOption,
    CheckOptions,
    Cost,
    KwargsOption,
    LocateOptions,
    ScaleOption,
    ScreenOptions,
    SweepOptions,
    TensorsOption,
)
from fastcheck.results.location import Location
from fastcheck.results.report import Report
from fastcheck.results.shown import Shown, face
from fastcheck.results.swept import Sweep

if TYPE_CHECKING:
    from typing_extensions import Unpack  # of typing since Python 3.11

_Outcome = TypeVar("_Outcome", Report, Sweep)


@dataclass(frozen=True, eq=False, repr=False)
class Problem(Shown):
    """A cost, its gradient, and where they are to be compared; options that a method is given come before those of the problem.

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
    scale : float, ndarray of shape (n,), or dict, optional
        The typical size of each component.
    bounds : tuple (low, high), or scipy.optimize.Bounds, optional
        Where theta may lie.
    accept : float
        The ratio up to which the gradient is right.
    tensors : str or sequence of str, optional
        Names of the tensors to look at, in which ``*`` and ``?`` stand for letters; an option of `check` and `sweep`.
    kwargs : dict, optional
        What ``cost`` and ``grad`` take by name.
    """

    cost: Cost
    grad: Any
    theta: Any
    args: tuple[Any, ...] = ()
    layout: Layout | None = None
    name: str = ""
    scale: ScaleOption = None
    bounds: BoundsOption = None
    accept: float = ACCEPT
    tensors: TensorsOption = None
    kwargs: KwargsOption = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise InputTypeError(f"name must be a string, got {shown(self.name)}: it is what reports call the problem")

    def __repr__(self) -> str:
        try:
            told = face("card").size(self._question)
        except InputError as error:
            told = str(error)
        return f"<Problem {self.name}{': ' if self.name else ''}{told}>"

    def renderable(self) -> Any:
        """What a person reads, for a rich console: the tensors, what the cost is given, and what to call next."""
        try:
            return face("card").tell_problem(self.name, self._question)
        except InputError:
            return face("card").tell_in_a_line(repr(self))

    def check(self, **options: Unpack[CheckOptions]) -> Report:
        """`fastcheck.check` of this problem, with its keyword options."""
        return self._named(check(*self._asked, **self._selected(options)))

    def screen(self, **options: Unpack[ScreenOptions]) -> Report:
        """`fastcheck.screen` of this problem, with its keyword options."""
        return self._named(screen(*self._asked, **self._options(options)))

    def sweep(self, **options: Unpack[SweepOptions]) -> Sweep:
        """`fastcheck.sweep` of this problem, with its keyword options."""
        asked = self._selected(options)
        return self._named(
            sweep(
                *self._asked,
                **{name: asked[name] for name in asked if name not in ("scale", "accept", "eps", "method")},
            )
        )

    def locate(self, **options: Unpack[LocateOptions]) -> Location:
        """`fastcheck.locate` of this problem, with its keyword options."""
        return locate(*self._asked, **self._options(options))

    @property
    def _question(self) -> Question:
        return accepting.unclaimed(self.cost, self.theta, self.args, self.kwargs, self.layout, self.scale, self.bounds)

    @property
    def _asked(self) -> tuple[Any, ...]:
        return self.cost, self.grad, self.theta, self.args

    def _options(self, options: Mapping[str, object]) -> dict[str, Any]:
        names = ("layout", "scale", "bounds", "accept", "kwargs")
        return {**{name: getattr(self, name) for name in names}, **options}

    def _selected(self, options: Mapping[str, object]) -> dict[str, Any]:
        """With the problem's own tensors, unless components are asked for."""
        own = {} if options.get("components") is not None else {"tensors": self.tensors}
        return self._options({**own, **options})

    def _named(self, outcome: _Outcome) -> _Outcome:
        return replace(outcome, name=self.name)
