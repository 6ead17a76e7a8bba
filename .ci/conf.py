"""The documentation: the pages of fastcheck/guide, and the reference from the docstrings. See .ci/docs, which builds it."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # what stands here is documented, whatever is installed

from fastcheck import __version__  # noqa: E402

project, author, release = "fastcheck", "fastcheck", __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
include_patterns = ["fastcheck/guide/**", "benchmarks/RESULTS.md", "CHANGELOG.md"]
root_doc = "fastcheck/guide/index"
default_role = "py:obj"  # `check` in a docstring leads to its entry

myst_heading_anchors = 3
autodoc_mock_imports = ["torch", "jax"]  # the same pages whether they are installed or not
autodoc_member_order = "bysource"
_ALIASES = ("Array", "Flags", "Indices", "Integers", "Stage", "Steps", "Vector", "WorkersOption")
autodoc_type_aliases = {name: name for name in _ALIASES}
add_module_names = False
python_maximum_signature_line_length = 80
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True

html_theme = "furo"
html_title = f"fastcheck {release}"
html_copy_source = False
html_show_copyright = html_show_sphinx = False
html_show_search_summary = False  # fetched, which browsers refuse on pages opened as files
html_theme_options = {"top_of_page_buttons": []}

_SEVERAL = re.compile(r"^(\w+(?:, \w+)+) : (.*)\n((?:[ ]+.*\n|\n)*)", re.MULTILINE)
COMMANDS = "<!-- commands -->"


def setup(app: Any) -> None:
    app.connect("source-read", with_commands)
    app.connect("autodoc-process-signature", with_plain_types)
    app.connect("autodoc-process-docstring", with_single_names, priority=400)  # before napoleon


def with_commands(app: Any, name: str, source: list[str]) -> None:
    """The page of the command line gets every command with its options, as typer describes them."""
    if COMMANDS in source[0]:
        asked = [sys.executable, "-m", "typer", "fastcheck.command.cli", "utils", "docs", "--name", "fastcheck"]
        told = subprocess.run(asked, capture_output=True, text=True, check=True, cwd=ROOT).stdout
        source[0] = source[0].replace(COMMANDS, told.split("\n", 1)[1])


def with_plain_types(app: Any, what: str, name: str, found: Any, options: Any, signature: str, returns: str) -> Any:
    """Without what Sphinx makes of ``Callable[..., Any]`` and of our names for types; nobody calls a record that is returned."""
    if what == "class" and is_dataclass(found) and "Attributes\n" in (found.__doc__ or ""):
        return "", None

    def plain(text: str | None) -> str | None:
        return text and re.sub(
            r"TypeAliasForwardRef\('(\w+)'\)", r"\1", text.replace("Callable[[...],", "Callable[...,")
        )

    return plain(signature), plain(returns)


def with_single_names(app: Any, what: str, name: str, found: Any, options: Any, lines: list[str]) -> None:
    """``low, high : float`` as two entries with the same words, also where attributes are listed."""
    text = re.sub(
        _SEVERAL, lambda m: "".join(f"{each} : {m[2]}\n{m[3]}" for each in m[1].split(", ")), "\n".join(lines)
    )
    lines[:] = text.split("\n")
