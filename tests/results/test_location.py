from __future__ import annotations

from dataclasses import replace

import pytest

import fastcheck as fc
from fastcheck import zoo


def component(index: int) -> fc.Component:
    return fc.Component(index, f"W2[9, {index}]", 1.0, 2.0, 1.0)


@pytest.mark.parametrize(
    ("location", "words"),
    [
        (fc.Location((component(13),), (), 9), "W2[9, 13] is wrong"),
        (fc.Location((component(1), component(2)), (), 9), "W2[9, 1], W2[9, 2] are wrong"),
        (fc.Location((), (), 9, ("W2[9, :]",)), "row W2[9, :] is wrong throughout"),
        (fc.Location((), (), 9, ("K[:, :, 3]",)), "column K[:, :, 3] is wrong throughout"),
        (fc.Location((), ("b1",), 9, ("K[3, :, :]",)), "row K[3, :, :], b1 are wrong throughout"),
        (fc.Location((component(1),), (), 9, (), ("V",)), "W2[9, 1] is wrong; V is wrong, though not searched to the end"),
        (fc.Location(tuple(map(component, range(11))), (), 9), "W2[9, 0], W2[9, 1], W2[9, 2], W2[9, 3] and 7 more are wrong"),
        (fc.Location((), (), 9), ""),
    ],
)  # fmt: skip
def test_the_place_in_one_line(location, words):
    assert location.words == words


def test_a_report_that_knows_the_place_says_it_first_and_keeps_it_in_its_file(tmp_path):
    problem = zoo.mlp((5, 8, 3), bug="component")
    screened, location = problem.screen(), problem.locate()
    assert "location" not in screened.to_dict()
    report = replace(screened, location=location)
    assert f"WRONG: {location.words}" in str(report)
    assert location.components[0].name in location.words
    assert report.to_dict()["location"] == location.to_dict()
    report.save(tmp_path / "report.json")
    assert fc.Report.load(tmp_path / "report.json") == report != screened
