"""The benchmarks' table: pure functions of measured records, and files written whole or not at all."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[2]))  # the benchmarks are not installed

from benchmarks import compare, files, markdown, render, rivals, table, verdicts
from benchmarks.costs import network
from benchmarks.models import Model
from benchmarks.records import FirstResult, Load, Machine, Measured, Outcome, Peak, Results, Timing, exponent
from benchmarks.rules import ACCUSED, CANNOT_TELL, PASSED, RULES

START, END = markdown.marks(table.MARKS)
LOAD = Load("mlp", 1000, 1000, 2, 2000, 1e-8, 0.5)
MACHINE = Machine("A processor", 2, "Linux", "2026-01-31", {"Python": "3.12"})
USUAL = "two-sided differences"
OUTCOMES = (
    Outcome("ours", USUAL, 100, evaluations=200, difference=0.0, timing=Timing(0.001, 0.001, 1.0, 9)),
    Outcome("theirs", f"{USUAL}, compared with autograd", 100, note="slow mode", timing=Timing(0.025, 0.001, 25.4, 3)),
    Outcome("absent", USUAL, 100, status="not installed"),
    Outcome("ours", USUAL, 1000, evaluations=2000, difference=0.0, timing=Timing(0.1, 0.1, 1.0, 9)),
    Outcome(
        "theirs",
        f"{USUAL}, compared with autograd",
        1000,
        note="slow mode",
        difference=0.5,
        status="its result differs by 5.0e-01",
    ),
    Outcome("absent", USUAL, 1000, status="not installed"),
)


def measured(
    n: int, seconds: float, workers: int = 1, ratio: float = 1.25, n_components: int | None = None
) -> Measured:
    k = n if n_components is None else n_components
    return Measured(
        replace(LOAD, n=n, n_components=k, workers=workers, evaluations=2 * k), Timing(seconds, 1.0, ratio, 5)
    )


RESULTS = Results(
    MACHINE,
    rivals=OUTCOMES,
    overhead=(measured(100, 0.1, 1, 1.05), measured(100, 0.05, 2, 0.55)),
    first=(FirstResult("cold", {"import": 0.2}), FirstResult("warm", {"import": 0.1})),
    memory=(Peak(100, 1, 4.04), Peak(100, 2, 5.0), Peak(1000, 1, 4.0)),
    scaling=(measured(1000, 0.1), measured(10_000, 10.0)),
)


def row(text: str, name: str) -> list[str]:
    """The cells of the row that begins with ``name``."""
    (line,) = [line for line in text.splitlines() if line.startswith(f"| {name} |")]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_what_follows_from_a_timing():
    m = measured(1000, 0.5, workers=2, ratio=0.625)
    assert (m.components_per_second, m.evaluations_per_second) == (2000, 4000)
    assert m.efficiency == pytest.approx(0.8)
    assert m.figures()["efficiency against the bare loop"] == m.efficiency


def test_a_sample_is_scaled_by_its_evaluations():
    m = measured(1000, 0.5, n_components=100)
    assert m.load.sampled
    assert m.seconds_of_all == pytest.approx(5.0)
    assert not measured(1000, 0.5).load.sampled


def test_the_exponent_of_a_power_law():
    assert exponent([10, 100, 1000], [3 * n**1.7 for n in (10, 100, 1000)]) == pytest.approx(1.7)


def test_a_row_for_every_rival_with_a_dash_where_it_was_not_timed():
    text = render.rivals(OUTCOMES)
    assert row(text, "ours") == ["ours", "1.00 ms", "1.00", "100 ms", "1.00", "9, 9", "2,000", "0e+00", ""]
    about = "compared with autograd; slow mode"
    assert row(text, "theirs") == ["theirs", "25.0 ms", "25.4", "-", "-", "3", "-", "5e-01", about]
    assert row(text, "absent")[1:8] == ["-"] * 7
    assert "Not timed: absent: not installed; theirs at n = 1,000: its result differs by 5.0e-01." in text


def test_every_section_measured_is_in_the_results_and_no_other():
    text = render.results(RESULTS)
    titles = [line[3:] for line in text.splitlines() if line.startswith("## ")]
    assert titles == ["Rivals", "Overhead by the size of J", "First result", "Memory", "Scaling"]
    assert "A processor, 2 cores, Linux; 2026-01-31. Python 3.12." in text
    assert "quick" not in text
    assert "a quick run" in render.results(replace(RESULTS, quick=True))


def test_memory_has_a_dash_for_what_was_not_measured():
    assert row(render.memory(RESULTS.memory), "100") == ["100", "4.0", "5.0"]
    assert row(render.memory(RESULTS.memory), "1,000") == ["1,000", "4.0", "-"]


def test_overhead_puts_both_numbers_of_workers_in_one_row():
    assert render.overhead(RESULTS.overhead).splitlines()[-1].split("|")[3:6] == [" 1.050 ", " 0.550 ", " 1.91 "]


def test_scaling_marks_samples_and_states_the_exponent():
    text = render.scaling((measured(1000, 0.1), measured(10_000, 1.0, n_components=1000)))
    assert row(text, "10,000")[3] == "10.0 s*"
    assert "n^2.00 with 1 worker" in text
    assert "a sample (1,000 components)" in text


def test_the_readme_is_refreshed_between_its_markers_only_and_once():
    text = f"before\n{START}\nold\n{END}\nafter\n"
    once = markdown.refreshed(text, render.readme(RESULTS), table.MARKS)
    assert once.startswith(f"before\n{START}\n") and once.endswith(f"\n{END}\nafter\n")
    assert "old" not in once
    assert markdown.refreshed(once, render.readme(RESULTS), table.MARKS) == once
    assert row(once, "theirs") == ["theirs", "25.0 ms, 25.4 x", "-", "compared with autograd"]
    assert row(once, "absent") == ["absent", "-", "-", ""]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (files.README, table.MARKS),
        (files.COMPARE, verdicts.MARKS),
        (files.RESULTS, table.MARKS),
        (files.RESULTS, verdicts.MARKS),
    ],
)
def test_the_files_have_their_marks(path, name):
    markdown.refreshed(path.read_text(), "", name)


@pytest.mark.parametrize("text", ["", START, f"{END} {START}", f"{START}{END}" * 2])
def test_a_text_without_markers_is_left_alone(text):
    with pytest.raises(ValueError, match="must hold .* once each"):
        markdown.refreshed(text, "new", table.MARKS)


def found(*said):
    """Tallies of one situation, in which every rule says of a right gradient and of a wrong one what ``said`` has for it."""
    ours, theirs = said
    made = {}
    for name in RULES:
        tally = made["a place", name] = verdicts.Tally()
        for is_right, word in zip((True, False), ours if name.startswith("fastcheck") else theirs, strict=True):
            tally.add(is_right, word, 50, 20)
    return made


def test_verdicts_are_counted_by_rule_and_by_situation():
    text = verdicts.results(found((CANNOT_TELL, ACCUSED), (ACCUSED, PASSED)), 7)
    own, theirs = (
        text.count("| fastcheck check | 0 | 1 | 0 | 0 | 2.5 |"),
        text.count("| torch gradcheck | 1 | 0 | 1 | 0 | 2.5 |"),
    )
    assert (own, theirs) == (2, 2), "all situations, and the only one"
    assert "| all situations: 1 right, 1 wrong |" in text and "| a place: 1 right, 1 wrong |" in text
    assert "7 models" in text


def test_the_guide_says_what_fastcheck_accused_passed_and_left_open():
    said = verdicts.guide(found((CANNOT_TELL, PASSED), (PASSED, PASSED)), 7)
    assert "accused 0 right gradients and passed 3 wrong ones" in said
    assert "a place 1 of 1" in said
    said = verdicts.guide(found((ACCUSED, ACCUSED), (PASSED, PASSED)), 7)
    assert "accused 3 right gradients and passed 0 wrong ones" in said


@pytest.mark.parametrize("path", [files.COMPARE, files.RESULTS])
def test_what_is_written_of_fastcheck_holds(path):
    """None accused and none passed, whatever the situation."""
    rows = [
        line
        for line in path.read_text().splitlines()
        if re.match(r"\| fastcheck (check|screen)[^|]*(\| *[\d.]+ *){5}\|$", line)
    ]
    assert len(rows) in (3, 21)
    assert {(cells[2].strip(), cells[4].strip()) for cells in (line.split("|") for line in rows)} == {("0", "0")}


@pytest.mark.parametrize("name", RULES)
def test_every_rule_passes_a_plain_right_gradient_and_accuses_twice_as_much(name):
    g = np.array([1.0, 2.0, 3.0, 4.0])
    model = Model("linear", lambda theta: float(g @ theta), lambda theta: g, np.linspace(0.1, 0.4, 4))
    assert RULES[name](model)[0] == PASSED
    said, evaluations = RULES[name](replace(model, grad=lambda theta: 2 * g))
    assert said == ACCUSED and evaluations > 0


def test_ctrl_c_writes_no_verdicts(monkeypatch, capsys):
    def interrupted(*given):
        raise KeyboardInterrupt

    monkeypatch.setattr(verdicts, "write", lambda contents: pytest.fail("written"))
    monkeypatch.setattr(verdicts, "tallies", interrupted)
    assert verdicts.main([]) == 130
    assert "nothing was written" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (12.345, "12.3 s"),
        (1.0, "1.00 s"),
        (0.9999, "1.00 s"),
        (0.0123, "12.3 ms"),
        (4.56e-6, "4.56 us"),
        (1e-7, "100 ns"),
    ],
)
def test_durations_have_three_digits(seconds, text):
    assert markdown.duration(seconds) == text


def test_a_rival_is_compared_before_it_is_timed():
    given = compare.Network(network(85))
    outcome, run = compare.compared(rivals.SCIPY_NJIT, given)
    assert run is not None and outcome.status == ""
    assert outcome.evaluations == 2 * outcome.n + 1
    assert outcome.difference < 1e-7

    twice = replace(rivals.SCIPY_NJIT, build=lambda network: compare.Ready(lambda: 2 * given.reference))
    outcome, run = compare.compared(twice, given)
    assert run is None and outcome.status == "its result differs by 1.0e+00"


def test_a_rival_that_is_missing_or_broken_is_told_and_not_timed(monkeypatch):
    monkeypatch.setitem(sys.modules, "statsmodels", None)
    given = compare.Network(network(85))
    (statsmodels,) = [rival for rival in rivals.RIVALS if rival.name.startswith("statsmodels")]
    assert compare.compared(statsmodels, given)[0].status == "not installed"

    def build(network):
        raise TypeError("no such argument")

    outcome, run = compare.compared(replace(statsmodels, build=build), given)
    assert run is None and outcome.status == "failed: TypeError: no such argument"


def test_files_are_written_whole_or_not_at_all(tmp_path):
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_bytes(b"old")
    with pytest.raises(TypeError):
        files.write({first: b"new", second: None})
    assert [path.name for path in tmp_path.iterdir()] == ["a"] and first.read_bytes() == b"old"
    files.write({first: b"new", second: b"also"})
    assert (first.read_bytes(), second.read_bytes()) == (b"new", b"also")


def test_ctrl_c_writes_nothing(monkeypatch, capsys):
    def interrupted(*given):
        raise KeyboardInterrupt

    monkeypatch.setattr(table, "write", lambda contents: pytest.fail("written"))
    monkeypatch.setattr(table, "_measure", interrupted)
    assert table.main(["--only", "memory"]) == 130
    assert "nothing was written" in capsys.readouterr().err
