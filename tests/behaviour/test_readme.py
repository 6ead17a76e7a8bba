"""The README: its examples run, its sample is what the command prints, and its figures are those of the code."""

from __future__ import annotations

import inspect
import re
import sys

import pytest
from pages import ROOT, Page

import fastcheck as fc
from fastcheck import zoo
from fastcheck.judge import rule

sys.path.append(str(ROOT))  # the benchmarks are not installed

from benchmarks import markdown, shown

PATH = ROOT / "README.md"
README = PATH.read_text()
MADE = re.findall(r"### ([^\n]+)\n(?:(?!###).)*?```python\n(.*?)```", README, re.DOTALL)


def test_the_first_example_runs_and_passes():
    page = Page(PATH)
    assert "CORRECT" in page.printed(0) and page.space["report"].passed
    cost, grad, params, X, Y = (page.space[name] for name in ("cost", "grad", "params", "X", "Y"))
    assert fc.check(cost, grad, params, args=(X, Y)).passed, "which packs by itself"
    with pytest.raises(AssertionError, match="WRONG"):
        fc.assert_gradient(cost, lambda *given: {k: 2 * v for k, v in grad(*given).items()}, params, (X, Y))


@pytest.mark.parametrize(("title", "code"), MADE, ids=[title for title, _ in MADE])
def test_the_makers_of_the_readme_run_as_they_stand(title, code):
    for library in ("torch", "JAX"):
        if library in title:
            pytest.importorskip(library.lower())
    space: dict = {}
    exec("import numpy as np, fastcheck as fc", space)
    exec(code, space)
    assert space["report"].passed


def test_there_are_four_of_them_of_five_lines():
    assert [title for title, _ in MADE] == ["From torch", "From JAX", "A layer's forward and backward", "A Jacobian"]
    assert all(len([line for line in code.splitlines() if line]) <= 5 for _, code in MADE)


def words_of(text: str) -> list[str]:
    """Without numbers and what they decide: columns, and where lines break."""
    return re.sub(r"[-+]?\d[\d.,]*(e[-+]\d+)?", " # ", text.replace("workers", "worker")).split()


def test_the_sample_is_what_the_command_prints():
    start, end = markdown.marks(shown.MARKS)
    sample, printed = README.split(start)[1].split(end)[0].strip("`\n"), shown.printed()
    assert words_of(sample) == words_of(printed)
    for text in (sample, printed):
        assert all(part in text for part in ("WRONG", "W2[9, ", "3/2", "10,060 components"))


def test_the_sample_alone_is_refreshed(monkeypatch, tmp_path):
    path = tmp_path / "README.md"
    path.write_text(README)
    monkeypatch.setattr(shown, "README", path)
    monkeypatch.setattr(shown, "printed", lambda: "CORRECT")
    shown.main()
    before, after = README.split(markdown.marks(shown.MARKS)[0])[0], README.split(markdown.marks(shown.MARKS)[1])[1]
    text = path.read_text()
    assert text.startswith(before) and text.endswith(after) and "```\nCORRECT\n```" in text


def test_the_versions_of_python_are_those_of_the_package():
    (least,) = re.findall(r'requires-python = ">=([\d.]+)"', (ROOT / "pyproject.toml").read_text())
    assert f"Python {least} or newer" in README


def test_the_bugs_are_counted():
    assert f"{sum(len(zoo.bugs(name)) for name in zoo.NETWORKS)} bugs in five networks" in README
    assert len(zoo.NETWORKS) == 5


def test_every_maker_is_named():
    named = set(re.findall(r"\b(from_\w+)", README))
    assert named == {name for name in fc.__all__ if name.startswith("from_")}


def test_the_edges_of_the_verdicts_are_those_of_the_rule():
    assert f"agree to {rule.LOOK:.0e}".replace("e-0", "e-") in README
    assert f"by {rule.WORRY:.0e} or more".replace("e-0", "e-") in README


def column(section: str, title: str, among: str = "") -> list[int]:
    """Of a table of RESULTS.md: the numbers under this title, of the rows that hold ``among``."""
    lines = (ROOT / "benchmarks" / "RESULTS.md").read_text().split(f"## {section}\n")[1].split("\n## ")[0].splitlines()
    header, _, *rows = (line.strip("| ").split(" | ") for line in lines if line.startswith("|"))
    return [int(row[header.index(title)].replace(",", "")) for row in rows if not among or among in row]


def test_the_evaluations_are_those_that_were_measured():
    assert "| some 70 |" in README and all(60 <= k <= 80 for k in column("Screen", "evaluations"))
    located = column("Locate", "evaluations, median", "one in W1")
    assert "| some 80 for one of them |" in README and all(70 <= k <= 90 for k in located)


def test_scaling_takes_a_minute():
    assert inspect.signature(fc.scale).parameters["max_seconds"].default == 60 and "what fits into a minute" in README
