from __future__ import annotations

import re
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

import fastcheck as fc
from fastcheck import zoo

CELLS = {
    "bar": """
        import time
        import fastcheck as fc
        from fastcheck import zoo

        problem = zoo.mlp((5, 8, 3), bug="row")

        def slow(theta):
            time.sleep(0.002)
            return float((theta**4).sum())

        numeric = fc.gradient(slow, problem.theta, progress=True)
    """,
    "Problem": "problem",
    "Report": "report = problem.check(progress=True); report",
    "Location": "problem.locate()",
    "Sweep": "problem.sweep(components=20)",
    "Scaling": "fc.scale(lambda size: zoo.mlp((3, size, 2)), [2])",
}
SHOWN = {
    "Problem": "mlp 5-8-3 tanh, bug row: 75 components in 4 tensors",
    "Report": "WRONG: the gradient is wrong in W2",
    "Location": "wrong components",
    "Sweep": "lowest ratio",
    "Scaling": "components/s",
}


@pytest.fixture(scope="module")
def outputs() -> dict[str, list[dict]]:
    """What every cell of a notebook put out, in a kernel of its own."""
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    cells = [nbformat.v4.new_code_cell(textwrap.dedent(code)) for code in CELLS.values()]
    notebook = nbformat.v4.new_notebook(cells=cells)
    root = str(Path(fc.__file__).parents[1])
    nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": root}}).execute()
    return {name: cell.outputs for name, cell in zip(CELLS, notebook.cells, strict=True)}


def plain(html: str) -> str:
    return re.sub(r"<[^>]*>", "", html)


@pytest.mark.filterwarnings("default")  # of the client's own
@pytest.mark.skipif(sys.platform == "win32", reason="the client asks for another event loop there")
def test_a_notebook_shows_progress_and_results_without_a_warning(outputs):
    every = [output for each in outputs.values() for output in each]
    assert [output for output in every if output["output_type"] == "stream"] == []
    assert "ipywidgets" not in str(every)
    (bar,) = outputs["bar"]
    assert bar["data"]["text/html"] == ""  # it was replaced in place, and is gone at the end
    for name, words in SHOWN.items():
        html = outputs[name][-1]["data"]["text/html"]
        assert words in plain(html), name
        assert words in outputs[name][-1]["data"]["text/plain"], name


def test_the_card_of_a_problem_says_what_it_holds_and_what_to_call():
    problem = fc.Problem(
        lambda theta, x: 0.0, None, {"W": np.ones((2, 3)), "b": 1.0}, (np.ones((4, 5)),), name="<mine>"
    )
    told = str(problem)
    assert told.startswith("<mine>: 7 components in 2 tensors")
    assert re.search(r"W +2x3 +6\n", told)
    assert "args[0]: float64 4x5" in told
    assert "14 evaluations of J" in told
    assert repr(problem) == "<Problem <mine>: 7 components in 2 tensors>"
    assert "&lt;mine&gt;" in problem._repr_html_()


def test_the_card_of_many_tensors_counts_the_rest():
    theta = {f"p{k:02}": np.ones(3) for k in range(30)}
    assert re.search(r"18 more +54\n", str(fc.Problem(lambda theta: 0.0, None, theta)))


def test_a_problem_that_cannot_be_used_still_shows_itself():
    problem = fc.Problem(3, None, np.ones(3))
    assert "cost must be a function" in repr(problem)
    assert "cost must be a function" in problem._repr_html_()


def test_ipython_on_a_terminal_shows_the_text():
    class Printer:
        def text(self, words: str) -> None:
            self.said = words

    report, printer = zoo.mlp((2, 3, 2)).check(), Printer()
    report._repr_pretty_(printer, False)
    assert printer.said == report.text()
