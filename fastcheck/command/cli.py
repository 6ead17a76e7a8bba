"""The command line: loads a Problem, runs the check, tells it. Exit 0 correct, 1 not correct, 2 the input cannot be used, 3 the workers were lost."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console

from fastcheck import zoo
from fastcheck.checks.problem import Problem
from fastcheck.command.hiring import hired
from fastcheck.command.loading import load, load_factory
from fastcheck.command.options import (
    Accept,
    Checkpoint,
    Components,
    Eps,
    Everything,
    File,
    Html,
    Json,
    Method,
    Plot,
    Tensors,
    Workers,
    Worst,
)
from fastcheck.errors import InputError, WorkersLost
from fastcheck.evaluate.checkpoint import described
from fastcheck.faces.tables import plain
from fastcheck.problem.question import CENTRAL
from fastcheck.results import archive
from fastcheck.results.report import Report
from fastcheck.results.scaling import Scaling
from fastcheck.results.shown import PICTURES, face
from fastcheck.scaling.measuring import scale

Ask = Callable[[Problem], Report]

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)


@app.callback()
def _fastcheck() -> None:
    """Is a hand-written gradient right, and if not, which component is wrong?"""


@app.command()
def check(
    file: File,
    eps: Eps = None,
    accept: Accept = None,
    workers: Workers = None,
    components: Components = None,
    tensors: Tensors = None,
    worst: Worst = 5,
    everything: Everything = False,
    json: Json = None,
    html: Html = None,
    checkpoint: Checkpoint = None,
    method: Method = CENTRAL,
) -> None:
    """Check the gradient of your own problem, component by component."""
    ask = _checked(eps, accept, workers, components, tensors, checkpoint, method)
    _run(lambda: load(file), ask, json, html, worst, everything)


@app.command("checkpoint")
def _checkpoint(path: Annotated[str, typer.Argument(metavar="PATH", help="A file that --checkpoint made.")]) -> None:
    """Show what is done in a checkpoint."""
    held = _guarded(lambda: described(Path(path)))
    print(f"{path}: {held.n_lines:,} differences and moves of {held.n_runs:,} rounds are done,")
    print(f"the longest has {held.most:,}; the call asks for {held.meta['number of components']} components.")


@app.command()
def screen(
    file: File,
    locate: Annotated[bool, typer.Option("--locate", help="If it is not correct, find the wrong components.")] = False,
    seed: Annotated[int, typer.Option(help="Of the random directions.")] = 0,
    accept: Accept = None,
    workers: Workers = None,
    everything: Everything = False,
    json: Json = None,
    html: Html = None,
) -> None:
    """Check the gradient of your own problem in a few dozen evaluations, however many components it has."""

    def screened(problem: Problem) -> Report:
        with hired(workers) as who:
            options: dict[str, Any] = {"seed": seed, "workers": who, "progress": _progress(), **_accepted(accept)}
            report = problem.screen(**options)
            return replace(report, location=problem.locate(**options)) if locate and not report.passed else report

    _run(lambda: load(file), screened, json, html, everything=everything)


@app.command()
def sweep(
    file: File,
    plot: Plot = None,
    json: Json = None,
    components: Annotated[
        int | None,
        typer.Option(
            metavar="K",
            help="Look at K components, drawn so that every tensor is covered.",
            show_default="all, or 1000",
        ),
    ] = None,
    tensors: Tensors = None,
    workers: Workers = None,
) -> None:
    """The ratio of your own problem at every eps from 1e-1 to 1e-12. Exit 0 whatever the ratio is."""

    def swept() -> None:
        _require_writable(plot, PICTURES, "canvas")
        with hired(workers) as who:
            found = load(file).sweep(components=components, workers=who, progress=_progress(), **_tensors(tensors))
        if plot is not None:
            found.save(plot)
        _tell(found.to_dict(), found.renderable(), json)

    _guarded(swept)


@app.command("scale")
def scaling(
    file: Annotated[
        str | None,
        typer.Argument(
            metavar="FILE.py[:FACTORY]",
            help="Where a function of a size is that returns a Problem (default: factory).",
            show_default="the mlp that comes with fastcheck",
        ),
    ] = None,
    sizes: Annotated[
        str | None,
        typer.Option(
            metavar="K,K,...", help="What the factory is called with.", show_default="16 to 1024; of the mlp 1 to 13333"
        ),
    ] = None,
    workers: Workers = None,
    max_seconds: Annotated[
        float, typer.Option("--max-seconds", metavar="S", help="Time to measure in; what takes longer is projected.")
    ] = 60.0,
    plot: Plot = None,
    json: Json = None,
) -> None:
    """How the time of a check grows with the number of components. Ctrl-C keeps the sizes done, and exits with 130."""

    def scaled() -> Scaling:
        _require_writable(plot, PICTURES, "canvas")
        _require_folder(None if json == "-" else json)
        numbers = _numbers(sizes)
        factory = None if file is None else load_factory(file)
        with hired(workers) as who:
            found = scale(factory, numbers, workers=who, max_seconds=max_seconds, progress=_progress())
        if plot is not None:
            found.save(plot)
        _tell(found.to_dict(), found.renderable(), json)
        return found

    if _guarded(scaled).interrupted:
        _fail("interrupted", 130)


@app.command()
def demo(
    name: Annotated[
        str, typer.Argument(help=f"{', '.join(zoo.NETWORKS)}, or course (the course's example, with two bugs).")
    ] = "mlp",
    bug: Annotated[str | None, typer.Option(help="Plant one of the network's bugs; see --list.")] = None,
    fixed: Annotated[bool, typer.Option("--fixed", help="course with both bugs fixed.")] = False,
    list_bugs: Annotated[bool, typer.Option("--list", help="Name the network's bugs and stop.")] = False,
    eps: Eps = None,
    accept: Accept = None,
    workers: Workers = None,
    components: Components = None,
    tensors: Tensors = None,
    worst: Worst = 5,
    everything: Everything = False,
    json: Json = None,
    html: Html = None,
) -> None:
    """Check a network that comes with fastcheck, right or with a bug planted."""
    if list_bugs:
        _guarded(lambda: _list_bugs(name))
    else:
        _run(
            lambda: _demo(name, bug, fixed),
            _checked(eps, accept, workers, components, tensors),
            json,
            html,
            worst,
            everything,
        )


def _checked(
    eps: str | None,
    accept: float | None,
    workers: str | None,
    components: int | None,
    tensors: str | None,
    checkpoint: str | None = None,
    method: str = CENTRAL,
) -> Ask:
    """The full check, with these options."""
    options: dict[str, Any] = {"eps": _number(eps), "components": components, "checkpoint": checkpoint}
    options["method"] = method
    options |= {**_tensors(tensors), **_accepted(accept)}

    def checked(problem: Problem) -> Report:
        with hired(workers) as who:
            return problem.check(progress=_progress(), workers=who, **options)

    return checked


def _accepted(ratio: float | None) -> dict[str, float]:
    """What --accept says; nothing where it is left to the problem."""
    return {} if ratio is None else {"accept": ratio}


def _number(eps: str | None) -> float | str | None:
    """What --eps says: a number, or auto; anything else is left for the check to refuse."""
    try:
        return None if eps is None else float(eps)
    except ValueError:
        return eps


def _tensors(names: str | None) -> dict[str, list[str]]:
    """What --tensors says; nothing where it is left to the problem."""
    return {} if names is None else {"tensors": names.split(",")}


def _numbers(sizes: str | None) -> list[int] | None:
    """What --sizes says."""
    try:
        return None if sizes is None else [int(size) for size in sizes.split(",")]
    except ValueError:
        raise InputError(
            f"--sizes must be positive integers with commas between them, got {sizes!r}: write --sizes 32,64,128"
        ) from None


def _progress() -> bool | None:
    """A bar at once where somebody looks."""
    return True if sys.stderr.isatty() else None


def _demo(name: str, bug: str | None, fixed: bool) -> Problem:
    names = (*zoo.NETWORKS, "course")
    if name not in names:
        raise InputError(f"demo must be one of {', '.join(names)}, got {name!r}: choose one")
    if name == "course":
        if bug is not None:
            raise InputError(
                f"course must be given without --bug, got {bug!r}: it has its own two bugs, --fixed removes them"
            )
        return zoo.course(fixed)
    if fixed:
        raise InputError(f"--fixed must go with course, got {name}: it is right unless --bug is given")
    return zoo.NETWORKS[name].make(bug=bug)


def _list_bugs(network: str) -> None:
    for name, words in zoo.bugs(network).items():
        print(f"{name:<14}{words}")


def _run(
    problem: Callable[[], Problem],
    ask: Ask,
    json_path: str | None,
    html_path: str | None,
    worst: int = 5,
    everything: bool = False,
) -> None:
    """Load, ask, tell, and exit with the verdict's code."""

    def asked() -> Report:
        _require_writable(html_path, (".html",), "page")
        report = ask(problem())
        if html_path is not None:
            report.save(html_path)
        _tell(report.to_dict(), report.renderable(worst, everything), json_path)
        return report

    raise typer.Exit(0 if _guarded(asked).passed else 1)


def _guarded(action: Callable[[], Any]) -> Any:
    """What the action returns; whatever makes the input unusable is one line on stderr."""
    try:
        return action()
    except KeyboardInterrupt as error:
        done = getattr(error, "report", None)
        _fail("interrupted" if done is None else f"interrupted: {done}", 130)
    except BrokenPipeError:  # whoever read stdout has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(1) from None
    except WorkersLost as error:
        _fail(str(error), 3)
    except Exception as error:  # the user's own functions may raise anything
        kind = "" if isinstance(error, InputError) else f"{type(error).__name__}: "
        notes = "; ".join(getattr(error, "__notes__", ()))
        _fail(f"{kind}{error}" + (f" ({notes})" if notes else ""))


def _require_writable(path: str | None, suffixes: tuple[str, ...], needed: str) -> None:
    """Refuse, before the work starts, a path that could not be written after it; ``needed`` is the face that draws."""
    if path is None:
        return
    archive.require_suffix(path, suffixes)
    _require_folder(path)
    face(needed)


def _require_folder(path: str | None) -> None:
    """Refuse a path whose folder does not exist."""
    if path is not None and not Path(path).absolute().parent.is_dir():
        raise InputError(f"the folder must exist, got {Path(path).parent}: make it first")


def _tell(told: dict[str, Any], renderable: Any, json_path: str | None) -> None:
    """As JSON where it is asked for; and unless that goes to stdout, as a person reads it."""
    if json_path is not None:
        text = archive.summary(told)
        if json_path == "-":
            print(text, end="")
            return
        archive.write(json_path, text)
    if sys.stdout.isatty():
        Console(highlight=False).print(renderable)
    else:
        print(plain(renderable))


def _fail(message: str, code: int = 2) -> NoReturn:
    line = " ".join(message.split())
    print(f"fastcheck: {line}", file=sys.stderr)
    raise typer.Exit(code)


def main() -> None:
    """The entry point of the command ``fastcheck``."""
    app()
