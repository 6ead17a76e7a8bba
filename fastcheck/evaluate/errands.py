"""Work that is sent to other processes: moves that travel by value; cost, theta and other large things once per process.

An errand names what it needs by content. A process keeps what it was given before, finds the rest beside the errand or
in a folder that both can read, or says what is missing.
"""

from __future__ import annotations

import hashlib
import io
import pickle
import sys
import sysconfig
import threading
import traceback
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numba import cloudpickle as numba_cloudpickle

from fastcheck.errors import InputError, first_line
from fastcheck.evaluate.blas import single_threaded
from fastcheck.evaluate.moves import Moves
from fastcheck.evaluate.source import Raised, Source
from fastcheck.vectors import Array
from fastcheck.version import __version__

_LARGE = 1 << 16  # bytes of an array that does not travel with every errand
_KEPT = 64  # things that a process keeps
_NAMED = 16  # things that the caller keeps
_INSTALLED = {Path(sysconfig.get_path(kind)).resolve() for kind in ("stdlib", "purelib", "platlib")}
_REGISTERING = threading.Lock()
_ALONE = threading.Lock()  # plain Python may keep state: one errand at a time


@dataclass(frozen=True)
class Errand:
    """Moves of a source at theta, by content; ``needs`` are the names of all that did not travel with it."""

    version: str
    source: str
    theta: str
    moves: bytes
    needs: tuple[str, ...]


@dataclass(frozen=True)
class Missing:
    """What a process does not have."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class Failed:
    """What went wrong there: the exception, pickled if it can be, the component and offset at which it came, its traceback."""

    error: bytes
    words: str
    component: int | None
    offset: float
    trace: str

    def raised(self) -> Raised:
        """The exception as the caller is to see it, with what was printed there."""
        try:
            error: BaseException = pickle.loads(self.error)
        except Exception:  # a class that exists there only
            error = RuntimeError(self.words)
        return Raised(error if isinstance(error, Exception) else RuntimeError(self.words), self.component, self.offset)


Outcome = Array | Missing | Failed


class Parcels:
    """Of the caller: what has a name, by its name, pickled; the latest few things, so that runs in a loop keep nothing."""

    def __init__(self) -> None:
        self.packed: dict[str, bytes] = {}
        self._names: OrderedDict[int, tuple[Any, str]] = OrderedDict()  # by identity; what is named is kept alive

    def name(self, value: Any) -> str:
        """What a value is called: by its content."""
        if id(value) not in self._names:
            data = _packed_source(value) if isinstance(value, Source) else pickle.dumps(value, protocol=5)
            name = hashlib.sha256(data).hexdigest()
            self.packed[name] = data
            self._names[id(value)] = (value, name)
            while len(self._names) > _NAMED:
                self._names.popitem(last=False)
            names = {name for _, name in self._names.values()}
            self.packed = {name: data for name, data in self.packed.items() if name in names}
        self._names.move_to_end(id(value))
        return self._names[id(value)][1]

    def errand(self, source: Source, theta: Array, moves: Moves) -> Errand:
        what, where = self.name(source), self.name(theta)
        buffer = io.BytesIO()
        pickler = _Pickler(self, buffer)
        pickler.dump(moves)
        return Errand(__version__, what, where, buffer.getvalue(), tuple(dict.fromkeys([what, where, *pickler.named])))


class _Pickler(pickle.Pickler):
    """Large arrays by name."""

    def __init__(self, parcels: Parcels, buffer: io.BytesIO) -> None:
        super().__init__(buffer, protocol=5)
        self.named: list[str] = []
        self._parcels = parcels

    def persistent_id(self, value: Any) -> str | None:
        if type(value) is not np.ndarray or value.nbytes < _LARGE or value.base is not None:
            return None
        self.named.append(self._parcels.name(value))
        return self.named[-1]


class _Unpickler(pickle.Unpickler):
    def __init__(self, data: bytes, found: Mapping[str, Any]) -> None:
        super().__init__(io.BytesIO(data))
        self._found = found

    def persistent_load(self, name: str) -> Any:
        return self._found[name]


def _packed_source(source: Source) -> bytes:
    try:
        import cloudpickle
    except ModuleNotFoundError as error:
        raise InputError(
            'other processes need cloudpickle, got none: pip install "fastcheck[distributed]", or use threads (workers=2)'
        ) from error
    own = _own_modules(source.function)
    try:
        with _REGISTERING, ExitStack() as registered:
            for module in own:
                for pickler in (cloudpickle, numba_cloudpickle):  # njit functions travel by numba's own copy
                    pickler.register_pickle_by_value(module)
                    registered.callback(pickler.unregister_pickle_by_value, module)
            data: bytes = cloudpickle.dumps(source, protocol=5)
    except Exception as error:
        name = getattr(source.function, "__name__", type(source.function).__name__)
        raise InputError(
            f"cost {name} and its args must pickle to be evaluated in other processes, got {type(error).__name__}: "
            f"{first_line(error)}: make them of functions, arrays and plain objects, or use threads (workers=2)"
        ) from error
    return data


def _own_modules(function: Callable[..., Any]) -> list[ModuleType]:
    """The modules beside the file of a function that is not installed: other processes may not find them."""
    home = _folder_of(sys.modules.get(getattr(function, "__module__", None) or ""))
    return [
        module
        for name, module in list(sys.modules.items())
        if home is not None and "." not in name and name not in ("__main__", "fastcheck") and _folder_of(module) == home
    ]


def _folder_of(module: ModuleType | None) -> Path | None:
    """Where a module's file lies; None if it is installed, or has none."""
    file = getattr(module, "__file__", None)
    if not isinstance(file, str):
        return None
    folder = Path(file).resolve().parent
    return None if any(folder.is_relative_to(installed) for installed in _INSTALLED) else folder


# --- in the other process ----------------------------------------------------------------------------------------------


class _Kept:
    """What a process was given, the least used first to go."""

    def __init__(self) -> None:
        self._values: OrderedDict[str, Any] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, name: str, folder: str | None, parcels: Mapping[str, bytes]) -> Any:
        """The value of this name, from what was sent or lies in the folder where it is new; `_NOTHING` where it does not."""
        with self._lock:
            if name not in self._values:
                found = _sent(name, folder, parcels)
                if found is None:
                    return _NOTHING
                self._values[name] = pickle.loads(found)
                while len(self._values) > _KEPT:
                    self._values.popitem(last=False)
            self._values.move_to_end(name)
            return self._values[name]


_NOTHING = object()
_kept = _Kept()


def done(errand: Errand, folder: str | None, parcels: Mapping[str, bytes]) -> Outcome:
    """J at the points of an errand's moves, in whatever process this is called."""
    if errand.version != __version__:
        words = f"workers must have fastcheck {errand.version}, got one with {__version__}: install the same there"
        return Failed(pickle.dumps(InputError(words)), words, None, 0.0, "")
    found = {name: _kept.get(name, folder, parcels) for name in errand.needs}
    missing = tuple(name for name, value in found.items() if value is _NOTHING)
    if missing:
        return Missing(missing)
    source, theta = found[errand.source], found[errand.theta]
    moves: Moves = _Unpickler(errand.moves, found).load()
    with single_threaded.hold(), _turn(source), np.errstate(all="ignore"):
        try:
            return moves.evaluated(source, source.own(theta), theta)
        except Raised as raised:
            return _failed(raised.error, raised.component, raised.offset)
        except Exception as error:
            return _failed(error, None, 0.0)


def _turn(source: Source) -> AbstractContextManager[Any]:
    return nullcontext() if source.compiled else _ALONE


def _sent(name: str, folder: str | None, parcels: Mapping[str, bytes]) -> bytes | None:
    if name in parcels:
        return parcels[name]
    try:
        return (Path(folder) / name).read_bytes() if folder is not None else None
    except OSError:
        return None


def _failed(error: Exception, component: int | None, offset: float) -> Failed:
    trace = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    words = f"{type(error).__name__}: {first_line(error)}"
    try:
        data = pickle.dumps(error)
    except Exception:
        data = b""
    return Failed(data, words, component, offset, trace)
