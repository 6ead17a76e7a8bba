"""Reference networks with hand-written backpropagation, and deliberate bugs to plant in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fastcheck.checks.problem import Problem
from fastcheck.errors import InputError, nearest
from fastcheck.zoo._bugs import Bug
from fastcheck.zoo.attention import BUGS as _ATTENTION
from fastcheck.zoo.attention import attention
from fastcheck.zoo.batchnorm import BUGS as _BATCHNORM
from fastcheck.zoo.batchnorm import batchnorm
from fastcheck.zoo.conv import BUGS as _CONV
from fastcheck.zoo.conv import conv
from fastcheck.zoo.course import course
from fastcheck.zoo.lenet import lenet
from fastcheck.zoo.lstm import BUGS as _LSTM
from fastcheck.zoo.lstm import lstm
from fastcheck.zoo.mlp import BUGS as _MLP
from fastcheck.zoo.mlp import mlp

__all__ = ["attention", "batchnorm", "bugs", "conv", "course", "lenet", "lstm", "mlp"]


@dataclass(frozen=True)
class Network:
    """One network: the function that makes its Problem, and the bugs that this can plant."""

    make: Callable[..., Problem]
    bugs: Mapping[str, Bug]


NETWORKS: Mapping[str, Network] = {
    "mlp": Network(mlp, _MLP),
    "conv": Network(conv, _CONV),
    "batchnorm": Network(batchnorm, _BATCHNORM),
    "lstm": Network(lstm, _LSTM),
    "attention": Network(attention, _ATTENTION),
}


def bugs(network: str = "mlp") -> dict[str, str]:
    """The names of the bugs that a network can plant, each with what it does."""
    if network not in NETWORKS:
        raise InputError(
            f"network must be one of {', '.join(NETWORKS)}, got {network!r}: {nearest(network, NETWORKS, 'choose one')}"
        )
    return {name: bug.words for name, bug in NETWORKS[network].bugs.items()}
