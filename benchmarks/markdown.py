"""Numbers and rows to Markdown text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

DASH = "-"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table: numbers to the right, the first column and words to the left."""
    rows = [list(row) for row in rows]
    right = [k > 0 and all(_is_number(row[k]) for row in rows) for k in range(len(header))]
    rule = ["---:" if numbers else "---" for numbers in right]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [list(header), rule, *rows])


def _is_number(cell: str) -> bool:
    return cell == DASH or cell[:1].isdigit()


def prose(text: str) -> str:
    """Lines of at most 120 characters."""
    return textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False)


def duration(seconds: float) -> str:
    """Three digits, in the unit that suits."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= 0.9995 * size:
            return f"{digits(seconds / size)} {unit}"
    return f"{digits(seconds / 1e-9)} ns"


def digits(value: float) -> str:
    """Three digits, or all of those before the point."""
    return f"{value:.2f}" if value < 9.995 else f"{value:.1f}" if value < 99.95 else f"{value:,.0f}"


def rate(per_second: float) -> str:
    """Three digits, the rest zeros."""
    return f"{float(f'{per_second:.3g}'):,.0f}"


def or_dash(value: float | None, form: str) -> str:
    return DASH if value is None else form.format(value)


def counted(workers: int) -> str:
    return f"{workers} worker" + ("" if workers == 1 else "s")


def marks(name: str) -> tuple[str, str]:
    """What stands before and after a part of a file that is generated."""
    return f"<!-- {name}:start -->", f"<!-- {name}:end -->"


def refreshed(text: str, generated: str, name: str) -> str:
    """``text`` with ``generated`` between the marks of this name, whatever stood there."""
    start, end = marks(name)
    if text.count(start) != 1 or text.count(end) != 1 or text.index(start) > text.index(end):
        raise ValueError(f"the text must hold {start} and {end} once each, in this order, got something else: add them")
    before, rest = text.split(start)
    return f"{before}{start}\n{generated.strip()}\n{end}{rest.split(end)[1]}"
