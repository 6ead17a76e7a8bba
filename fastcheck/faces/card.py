"""A problem in a few lines: what it is called, its tensors, what its cost is given, and which call answers what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from fastcheck.errors import shown
from fastcheck.problem.held import held, shape_of
from fastcheck.words import counted

if TYPE_CHECKING:
    from fastcheck.problem.question import Question

_N_TENSORS = 12  # that are listed
_N_ARGUMENTS = 8


def tell_problem(name: str, asked: Question) -> Any:
    """The whole card as one renderable."""
    arguments = _arguments(asked)
    given = [Text(f"cost(theta, ...) is given {arguments}")] if arguments else []
    title = Text.assemble((f"{name}: " if name else "", "bold"), size(asked))
    return Group(title, Text(), _tensors(asked), Text(), *given, *_calls(asked.layout.size))


def tell_in_a_line(words: str) -> Any:
    """What stands for the card of a problem that cannot be used."""
    return Group(Text(words))


def size(asked: Question) -> str:
    """How many components, in how many tensors."""
    layout = asked.layout
    return f"{counted(layout.size, 'component')} in {counted(len(layout.tensors), 'tensor')}"


def _tensors(asked: Question) -> Table:
    table = Table(box=None, padding=(0, 1), pad_edge=False, header_style="bold")
    table.add_column("tensor", no_wrap=True)
    table.add_column("shape", justify="right")
    table.add_column("components", justify="right")
    tensors = asked.layout.tensors
    for tensor in tensors[:_N_TENSORS]:
        table.add_row(tensor.name, "x".join(map(str, tensor.shape)) or "scalar", f"{tensor.size:,}")
    if rest := tensors[_N_TENSORS:]:
        table.add_row(f"{len(rest):,} more", "", f"{sum(tensor.size for tensor in rest):,}")
    return table


def _arguments(asked: Question) -> str:
    told = [f"{name}: {_in_words(value)}" for name, value in held(asked.arguments).items()]
    more = f" and {len(told) - _N_ARGUMENTS:,} more" if len(told) > _N_ARGUMENTS else ""
    return ", ".join(told[:_N_ARGUMENTS]) + more


def _in_words(value: Any) -> str:
    if not (shape := shape_of(value)):
        return shown(value)
    kind = getattr(value, "dtype", type(value).__name__)
    return f"{kind} {'x'.join(map(str, shape))}"


def _calls(n: int) -> list[Text]:
    calls = {
        ".check()": f"every component, in {2 * n:,} evaluations of J and some more",
        ".screen()": "all of them together, in a few dozen evaluations",
        ".locate()": "which components are wrong",
        ".sweep()": "the ratio at every eps",
    }
    return [Text.assemble((f"{call:<10}", "bold"), words) for call, words in calls.items()]
