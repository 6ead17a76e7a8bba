"""The command line: loads a Problem, runs the check, tells it. Exit 0 correct, 1 not correct, 2 the input cannot be used, 3 the workers were lost."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

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
    accepted,
    named,
    number,
    numbers,
)
from fastcheck.command.telling import fail, guarded, require_writable, tell
from fastcheck.errors import InputError, nearest
from fastcheck.evaluate.checkpoint import described
from fastcheck.problem.question import CENTRAL
from fastcheck.results.report import Report
from fastcheck.results.scaling import Scaling
from fastcheck.results.shown import PICTURES
from fastcheck.scaling.measuring import scale
from fastcheck.version import __version__
from fastcheck.words import counted

Ask = Callable[[Problem], Report]

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)


def _version(asked: bool) -> None:
    if asked:
        print(f"fastcheck {__version__}")
        raise typer.Exit


@app.callback()
def _fastcheck(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
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
    guarded(lambda: require_writable(checkpoint))
    _run(lambda: load(file), ask, json, html, worst, everything)


@app.command("checkpoint")
def _checkpoint(path: Annotated[str, typer.Argument(metavar="PATH", help="A file that --checkpoint made.")]) -> None:
    """Show what is done in a checkpoint."""
    held = guarded(lambda: described(Path(path)))
    if not held.meta:
        print(f"{path}: nothing is done yet")
        return
    done = f"{counted(held.n_lines, 'difference')} and moves of {counted(held.n_runs, 'round')}"
    print(f"{path}: {done} {'is' if held.n_lines == 1 else 'are'} done,")
    print(
        f"the longest has {held.most:,}; the call asks for {counted(int(held.meta['number of components'].replace(',', '')), 'component')}."
    )


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
            options: dict[str, Any] = {"seed": seed, "workers": who, "progress": _progress(), **accepted(accept)}
            report = problem.screen(**options)
            return report.located(problem.locate(**options)) if locate and not report.passed else report

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
        require_writable(plot, PICTURES, "canvas")
        require_writable(json)
        with hired(workers) as who:
            found = load(file).sweep(components=components, workers=who, progress=_progress(), **named(tensors))
        if plot is not None:
            found.save(plot)
        tell(found, found.renderable(), json)

    guarded(swept)


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
        require_writable(plot, PICTURES, "canvas")
        require_writable(json)
        chosen = numbers(sizes)
        factory = None if file is None else load_factory(file)
        with hired(workers) as who:
            found = scale(factory, chosen, workers=who, max_seconds=max_seconds, progress=_progress())
        if plot is not None:
            found.save(plot)
        tell(found, found.renderable(), json)
        return found

    if guarded(scaled).interrupted:
        fail("interrupted", 130)


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
        guarded(lambda: _list_bugs(name))
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
    options: dict[str, Any] = {"eps": number(eps), "components": components, "checkpoint": checkpoint}
    options["method"] = method
    options |= {**named(tensors), **accepted(accept)}

    def checked(problem: Problem) -> Report:
        with hired(workers) as who:
            return problem.check(progress=_progress(), workers=who, **options)

    return checked


def _progress() -> bool | None:
    """A bar at once where somebody looks."""
    return True if sys.stderr.isatty() else None


def _demo(name: str, bug: str | None, fixed: bool) -> Problem:
    names = (*zoo.NETWORKS, "course")
    if name not in names:
        raise InputError(f"demo must be one of {', '.join(names)}, got {name!r}: {nearest(name, names, 'choose one')}")
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
        require_writable(html_path, (".html",), "page")
        require_writable(json_path)
        report = ask(problem())
        if html_path is not None:
            report.save(html_path)
        tell(report, report.renderable(worst, everything), json_path)
        return report

    raise typer.Exit(0 if guarded(asked).passed else 1)


def main() -> None:
    """The entry point of the command ``fastcheck``."""
    app()
