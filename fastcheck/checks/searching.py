"""The strategy of a search for wrong components: everything, tensor by tensor, part by part.

The slopes that the screen measured point at a component: an error in one leaves a trace of its own in all of them.
Where none explains them, a few directions are halved together, and the search goes where the residuals are, until one
component explains those of a part. What is found is set right, until all directions pass. A tensor is named in place of
its components only where most of those that can be told are wrong: of a small one all are looked at, of a large one a
sample or two. Nothing is named that its own ladder does not refute.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from fastcheck.checks.groups import Group, told_apart
from fastcheck.checks.hunting import Hunt, Spent, fail
from fastcheck.checks.matching import Way, clearest, n_needed, patterned, typical_error
from fastcheck.judge import rule
from fastcheck.problem.layout import Tensor
from fastcheck.problem.rows import Line, blank_lines, middle_of, row_around, shared_lines
from fastcheck.vectors import Indices, largest, norm

_PASSES = 3  # new directions that have to pass before a tensor counts as set right, where no others are known
_TRIES = 4  # searches in a row that may lead to nothing
_LINES = 2  # rows and columns that the slopes point at, looked at
_SMALL = 32  # components of a tensor up to which each is looked at
_FACTOR = 3  # components of a line that a factor explains, looked at
_DENSE_ROW, _DENSE = 2, 3  # halvings after which both halves fail, one after the other: perhaps all is wrong


@dataclass
class Search:
    """One search, and what it found so far beside the components that its hunt noted."""

    hunt: Hunt
    throughout: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    unsearched: list[str] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)  # tensors, rows and columns of which a sample was looked at

    def everything(self) -> None:
        """One component if it explains all slopes; else tensor by tensor."""
        hunt = self.hunt
        try:
            if self._one_in_all() or self._factor_in_all():
                return
        except Spent:
            pass
        else:
            hunt.measured = told_apart(hunt.measured.unhurried(), hunt.rng)
        measured, layout = hunt.measured, hunt.measured.layout
        failing = [k for k, group in measured.tensors.items() if self._fails(layout.tensors[k], group)]
        worst = {k: largest(np.array([way.residual for way in hunt.known(measured.tensors[k])])) for k in failing}
        failing.sort(key=lambda k: worst[k])
        nothing = not failing
        while failing:
            k = failing.pop()
            self._tensor(layout.tensors[k], measured.tensors[k], alone=not failing)
        everything = Tensor("theta", (layout.size,), 0)
        if nothing and self._fails(everything, measured.whole):  # no tensor shows it by itself
            self._tensor(everything, measured.whole, alone=True)

    def _fails(self, tensor: Tensor, group: Group) -> bool:
        """Whether the gradient fails there, or failed and nothing was set right."""
        hunt = self.hunt
        failed = bool(hunt.measured.failed(group).any())
        return fail(hunt.known(group)) or (failed and not hunt.found_in(tensor))

    def _one_in_all(self) -> bool:
        """Whether all slopes pass, if need be with one component set right; False where that is not clear."""
        hunt, measured = self.hunt, self.hunt.measured
        groups = {id(group): group for group in (measured.whole, *measured.tensors.values())}.values()
        ways = hunt.known(*groups)
        if len(ways) < sum(len(group.directions) for group in groups):
            return False
        hunt.single(ways, slice(0, measured.layout.size))
        return not fail(hunt.known(*groups)) and (bool(hunt.numeric) or not measured.hurried)

    def _factor_in_all(self) -> bool:
        """Whether one tensor alone fails, and it or a line of it times a factor explains all slopes."""
        hunt, measured = self.hunt, self.hunt.measured
        failing = [k for k, group in measured.tensors.items() if fail(hunt.known(group))]
        if len(failing) != 1:
            return False
        tensor, group = measured.layout.tensors[failing[0]], measured.tensors[failing[0]]
        return tensor.size > _SMALL and self._by_a_factor(tensor, hunt.known(*self._groups(group)))

    def _tensor(self, tensor: Tensor, group: Group, alone: bool) -> None:
        """Search one tensor, along whose directions the gradient fails; ``alone`` if everything else is right by now."""
        try:
            if tensor.size <= _SMALL:
                self._look_at_all(tensor, group)
            else:
                self._in_parts(tensor, self._groups(group) if alone else (group,))
        except Spent:
            self.unsearched.append(tensor.name)

    def _groups(self, group: Group) -> tuple[Group, ...]:
        """Those that tell of a tensor where it alone is wrong: its own, and that over everything."""
        whole = self.hunt.measured.whole
        return (group,) if group is whole else (group, whole)

    def _look_at_all(self, tensor: Tensor, group: Group) -> None:
        """Every component by itself."""
        hunt, every = self.hunt, _every(tensor)
        told = hunt.can_be_told(every)
        found = hunt.refuted(every)
        n_told = np.union1d(told, list(found)).size
        n_few = min(rule.FEW, max(tensor.size - 1, 1))
        if len(found) > max(n_few, rule.MOST * n_told):
            self.throughout.append(tensor.name)
            return
        hunt.note(found)
        if not found or fail(hunt.known(group)):
            self.unsearched.append(tensor.name)

    def _in_parts(self, tensor: Tensor, groups: Sequence[Group]) -> None:
        """Halve the tensor until single components explain what parts of it leave, and again until all directions pass."""
        hunt, n_lines, n_sampled, in_vain = self.hunt, len(self.lines), 0, 0
        ways = self._next(tensor, hunt.known(*groups), anew=False)
        if self._by_a_factor(tensor, ways):
            return
        if self._never_written(tensor, hunt.within(ways, tensor)):
            ways = [] if tensor.name in self.throughout else self._next(tensor, [], anew=False)
        while fail(ways):
            in_vain = 0 if self._descend(ways, tensor) else in_vain + 1
            if tensor.name in self.throughout or in_vain == _TRIES:
                break
            ways = self._next(tensor, ways, in_vain > 0)
            if fail(ways) and self._join_lines(tensor):
                ways = self._next(tensor, [], anew=False)
            if fail(ways) and len(hunt.found_in(tensor)) > (n_sampled + 1) * rule.MANY:
                n_sampled += 1
                ways = [] if self._throughout(tensor, ways) else ways
        named = tensor.name in self.throughout or len(self.lines) > n_lines or hunt.found_in(tensor)
        if in_vain == _TRIES or not named:
            self.unsearched.append(tensor.name)

    def _next(self, tensor: Tensor, ways: list[Way], anew: bool) -> list[Way]:
        """The directions against the gradient as it is now; where they all pass and are few, or led to nothing, with new ones."""
        hunt = self.hunt
        ways = hunt.again(ways)
        for _ in range(_PASSES):
            if fail(ways) or len(ways) >= rule.ENOUGH:
                break
            ways = [*hunt.drawn(tensor, 1), *ways]
        if not fail(ways):
            return ways
        return hunt.drawn(tensor, n_needed(ways, tensor.size)) if anew else self._enough(tensor, ways)

    def _enough(self, tensor: Tensor, ways: list[Way]) -> list[Way]:
        """The ways, with as many new ones as are needed to tell one component from the others."""
        missing = n_needed(ways, tensor.size) - len(ways)
        return [*ways, *self.hunt.drawn(tensor, missing)] if missing > 0 else ways

    def _by_a_factor(self, tensor: Tensor, ways: Sequence[Way]) -> bool:
        """Name the row, the column or the tensor of which a factor explains all that is left, if its components confirm it."""
        sizes = self.hunt.gradient * self.hunt.measured.units
        for line, multiple in patterned(ways, tensor, sizes)[:_LINES]:
            self.asked.add(line.name)
            error = abs(multiple) * norm(sizes[line.place]) / np.sqrt(line.indices.size)
            if self.hunt.wrong_throughout(line.indices, error, _FACTOR):
                self._leave(line.place, line.name, self.throughout if line.name == tensor.name else self.lines)
                return True
        return False

    def _never_written(self, tensor: Tensor, ways: Sequence[Way]) -> bool:
        """Name a tensor whose gradient is 0, or a row or column of it where these are few, if it is wrong throughout."""
        gradient = self.hunt.gradient
        if not gradient[tensor.slice].any():
            return self._throughout(tensor, ways)
        lines = blank_lines(tensor, gradient)
        some = lines if len(lines) <= _LINES else []
        return any([self._line(line, tensor, self._error_on(line, ways)) for line in some])

    def _error_on(self, line: Line, ways: Sequence[Way]) -> float:
        """How far each component of a line is off if no other is."""
        return typical_error(ways) * float(np.sqrt(ways[0].u.size / line.indices.size))

    def _descend(self, ways: Sequence[Way], tensor: Tensor) -> bool:
        """Follow failing directions down to wrong components, and note them; False if they lead to none.

        Ends early when two of them lie in one line: perhaps all of it is wrong.
        """
        hunt, noted = self.hunt, list[int]()
        parts = [(hunt.within(ways, tensor), 0)]
        while parts and not shared_lines(tensor, noted):
            part, dense = parts.pop()
            u = part[0].u
            found = hunt.single(part, slice(u.start, u.stop))
            if not found and u.size == 1:
                found = hunt.note(hunt.refuted(np.array([u.start])))
            noted += found
            if found or u.size == 1:
                continue
            row = row_around(tensor, u.start, u.stop) if dense >= _DENSE_ROW else None
            if row is not None and self._line(row, tensor, typical_error(part)):
                return True
            halves = hunt.parted(clearest(part, n_needed(part, u.size)), middle_of(tensor, u.start, u.stop))
            failing = [half for half in halves if fail(half)]
            dense = dense + 1 if len(failing) == 2 else 0
            if dense == _DENSE and tensor.name not in self.asked and self._throughout(tensor, part):
                return True
            parts += [(half, dense) for half in failing]
        return bool(noted)

    def _throughout(self, tensor: Tensor, ways: Sequence[Way]) -> bool:
        """Name the tensor if it is wrong throughout."""
        self.asked.add(tensor.name)
        others = np.setdiff1d(_every(tensor), self.hunt.found_in(tensor))
        if not self.hunt.wrong_throughout(others, typical_error(ways)):
            return False
        self._leave(tensor.slice, tensor.name, self.throughout)
        return True

    def _line(self, line: Line, tensor: Tensor, error: float) -> bool:
        """Name a row or a column, of which components are off by about so much, if it is wrong throughout."""
        if line.name in self.asked:
            return False
        self.asked.add(line.name)
        others = np.setdiff1d(line.indices, self.hunt.found_in(tensor))
        if not self.hunt.wrong_throughout(others, error):
            return False
        self._leave(line.place, line.name, self.lines)
        return True

    def _leave(self, place: slice, name: str, names: list[str]) -> None:
        names.append(name)
        self.hunt.leave(place)

    def _join_lines(self, tensor: Tensor) -> bool:
        """Name the rows and columns that hold two of the components found and are wrong throughout."""
        hunt, n_before = self.hunt, len(self.lines)
        for line in shared_lines(tensor, hunt.found_in(tensor)):
            own = np.intersect1d(line.indices, hunt.found_in(tensor))
            if own.size:
                self._line(line, tensor, hunt.typical_error(own))
        return len(self.lines) > n_before


def _every(tensor: Tensor) -> Indices:
    return np.arange(tensor.start, tensor.stop)
