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
ScaleOption: TypeAlias = "PerComponent | None"
EpsOption: TypeAlias = "PerComponent | Literal['auto'] | None"
BoundsOption: TypeAlias = "tuple[PerComponent | None, PerComponent | None] | Bounds | None"
ComponentsOption: TypeAlias = "int | Sequence[int] | npt.NDArray[Any] | None"
TensorsOption: TypeAlias = "str | Sequence[str] | None"
KwargsOption: TypeAlias = "Mapping[str, Any] | None"
MethodOption: TypeAlias = "Literal['central', 'complex']"
WorkersOption: TypeAlias = "int | Literal['processes'] | Executor | Client | None"
ProgressOption: TypeAlias = "bool | Callable[[int, int], None] | None"
CheckpointOption: TypeAlias = "str | PathLike[str] | None"


class CommonOptions(TypedDict, total=False):
    """What every check of a problem takes by name."""

    layout: Layout | None
    bounds: BoundsOption
    workers: WorkersOption
    progress: ProgressOption
    kwargs: KwargsOption


class SweepOptions(CommonOptions, total=False):
    """What `sweep` takes by name."""

    components: ComponentsOption
    tensors: TensorsOption


class CheckOptions(SweepOptions, total=False):
    """What `check` takes by name."""

    eps: EpsOption
    scale: ScaleOption
    accept: float
    chunk: int | None
    checkpoint: CheckpointOption
    method: MethodOption


class ScreenOptions(CommonOptions, total=False):
    """What `screen` takes by name."""

    scale: ScaleOption
    accept: float
    seed: int
    chunk: int | None


class LocateOptions(ScreenOptions, total=False):
    """What `locate` takes by name."""

    budget: int
