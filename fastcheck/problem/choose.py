"""How a question is to be looked at: whatever callers pass, accepted as `Options`, or refused in one line before any work."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import numpy as np

from fastcheck.errors import InputError, InputTypeError, nearest, shown
from fastcheck.problem.each import of_each, require_positive
from fastcheck.problem.layout import Layout
from fastcheck.problem.question import ACCEPT, BUDGET, CENTRAL, COMPLEX, PROCESSES, Options, Steps
from fastcheck.problem.selection import Selection, matching, sample
from fastcheck.problem.structure import is_structure
from fastcheck.vectors import Indices, Vector

_OWN = 0x6A09E667  # a part of the seed that nobody else takes


def options(
    layout: Layout,
    theta: Vector,
    *,
    eps: Any = None,
    method: Any = CENTRAL,
    accept: Any = ACCEPT,
    workers: Any = None,
    chunk: Any = None,
    progress: Any = None,
    components: Any = None,
    tensors: Any = None,
    seed: Any = 0,
    budget: Any = BUDGET,
    checkpoint: Any = None,
) -> Options:
    """The record of how it is to be looked at."""
    return Options(
        selection=selection(components, tensors, layout).sorted(),
        eps=step(eps, theta, layout),
        method=_method(method, eps),
        accept=_accepted(accept),
        workers=whose(workers),
        chunk=_number_or_none(chunk, "chunk"),
        progress=display(progress),
        seed=_seed(seed),
        budget=_positive(budget, "budget", "it counts evaluations of the cost"),
        checkpoint=_file(checkpoint),
    )


def selection(components: Any, tensors: Any, layout: Layout) -> Selection:
    """The components to look at, in the order asked for; an int draws that many, so that every tensor is covered."""
    if tensors is not None:
        if components is not None:
            raise InputError(
                f"components and tensors must not both be given, got components={shown(components)} and tensors={shown(tensors)}: choose one"
            )
        return Selection(layout, matching(layout, _patterns(tensors)))
    if components is None:
        return Selection(layout)
    if isinstance(components, bool):
        raise InputTypeError(f"components must be None, an int or indices, got {components}: pass None for all")
    if isinstance(components, int | np.integer):
        return Selection(layout, sample(layout, int(components)))
    return Selection(layout, _indices(components, layout))


def _patterns(tensors: Any) -> tuple[str, ...]:
    """Names of tensors, in which * and ? may stand for letters."""
    told = (tensors,) if isinstance(tensors, str) else tensors
    if not isinstance(told, list | tuple | set | frozenset) or not told or not all(isinstance(p, str) for p in told):
        raise InputTypeError(f"tensors must be a name or a list of names, got {shown(tensors)}: write tensors='W*'")
    return tuple(told)


def _indices(components: Any, layout: Layout) -> Indices:
    try:
        indices = np.asarray(components)
    except ValueError:  # ragged
        indices = np.empty(0, dtype=object)
    if indices.ndim != 1 or indices.size == 0 or indices.dtype.kind not in "iu":
        raise InputTypeError(
            f"components must be a non-empty list of indices, got shape {indices.shape} of {indices.dtype}: pass integers in [0, {layout.size})"
        )
    outside = indices[(indices < 0) | (indices >= layout.size)]
    if outside.size:
        raise InputError(
            f"components must lie in [0, {layout.size}), got {outside[0]}: theta has {layout.size} components"
        )
    return indices.astype(np.int64)


def step(eps: Any, theta: Vector, layout: Layout) -> Steps | str | None:
    """``eps`` as steps that move every component of theta; else an error that names the first it does not."""
    if eps is None or (isinstance(eps, str) and eps == "auto"):
        return eps
    if is_structure(eps) or isinstance(eps, np.ndarray | list | tuple):
        return _moving(of_each(eps, layout, "eps", "give one step for each component"), theta, layout)
    if isinstance(eps, bool | str) or not isinstance(eps, int | float | np.floating | np.integer):
        what = nearest(eps, ("auto",), "1e-7 is usual")
        raise InputTypeError(
            f"eps must be a positive number, an array, a dict, 'auto' or None, got {shown(eps)}: {what}"
        )
    number = float(eps)
    if not (math.isfinite(number) and number > 0):
        raise InputError(f"eps must be positive and finite, got {number}: 1e-7 is usual")
    largest = max(abs(float(theta.max())), abs(float(theta.min())))
    if number < np.spacing(largest):
        _moving(np.full(layout.size, number), theta, layout)
    return number


def _method(method: Any, eps: Any) -> str:
    """How slopes are to be taken; the complex step has a step of its own."""
    if not isinstance(method, str) or method not in (CENTRAL, COMPLEX):
        what = nearest(method, (CENTRAL, COMPLEX), "leave it out for central")
        raise InputError(f'method must be "central" or "complex", got {shown(method)}: {what}')
    if method == COMPLEX and eps is not None:
        raise InputError(
            f'eps must be left out with method="complex", got {shown(eps)}: the imaginary step is so small that none is better'
        )
    return str(method)


def only_central(method: Any, where: str) -> None:
    """Refuse the complex step where J is looked at along directions."""
    if _method(method, None) != CENTRAL:
        raise InputError(
            f'method must be "central" for {where}, got {shown(method)}: leave it out, or ask check for every component'
        )


def _moving(steps: Vector, theta: Vector, layout: Layout) -> Vector:
    """Steps that are positive, finite and not lost in the rounding of theta."""
    require_positive(steps, layout, "eps", "1e-7 is usual")
    lost = np.flatnonzero(np.spacing(np.abs(theta)) > steps)
    if lost.size:
        i = int(lost[0])
        raise InputError(
            f"eps must change every component, got eps = {steps[i]:g} lost in rounding at {layout.name(i)} = {theta[i]:.6g}: "
            f"take eps above {np.spacing(abs(theta[i])):.1g} there, or leave eps out"
        )
    return steps


def _accepted(accept: Any) -> float:
    """The ratio up to which the user calls a gradient right."""
    if isinstance(accept, bool) or not isinstance(accept, int | float | np.integer | np.floating):
        raise InputTypeError(f"accept must be a number between 0 and 1, got {shown(accept)}: 1e-7 is usual")
    if not 0 < accept < 1:
        raise InputError(f"accept must lie between 0 and 1, got {accept}: 1e-7 is usual")
    return float(accept)


def whose(chosen: Any) -> Any:
    """Who evaluates the cost: None for what suits, a number of threads, "processes", an executor, a Dask client."""
    if chosen is None or isinstance(chosen, Executor) or (isinstance(chosen, str) and chosen == PROCESSES):
        return chosen
    if type(chosen).__module__.partition(".")[0] == "distributed" and hasattr(chosen, "scatter"):
        return chosen
    if isinstance(chosen, bool) or not isinstance(chosen, int | np.integer):
        raise InputTypeError(
            f'workers must be None, a positive integer, "processes", a concurrent.futures.Executor or a distributed.Client, '
            f"got {shown(chosen)}: None takes all cores"
        )
    return _positive(chosen, "workers", "pass None for the default")


def _file(checkpoint: Any) -> Path | None:
    """Where finished work is to be kept."""
    if checkpoint is None:
        return None
    if not isinstance(checkpoint, str | os.PathLike):
        raise InputTypeError(
            f"checkpoint must be the path of a file, got {shown(checkpoint)}: name one, or leave it out"
        )
    path = Path(checkpoint)
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise InputError(f"checkpoint must be a file in a folder that exists, got {path}: name another")
    return path


def no_checkpoint(checkpoint: Any, where: str) -> None:
    """Refuse one where nothing is kept."""
    if checkpoint is not None:
        raise InputError(
            f"checkpoint must go to check or gradient, got one for {where}: leave it out, it takes no hours"
        )


def _number_or_none(value: Any, name: str) -> int | None:
    return None if value is None else _positive(value, name, "pass None for the default")


def _positive(value: Any, name: str, advice: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise InputTypeError(f"{name} must be a positive integer, got {shown(value)}: {advice}")
    if value < 1:
        raise InputError(f"{name} must be at least 1, got {value}: {advice}")
    return int(value)


def display(progress: Any) -> bool | Callable[[int, int], None] | None:
    """How progress is to be shown."""
    accepted: bool | Callable[[int, int], None] | None = progress
    if progress is None or isinstance(progress, bool) or callable(progress):
        return accepted
    raise InputTypeError(
        f"progress must be None, True, False or a function of (done, total), got {shown(progress)}: pass None for the default"
    )


def drawn_from(seed: Any) -> np.random.Generator:
    """A generator of our own: data that were drawn from the same seed have nothing in common with what it draws."""
    return np.random.default_rng((_OWN, _seed(seed)))


def _seed(seed: Any) -> int:
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer):
        raise InputTypeError(f"seed must be a non-negative integer, got {shown(seed)}: 0 is the default")
    if seed < 0:
        raise InputError(f"seed must be a non-negative integer, got {seed}: 0 is the default")
    return int(seed)
