"""Numbers and names in sentences."""

from __future__ import annotations

import pytest

from fastcheck.words import counted, duration, listed


@pytest.mark.parametrize(("n", "words"), [(0, "0 bugs"), (1, "1 bug"), (2, "2 bugs"), (1_234_567, "1,234,567 bugs")])
def test_counts_are_in_the_singular_for_one_alone(n, words):
    assert counted(n, "bug") == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(3e-9, "3.0 ns"), (0.99949, "999 ms"), (0.9996, "1.0 s"), (59.4, "59 s"), (3600.0, "1.0 h"), (1e5, "1.2 days"), (1e20, "3e+12 years")],
)  # fmt: skip
def test_times_are_in_the_largest_unit_of_which_they_are_one(seconds, words):
    assert duration(seconds) == words


def test_of_many_names_the_first_are_listed_and_fewer_where_they_are_long():
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"], most=2) == "a, b and 1 more"
    assert listed(["x" * 50] * 9, room=120) == f"{'x' * 50}, {'x' * 50} and 7 more"
    assert listed(["x" * 500, "y"]) == f"{'x' * 500} and 1 more"
