"""Where a gradient is wrong, as `locate` found it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from fastcheck.diagnosis.finding import Finding
from fastcheck.judge.verdict import Component
from fastcheck.results.shown import Shown, face, plain_types
from fastcheck.words import listed

_NAMED = 4  # of each kind, in one line


@dataclass(frozen=True)
class Location(Shown):
    """Where a gradient is wrong.

    Attributes
    ----------
    components : tuple of Component
        Wrong one by one, each measured by a two-sided difference of its own; the largest error first.
    tensors : tuple of str
        Names of tensors in which most of what can be told is wrong.
    evaluations : int
        Of J, those of the screen before included.
    lines : tuple of str
        Rows and columns that are wrong throughout: ``W2[9, :]``, ``W2[:, 3]``.
    unsearched : tuple of str
        Names of tensors that are wrong, but whose search did not end within the budget, or found nothing certain.
    findings : tuple of Finding
        ``accumulates`` or ``random``, where a second call of grad at the same theta gives another gradient; ``entry`` or
        ``transpose``, which entries of a Jacobian are wrong.
    """

    components: tuple[Component, ...]
    tensors: tuple[str, ...]
    evaluations: int
    lines: tuple[str, ...] = ()
    unsearched: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def words(self) -> str:
        """What is wrong, in one line: ``W2[9, 13] is wrong``, ``row W2[9, :], b1 are wrong throughout``; empty if nothing was found."""
        places = [*map(_line, self.lines), *self.tensors]
        single = [component.name for component in self.components]
        told = (
            (places, "wrong throughout"),
            (single, "wrong"),
            (self.unsearched, "wrong, though not searched to the end"),
        )
        return "; ".join(
            f"{listed(names, _NAMED)} {'is' if len(names) == 1 else 'are'} {what}" for names, what in told if names
        )

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON types; numbers that are not finite become None."""
        told: dict[str, Any] = plain_types(asdict(self))
        return told

    def renderable(self) -> Any:
        """What a person reads, for a rich console."""
        return face("places").tell_location(self)


def _line(name: str) -> str:
    return f"{'row' if name.endswith(':]') else 'column'} {name}"
