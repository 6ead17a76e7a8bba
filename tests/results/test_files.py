"""Files are written whole or not at all, and those of older versions are read."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from costs import quartic, quartic_gradient

import fastcheck as fc
from fastcheck.results import archive

DATA = Path(__file__).parent / "data"  # written by fastcheck 0.1


@pytest.fixture
def report(rng) -> fc.Report:
    theta = rng.uniform(0.5, 1.5, 3_000)
    return fc.check(quartic, quartic_gradient, theta, (np.ones(3_000),))


def test_a_reader_never_sees_half_a_file(report, tmp_path):
    path, done = tmp_path / "report.json", threading.Event()
    report.save(path)
    read: list[fc.Report | Exception] = []

    def reader():
        while not done.is_set():
            try:
                read.append(fc.Report.load(path))
            except Exception as error:
                read.append(error)

    thread = threading.Thread(target=reader)
    thread.start()
    while len(read) < 20:
        report.save(path)
    done.set()
    thread.join()
    assert [found for found in read if found != report] == []
    assert [p.name for p in tmp_path.iterdir()] == ["report.json"]


def test_a_save_that_fails_half_way_leaves_the_old_file_and_nothing_beside_it(report, tmp_path, monkeypatch):
    path = tmp_path / "report.json"
    report.save(path)
    before, write_bytes = path.read_bytes(), Path.write_bytes

    def full(self, data):
        write_bytes(self, data[: len(data) // 2])
        raise OSError("no space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="no space"):
        report.save(path)
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("suffix", [".json", ".html"])
def test_a_folder_that_is_not_there_is_told_by_the_callers_name(suffix, report, tmp_path):
    (tmp_path / "file").touch()
    for folder, error in (("nowhere", FileNotFoundError), ("file", NotADirectoryError)):
        path = tmp_path / folder / f"report{suffix}"
        with pytest.raises(error) as caught:
            report.save(path)
        assert str(caught.value).endswith(f": '{path}'")


def test_a_link_stays_a_link_and_the_mode_of_the_file_is_kept(report, tmp_path):
    target, link = tmp_path / "target.json", tmp_path / "report.json"
    target.write_text("before")
    target.chmod(0o640)
    link.symlink_to(target)
    report.save(link)
    assert link.is_symlink()
    assert target.stat().st_mode & 0o777 == 0o640
    assert fc.Report.load(target) == report


@pytest.mark.parametrize("kind", ["check", "screen"])
def test_reports_of_the_first_format_load_and_show_all_of_themselves(kind, tmp_path):
    path = DATA / f"{kind}_format_1.json"
    assert '"format": 1,' in path.read_text()
    report = fc.Report.load(path)
    assert report.verdict is fc.Verdict.WRONG
    assert "the gradient is wrong in W" in str(report)
    for suffix in (".html", ".png", ".json"):
        report.save(tmp_path / f"report{suffix}")
    again = fc.Report.load(tmp_path / "report.json")
    assert again == report
    assert f'    "format": {archive.FORMAT},' in (tmp_path / "report.json").read_text()


def test_bound_and_wrong_of_the_first_format_are_those_of_the_differences():
    report = fc.Report.load(DATA / "check_format_1.json")
    assert report.components.tolist() == [0, 1, 4, 6, 7]
    assert report.wrong.tolist() == [2]
    assert report.worst(1)[0].name == "W[1, 1]"
    np.testing.assert_allclose(report.bound, 10 * report.noise / (np.sqrt(2) * report.eps))
    screened = fc.Report.load(DATA / "screen_format_1.json")
    assert (screened.numeric, screened.bound, screened.wrong, screened.worst()) == (None, None, None, ())
