"""J near theta: a vetted source in, the values of J at moves out; the only one who counts, blames and times.

Vetting runs the cost on copies and compares them afterwards, so a cost that writes where it should not is found out
without harm to the caller's arrays.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from fastcheck.errors import InputError, InputTypeError, blame_cost
from fastcheck.evaluate.blas import single_threaded
from fastcheck.evaluate.compiling import RETURN
from fastcheck.evaluate.fitness import seconds_at_complex
from fastcheck.evaluate.moves import Moves, evaluated
from fastcheck.evaluate.progress import Show, nothing, part_of
from fastcheck.evaluate.source import Raised, Source, turn
from fastcheck.evaluate.stages import Stages, stages_of
from fastcheck.evaluate.tails import Tail, require_alike, tails_of
from fastcheck.evaluate.undefined import culprits
from fastcheck.evaluate.work import Copies, Keep, Work, kept_from, unkept
from fastcheck.evaluate.workers import Workers
from fastcheck.problem.arguments import Arguments
from fastcheck.problem.domain import Domain
from fastcheck.problem.layout import Layout
from fastcheck.vectors import Array, Vector, first_difference


@dataclass
class _Count:
    """How many times J was evaluated, by an evaluator and by those made of it."""

    n: int = 0


class Evaluator:
    """J near ``theta``.

    Attributes
    ----------
    source : Source
        With private copies of the arguments.
    theta : ndarray of float64, shape (n,)
    layout : Layout
    domain : Domain, or None
        Where J may be evaluated; who makes moves keeps to it.
    value : float
        J at theta; nan if it was not asked for.
    seconds : float
        Of one evaluation of J.
    n_workers : int
        That a long run gets.
    evaluations : int
        Of J so far.
    """

    def __init__(
        self,
        source: Source,
        theta: Vector,
        layout: Layout,
        workers: Workers,
        domain: Domain | None = None,
        count: _Count | None = None,
    ) -> None:
        self.source, self.theta, self.layout, self.workers, self.domain = source, theta, layout, workers, domain
        self.value = self.seconds = math.nan
        self._count = count or _Count()
        self.n_workers = workers.number(source)
        self._copies = Copies(theta, workers.here(source), source.form.dtype)

    @property
    def evaluations(self) -> int:
        return self._count.n

    def count(self, n: int) -> None:
        """That J, or what J is the sum of, was evaluated elsewhere as well."""
        self._count.n += n

    def values(self, moves: Moves, show: Show = nothing, keep: Keep = unkept) -> Array:
        """J at the points of every line; nan where the cost raises ValueError or ArithmeticError.

        ``show`` is told how many lines are done, ``keep`` which, and their J. Any other exception of the cost is raised
        with a note that names the component.
        """
        try:
            j = (
                self._run(moves, self.source, self.seconds, show, keep)
                if self.stages is None
                else self._by_tails(moves, show, keep)
            )
        except BaseException as error:
            self._copies.let_go()  # one of them may still be perturbed
            if isinstance(error, Raised):
                raise self._blamed(error) from None
            raise
        self._count.n += moves.size * moves.n_points
        return j

    def _run(self, moves: Moves, source: Source, seconds: float, show: Show, keep: Keep) -> Array:
        each = moves.seconds(seconds, self.theta.size)
        return self.workers.run(Work(moves, source, each, self.theta, self._copies), show, keep)

    def _by_tails(self, moves: Moves, show: Show, keep: Keep) -> Array:
        """Each run of lines by the tail that begins with the first stage that they move."""
        assert self.stages is not None
        first = moves.least(self.stages.of_component)
        cuts = [0, *(np.flatnonzero(np.diff(first)) + 1).tolist(), moves.size]
        j = np.empty(moves.shape)
        for start, stop in pairwise(cuts):
            tail = self.tails[int(first[start])] if stop > start else self.tails[0]
            part = moves.part(start, stop)
            j[start:stop] = self._run(part, tail.source, tail.seconds, part_of(show, start), kept_from(keep, start))
        return j

    @cached_property
    def stages(self) -> Stages | None:
        """Of a cost in stages; at complex theta it is evaluated whole."""
        return None if self.source.paired or self.source.imaginary else stages_of(self.source.function)

    @cached_property
    def tails(self) -> tuple[Tail, ...]:
        """What such a cost is evaluated by."""
        assert self.stages is not None
        with single_threaded.hold():
            return tails_of(self.source, self.stages, self.theta)

    def projected_seconds(self, n_evaluations: int) -> float:
        """About how long so many evaluations will take, of all components alike."""
        seconds = self.seconds
        if self.stages is not None:
            share = np.bincount(self.stages.of_component, minlength=len(self.tails)) / self.theta.size
            seconds = float(share @ [tail.seconds for tail in self.tails])
        return n_evaluations * seconds / self.workers.at_once(self.source)

    def sparing(self, most: int) -> None:
        """Use no more than ``most`` copies of theta, for moves that are long beside J."""
        self._copies.most = min(self._copies.most, most)

    def rest(self) -> None:
        """Let go of the copies of theta; they are made anew when they are needed."""
        self._copies.let_go()
        if "imaginary" in vars(self):
            self.imaginary.rest()

    @cached_property
    def imaginary(self) -> Evaluator:
        """Im J(theta + i h e_i) at moves by h; what is evaluated is counted here as well.

        Raises
        ------
        Unfit
            J cannot be evaluated at complex theta, or is no complex number there.
        """
        source = self.source.at_complex()
        twin = Evaluator(source, self.theta, self.layout, self.workers, count=self._count)
        source.kernel  # noqa: B018 (compiled before it is timed)
        self._count.n += 1
        with single_threaded.hold(), turn(source.parallel):
            twin.seconds = seconds_at_complex(source, self.theta)
        return twin

    def at_theta(self) -> Evaluator:
        """The same, once J at theta was evaluated; it has to be finite."""
        with single_threaded.hold(), turn(self.source.parallel):
            self.value, self.seconds = self._evaluated(self.theta.copy())
        self._require_finite(self.value)
        return self

    def revalued(self, arguments: Arguments) -> Evaluator:
        """J with other arguments at the same theta; what it evaluates is counted here as well."""
        source = self.source.of(arguments.private())
        return Evaluator(source, self.theta, self.layout, self.workers, self.domain, self._count).at_theta()

    def vetted(self, original: Arguments) -> Evaluator:
        """The same, once J was evaluated twice at a copy of theta; ``original`` is what the arguments are copies of.

        Raises
        ------
        InputError, InputTypeError
            The cost cannot be compiled for these arguments, returns something else than one finite real number,
            returns another number the second time, or modifies theta or its arguments.
        """
        self.source.kernel  # noqa: B018 (compiled before it is timed)
        single_threaded.meet(self.source.function)
        work = self.theta.copy()
        with single_threaded.hold(), turn(self.source.parallel):
            first, seconds_first = self._evaluated(work)
            again, seconds = self._evaluated(work)
        index = first_difference(work, self.theta)
        if index is not None:
            name = self.layout.name(index)
            raise InputError(f"cost must not modify theta, got a change of {name}: copy before you write")
        self.require_unchanged(original)
        self._require_finite(first)
        if first != again:
            raise InputError(
                f"cost must be repeatable, got {first!r} and then {again!r} at the same theta: "
                "switch dropout off or fix its mask, and seed any generator inside the cost"
            )
        self.value, self.seconds = first, min(seconds_first, seconds)
        self._vet_stages()
        return self

    def _vet_stages(self) -> None:
        if self.stages is None:
            return
        if self.layout != self.stages.layout:
            raise InputError(
                f"layout must be that of the cost's stages ({', '.join(self.stages.layout.names)}), got "
                f"{', '.join(self.layout.names)}: pass the same, or none"
            )
        with single_threaded.hold(), np.errstate(all="ignore"):
            require_alike(self.tails, self.stages, self.theta, self.domain)

    def require_unchanged(self, original: Arguments) -> None:
        """Refuse, at the very end, a cost that wrote into its arguments; ``original`` is what they are copies of."""
        self.source.arguments.require_unchanged(original, "cost")

    def _evaluated(self, theta: Vector) -> tuple[float, float]:
        """J and the seconds it took; the cost's own exception passes, with a note."""
        self._count.n += 1
        begin = time.perf_counter()
        try:
            value = self.source.value(theta)
        except InputError:
            raise
        except Exception as error:
            blame_cost(error, "at the unperturbed theta")
            raise
        return _real_number(value), time.perf_counter() - begin

    def _require_finite(self, value: float) -> None:
        if math.isfinite(value):
            return
        try:
            with np.errstate(all="ignore"):
                blamed = culprits(lambda theta: evaluated(self.source, theta), self.theta, self.layout, self.domain)
        except Raised:  # the cost does not take such parameters: nothing can be told this way
            blamed = ""
        advice = blamed or "start from parameters at which the cost is defined"
        raise InputError(f"J(theta) must be finite, got {value}: {advice}")

    def _blamed(self, raised: Raised) -> Exception:
        if raised.component is None:
            blame_cost(raised.error, "near theta, along a random direction")
        else:
            place = self.layout.name(raised.component)
            blame_cost(raised.error, f"at {place} {raised.offset:+.3g}{'i' if self.source.imaginary else ''}")
        return raised.error


def _real_number(value: Any) -> float:
    array = np.asarray(None if isinstance(value, tuple | list) else value)  # a pair of J and gradient makes no array
    if array.ndim or array.dtype.kind not in "fiu":
        described = f"an array of shape {array.shape}" if array.ndim else type(value).__name__
        raise InputTypeError(f"cost must return one real number, got {described}: {RETURN}")
    return float(array)
