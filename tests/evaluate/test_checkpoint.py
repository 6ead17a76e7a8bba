"""What is done is kept: whatever ends a check, the same call goes on from there, bit for bit, and no other call does."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import numba
import numpy as np
import pytest
from costs import quartic

import fastcheck as fc
from fastcheck.errors import InputError, InputTypeError
from fastcheck.evaluate.checkpoint import Store, described
from fastcheck.evaluate.fingerprint import digest

THETA = np.linspace(0.5, 1.5, 300)


def tenth_of_a_millisecond():
    until = time.perf_counter() + 1e-4
    while time.perf_counter() < until:
        pass


class Calls:
    """A count of calls, and where they stop; no part of what a cost is."""

    __slots__ = ("n", "stop")

    def __init__(self):
        self.n, self.stop = 0, 10**9

    def another(self):
        tenth_of_a_millisecond()
        self.n += 1
        if self.n > self.stop:
            raise KeyboardInterrupt


@pytest.fixture
def calls():
    return Calls()


def sine(calls, factor=1.0):
    def cost(theta, *args):
        calls.another()
        return factor * float(np.sin(theta).sum())

    return cost


def read(path):
    return {p.name: p.read_bytes() for p in path.parent.iterdir()}


@pytest.mark.parametrize("eps", [None, 1e-6, "auto"])
@pytest.mark.parametrize("wrong", [False, True])
def test_an_interrupted_check_goes_on_where_it_was(eps, wrong, tmp_path, calls):
    grad = np.cos(THETA)
    grad[7] *= 1.1 if wrong else 1.0

    def asked(**options):
        calls.n = 0
        return fc.check(sine(calls), grad, THETA, eps=eps, chunk=10, **options)

    whole = asked()
    n_whole, path = calls.n, tmp_path / "work.db"
    n_done = calls.stop = 2 * n_whole // 3
    reports = []
    for stop in (n_done, 100):  # interrupted twice
        calls.stop = stop
        with pytest.raises(KeyboardInterrupt) as caught:
            asked(checkpoint=path)
        reports.append(caught.value.report)
    assert 50 < reports[0].n_done < reports[1].n_done < 300
    n_done += 100 - 20  # of which a chunk was compared
    calls.stop = 10**9
    resumed = asked(checkpoint=path)
    assert np.array_equal(resumed.numeric, whole.numeric)
    assert (resumed.ratio, resumed.verdict, resumed.evaluations) == (whole.ratio, whole.verdict, whole.evaluations)
    assert resumed.witnesses == whole.witnesses
    assert calls.n <= n_whole - n_done + 4 * 10 + 10  # the chunk in flight, the one compared, and vetting
    again = asked(checkpoint=path)
    assert np.array_equal(again.numeric, whole.numeric)
    assert calls.n <= 50


SCRIPT = """
import sys, time, numpy as np, fastcheck as fc

class Calls:
    __slots__ = ("n",)  # no part of what the cost is

calls = Calls()
calls.n = 0

def cost(theta):
    calls.n += 1
    until = time.perf_counter() + 2e-3
    while time.perf_counter() < until:
        pass
    return float(np.sin(theta).sum())

if __name__ == "__main__":
    workers = sys.argv[2] if sys.argv[2] == "processes" else int(sys.argv[2])
    np.save(sys.argv[3], fc.gradient(cost, np.linspace(0.5, 1.5, 1500), workers=workers, checkpoint=sys.argv[1]))
    print(calls.n)
"""


def lines_in(path):
    """That are done; none while the file is being made."""
    try:
        return described(path).n_lines
    except InputError:
        return 0


@pytest.mark.parametrize("workers", ["1", "processes"])
def test_kill_9_at_any_moment_loses_what_is_in_flight(workers, tmp_path):
    script, path, out = tmp_path / "script.py", tmp_path / "work.db", tmp_path / "numeric.npy"
    script.write_text(SCRIPT)
    command = [sys.executable, str(script), str(path), workers, str(out)]
    process = subprocess.Popen(command)
    until = time.monotonic() + 60
    while time.monotonic() < until and lines_in(path) <= 300:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not out.exists()
    n_done = described(path).n_lines
    assert 300 < n_done < 1500
    resumed = subprocess.run(command, check=True, capture_output=True, text=True)
    if workers == "1":  # of processes the calls are counted elsewhere
        assert (
            2 * (1500 - n_done) <= int(resumed.stdout) < 2 * (1500 - n_done) + 600
        )  # steps, vetting, and a part again
    assert np.array_equal(
        np.load(out), fc.gradient(lambda theta: float(np.sin(theta).sum()), np.linspace(0.5, 1.5, 1500))
    )


def helper(theta):
    return theta**2


def square(theta, weights):
    return float(weights @ helper(theta))


CALL = {"cost": square, "theta": THETA, "args": (np.ones(300),), "eps": 1e-6, "components": None, "scale": None}
OTHERS = {
    "theta": {"theta": THETA + 1e-9},
    "args": {"args": (np.full(300, 2.0),)},
    "eps": {"eps": 1e-7},
    "components": {"components": [1, 2]},
    "scale": {"scale": 2.0},
    "bounds": {"bounds": (0, 5)},
    "layout": {"layout": fc.Layout.of({"a": (100,), "b": (200,)})},
    "cost": {"cost": lambda theta, weights: float(weights @ helper(theta)) + 1.0},
}


@pytest.mark.parametrize("name", OTHERS)
def test_another_call_is_refused_and_the_file_left_as_it_is(name, tmp_path):
    path = tmp_path / "work.db"
    fc.gradient(**CALL, checkpoint=path)
    before = read(path)
    with pytest.raises(InputError, match=f"checkpoint .* must be of the same call, got another {name}"):
        fc.gradient(**{**CALL, **OTHERS[name]}, checkpoint=path)
    assert read(path) == before


def test_a_cost_that_cannot_be_read_is_known_by_its_values(tmp_path):
    class Hidden:
        __slots__ = ("factor",)

        def __init__(self, factor):
            self.factor = factor

        def __call__(self, theta):
            return self.factor * float(np.sin(theta).sum())

    path = tmp_path / "work.db"
    numeric = fc.gradient(Hidden(1.0), THETA, checkpoint=path)
    with pytest.raises(InputError, match="got another J than before"):
        fc.gradient(Hidden(1.0 + 1e-9), THETA, checkpoint=path)
    assert np.array_equal(fc.gradient(Hidden(1.0), THETA, checkpoint=path), numeric)


def test_a_file_that_is_no_checkpoint_is_refused_and_left_as_it_is(tmp_path):
    text, other = tmp_path / "notes.txt", tmp_path / "other.db"
    text.write_text(
        "not a database, and rather longer than a header of one hundred bytes would be, so that it is read. " * 3
    )
    with sqlite3.connect(other) as file:
        file.execute("create table mine (x)")
    file.close()
    before = read(text)
    for path in (text, other):
        with pytest.raises(InputError, match="checkpoint must be a file of fastcheck's or none"):
            fc.gradient(**CALL, checkpoint=path)
    assert read(text) == before


def test_a_file_that_nothing_was_written_into_yet_is_none(tmp_path):
    path = tmp_path / "work.db"
    with closing(sqlite3.connect(path)) as begun:  # as kill -9 leaves it between the first two writes
        begun.execute("pragma journal_mode = wal")
        assert path.stat().st_size and described(path).n_lines == 0
    assert np.array_equal(fc.gradient(**CALL, checkpoint=path), fc.gradient(**CALL))
    assert described(path).n_lines > 0


def test_two_that_begin_at_once_leave_the_file_to_the_first(tmp_path):
    path = tmp_path / "work.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as first:
        first.execute("pragma journal_mode = wal")
        first.execute("begin exclusive")
        with pytest.raises(InputError, match="must be used by one process at a time"):
            fc.gradient(**CALL, checkpoint=path)
    assert path.exists()


def test_one_process_at_a_time(tmp_path):
    path = tmp_path / "work.db"
    fc.gradient(**CALL, checkpoint=path)
    code = f"import sqlite3, time; f = sqlite3.connect({str(path)!r}); f.execute('pragma locking_mode = exclusive'); "
    code += "f.execute('begin immediate'); f.execute('commit'); print('held', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(InputError, match="must be used by one process at a time"):
            fc.gradient(**CALL, checkpoint=path)
        holder.kill()
    assert fc.gradient(**CALL, checkpoint=path).size == 300


@pytest.mark.parametrize(("bad", "error"), [(3, InputTypeError), (".", InputError), ("nowhere/work.db", InputError)])
def test_a_path_that_cannot_be_written_is_refused_before_the_work(bad, error, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match="checkpoint must be"):
        fc.gradient(**CALL, checkpoint=bad)
    assert list(tmp_path.iterdir()) == []


def test_where_it_can_no_longer_be_written_the_work_goes_on_with_one_warning(tmp_path, calls, monkeypatch):
    def write(self):
        self._file.execute("pragma query_only = on")
        written(self)

    written = Store.write
    monkeypatch.setattr(Store, "write", write)
    with pytest.warns(RuntimeWarning, match="no more is kept in checkpoint") as warned:
        numeric = fc.gradient(sine(calls), THETA, checkpoint=tmp_path / "work.db", chunk=5)
    assert len(warned) == 1
    assert np.array_equal(numeric, fc.gradient(sine(calls), THETA))


def test_it_goes_to_check_and_gradient_alone(tmp_path):
    path, layout = tmp_path / "work.db", fc.Layout.of({"a": (300,)})
    problem = fc.Problem(quartic, lambda t, w: 4 * w * t**3, THETA, (np.ones(300),), layout)
    for ask in (problem.screen, problem.locate, problem.sweep):
        with pytest.raises(InputError, match="checkpoint must go to check or gradient"):
            ask(checkpoint=path)
    with pytest.raises(InputError, match="got one for Checker"):
        fc.Checker(quartic, THETA, problem.args, checkpoint=path)
    with pytest.raises(InputError, match="got one for scale"):
        fc.scale(checkpoint=path)
    assert not path.exists()
    assert problem.check(checkpoint=path).passed
    assert described(path).most == 300


DIGESTS = """
import numba, numpy as np
from fastcheck.evaluate.fingerprint import digest
weights = np.arange(5.0)
def helper(x, power=2):
    return x**power
@numba.njit
def cost(theta, k):
    return np.sum(helper2(theta) * weights) + k
helper2 = numba.njit(helper)
print(digest(cost, {"a": [1, 2.0, None]}, (weights, np.int64(3), "x", {3, 4})))
"""


def test_a_digest_is_the_same_in_every_process():
    runs = [
        subprocess.run([sys.executable, "-c", DIGESTS], capture_output=True, text=True, check=True, env={**os.environ, "PYTHONHASHSEED": seed})
        for seed in ("1", "2")
    ]  # fmt: skip
    assert runs[0].stdout == runs[1].stdout != ""


def test_a_digest_tells_functions_apart_by_what_they_read():
    def made(constant, default=0.0):
        return numba.njit(lambda theta, d=default: theta.sum() + constant + d)

    assert digest(made(1.0)) == digest(made(1.0))
    assert len({digest(made(1.0)), digest(made(2.0)), digest(made(1.0, 1.0)), digest(made(1.0).py_func)}) == 4
    assert digest(np.zeros(2)) != digest(np.zeros((2, 1))) != digest(np.zeros((2, 1), dtype=np.float32))
    assert digest(0.0) != digest(-0.0) != digest(0)
    loop = []
    loop_holder = type("Holder", (), {})()
    loop_holder.me = loop_holder
    assert digest(loop_holder) == digest(loop_holder)
    assert digest(loop) != digest(())


def test_a_digest_sees_keyword_defaults_and_what_inner_functions_read(monkeypatch):
    def made(power):
        def cost(theta, *, power=power):
            return theta**power

        return cost

    def total(theta):
        return sum(helper(x) for x in theta)

    assert digest(made(2)) != digest(made(3))
    before = digest(total)
    monkeypatch.setitem(globals(), "helper", lambda theta: theta**3)
    assert digest(total) != before
