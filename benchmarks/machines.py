"""How a check spreads over many workers: a cost that waits stands for one that computes, on local Dask workers. Markdown.

    python -m benchmarks.machines

A worker that waits needs no core, so that eight of them show what errands cost beside the work itself.
"""

from __future__ import annotations

import time
from statistics import median

import numpy as np
from distributed import Client, LocalCluster

import fastcheck as fc
from benchmarks.files import tell
from benchmarks.markdown import digits, table

WAIT = 0.01  # seconds of one J
COMPONENTS = 400  # for each worker
ROUNDS = 3
WORKERS = (1, 2, 4, 8)


def waiting(theta: np.ndarray, seconds: float) -> float:
    """A J that takes so long, and nobody's time."""
    time.sleep(seconds)
    return float(theta.sum())


def measured(client: Client, n: int, wait: float = WAIT, chunk: int | None = None) -> float:
    """Seconds of the differences of n components, once warm; the median."""
    theta, taken = np.ones(n), []
    with fc.Checker(waiting, theta, (wait,), workers=client, eps=1e-6, progress=False, chunk=chunk) as checker:
        checker.gradient(theta, components=list(range(8 * len(client.nthreads()))))
        for _ in range(ROUNDS):
            begin = time.perf_counter()
            checker.gradient(theta)
            taken.append(time.perf_counter() - begin)
    return median(taken)


def main() -> None:
    rows, rate = [], 0.0
    for n_workers in WORKERS:
        cluster = LocalCluster(n_workers=n_workers, threads_per_worker=1, dashboard_address=None)
        with cluster, Client(cluster) as client:
            n = COMPONENTS * n_workers
            seconds, work = measured(client, n), 2 * n * WAIT / n_workers
            rows.append([str(n_workers), f"{n:,}", f"{seconds:.2f} s", f"{work / seconds:.3f}"])
            tell(f"{n_workers} workers: {work / seconds:.3f}")
            rate = n / measured(client, n, wait=WAIT / 10, chunk=1)
    print(table(["workers", "components", "time", "efficiency"], rows))
    print(f"\nErrands of one component each: {digits(rate)} a second.")


if __name__ == "__main__":
    main()
