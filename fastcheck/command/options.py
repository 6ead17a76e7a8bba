"""The options of the commands, each with what is said of it, and what some of them mean; several commands share most of them."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from fastcheck.errors import InputError

Json = Annotated[
    str | None,
    typer.Option("--json", metavar="PATH", help="Write the report as JSON; - is stdout, in place of the table."),
]
Html = Annotated[
    str | None,
    typer.Option("--html", metavar="PATH", help="Write the report as a page of its own, PATH ending in .html."),
]
Eps = Annotated[
    str | None,
    typer.Option(
        metavar="EPS",
        help="Perturbation of one component; auto chooses a step for each.",
        show_default="1e-7 where it serves",
    ),
]
Method = Annotated[
    str,
    typer.Option(
        metavar="central|complex",
        help="Two-sided differences, or the complex step: exact where J is analytic and takes complex theta.",
    ),
]
Accept = Annotated[
    float | None, typer.Option(metavar="R", help="The ratio up to which a gradient is right.", show_default="1e-7")
]
Workers = Annotated[
    str | None,
    typer.Option(
        metavar="N|processes|ADDRESS",
        help="Threads; processes of this machine; or a Dask scheduler's address, tcp://HOST:PORT.",
        show_default="a thread on every core",
    ),
]
Components = Annotated[
    int | None,
    typer.Option(metavar="K", help="Check K components, drawn so that every tensor is covered.", show_default="all"),
]
Tensors = Annotated[
    str | None,
    typer.Option(
        metavar="NAME,NAME", help="Look at the tensors of these names; * and ? stand for letters.", show_default="all"
    ),
]
File = Annotated[
    str,
    typer.Argument(
        metavar="FILE.py[:NAME]", help="Where a Problem is, or a function that returns one (default: problem)."
    ),
]
Plot = Annotated[
    str | None,
    typer.Option("--plot", metavar="PATH", help="Write the picture, PATH ending in .png, .svg or .pdf."),
]
Checkpoint = Annotated[
    str | None,
    typer.Option(
        "--checkpoint", metavar="PATH", help="Keep what is done in this file; the same command goes on from there."
    ),
]
Everything = Annotated[bool, typer.Option("--all", help="Show every tensor, the right ones too.")]
Worst = Annotated[int, typer.Option(metavar="K", min=0, help="How many of the worst components to show.")]


def accepted(ratio: float | None) -> dict[str, float]:
    """What --accept says; nothing where it is left to the problem."""
    return {} if ratio is None else {"accept": ratio}


def number(eps: str | None) -> float | str | None:
    """What --eps says: a number, or auto; anything else is left for the check to refuse."""
    try:
        return None if eps is None else float(eps)
    except ValueError:
        return eps


def named(names: str | None) -> dict[str, Any]:
    """What --tensors says; nothing where it is left to the problem."""
    return {} if names is None else {"tensors": names.split(",")}


def numbers(sizes: str | None) -> list[int] | None:
    """What --sizes says."""
    try:
        return None if sizes is None else [int(size) for size in sizes.split(",")]
    except ValueError:
        raise InputError(
            f"--sizes must be positive integers with commas between them, got {sizes!r}: write --sizes 32,64,128"
        ) from None
