from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from fastcheck.evaluate import bars
from fastcheck.evaluate.progress import progress_of


class Handle:
    """What a notebook would show, one line after the other."""

    shown: list[str] = []

    def display(self, bundle, raw):
        self.shown.append(bundle["text/html"])

    update = display


@pytest.fixture
def shown(monkeypatch) -> list[str]:
    shell = type("ZMQInteractiveShell", (), {})()
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(DisplayHandle=Handle))
    monkeypatch.setattr(bars, "_EVERY", 0.0)
    monkeypatch.setattr(Handle, "shown", [])
    return Handle.shown


def test_a_notebooks_bar_tells_numbers_and_words_and_is_gone_at_the_end(shown):
    with progress_of(True)(2000) as show:
        show(500)
        show(1500, "<waiting>")
    first, begun, later, last = shown
    assert (first, last) == ("", "")
    assert '<progress max="2000" value="500"' in begun
    assert "1,500 of 2,000, " in later
    assert "left &lt;waiting&gt;" in later


def test_a_notebooks_bar_is_not_redrawn_at_every_step(shown, monkeypatch):
    monkeypatch.setattr(bars, "_EVERY", 3600.0)
    with progress_of(True)(1000) as show:
        for done in range(1, 1001):
            show(done)
    assert len(shown) <= 4  # begun, once, done, gone


@pytest.mark.parametrize(("seconds", "told"), [(0.4, "0:00:00"), (75, "0:01:15"), (7325, "2:02:05")])
def test_the_time_left_is_told_as_a_clock(seconds, told):
    assert bars._clock(seconds) == told
