"""An address in this process's memory as an argument of a cost: compiled code takes it as an int64, elsewhere it means nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import extending
from numba.core import types

from fastcheck.errors import InputError
from fastcheck.problem.arguments import Arguments

_typeof_of: Callable[[type], Callable[[Callable[..., Any]], Any]] = extending.typeof_impl.register


class Address:
    """Where something lies, and who owns it: the owner lives as long as this does.

    It has slots and is no dataclass, so that nothing looks into it: no checkpoint depends on where the memory of one
    process lies, and no diagnosis takes an address for a number that J is made of.
    """

    __slots__ = ("_owner", "_value")

    def __init__(self, value: int, owner: object) -> None:
        self._value, self._owner = value, owner

    def __index__(self) -> int:
        return self._value

    def __copy__(self) -> Address:
        return self

    def __deepcopy__(self, memo: object) -> Address:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        raise InputError(
            "an address must stay in the process that it is of, got one that was to be pickled: make the Problem anew there"
        )


@_typeof_of(Address)
def _kind(address: Address, context: Any) -> Any:
    return types.int64


def require_none(arguments: Arguments, workers: str) -> None:
    """Refuse addresses among what would have to travel to other processes."""
    if any(isinstance(value, Address) for value in arguments.named.values()):
        raise InputError(
            f"workers must be threads where the cost is an address in this process, got {workers}: "
            "leave workers out, or pass their number or a ThreadPoolExecutor"
        )
