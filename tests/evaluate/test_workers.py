"""Workers of every kind: threads, processes, executors, a Dask cluster. The same bits, whatever happens to them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import numba
import numpy as np
import pytest
from distributed import Client, LocalCluster

import fastcheck as fc
from fastcheck import zoo
from fastcheck.errors import InputError, InputTypeError, WorkersLost
from fastcheck.evaluate import errands, remote
from fastcheck.evaluate.moves import ComponentMoves
from fastcheck.evaluate.source import source_of
from fastcheck.evaluate.work import Copies, Work
from fastcheck.evaluate.workers import workers_of
from fastcheck.problem.arguments import Arguments
from fastcheck.zoo import NETWORKS

pytestmark = pytest.mark.filterwarnings("ignore")  # those of distributed and loky

HERE = os.getpid()
THETA = np.linspace(0.5, 1.5, 400)


@numba.njit
def long(theta, weights):
    """About a tenth of a millisecond."""
    total = 0.0
    for k in range(30_000):
        total += np.sqrt(theta[k % theta.size] + weights[k % weights.size])
    return total


def plain(theta, weights):
    """The same in NumPy."""
    for _ in range(20):
        total = float(np.sqrt(theta + weights[:, None]).sum())
    return total


WEIGHTS = np.linspace(1, 2, 50)
COSTS = {"njit": long, "plain": plain, "closure": lambda theta, weights: plain(theta, weights) + HERE}


@pytest.fixture(scope="module")
def pool():
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as executor:
        yield executor


@pytest.fixture(scope="module")
def client():
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as connected,
    ):
        yield connected


@pytest.fixture(params=["processes", "pool", "threads of a pool", "client"])
def workers(request):
    if request.param == "processes":
        yield "processes"
    elif request.param == "threads of a pool":
        with ThreadPoolExecutor(2) as executor:
            yield executor
    else:
        yield request.getfixturevalue(request.param)


def test_all_give_the_same_bits(workers):
    for cost in COSTS.values():
        expected = fc.gradient(cost, THETA, (WEIGHTS,), workers=1)
        assert np.array_equal(fc.gradient(cost, THETA, (WEIGHTS,), workers=workers), expected)


def test_a_checker_asks_them_again_and_again_and_screens_do_as_well(client):
    problem = zoo.mlp((40, 60, 8), bug="row")
    alike = {"args": problem.args, "layout": problem.layout}
    with fc.Checker(problem.cost, problem.theta, **alike, workers=client) as checker:
        for factor in (1.0, 1.1):
            theta = factor * problem.theta
            assert np.array_equal(checker.gradient(theta), fc.gradient(problem.cost, theta, **alike, workers=1))
    for ask in (fc.check, fc.screen):
        there, here = (ask(problem.cost, problem.grad, problem.theta, **alike, workers=w) for w in (client, 1))
        assert (there.ratio, there.verdict, there.evaluations) == (here.ratio, here.verdict, here.evaluations)
        assert there.workers == 2
    assert problem.locate(workers=client).lines == problem.locate(workers=1).lines


def test_directions_take_their_units_along_once(client):
    theta = np.linspace(0.5, 1.5, 20_000)  # whose units are too long to travel with every errand
    there, here = (fc.screen(long, np.zeros(theta.size), theta, (WEIGHTS,), workers=w) for w in (client, 1))
    assert (there.ratio, there.evaluations) == (here.ratio, here.evaluations)


@pytest.mark.parametrize("make", [*(network.make for network in NETWORKS.values()), lambda: zoo.lenet(examples=1)])
def test_every_network_travels_and_stages_do(make, pool, monkeypatch):
    monkeypatch.setattr(remote, "_SHORT", 0.0)  # not the shortest round runs here
    problem = make()
    here, there = (problem.check(components=20, workers=workers) for workers in (1, pool))
    assert np.array_equal(here.numeric, there.numeric)
    assert (here.verdict, here.evaluations) == (there.verdict, there.evaluations)


def test_what_the_cost_raises_there_reaches_the_caller_with_the_component(workers):
    def cost(theta):
        plain(theta, WEIGHTS)
        if theta[7] != THETA[7]:
            raise RuntimeError("here")
        return 0.0

    with pytest.raises(RuntimeError, match="here") as caught:
        fc.gradient(cost, THETA, workers=workers)
    notes = "\n".join(caught.value.__notes__)
    assert "theta[7]" in notes
    if not isinstance(workers, ThreadPoolExecutor):
        assert notes.count("Traceback") == 1
        assert "in cost" in notes


def test_where_the_cost_has_no_value_it_is_nan(pool):
    def cost(theta):
        plain(theta, WEIGHTS)
        if theta[7] > THETA[7]:
            raise ValueError("outside")
        return 0.0

    numeric = fc.gradient(cost, THETA, workers=pool)
    assert np.flatnonzero(np.isnan(numeric)).tolist() == [7]


def mortal(folder: Path, n_deaths: int):
    """A cost that kills its worker, the first few times that it is evaluated in another process."""

    def cost(theta, weights):
        for k in range(n_deaths):
            if os.getpid() != HERE and theta[200] != THETA[200]:
                try:
                    (folder / str(k)).touch(exist_ok=False)
                except FileExistsError:
                    continue
                os.kill(os.getpid(), signal.SIGKILL)
        return plain(theta, weights)

    return cost


@pytest.mark.parametrize("kind", ["processes", "client"])
def test_a_worker_that_dies_costs_its_errand_again_and_nothing_else(kind, tmp_path, request):
    workers = kind if kind == "processes" else request.getfixturevalue(kind)
    expected = fc.gradient(plain, THETA, (WEIGHTS,))
    assert np.array_equal(fc.gradient(mortal(tmp_path, 1), THETA, (WEIGHTS,), workers=workers), expected)
    assert len(list(tmp_path.iterdir())) == 1


def test_the_last_worker_of_a_cluster_dies_with_all_that_it_was_given_and_gets_it_again(tmp_path):
    with (
        LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as alone,
    ):
        numeric = fc.gradient(mortal(tmp_path, 1), THETA, (WEIGHTS,), workers=alone)
    assert np.array_equal(numeric, fc.gradient(plain, THETA, (WEIGHTS,)))
    assert len(list(tmp_path.iterdir())) == 1


def test_workers_that_die_again_and_again_are_given_up(tmp_path):
    with pytest.raises(WorkersLost, match="workers must live until the work is done") as caught:
        fc.gradient(mortal(tmp_path, 1000), THETA, (WEIGHTS,), workers="processes")
    assert "\n" not in str(caught.value)


ORPHANS = """
import os, sys, time, numpy as np, fastcheck as fc

def cost(theta):
    print(os.getpid(), flush=True)
    time.sleep(0.01)
    return float(theta.sum())

if __name__ == "__main__":
    fc.gradient(cost, np.ones(5000), workers="processes")
"""


def alive(pid):
    """Neither gone nor waiting to be."""
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="looks into /proc")
def test_processes_of_our_own_do_not_outlive_the_one_that_is_killed(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(ORPHANS)
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True) as process:
        pids = {process.pid}
        while len(pids) < 2:
            pids.add(int(process.stdout.readline()))
        process.kill()
    until = time.monotonic() + 20
    while any(map(alive, pids)) and time.monotonic() < until:
        time.sleep(0.1)
    assert not any(map(alive, pids))


def test_a_pool_of_the_callers_that_breaks_is_said_to(tmp_path):
    with (
        ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as executor,
        pytest.raises(WorkersLost, match="with a new pool"),
    ):
        fc.gradient(mortal(tmp_path, 1), THETA, (WEIGHTS,), workers=executor)


def test_a_scheduler_that_goes_away_is_said_to():
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster:
        connected = Client(cluster)
        threading.Timer(1.0, cluster.close).start()
        with pytest.raises(WorkersLost, match="with a new Client"):
            fc.gradient(plain, np.linspace(0.5, 1.5, 20_000), (WEIGHTS,), workers=connected)
        connected.close()


def test_what_is_under_way_is_said_before_anything_is_back(pool):
    source, theta, seen = source_of(plain, Arguments((WEIGHTS,))), THETA.copy(), []
    moves = ComponentMoves(range(50), np.array([[1e-6, -1e-6]]))
    work = Work(moves, source, 1.0, theta, Copies(theta, 1))
    workers_of(pool, 1, Arguments()).run(work, lambda done, words="": seen.append((done, words)))
    assert seen[-1] == (50, "0 pieces with 2 workers")
    assert seen[0] in ((0, "6 pieces with 2 workers"), (1, "5 pieces with 2 workers"))


def test_what_is_borrowed_is_left_as_it_was(pool, client):
    for workers in (pool, client):
        fc.gradient(plain, THETA, (WEIGHTS,), workers=workers)
        assert workers.submit(int, 3).result() == 3


def test_a_cost_that_does_not_pickle_is_refused_in_one_line(pool):
    lock = threading.Lock()

    def cost(theta, weights):
        with lock:
            return plain(theta, weights)

    with pytest.raises(InputError, match="cost cost and its args must pickle") as caught:
        fc.gradient(cost, THETA, (WEIGHTS,), workers=pool)
    assert "use threads" in str(caught.value)


def test_workers_of_another_version_are_refused(pool, monkeypatch):
    monkeypatch.setattr(errands, "__version__", "9.9")
    with pytest.raises(InputError, match="workers must have fastcheck 9.9, got one with"):
        fc.gradient(plain, THETA, (WEIGHTS,), workers=pool)


def test_a_process_says_what_it_was_not_given():
    parcels, source = errands.Parcels(), source_of(plain, Arguments((WEIGHTS,)))
    moves = ComponentMoves(range(3, 5), np.array([[1e-6, -1e-6]]))
    errand = parcels.errand(source, THETA, moves)
    assert errands.done(errand, None, {}).names == errand.needs
    assert errands.done(errand, "nowhere", {errand.source: parcels.packed[errand.source]}).names == (errand.theta,)
    expected = moves.evaluated(source, THETA.copy(), THETA)
    assert np.array_equal(errands.done(errand, None, parcels.packed), expected)
    assert np.array_equal(errands.done(errand, None, {}), expected)  # kept


def test_errands_are_half_a_second_or_shorter_where_there_is_little_and_longer_where_workers_are_many():
    for lines, seconds, workers, expected in (
        (10**6, 0.01, 2, 50),
        (100, 0.01, 2, 12),
        (10**7, 0.01, 800, 320),
        (10, 60.0, 4, 1),
    ):
        assert remote._lines(None, lines, seconds, workers) == expected
    assert remote._lines(7, 10**6, 0.01, 2) == 7


def test_what_is_named_goes_by_content_and_the_caller_keeps_a_few():
    parcels = errands.Parcels()
    assert parcels.name(THETA) == parcels.name(THETA.copy()) != parcels.name(THETA + 1)
    for k in range(100):
        parcels.name(np.full(3, float(k)))
    assert len(parcels.packed) < 20


def test_an_errand_never_lacks_what_it_shares_with_those_before_it():
    parcels, source = errands.Parcels(), source_of(plain, Arguments((WEIGHTS,)))
    for k in range(40):  # each with long offsets of its own
        moves = ComponentMoves(range(9000), np.full((9000, 1), 1.0 + k))
        needs = parcels.errand(source, THETA, moves).needs
        assert len(needs) == 3
        assert set(needs) <= parcels.packed.keys()


def test_plain_python_runs_on_one_thread_whatever_is_asked():
    class Stateful:
        def __call__(self, theta):
            self.theta = theta.copy()
            return float(self.theta @ self.theta)

    report = fc.check(Stateful(), 2 * THETA, THETA, workers=4)
    assert report.passed
    assert report.workers == 1
    (finding,) = [f for f in report.findings if f.kind == "threads"]
    assert finding.advice
    assert 'workers="processes"' in finding.message
    assert not [f for f in fc.check(Stateful(), 2 * THETA, THETA).findings if f.kind == "threads"]


@pytest.mark.parametrize("bad", ["many", 1.5, True, object(), b"processes"])
def test_other_workers_are_refused(bad):
    with pytest.raises(InputTypeError, match="workers must be None, a positive integer"):
        fc.check(plain, np.zeros(400), THETA, (WEIGHTS,), workers=bad)
