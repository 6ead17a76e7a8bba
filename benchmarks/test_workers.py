"""Beyond one process: processes beside one thread for plain Python, Dask beside threads for njit, and what a checkpoint costs."""

from __future__ import annotations

import numpy as np
import pytest
from distributed import Client, LocalCluster

import fastcheck as fc
from benchmarks.costs import spin, work_for


def python_cost(theta):
    """Some tenths of a millisecond."""
    total = 0.0
    for _ in range(9):
        total += float(np.sqrt(np.outer(theta[:150], theta[:150])).sum())
    return total


def test_processes_beside_one_thread_for_plain_python(figures):
    theta = np.linspace(0.5, 1.5, 2000)
    with (
        fc.Checker(python_cost, theta, workers=1, progress=False) as one,
        fc.Checker(python_cost, theta, workers="processes", progress=False) as processes,
    ):
        run = [lambda checker=checker: checker.gradient(theta) for checker in (one, processes)]
        figures.ratio("one thread over processes, warm", *run, ">= 1.7", rounds=5)


@pytest.mark.filterwarnings("ignore")  # those of distributed
def test_dask_beside_threads_for_njit(figures):
    theta, work = np.ones(20_000), work_for(5e-4)
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
        fc.Checker(spin, theta, (work,), workers=client, progress=False) as dask,
        fc.Checker(spin, theta, (work,), workers=2, progress=False) as threads,
    ):
        run = [lambda checker=checker: checker.gradient(theta) for checker in (dask, threads)]
        figures.ratio("two Dask workers over two threads, warm", *run, "<= 1.15", rounds=2)


def test_a_checkpoint(figures, tmp_path):
    theta, work, n_files = np.ones(100_000), work_for(2e-5), iter(range(1000))

    def gradient(**options):
        return fc.gradient(spin, theta, (work,), workers=2, progress=False, **options)

    figures.ratio(
        "with a checkpoint over without, J = 20 us",
        lambda: gradient(checkpoint=tmp_path / str(next(n_files))),
        gradient,
        "<= 1.02",
        rounds=5,
    )
