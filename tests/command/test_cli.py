from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from distributed import Client
from typer.testing import CliRunner

import fastcheck as fc
from fastcheck import zoo
from fastcheck.command.cli import app

runner = CliRunner()

PROBLEM = """
import numba
import numpy as np
import fastcheck as fc

@numba.njit
def cost(theta):
    return np.sum(theta**3)

theta, layout = fc.pack({"W": np.ones((2, 3)), "b": np.full(2, 2.0)})
problem = fc.Problem(cost, lambda theta: 3 * theta**2, theta, layout=layout)

def wrong():
    return fc.Problem(cost, lambda theta: 3.1 * theta**2, theta, layout=layout)

def factory(size):
    return fc.Problem(cost, lambda theta: 3 * theta**2, np.ones(size))

def stopped(size):
    if size > 20:
        raise KeyboardInterrupt
    return factory(size)

def askew(size):
    return fc.Problem(cost, np.ones(3), np.ones(size))

def hollow(size):
    return size

def broken():
    raise RuntimeError("no data\\nhere")

number = 3
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(PROBLEM)
    return path


def run(*words: object):
    return runner.invoke(app, [str(word) for word in words])


def test_a_right_gradient_exits_with_0(file):
    result = run("check", file)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-2].startswith("CORRECT")


def test_a_wrong_gradient_exits_with_1_and_names_the_component(file):
    result = run("check", f"{file}:wrong", "--worst", 2)
    assert result.exit_code == 1
    assert result.stdout.splitlines()[-2] == "WRONG: the gradient is wrong in W, b"
    assert "b[0]" in result.stdout


def test_json_to_stdout_and_to_a_file(file, tmp_path):
    result = run("check", file, "--json", "-", "--eps", 1e-6, "--workers", 1, "--components", 4)
    told = json.loads(result.stdout)
    assert (told["verdict"], told["eps"], told["n_checked"], told["workers"]) == ("CORRECT", 1e-6, 4, 1)
    path = tmp_path / "report.json"
    result = run("check", f"{file}:wrong", "--json", path)
    assert result.exit_code == 1
    assert "\nWRONG: " in result.stdout
    assert json.loads(path.read_text())["verdict"] == "WRONG"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["check", "nowhere.py"], "the file must exist, got nowhere.py"),
        (["check", "{file}:missing"], "must define missing, got problem"),
        (["check", "{file}:number"], "must be a fastcheck.Problem or a function that returns one, got int"),
        (["check", "{file}:broken"], "RuntimeError: no data here (raised by broken()"),
        (["check", "{file}", "--eps", "-1"], "eps must be positive and finite, got -1.0"),
        (["check", "{file}", "--workers", "0"], "workers must be at least 1, got 0"),
        (["check", "{file}", "--components", "99"], "components must be at least one per tensor"),
        (["demo", "--bug", "typo"], "bug must be one of"),
        (["demo", "zebra"], "demo must be one of mlp, conv, batchnorm, lstm, attention, course, got 'zebra'"),
        (["demo", "course", "--bug", "sign"], "course must be given without --bug"),
        (["demo", "--fixed"], "--fixed must go with course"),
        (["check", "{file}", "--json", "/no/such/folder/report.json"], "the folder must exist, got /no/such/folder"),
        (["check", "nowhere.py", "--html", "report.txt"], "the file must end in .html, got 'report.txt'"),
        (["screen", "nowhere.py", "--html", "report.json"], "the file must end in .html, got 'report.json'"),
        (["demo", "--html", "report"], "the file must end in .html, got 'report'"),
        (
            ["check", "nowhere.py", "--html", "/no/such/folder/report.html"],
            "the folder must exist, got /no/such/folder",
        ),
        (["sweep", "nowhere.py", "--plot", "sweep.html"], "the file must end in .png, .svg, .pdf, got 'sweep.html'"),
        (["sweep", "nowhere.py"], "the file must exist, got nowhere.py"),
        (["sweep", "{file}", "--components", "0"], "components must be at least one per tensor"),
        (["sweep", "{file}", "--workers", "0"], "workers must be at least 1, got 0"),
        (["scale", "nowhere.py"], "the file must exist, got nowhere.py"),
        (["scale", "{file}:number"], "mine.py:number must be a function of one argument, the size, got int"),
        (["scale", "{file}:wrong"], "mine.py:wrong must be a function of one argument, the size, got function"),
        (["scale", "{file}:missing"], "must define missing, a function of a size that returns a Problem"),
        (["scale", "{file}:hollow"], "factory must return a fastcheck.Problem, got int from factory(16)"),
        (
            ["scale", "{file}", "--sizes", "10,x"],
            "--sizes must be positive integers with commas between them, got '10,x'",
        ),
        (["scale", "{file}", "--sizes", "10,-1"], "sizes must be positive integers, got -1"),
        (["scale", "{file}", "--max-seconds", "0"], "max_seconds must be a positive number, got 0.0"),
        (["scale", "nowhere.py", "--plot", "scale.html"], "the file must end in .png, .svg, .pdf, got 'scale.html'"),
        (["scale", "nowhere.py", "--json", "/no/such/folder/scale.json"], "the folder must exist, got /no/such/folder"),
        (["sweep", "{file}:broken"], "RuntimeError: no data here (raised by broken()"),
    ],
)
def test_unusable_input_exits_with_2_and_one_line(words, message, file):
    result = run(*(word.format(file=file) for word in words))
    assert result.exit_code == 2
    assert result.stderr.startswith("fastcheck: ")
    assert result.stderr.count("\n") == 1
    assert message in result.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import nothing_of_this_name", "ModuleNotFoundError"),
        ("def f(:", "SyntaxError"),
        ("1 / 0", "ZeroDivisionError"),
        ("raise SystemExit(3)", "SystemExit"),
    ],
)
def test_a_file_that_does_not_import(text, message, tmp_path):
    path = tmp_path / "bad.py"
    path.write_text(text)
    result = run("check", path)
    assert result.exit_code == 2
    assert f"must import, got {message}" in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_cost_that_raises_is_one_line(tmp_path):
    path = tmp_path / "raises.py"
    path.write_text(PROBLEM.replace("return np.sum(theta**3)", "return np.sum(theta**3) if theta[0] < 0 else 1 / 0"))
    result = run("check", path)
    assert result.exit_code == 2
    assert (
        result.stderr
        == "fastcheck: ZeroDivisionError: division by zero (raised by the cost at the unperturbed theta)\n"
    )


def test_modules_beside_the_file_can_be_imported(file, tmp_path):
    beside = tmp_path / "uses.py"
    beside.write_text("from mine import problem")
    assert run("check", beside).exit_code == 0


def test_the_demos():
    assert run("demo").exit_code == 0
    course = run("demo", "course")
    assert course.exit_code == 1
    assert "ratio 2.8509e-01" in course.stdout
    assert "wrong in b1, W2" in course.stdout
    assert run("demo", "course", "--fixed").exit_code == 0
    bug = run("demo", "--bug", "component", "--worst", 1)
    assert bug.exit_code == 1
    assert "wrong in W1" in bug.stdout
    gates = run("demo", "lstm", "--bug", "forget-rows", "--all")
    assert gates.exit_code == 1
    assert "row: Wx: the gradient is wrong on Wx[6:12, :] only" in gates.stdout
    listed = run("demo", "--list")
    assert [line.split()[0] for line in listed.stdout.splitlines()] == list(zoo.bugs())
    listed = run("demo", "conv", "--list")
    assert [line.split()[0] for line in listed.stdout.splitlines()] == list(zoo.bugs("conv"))


def test_the_installed_command_and_python_m():
    for command in ([str(Path(sysconfig.get_path("scripts")) / "fastcheck")], [sys.executable, "-m", "fastcheck"]):
        result = subprocess.run([*command, "demo", "--list"], capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr
        assert "factor" in result.stdout


def test_workers_on_the_command_line(file):
    here = json.loads(run("check", file, "--workers", 1, "--json", "-").stdout)
    there = json.loads(run("check", file, "--workers", "processes", "--json", "-").stdout)
    assert (here["ratio"], here["verdict"]) == (there["ratio"], there["verdict"])
    bad = run("check", file, "--workers", "many")
    assert bad.exit_code == 2
    assert "--workers must be a number of threads" in bad.stderr
    nobody = run("screen", file, "--workers", "tcp://127.0.0.1:1")
    assert nobody.exit_code == 3
    assert nobody.stderr.startswith("fastcheck: the scheduler must answer at tcp://127.0.0.1:1")


LONG = """
import numba, numpy as np, fastcheck as fc
import beside

@numba.njit
def cost(theta):
    total = 0.0
    for k in range(20_000):
        total += beside.root(theta[k % theta.size] + k)
    return total

def plain(theta):
    for _ in range(30):
        total = beside.total(theta)
    return total

problem = fc.Problem(cost, np.zeros(400), np.linspace(1, 2, 400))
in_python = fc.Problem(plain, lambda theta: np.cos(theta), np.linspace(1, 2, 400))
"""
BESIDE = """
import numba, numpy as np
root = numba.njit(lambda x: np.sqrt(x))
def total(theta):
    return float(np.sin(theta).sum())
"""


@pytest.fixture
def scheduler(tmp_path):
    """The address of a scheduler with two workers, started as people do, elsewhere."""
    told = tmp_path / "scheduler.json"
    dask = [sys.executable, "-m", "dask"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": "/"}
    worker = [*dask, "worker", "--scheduler-file", str(told), "--nthreads", "1", "--no-dashboard"]
    commands = [[*dask, "scheduler", "--port", "0", "--scheduler-file", str(told), "--no-dashboard"], worker, worker]
    running = [subprocess.Popen(command, **quiet) for command in commands]
    try:
        with Client(scheduler_file=str(told), timeout=60) as client:
            client.wait_for_workers(2, timeout=60)
            yield client.scheduler.address
    finally:
        for process in running[::-1]:
            process.terminate()
            process.wait()


@pytest.mark.filterwarnings("ignore")  # those of distributed
def test_a_cluster_on_the_command_line(tmp_path, scheduler, monkeypatch):
    path = tmp_path / "long.py"
    path.write_text(LONG)
    (tmp_path / "beside.py").write_text(BESIDE)  # which the workers cannot import
    for name in ("problem", "in_python"):
        here, there = (
            subprocess.run(
                [sys.executable, "-m", "fastcheck", "check", f"{path}:{name}", "--workers", workers, "--json", "-"],
                capture_output=True, text=True, check=False,
            )
            for workers in ("1", scheduler)
        )  # fmt: skip
        here, there = (json.loads(each.stdout) for each in (here, there))
        assert (here["ratio"], here["verdict"], here["evaluations"]) == (
            there["ratio"],
            there["verdict"],
            there["evaluations"],
        )
        assert (here["workers"], there["workers"]) == (1, 2)


def test_a_checkpoint_on_the_command_line(file, tmp_path):
    path = tmp_path / "work.db"
    first, again = (run("check", file, "--checkpoint", path, "--json", "-") for _ in range(2))
    assert json.loads(first.stdout)["ratio"] == json.loads(again.stdout)["ratio"]
    assert "8 components" in run("checkpoint", path).stdout
    other = run("check", f"{file}:wrong", "--checkpoint", path, "--eps", "1e-5")
    assert (other.exit_code, "got another eps" in other.stderr) == (2, True)
    nothing = run("checkpoint", file)
    assert nothing.exit_code == 2
    assert "checkpoint must be a file of fastcheck's or none" in nothing.stderr


def test_a_reader_that_stops_early_is_no_error():
    command = f"{sys.executable} -m fastcheck demo attention --list | head -1"
    result = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert result.stdout.startswith("no-scale")
    assert result.stderr == ""


def test_every_tensor_is_shown_on_demand():
    few, every = run("demo", "attention"), run("demo", "attention", "--all")
    assert "more that are CORRECT (--all shows every tensor)" in few.stdout
    assert "more that are CORRECT" not in every.stdout
    assert every.stdout.count("CORRECT") == 1 + len(zoo.attention().layout.tensors)


@pytest.mark.parametrize(("names", "n"), [("W", 6), ("b*", 2), ("b,W", 8), ("?", 8)])
def test_tensors_by_name(names, n, file):
    for command in ("check", "sweep"):
        told = json.loads(run(command, file, "--tensors", names, "--json", "-").stdout)
        assert told["n_checked"] == n


def test_tensors_that_there_are_none_of(file):
    for words in (["--tensors", "V*"], ["--tensors", "W", "--components", 2]):
        result = run("check", file, *words)
        assert result.exit_code == 2
        assert "tensors must" in " ".join(result.stderr.split())


def test_screen_and_locate(file):
    assert run("screen", file).exit_code == 0
    result = run("screen", f"{file}:wrong", "--locate", "--seed", 3)
    assert result.exit_code == 1
    assert result.stdout.splitlines()[-2] == "WRONG: b, W are wrong throughout"
    assert "locate:" not in result.stdout and "locate:" in run("screen", f"{file}:wrong").stdout
    assert set(result.stdout.split("wrong throughout: ")[1].splitlines()[0].split(", ")) == {"W", "b"}
    told = json.loads(run("screen", f"{file}:wrong", "--locate", "--json", "-").stdout)
    assert told["verdict"] == "WRONG"
    assert {c["name"] for c in told["location"]["components"]} | set(told["location"]["tensors"])


def test_the_step_can_be_chosen(file):
    eps = json.loads(run("check", file, "--eps", "auto", "--json", "-").stdout)["eps"]
    assert 0 < eps["least"] <= eps["largest"]
    assert set(eps["tensors"]) <= {"W", "b"}
    assert json.loads(run("check", file, "--json", "-").stdout)["eps"] == 1e-7
    assert json.loads(run("check", file, "--eps", "1e-6", "--json", "-").stdout)["eps"] == 1e-6
    result = run("check", file, "--eps", "large")
    assert result.exit_code == 2
    assert "eps must be a positive number, an array, a dict, 'auto' or None, got 'large'" in " ".join(
        result.stderr.split()
    )


def test_a_page_is_written_beside_the_table(file, tmp_path):
    path = tmp_path / "report.html"
    for words, code in (
        (["check", f"{file}:wrong"], 1),
        (["screen", file], 0),
        (["demo", "course", "--fixed"], 0),
        (["check", file, "--json", "-"], 0),
    ):
        path.unlink(missing_ok=True)
        assert run(*words, "--html", path).exit_code == code
        assert path.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_without_the_extra_a_page_is_refused_before_the_work(file, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    monkeypatch.delitem(sys.modules, "fastcheck.faces.page", raising=False)
    result = run("check", f"{file}:broken", "--html", tmp_path / "report.html")
    assert result.exit_code == 2
    assert "pages need jinja2, got no such module: pip install 'fastcheck[report]'" in result.stderr


def test_sweep_tells_the_ratio_at_every_eps(file, tmp_path):
    for name in ("problem", "wrong"):
        result = run("sweep", f"{file}:{name}")
        assert result.exit_code == 0
        assert "eps='auto' takes" in result.stdout
        assert "1.0e-07" in result.stdout
    path = tmp_path / "sweep.svg"
    told = json.loads(run("sweep", file, "--json", "-", "--plot", path, "--components", 3, "--workers", 1).stdout)
    assert (told["n"], told["n_checked"], len(told["steps"])) == (8, 3, 23)
    assert path.stat().st_size > 1000
    run("sweep", file, "--json", tmp_path / "sweep.json")
    assert json.loads((tmp_path / "sweep.json").read_text())["n_checked"] == 8


def test_scale_tells_the_times_of_every_size(file, tmp_path):
    result = run("scale", file, "--sizes", "30,20,10")
    assert result.exit_code == 0, result.stderr
    assert [line.split()[0] for line in result.stdout.splitlines()[3:6]] == ["10", "20", "30"]
    picture, told = tmp_path / "scale.svg", tmp_path / "scale.json"
    words = ("--sizes", "4", "--workers", 1, "--max-seconds", 5, "--plot", picture, "--json", told)
    assert run("scale", *words).exit_code == 0
    assert picture.stat().st_size > 1000
    assert [m["n"] for m in json.loads(told.read_text())["sizes"]] == [310]
    assert json.loads(run("scale", f"{file}:factory", "--sizes", "10", "--json", "-").stdout)["workers"] >= 1


def test_scale_takes_problem_if_it_is_a_function_of_a_size(file, tmp_path):
    other = tmp_path / "other.py"
    other.write_text("from mine import factory as problem")
    assert "\n  12  12 " in run("scale", other, "--sizes", "12").stdout
    other.write_text("from mine import problem")
    result = run("scale", other)
    assert result.exit_code == 2
    assert "must define factory, a function of a size that returns a Problem, got problem" in result.stderr


def test_scale_keeps_what_is_done_when_it_is_interrupted(file, tmp_path):
    path = tmp_path / "scale.json"
    result = run("scale", f"{file}:stopped", "--sizes", "10,30", "--json", path)
    assert result.exit_code == 130
    assert "Left out, as the run was interrupted: 30." in result.stdout
    assert result.stderr == "fastcheck: interrupted\n"
    assert json.loads(path.read_text())["interrupted"] is True
    result = run("scale", f"{file}:stopped", "--sizes", "30")
    assert (result.exit_code, result.stdout) == (130, "")


def test_what_is_accepted(file):
    file.write_text(
        PROBLEM + "\ndef nearly():\n    return fc.Problem(cost, lambda theta: 3.002 * theta**2, theta, layout=layout)\n"
    )
    for command in ("check", "screen"):
        assert run(command, f"{file}:nearly").exit_code == 1
        assert run(command, f"{file}:nearly", "--accept", "1e-2").exit_code == 0
        assert run(command, f"{file}:wrong", "--accept", "1e-2").exit_code == 1
        result = run(command, file, "--accept", "2")
        assert result.exit_code == 2
        assert "accept must lie between 0 and 1, got 2" in result.stderr


def test_a_method_is_asked_for(file):
    result = run("check", file, "--method", "complex")
    assert result.exit_code == 0
    assert "eps 7.88861e-31" in result.stdout
    assert run("check", f"{file}:wrong", "--method", "complex").exit_code == 1
    result = run("check", file, "--method", "complex", "--eps", "1e-7")
    assert result.exit_code == 2
    assert "eps must be left out" in result.stderr
    assert 'method must be "central" or "complex"' in run("check", file, "--method", "newton").stderr


def test_the_version():
    result = run("--version")
    assert (result.exit_code, result.stdout) == (0, f"fastcheck {fc.__version__}\n")


@pytest.mark.parametrize("command", ["check", "screen", "sweep", "scale", "demo"])
@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("{folder}/nowhere/out", "the folder must exist, got {folder}/nowhere: make it first"),
        ("{folder}", "the file must be no folder, got {folder}: name a file in it"),
        ("{folder}/mine.py/out", "the folder must exist, got {folder}/mine.py: make it first"),
        ("/proc/out", "the file must be one that can be written, got /proc/out"),
        (f"{{folder}}/{300 * 'x'}", "(File name too long): name another"),
    ],
)
def test_paths_are_tried_before_the_work(command, path, message, file, tmp_path):
    path = path.format(folder=tmp_path)
    options = [["--json", path]]
    if command == "check":
        options.append(["--checkpoint", path])
    before = sorted(tmp_path.iterdir())
    for words in options:
        result = run(command, *([] if command == "demo" else [f"{file}:broken"]), *words)  # which would raise
        assert result.exit_code == 2
        assert message.format(folder=tmp_path) in result.stderr
        assert result.stderr.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before


def test_pages_and_pictures_are_tried_too_and_a_device_serves(file, tmp_path):
    for words in (["check", f"{file}:broken", "--html", "/proc/x.html"], ["sweep", f"{file}:broken", "--plot", "/proc/x.png"]):  # fmt: skip
        result = run(*words)
        assert (result.exit_code, "must be one that can be written" in result.stderr) == (2, True)
    assert run("check", file, "--json", "/dev/null").exit_code == 0


def test_a_file_that_is_there_stays_as_it_is_until_the_work_is_done(file, tmp_path):
    path = tmp_path / "report.json"
    path.write_text("before")
    assert run("check", f"{file}:broken", "--json", path).exit_code == 2
    assert path.read_text() == "before"
    assert run("check", file, "--json", path).exit_code == 0
    assert fc.Report.load(path).passed


def test_what_json_writes_is_what_save_writes_and_load_reads(file, tmp_path):
    for words in (["check", f"{file}:wrong"], ["screen", f"{file}:wrong", "--locate"]):
        path, again = tmp_path / "report.data", tmp_path / "again.json"
        assert run(*words, "--json", path).exit_code == 1
        report = fc.Report.load(path)
        report.save(again)
        assert again.read_text() == path.read_text()
        printed, told = (set(json.loads(text)) for text in (run(*words, "--json", "-").stdout, path.read_text()))
        assert told - printed == {"vectors"}
    assert report.location.components or report.location.tensors


@pytest.mark.parametrize(
    ("words", "nearest"),
    [
        (["check", "{file}:problme"], "problem"),
        (["check", "{file}:wrogn"], "wrong"),
        (["scale", "{file}:factroy"], "factory"),
        (["demo", "--bug", "compnent"], "component"),
        (["demo", "attenton"], "attention"),
        (["demo", "lsmt", "--list"], "lstm"),
        (["check", "{file}", "--method", "complx"], "complex"),
        (["check", "{file}", "--eps", "atuo"], "auto"),
        (["check", "{file}", "--tensors", "w"], None),
    ],
)
def test_a_name_that_is_almost_right_gets_the_nearest_one(words, nearest, file):
    result = run(*(word.format(file=file) for word in words))
    assert result.exit_code == 2
    assert (f"did you mean {nearest}?\n" in result.stderr) == (nearest is not None)


@pytest.mark.parametrize(
    ("variables", "coloured"),
    [({}, False), ({"FORCE_COLOR": "1"}, True), ({"FORCE_COLOR": ""}, False), ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False), ({"FORCE_COLOR": "1", "NO_COLOR": ""}, True)],
)  # fmt: skip
def test_colour_where_it_is_asked_for(variables, coloured, file, monkeypatch):
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    for words in (["check", file], ["sweep", file]):
        assert ("\x1b[" in run(*words).stdout) is coloured
    assert "\x1b" not in run("check", file, "--json", "-").stdout
