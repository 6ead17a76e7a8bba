"""The command line: loads a Problem, runs the check, tells it. Exit 0 correct, 1 not correct, 2 the input cannot be used."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from fastcheck import zoo
from fastcheck.errors import InputError
from fastcheck.faces.tables import plain, tell_location
from fastcheck.loading import load
from fastcheck.locate import Location
from fastcheck.problem import Problem
from fastcheck.report import Report

Ask = Callable[[Problem], tuple[Report, Location | None]]

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)

Json = Annotated[
    str | None,
    typer.Option("--json", metavar="PATH", help="Write the report as JSON; - is stdout, in place of the table."),
]
Eps = Annotated[str, typer.Option(metavar="EPS", help="Perturbation of one component; auto chooses it.")]
Workers = Annotated[int | None, typer.Option(help="Threads.", show_default="every core")]
Components = Annotated[
    int | None,
    typer.Option(metavar="K", help="Check K components, drawn so that every tensor is covered.", show_default="all"),
]
File = Annotated[
    str,
    typer.Argument(
        metavar="FILE.py[:NAME]", help="Where a Problem is, or a function that returns one (default: problem)."
    ),
]
Worst = Annotated[int, typer.Option(metavar="K", min=0, help="How many of the worst components to show.")]


@app.callback()
def _fastcheck() -> None:
    """Is a hand-written gradient right, and if not, which component is wrong?"""


@app.command()
def check(
    file: File,
    eps: Eps = "1e-7",
    workers: Workers = None,
    components: Components = None,
    worst: Worst = 5,
    json: Json = None,
) -> None:
    """Check the gradient of your own problem, component by component."""
    _run(lambda: load(file), _checked(eps, workers, components), json, worst)


@app.command()
def screen(
    file: File,
    locate: Annotated[bool, typer.Option("--locate", help="If it is not correct, find the wrong components.")] = False,
    seed: Annotated[int, typer.Option(help="Of the random directions.")] = 0,
    workers: Workers = None,
    json: Json = None,
) -> None:
    """Check the gradient of your own problem in a few dozen evaluations, however many components it has."""

    def screened(problem: Problem) -> tuple[Report, Location | None]:
        report = problem.screen(seed=seed, workers=workers, progress=_progress())
        found = (
            problem.locate(seed=seed, workers=workers, progress=_progress()) if locate and not report.passed else None
        )
        return report, found

    _run(lambda: load(file), screened, json)


@app.command()
def demo(
    name: Annotated[
        str, typer.Argument(help="mlp (a classifier of 10,060 parameters) or course (the course's example, two bugs).")
    ] = "mlp",
    bug: Annotated[str | None, typer.Option(help="Plant one of the bugs of mlp; see --list.")] = None,
    fixed: Annotated[bool, typer.Option("--fixed", help="course with both bugs fixed.")] = False,
    list_bugs: Annotated[bool, typer.Option("--list", help="Name the bugs and stop.")] = False,
    eps: Eps = "1e-7",
    workers: Workers = None,
    components: Components = None,
    worst: Worst = 5,
    json: Json = None,
) -> None:
    """Check a network that comes with fastcheck, right or with a bug planted."""
    if list_bugs:
        _list_bugs()
    else:
        _run(lambda: _demo(name, bug, fixed), _checked(eps, workers, components), json, worst)


def _checked(eps: str, workers: int | None, components: int | None) -> Ask:
    """The full check, with these options."""

    def checked(problem: Problem) -> tuple[Report, None]:
        return problem.check(eps=_number(eps), workers=workers, components=components, progress=_progress()), None

    return checked


def _number(eps: str) -> float | str:
    """What --eps says: a number, or auto; anything else is left for the check to refuse."""
    try:
        return float(eps)
    except ValueError:
        return eps


def _progress() -> bool | None:
    """A bar at once where somebody looks."""
    return True if sys.stderr.isatty() else None


def _demo(name: str, bug: str | None, fixed: bool) -> Problem:
    if name not in ("mlp", "course"):
        raise InputError(f"demo must be mlp or course, got {name!r}: choose one")
    if name == "course":
        if bug is not None:
            raise InputError(
                f"course must be given without --bug, got {bug!r}: it has its own two bugs, --fixed removes them"
            )
        return zoo.course(fixed)
    if fixed:
        raise InputError("--fixed must go with course, got mlp: mlp is right unless --bug is given")
    return zoo.mlp(bug=bug)


def _list_bugs() -> None:
    for name, words in zoo.bugs().items():
        print(f"{name:<12}{words}")


def _run(problem: Callable[[], Problem], ask: Ask, json_path: str | None, worst: int = 5) -> None:
    """Load, ask, tell, and exit with the verdict's code; whatever makes the input unusable is one line on stderr."""
    try:
        report, location = ask(problem())
        _tell(report, location, json_path, worst)
    except KeyboardInterrupt:
        _fail("interrupted", 130)
    except InputError as error:
        _fail(str(error))
    except Exception as error:  # the user's own functions may raise anything
        notes = "; ".join(getattr(error, "__notes__", ()))
        _fail(f"{type(error).__name__}: {error}" + (f" ({notes})" if notes else ""))
    raise typer.Exit(0 if report.passed else 1)


def _tell(report: Report, location: Location | None, json_path: str | None, worst: int) -> None:
    if json_path is not None:
        told = report.to_dict() | ({"location": location.to_dict()} if location else {})
        text = json.dumps(told, indent=2, allow_nan=False)
        if json_path == "-":
            print(text)
            return
        Path(json_path).write_text(text + "\n", encoding="utf-8")
    for renderable in [report.renderable(worst)] + ([tell_location(location)] if location else []):
        if sys.stdout.isatty():
            Console(highlight=False).print(renderable)
        else:
            print(plain(renderable))


def _fail(message: str, code: int = 2) -> None:
    line = " ".join(message.split())
    print(f"fastcheck: {line}", file=sys.stderr)
    raise typer.Exit(code)


def main() -> None:
    """The entry point of the command ``fastcheck``."""
    app()
