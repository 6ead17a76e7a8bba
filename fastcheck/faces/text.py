"""What the faces of the terminal are made of: tables whose names are cut where there is no room, hanging sentences, plain text."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.table import Table
from rich.text import Text

_PROSE = 80  # columns of running text in a file or a pipe; tables are never folded there
_UNBOUNDED = 10_000
_SHORTEST = 8  # characters that are left of a name
_FIRST, _OTHERS = 2, 4  # columns by which a sentence is indented: its first line, and those that follow

Justify = Literal["left", "right"]


class Columns(Table):
    """A table of lines without frames. Where it is wider than the terminal, its ``names`` (columns) give way:
    those that begin with the first one of their row lose that, then all are cut in the middle."""

    def __init__(self, *columns: tuple[Any, Justify], names: Sequence[int] = (0,)) -> None:
        super().__init__(box=None, padding=(0, 1), pad_edge=False, header_style="bold")
        self._heads, self._names, self._lines = columns, names, list[tuple[Any, ...]]()
        for head, justify in columns:
            self.add_column(head, justify=justify, no_wrap=True)

    def add(self, *cells: str | Text) -> None:
        self._lines.append(cells)
        self.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in cells))  # no markup of names

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        fitted = self
        for lines in (self._without_prefix, self._cut):
            excess = console.measure(fitted, options=options.update(max_width=_UNBOUNDED)).maximum - options.max_width
            if excess > 0:
                fitted = fitted._with(lines(fitted._lines, excess))
        yield from Table.__rich_console__(fitted, console, options)

    def _with(self, lines: Iterable[tuple[Any, ...]]) -> Columns:
        table = Columns(*self._heads, names=self._names)
        for cells in lines:
            table.add(*cells)
        return table

    def _without_prefix(self, lines: list[tuple[Any, ...]], excess: int) -> list[tuple[Any, ...]]:
        first, *others = self._names
        return [
            _replaced(cells, {k: cells[k].removeprefix(cells[first]) or cells[k] for k in others}) for cells in lines
        ]

    def _cut(self, lines: list[tuple[Any, ...]], excess: int) -> list[tuple[Any, ...]]:
        widths = {k: max(len(cells[k]) for cells in lines) for k in self._names} if lines else {}
        room, cap = sum(widths.values()) - excess, max(widths.values(), default=0)
        while cap > _SHORTEST and sum(min(width, cap) for width in widths.values()) > room:
            cap -= 1
        columns = {k: shortened([cells[k] for cells in lines], cap) for k in widths}
        return [_replaced(cells, {k: names[at] for k, names in columns.items()}) for at, cells in enumerate(lines)]


def _replaced(cells: tuple[Any, ...], new: dict[int, str]) -> tuple[Any, ...]:
    return tuple(new.get(k, cell) for k, cell in enumerate(cells))


def shortened(names: Sequence[str], most: int) -> list[str]:
    """Names of at most so many characters, cut where most of them stay different: what they all share goes first."""
    if all(len(name) <= most for name in names):
        return list(names)
    start = len(os.path.commonprefix(names)) if len(set(names)) > 1 else 0
    names = [f"…{name[start:]}" if start > 1 else name for name in names]
    tries = (
        [_cut(name, head, most) for name in names] for head in sorted(range(most), key=lambda k: abs(k - most // 3))
    )
    return max(tries, key=lambda cut: len(set(cut)))  # the first of the best, which begins with a third of the name


def _cut(name: str, head: int, most: int) -> str:
    return name if len(name) <= most else f"{name[:head]}…{name[len(name) - (most - 1 - head) :]}"


class Hanging:
    """A sentence, indented, the lines that follow its first one more."""

    def __init__(self, text: Text, first: int = _FIRST, others: int = _OTHERS) -> None:
        self.text, self.first, self.others = text, first, others

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for k, line in enumerate(self.text.wrap(console, max(options.max_width - self.others, 20))):
            yield Text(" " * (self.others if k else self.first)) + line


def plain(renderable: Group, colour: bool = False) -> str:
    """A renderable as text, without colour unless asked: running text at 80 columns, tables as wide as they are."""
    lines: list[str] = []
    for part in renderable.renderables:
        out = io.StringIO()
        width = _UNBOUNDED if isinstance(part, Table) else _PROSE
        system: Literal["standard"] | None = "standard" if colour else None
        Console(
            file=out, width=width, color_system=system, force_terminal=colour, highlight=False, force_jupyter=False
        ).print(part)
        lines += [line.rstrip() for line in out.getvalue().splitlines()]
    return "\n".join(lines)
