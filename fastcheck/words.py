"""Numbers and names in sentences: counts, times, lists."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

_UNITS = (
    ("ns", 1e-9),
    ("us", 1e-6),
    ("ms", 1e-3),
    ("s", 1.0),
    ("min", 60.0),
    ("h", 3600.0),
    ("days", 86400.0),
    ("years", 31557600.0),
)


def counted(n: int, what: str) -> str:
    """``1 component``, ``1,234 components``."""
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def duration(seconds: float) -> str:
    """Two digits or three, in the largest unit of which it is at least one."""
    unit, one = next((pair for pair in reversed(_UNITS) if seconds >= 0.9995 * pair[1]), _UNITS[0])
    number = seconds / one
    return (
        f"{number:.1f} {unit}" if number < 9.95 else f"{number:,.0f} {unit}" if number < 1e6 else f"{number:.0e} {unit}"
    )


def listed(names: Sequence[str], most: int = 8, room: int = 120) -> str:
    """Names in a sentence, the first few of many: ``most`` at the most, and fewer where they are long, of ``room`` letters."""
    lengths = accumulate(len(name) + 2 for name in names[:most])
    k = max(sum(length <= room for length in lengths), 1)
    shown = ", ".join(names[:k])
    return shown if len(names) <= k else f"{shown} and {len(names) - k:,} more"


def told_apart(one: float, other: float) -> tuple[str, str]:
    """Two numbers with six digits, or as many as it takes to see that they differ."""
    digits = next((n for n in range(6, 17) if f"{one:.{n}g}" != f"{other:.{n}g}"), 17)
    return f"{one:.{digits}g}", f"{other:.{digits}g}"
