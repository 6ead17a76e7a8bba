"""The guide: every block of Python runs and prints what its page shows; links, commands, kinds and messages are real."""

from __future__ import annotations

import re

import pytest
import typer
from numba.core.dispatcher import Dispatcher
from pages import ROOT, Page

import fastcheck.functions
from fastcheck import zoo
from fastcheck.command.cli import app
from fastcheck.diagnosis.finding import ADVICE
from fastcheck.judge.verdict import Cause

GUIDE = ROOT / "fastcheck" / "guide"
PATHS = sorted(GUIDE.rglob("*.md"))
PAGES = {path.stem: Page(path) for path in PATHS}
BLOCKS = [(name, k) for name, page in PAGES.items() for k in range(len(page.blocks))]
TEXTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *PATHS]
SOURCE = " ".join(path.read_text() for path in (ROOT / "fastcheck").rglob("*.py"))


@pytest.mark.parametrize(("name", "k"), BLOCKS, ids=[f"{name}-{k}" for name, k in BLOCKS])
def test_a_block_runs_and_prints_what_is_shown(name, k):
    page = PAGES[name]
    assert page.printed(k) == page.blocks[k][1]


def test_a_block_that_prints_something_else_would_be_noticed(tmp_path):
    path = tmp_path / "page.md"
    path.write_text("```python\nprint(1 + 1)\n```\n\n```text\n3\n```\n\n```python\nimport torch_of_nobody\n```\n")
    page = Page(path)
    assert page.printed(0) == "2\n" != page.blocks[0][1] == "3\n"
    with pytest.raises(ModuleNotFoundError):
        page.printed(1)


@pytest.mark.parametrize("path", TEXTS, ids=[path.name for path in TEXTS])
def test_what_is_linked_or_included_is_there(path):
    text = path.read_text()
    named = re.findall(r"\]\(([^)#:]+)", text) + re.findall(r"^```\{literalinclude\} (.+)$", text, re.MULTILINE)
    assert [target for target in named if not (path.parent / target).exists()] == []


@pytest.mark.parametrize("path", TEXTS, ids=[path.name for path in TEXTS])
def test_commands_have_the_options_that_are_shown(path):
    commands = typer.main.get_command(app).commands
    for name, rest in re.findall(
        r"\bfastcheck (check|screen|sweep|scale|demo|checkpoint)\b([^`\n#]*)", path.read_text()
    ):
        known = {option for parameter in commands[name].params for option in parameter.opts}
        assert set(re.findall(r"(?<!\w)--[a-z-]+", rest)) <= {*known, "--help"}


def first_cells(name: str, header: str) -> list[str]:
    """What stands in code in the first column of the table with this header."""
    table = (GUIDE / name).read_text().split(f"| {header} |")[1].split("\n\n")[0]
    return [code for row in table.splitlines()[2:] for code in re.findall(r"`([^`]+)`", row.split("|")[1])]


def test_the_kinds_of_findings_are_those_of_the_code():
    causes = {cause.words for cause in Cause} | {"scales"}
    kinds = first_cells("findings.md", "kind | what was found")
    assert [kind for kind in kinds if kind not in causes and f'"{kind}"' not in SOURCE] == []
    advice = first_cells("findings.md", "kind | what is said")
    assert set(advice) >= ADVICE
    assert set(re.findall(r'Finding\(\s*"(\w+)"', SOURCE)) <= {*kinds, *advice}


def test_every_cause_of_unresolved_is_explained():
    told = first_cells("unresolved.md", "cause | what was seen | what to do")
    assert sorted(told) == sorted(cause.words for cause in Cause if cause is not Cause.NONE)


def test_messages_are_those_of_the_code():
    told = first_cells("unresolved.md", "message | what happened")
    assert len(told) == 9
    for message in told:
        rule = re.split(r" for \(|, got| W1", message)[0]
        assert rule.split(" must ")[-1] in SOURCE


def test_the_reports_of_the_gallery_are_of_the_versions_that_are_told():
    text = (GUIDE / "found.md").read_text()
    sections = re.findall(r"^## (\S+ [\d.]+): .*?literalinclude\} (\S+\.txt)", text, re.DOTALL | re.MULTILINE)
    assert len(sections) == 7
    for library, path in sections:
        heads = re.findall(r"^--- ([^:]+): ", (GUIDE / path).read_text(), re.MULTILINE)
        assert heads and set(heads) == {library}


def test_every_public_name_has_an_entry_in_the_reference():
    entries = {
        name
        for path in (GUIDE / "api").glob("*.rst")
        for name in re.findall(
            r"^\.\. auto(?:function|class|exception):: fastcheck\.([\w.]+)", path.read_text(), re.MULTILINE
        )
    }
    functions = {
        name for name, value in vars(fastcheck.functions).items() if name[0] != "_" and isinstance(value, Dispatcher)
    }
    expected = {
        *fastcheck.__all__,
        *(f"zoo.{name}" for name in zoo.__all__),
        *(f"functions.{name}" for name in functions),
    }
    assert entries == expected
