"""What MkDocs does beside building fastcheck/guide: files of the repository that its pages link to come along."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
OUTSIDE = re.compile(r"\]\((?:\.\./)+((?:benchmarks|\.github)/[^)#\s]+|[A-Z]+\.md)")  # as a link on a code host
ALWAYS = ("benchmarks/RESULTS.md", "CHANGELOG.md")


def on_files(files: Files, config: Any) -> Files:
    """The guide's own files, and those outside it that they link to, under the same paths from the root."""
    pages = [file.content_string for file in files.documentation_pages()]
    pages += [(ROOT / name).read_text() for name in ALWAYS]
    named = {name for text in pages for name in OUTSIDE.findall(text)}
    for name in sorted(named.union(ALWAYS)):
        files.append(File.generated(config, name.removeprefix("."), abs_src_path=str(ROOT / name)))
    picture = "benchmarks/scaling.png"
    if files.get_file_from_path(picture) is None:
        files.append(File.generated(config, picture, abs_src_path=str(ROOT / picture)))
    files.append(File.generated(config, "assets/iframe-worker.js", abs_src_path=str(ROOT / ".ci/iframe-worker.js")))
    files.append(File.generated(config, "assets/guide.css", abs_src_path=str(ROOT / ".ci/guide.css")))
    return files


def on_page_markdown(markdown: str, page: Any, **given: Any) -> str:
    """Links out of the guide, turned to where those files came to lie."""
    up = "../" * page.file.src_uri.count("/")
    return OUTSIDE.sub(lambda found: f"]({up}{found[1].removeprefix('.')}", markdown)
