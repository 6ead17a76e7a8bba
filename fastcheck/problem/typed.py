"""What callers pass, by its type: the names that an editor shows in signatures; the docstring of `check` says what each means."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypedDict

import numpy.typing as npt

from fastcheck.problem.layout import Layout

if TYPE_CHECKING:
    from os import PathLike

    from distributed import Client
    from scipy.optimize import Bounds

Cost: TypeAlias = "Callable[..., Any]"
PerComponent: TypeAlias = "float | npt.ArrayLike | Mapping[str, npt.ArrayLike]"
Scale: TypeAlias = "PerComponent | None"
Eps: TypeAlias = "PerComponent | Literal['auto'] | None"
BoundsOption: TypeAlias = "tuple[PerComponent | None, PerComponent | None] | Bounds | None"
Components: TypeAlias = "int | Sequence[int] | npt.NDArray[Any] | None"
Tensors: TypeAlias = "str | Sequence[str] | None"
Kwargs: TypeAlias = "Mapping[str, Any] | None"
Method: TypeAlias = "Literal['central', 'complex']"
WorkersOption: TypeAlias = "int | Literal['processes'] | Executor | Client | None"
ProgressOption: TypeAlias = "bool | Callable[[int, int], None] | None"
CheckpointOption: TypeAlias = "str | PathLike[str] | None"


class CommonOptions(TypedDict, total=False):
    """What every check of a problem takes by name."""

    layout: Layout | None
    bounds: BoundsOption
    workers: WorkersOption
    progress: ProgressOption
    kwargs: Kwargs


class SweepOptions(CommonOptions, total=False):
    """What `sweep` takes by name."""

    components: Components
    tensors: Tensors


class CheckOptions(SweepOptions, total=False):
    """What `check` takes by name."""

    eps: Eps
    scale: Scale
    accept: float
    chunk: int | None
    checkpoint: CheckpointOption
    method: Method


class ScreenOptions(CommonOptions, total=False):
    """What `screen` takes by name."""

    scale: Scale
    accept: float
    seed: int
    chunk: int | None


class LocateOptions(ScreenOptions, total=False):
    """What `locate` takes by name."""

    budget: int
