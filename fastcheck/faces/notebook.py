"""A renderable of rich as HTML for a notebook: one <pre>, its colours legible on light and on dark ground."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console, Group
from rich.table import Table
from rich.terminal_theme import TerminalTheme

_FOLDED = 100  # columns beyond which sentences are folded; tables are not
_UNBOUNDED = 10_000
_GREY = (125, 125, 125)
_ANSI = [_GREY, (214, 66, 56), (20, 145, 85), (176, 122, 0), (60, 125, 215), (175, 90, 190), (0, 138, 165), _GREY]
_THEME = TerminalTheme(_GREY, _GREY, _ANSI)  # on grey ground, dim text is grey as well
_FONT = "ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
_PRE = f'<pre style="font-family: {_FONT}; line-height: 1.35; white-space: pre; overflow-x: auto; margin: 0 0 0.5em">{{code}}</pre>'


def html(renderable: Any) -> str:
    """The renderable with inline styles, its text escaped."""
    console = Console(
        file=io.StringIO(), record=True, width=_UNBOUNDED, highlight=False, force_jupyter=False
    )  # in a notebook, a console would show itself
    width = max(_FOLDED, _widest_table(renderable, console))
    console.print(renderable, width=width)
    coded = console.export_html(theme=_THEME, code_format=_PRE, inline_styles=True)
    return "\n".join(line.rstrip() for line in coded.splitlines())


def _widest_table(renderable: Any, console: Console) -> int:
    if isinstance(renderable, Table):
        return console.measure(renderable).maximum
    parts = renderable.renderables if isinstance(renderable, Group) else ()
    return max((_widest_table(part, console) for part in parts), default=0)
