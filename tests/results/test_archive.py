from __future__ import annotations

import json
import os
import threading
from dataclasses import dataclass, field, fields, replace

import numpy as np
import pytest
from costs import quartic, quartic_gradient
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import fastcheck as fc
from fastcheck import zoo
from fastcheck.results import archive, files

NUMBERS = st.floats(allow_nan=True, allow_infinity=True)
WORDS = st.text(max_size=8)
SHAPES = st.dictionaries(WORDS, st.lists(st.integers(0, 3), max_size=3).map(tuple), min_size=1, max_size=3)


@st.composite
def reports(draw) -> fc.Report:
    """Any report that could be, and many that could not."""
    layout = fc.Layout.of(draw(SHAPES.filter(lambda shapes: any(0 not in shape for shape in shapes.values()))))
    worst = st.none() | st.builds(fc.Component, st.integers(0, 9), WORDS, NUMBERS, NUMBERS, NUMBERS)
    verdicts = st.sampled_from(fc.Verdict)
    tensors = tuple(
        fc.TensorReport(t.name, t.shape, draw(NUMBERS), draw(NUMBERS), draw(verdicts), draw(WORDS), draw(worst), t.size)
        for t in layout.tensors
    )
    indices = st.sets(st.integers(0, layout.size - 1), min_size=1).map(lambda chosen: np.array(sorted(chosen)))
    components = draw(st.none() | indices)
    k = layout.size if components is None else components.size
    vectors, places = arrays(np.float64, k, elements=NUMBERS), st.sets(st.integers(0, k - 1))
    return fc.Report(
        *(draw(NUMBERS), draw(NUMBERS), draw(verdicts), draw(WORDS), draw(st.none() | vectors), draw(vectors)),
        *(components, layout, tensors),
        findings=tuple(draw(st.lists(st.builds(fc.Finding, WORDS, st.tuples(WORDS), WORDS), max_size=2))),
        eps=draw(NUMBERS),
        evaluations=draw(st.integers(0)),
        seconds=draw(NUMBERS),
        noise=draw(NUMBERS),
        workers=draw(st.integers(1, 9)),
        compiled=draw(st.booleans()),
        ratio_low=draw(st.none() | NUMBERS),
        name=draw(WORDS),
        bound=draw(st.none() | vectors),
        wrong=draw(st.none() | places.map(lambda chosen: np.array(sorted(chosen), dtype=np.int64))),
    )


def refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is not JSON")


@given(report=reports())
def test_a_report_comes_back_equal_through_strict_json(report):
    text = report.filed()
    told = json.loads(text, parse_constant=refuse)
    again = archive.loads(fc.Report, text)
    assert again == report
    assert hash(again) == hash(report)
    assert again.filed() == text
    assert told.pop("vectors")["record"] == "Report"
    assert told == json.loads(json.dumps(report.to_dict()))


@pytest.fixture(scope="module")
def checked() -> fc.Report:
    return zoo.mlp((5, 8, 3), bug="row").check()


def test_checks_samples_and_screens_come_back_from_a_file(checked, tmp_path):
    problem = zoo.mlp((5, 8, 3), bug="component")
    for report in (checked, problem.check(components=20), problem.screen(), zoo.course(fixed=True).check()):
        report.save(tmp_path / "report.json")
        again = fc.Report.load(tmp_path / "report.json")
        assert again == report
        assert again.wrong is report.wrong is None or again.wrong.dtype == report.wrong.dtype == np.int64
        assert str(again) == str(report)
        assert again.worst(3) == report.worst(3)
        assert again.to_dict() == report.to_dict()


def test_what_is_not_finite_comes_back(theta, weights, tmp_path):
    gradient = quartic_gradient(theta, weights)
    gradient[[2, 5, 7]] = np.nan, np.inf, -np.inf
    report = fc.check(quartic, gradient, theta, (weights,))
    report.save(tmp_path / "report.json")
    again = fc.Report.load(tmp_path / "report.json")
    assert again == report
    assert np.array_equal(again.analytic, gradient, equal_nan=True)
    assert {c.index for c in again.worst(3)} == {2, 5, 7}


def test_reports_that_differ_in_one_field_are_not_equal(checked):
    assert checked == replace(checked)
    assert checked != "report"
    for f in fields(checked):
        value = getattr(checked, f.name)
        other = value + 1 if isinstance(value, int | float | np.ndarray) else None if value else "another"
        assert checked != replace(checked, **{f.name: other}), f.name


def test_the_versions_are_those_of_the_report_not_of_the_reader(checked, tmp_path):
    replace(checked, versions={"fastcheck": "0.0.1"}).save(tmp_path / "report.json")
    assert fc.Report.load(tmp_path / "report.json").to_dict()["versions"] == {"fastcheck": "0.0.1"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda told: told[:-9], "got no JSON"),
        (lambda told: b"\xff\xfe\x00", "got no JSON"),
        (lambda told: "[1, 2]", "got something else"),
        (lambda told: '{"verdict": "CORRECT"}', "got something else"),
        (lambda told: told.replace('"format": 3', '"format": 4'), "got format 4, not 1 or 2 or 3"),
        (lambda told: told.replace('"format": 3', '"format": [1]'), "got format .1., not 1 or 2 or 3"),
        (lambda told: told.replace('"wrong": [', '"wrong": [0.5, '), "got invalid value .* @ Report.wrong"),
        (lambda told: told.replace('"wrong": [', '"wrong": [75, '), "got wrong components beyond the 75 looked at"),
        (lambda told: told.replace('"bound": [', '"bound": [0.5, '), "got gradients of another length than 75"),
        (lambda told: told.replace('"Report"', '"Sweep"'), "got something else"),
        (lambda told: told.replace('"eps": 1e-07', '"eps": "small"'), r"got invalid value for type, expected float \| numpy.* @ Report.eps"),
        (lambda told: told.replace('"eps": 1e-07', f'"eps": 1{400 * "0"}'), "got .*int too large.* @ Report.eps"),
        (lambda told: told.replace('"eps": 1e-07', '"eps": true'), r"got invalid value for type, expected float \| numpy.* @ Report.eps"),
        (lambda told: told.replace('"eps"', '"epsilon"'), "got required field missing @ Report.eps"),
        (lambda told: told.replace('"format": 3,', '"format": 3,"colour": 1,'), "got extra fields found .colour. @ Report"),
        (lambda told: told.replace('  "eps": 1e-07,\n', ""), "got required field missing @ Report.eps"),
        (lambda told: told.replace('"verdict": "WRONG"', '"verdict": "GREAT"', 1), "got .* @ Report.verdict"),
        (lambda told: told.replace('"shape": [8, 5]', '"shape": [8, "5"]'), r"got invalid value .* @ Report.layout.tensors\[0\].shape\[1\]"),
        (lambda told: told.replace('"start": 40', '"start": 41'), "got a layout that has gaps"),
        (lambda told: told.replace('"numeric": [', '"numeric": [0.5, ', 1), "got gradients of another length than 75"),
        (lambda told: told.replace('"numeric": [', '"numeric": [null, ', 1), "got invalid value .* @ Report.numeric"),
        (lambda told: told.replace('"name": "W1",', '"name": "V",', 1), "got tensors that are not"),
        (lambda told: told.replace('"vectors": {', '"others": {'), "got something else"),
    ],
)  # fmt: skip
def test_a_broken_or_foreign_file_is_refused_in_one_line(change, message, checked, tmp_path):
    path = tmp_path / "report.json"
    told = change(checked.filed())
    path.write_bytes(told if isinstance(told, bytes) else told.encode())
    with pytest.raises(fc.InputError, match=rf"report\.json must hold a saved Report, {message}") as caught:
        fc.Report.load(path)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(
        fc.InputError, match="the file must exist, got .*nowhere.json: write the path of a saved Report"
    ):
        fc.Report.load(tmp_path / "nowhere.json")


@dataclass(frozen=True)
class Record:
    number: float
    pair: tuple[int, str] = (0, "")
    table: dict[str, tuple[float, ...]] = field(default_factory=dict)


@given(st.builds(Record, NUMBERS, st.tuples(st.integers(), WORDS), st.dictionaries(WORDS, st.tuples(NUMBERS, NUMBERS))))
def test_a_record_needs_nothing_but_its_annotations(record):
    again = archive.loads(Record, archive.dumps(record, {}))
    assert archive.same(again.number, record.number)
    assert again.pair == record.pair
    assert all(archive.same(again.table[key], value) for key, value in record.table.items())


def test_what_a_summary_tells_without_loss_is_told_once():
    text = archive.dumps(Record(0.5, (3, "a"), {"x": (float("nan"),)}), {"number": 0.5, "pair": [3, "b"], "n": 7})
    assert json.loads(text)["vectors"] == {
        "format": archive.FORMAT,
        "record": "Record",
        "pair": [3, "a"],
        "table": {"x": ["nan"]},
    }
    assert archive.loads(Record, text).pair == (3, "a")
    assert archive.loads(Record, text.replace("0.5", "1.5")).number == 1.5


def test_a_field_that_an_older_file_lacks_takes_its_default():
    assert archive.loads(Record, '{"format": 1, "record": "Record", "number": 2.5}') == Record(2.5)


def test_an_unknown_suffix_is_refused_and_nothing_is_written(checked, tmp_path):
    for name in ("report.txt", "report", "report.jpeg"):
        with pytest.raises(fc.InputError, match=f"the file must end in .json, .html, .png, .svg, .pdf, got '.*{name}'"):
            checked.save(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_nothing_is_written_where_the_making_fails(tmp_path):
    path = tmp_path / "report.json"
    path.write_text("before")
    with pytest.raises(ZeroDivisionError):
        files.save(path, {".json": lambda: str(1 / 0)})
    assert path.read_text() == "before"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_device_is_written_to_and_stays_one(tmp_path):
    pipe, got = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: got.append(pipe.read_text()))
    reader.start()
    files.write(pipe, "told")
    reader.join()
    assert got == ["told"]
    assert pipe.is_fifo()
