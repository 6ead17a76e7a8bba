"""The plugin as users' own tests meet it: it comes with the package, passes right gradients, and keeps pages of wrong ones."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import fastcheck as fc

COSTS = """
import numpy as np
import pytest

theta, weights = np.arange(1.0, 5.0), np.ones(4)

def cost(theta, weights):
    return float(weights @ theta**3)

def right(theta, weights):
    return 3 * weights * theta**2

def wrong(theta, weights):
    return right(theta, weights) * [1.0, 1.5, 1.0, 1.0]
"""
WRONG = COSTS + "def test_wrong(gradient_check): gradient_check(cost, wrong, theta, (weights,))"
PAGES = "--fastcheck-report", "pages/of/today"


@pytest.fixture
def run(pytester):
    """Runs a file of tests, and returns the run and the pages that it left."""

    def ran(source: str, *options: str) -> tuple[pytest.RunResult, list[Path]]:
        pytester.makepyfile(test_it=source)
        result = pytester.runpytest_inprocess(*options)
        return result, sorted(pytester.path.glob("pages/of/today/*"))

    return ran


def told(result: pytest.RunResult) -> str:
    """All that a run said, its lines joined as it broke them."""
    return "\n".join(line.removeprefix("E").strip() for line in result.outlines)


def test_a_right_gradient_passes_and_the_report_is_returned(run):
    source = (
        COSTS
        + "def test_it(gradient_check): assert gradient_check(cost, right, theta, (weights,), eps=1e-5).eps == 1e-5"
    )
    result, pages = run(source, *PAGES)
    result.assert_outcomes(passed=1)
    assert pages == []


def test_a_wrong_one_fails_with_the_short_report_and_leaves_a_page_whose_path_is_told(run):
    result, (page,) = run(WRONG, *PAGES)
    result.assert_outcomes(failed=1)
    assert "AssertionError: WRONG: the gradient is wrong in theta\n" in told(result)
    assert "worst theta[1]: analytic 18, numeric 12\n" in told(result)
    assert f"page: {page}\n" in told(result)
    assert "WRONG: test_it.py::test_wrong</title>" in page.read_text()


def test_without_a_folder_nothing_is_saved(run, pytester):
    result, _ = run(WRONG)
    result.assert_outcomes(failed=1)
    assert "page" not in told(result)
    assert not list(pytester.path.rglob("*.html"))


def test_the_frames_of_fastcheck_are_not_shown(run):
    result, _ = run(WRONG)
    assert not re.search(r"^fastcheck|fastcheck/\w+/\w+\.py:\d", told(result), re.MULTILINE)


def test_the_failure_carries_its_report(gradient_check):
    with pytest.raises(AssertionError) as failed:
        gradient_check(lambda theta: float(theta @ theta), lambda theta: 3 * theta, [1.0, 2.0])
    assert isinstance(failed.value.report, fc.Report)
    assert str(failed.value).startswith(failed.value.report.brief().rstrip())


def test_pages_of_odd_ids_classes_and_several_calls_stand_side_by_side_also_from_two_processes(run):
    source = f"""{COSTS}
@pytest.mark.parametrize("word", ["a/b", "a:b", "a b", "../b", "A b", "x" * 99 + "1" * 99, "y" * 99 + "1" * 99])
class TestLayer:
    def test_both(self, gradient_check, word):
        for error in (wrong, lambda theta, weights: -right(theta, weights)):
            with pytest.raises(AssertionError, match="page: "):
                gradient_check(cost, error, theta, (weights,))
"""
    pytest.importorskip("xdist")
    result, pages = run(source, *PAGES, "-n", "2")
    result.assert_outcomes(passed=7)
    assert len(pages) == 14
    assert all(re.fullmatch(r"[\w.-]{1,120}\.html", page.name, re.ASCII) for page in pages)
    assert len({page.name.lower() for page in pages}) == 14


@pytest.mark.parametrize("missing", ["jinja2", "matplotlib"])
def test_where_pages_cannot_be_drawn_the_report_is_saved_for_load(run, monkeypatch, missing):
    monkeypatch.setitem(sys.modules, missing, None)  # as if it were not installed
    for name in [name for name in sys.modules if name.startswith("fastcheck.faces.")]:
        monkeypatch.delitem(sys.modules, name)
    result, (saved,) = run(WRONG, *PAGES)
    assert f"saved for Report.load: {saved} (" in told(result)
    assert "pip install 'fastcheck[report]'" in told(result)
    assert json.loads(saved.read_text())["name"] == "test_it.py::test_wrong"


def test_a_page_that_cannot_be_saved_hides_nothing(run):
    gone = "import shutil\nshutil.rmtree('pages'); open('pages', 'w').close()\n"
    result, _ = run(gone + WRONG, *PAGES)
    assert "AssertionError: WRONG: the gradient is wrong in theta\n" in told(result)
    assert "the page could not be saved: NotADirectoryError" in told(result)


def test_a_folder_that_cannot_be_written_is_refused_before_any_test(run, pytester):
    pytester.makefile(".txt", taken="")
    result, _ = run(WRONG, "--fastcheck-report", "taken.txt")
    assert result.ret is pytest.ExitCode.USAGE_ERROR
    (line,) = [line for line in result.errlines if line]
    assert re.fullmatch(r"ERROR: --fastcheck-report must be a folder .*, got \S+taken.txt \(.*\): choose another", line)


def test_the_plugin_is_light():
    code = "import sys, fastcheck; before = {*sys.modules}; import fastcheck.command.pytest_plugin; print(*{name.split('.')[0] for name in {*sys.modules} - before})"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pytest" in result.stdout.split()
    assert not {"numpy", "numba", "rich", "typer", "matplotlib"} & set(result.stdout.split())
