"""BLAS is held to one thread while anybody checks, whatever is loaded meanwhile, and gets its threads back."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from fastcheck.evaluate import blas


class Library:
    def __init__(self, n_threads):
        self.n_threads = n_threads

    def get_num_threads(self):
        return self.n_threads

    def set_num_threads(self, n_threads):
        self.n_threads = n_threads


@pytest.fixture
def loaded(monkeypatch):
    """The libraries that a look for them finds."""
    found = [Library(4)]
    controller = SimpleNamespace(select=lambda user_api: SimpleNamespace(lib_controllers=list(found)))
    monkeypatch.setattr(blas, "ThreadpoolController", lambda: controller)
    return found


def threads(loaded):
    return [library.n_threads for library in loaded]


def test_holders_are_counted_in_whatever_order_they_leave(loaded):
    guard = blas._Guard()
    first, second = guard.hold(), guard.hold()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert threads(loaded) == [1]
    second.__exit__(None, None, None)
    assert threads(loaded) == [4]


def test_a_library_that_a_new_cost_loads_meanwhile_is_held_too(loaded):
    guard = blas._Guard()
    with guard.hold():
        loaded.append(Library(8))
        guard.meet(lambda theta: 0.0)
        assert threads(loaded) == [1, 1]
    assert threads(loaded) == [4, 8]
