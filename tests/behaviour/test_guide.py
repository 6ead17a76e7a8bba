"""The guide: every block of Python runs, and prints what its page shows."""

from __future__ import annotations

import pytest
from pages import ROOT, Page

PAGES = {page.name: page for page in map(Page, sorted((ROOT / "fastcheck" / "guide").glob("*.md")))}
BLOCKS = [(name, k) for name, page in PAGES.items() for k in range(len(page.blocks))]


@pytest.mark.parametrize(("name", "k"), BLOCKS, ids=[f"{name}-{k}" for name, k in BLOCKS])
def test_a_block_runs_and_prints_what_is_shown(name, k):
    page = PAGES[name]
    assert page.printed(k) == page.blocks[k][1]
