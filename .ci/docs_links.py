"""Every link of a folder of pages leads to a file that is there, and to an anchor in it; nothing is loaded from the network."""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """The anchors of one page, its links, and what it loads."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.anchors, self.links, self.loaded = set(), set(), set()
        self.feed(path.read_text())

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        self.anchors |= {given.get("id"), given.get("name")} if tag == "a" else {given.get("id")}
        target = given.get("href") or given.get("src")
        if target:
            (self.links if tag == "a" else self.loaded).add(target)


def faults(folder: Path) -> list[str]:
    pages = {path.resolve(): Page(path) for path in folder.rglob("*.html")}
    found = []
    for path, page in pages.items():
        for target in page.links | page.loaded:
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                if target in page.loaded and parts.scheme != "data" and target not in page.links:
                    found.append(f"{path.name} loads {target}")
                continue
            there = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not there.exists():
                found.append(f"{path.name}: {target}: no such file")
            elif parts.fragment and there in pages and unquote(parts.fragment) not in pages[there].anchors:
                found.append(f"{path.name}: {target}: no such anchor")
    styles = [path for path in folder.rglob("*.css") if any(f"url({q}http" in path.read_text() for q in ("", '"', "'"))]
    return [*found, *(f"{path.name} loads from the network" for path in styles)]


if __name__ == "__main__":
    said = faults(Path(sys.argv[1]))
    print(*said, sep="\n", end="\n" if said else "")
    sys.exit(bool(said))
