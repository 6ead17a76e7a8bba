from __future__ import annotations

import base64
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from costs import quartic, quartic_gradient

import fastcheck as fc
from fastcheck import zoo
from fastcheck.faces.page import page

VOID = {"meta", "img", "source", "br"}


class Page(HTMLParser):
    """A page taken apart; ends with an error where a tag is not closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.texts: list[tuple[str, str]] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if data.strip():
            self.texts.append((self._open[-1], " ".join(data.split())))

    def all(self, tag: str) -> list[dict]:
        return [attrs for name, attrs in self.tags if name == tag]

    def said(self, tag: str) -> list[str]:
        return [text for name, text in self.texts if name == tag]


def alts(parsed: Page) -> list[str]:
    return [image["alt"] for image in parsed.all("img")]


def without_pictures(text: str) -> str:
    return re.sub(r"data:image[^\"]*", "", text)


@pytest.fixture(scope="module")
def wrong() -> fc.Report:
    return zoo.mlp((5, 8, 3), bug="row").check()


@pytest.fixture(scope="module")
def text(wrong) -> str:
    return page(wrong)


def test_the_page_says_the_verdict_in_words_and_numbers(wrong, text):
    parsed = Page(text)
    assert parsed.said("title") == ["WRONG: mlp 5-8-3 tanh, bug row"]
    assert parsed.said("span")[0] == "WRONG"
    assert parsed.said("h1") == [": the gradient is wrong in W2"]
    facts = dict(zip(parsed.said("dt"), parsed.said("dd"), strict=True))
    assert (facts["ratio"], facts["rounding floor"]) == (f"{wrong.ratio:.1e}", f"{wrong.floor:.1e}")
    assert (facts["eps"], facts["components"], facts["workers"]) == ("1e-07", "75", str(wrong.workers))
    assert set(wrong.versions.items()) <= set(facts.items())
    assert wrong.reason in parsed.said("p")


def test_the_page_needs_no_network(text):
    assert "http" not in without_pictures(text).replace("http-equiv", "")
    references = [
        value
        for _, attrs in Page(text).tags
        for name, value in attrs.items()
        if name in ("src", "srcset", "href", "action", "data", "poster")
    ]
    assert references
    assert all(value.startswith("data:image/svg+xml;base64,") for value in references)
    for value in references:
        svg = base64.b64decode(value.partition(",")[2]).decode()
        assert not re.search(r"(href|src)=\"(?!#|data:)", svg)
    assert "url(" not in text
    assert "@import" not in text


def test_the_tables_can_be_sorted_by_their_headers(wrong, text):
    parsed = Page(text)
    assert all(header["scope"] == "col" and header["aria-sort"] == "none" for header in parsed.all("th"))
    columns = parsed.said("button")
    assert len(columns) == len(parsed.all("th"))
    tensors = ["tensor", "shape", "verdict", "ratio", "floor", "worst", "analytic", "numeric", "reason"]
    assert columns == [*tensors, "component", "analytic", "numeric", "numeric − analytic", "bound"]
    values = [float(cell["data-value"]) for cell in parsed.all("td") if "data-value" in cell]
    assert set(values) >= {t.ratio for t in wrong.tensors} | {c.error for c in wrong.worst(8)}
    names = parsed.said("td")
    tensors = [name for name in names if name in wrong.layout.names]
    assert tensors[0] == "W2"  # the wrong one first
    assert set(tensors) == set(wrong.layout.names)
    assert set(names) >= {c.name for c in wrong.worst(8)}


def test_every_picture_says_what_it_shows_and_every_wrong_tensor_has_one(wrong, text):
    shown = alts(Page(text))
    assert shown[0].startswith(
        "Ratio of the whole and of each tensor on a logarithmic axis: all 1.1e-01 WRONG, W2 1.6e-01"
    )
    worst = wrong.worst(1)[0].name
    told = f"Size of numeric - analytic against that of analytic: 8 wrong in W2, the worst {worst}, 67 others."
    assert shown[1] == told
    assert shown[2] == f"Errors of W2, 3×8, as a heat map; the largest is at {worst}."
    assert shown[3].startswith(f"Ladder of {wrong.witnesses[0].name}: ")
    course = alts(Page(page(zoo.course().check())))
    assert [alt.split("[")[0].split(",")[0] for alt in course[2:]] == [
        "Errors of b1", "Ladder of b1", "Errors of W2", "Ladder of W2",
    ]  # fmt: skip
    assert len(alts(Page(page(zoo.course(fixed=True).check())))) == 2


def test_a_screen_has_intervals_in_place_of_components():
    report = zoo.mlp((5, 8, 3), bug="row").screen()
    parsed = Page(page(report))
    assert {"95 % low", "95 % high"} <= set(parsed.said("button"))
    assert "component" not in parsed.said("button")
    assert [alt.split(":")[0] for alt in alts(parsed)[1:]] == ["Ladder of direction on W2"]
    assert {f.kind for f in report.findings} <= set(parsed.said("span"))
    assert f"{report.ratio_low:.1e} to {report.ratio_high:.1e}" in parsed.said("dd")


def test_findings_come_before_pictures_and_tables(theta, weights):
    gradient = quartic_gradient(theta, weights)
    gradient[3] = np.nan
    report = fc.check(quartic, gradient, theta, (weights,))
    told = page(report)
    assert report.findings[0].message in Page(told).said("p")
    assert told.index('id="findings"') < told.index('id="pictures"') < told.index('id="tensors"')


def test_what_the_caller_named_is_escaped(theta, weights):
    name = "<script>alert('x')</script>&\"{{ 7 * 7 }}"
    problem = fc.Problem(
        quartic,
        lambda theta, weights: 2 * quartic_gradient(theta, weights),
        {name: theta},
        (weights,),
        name=f"problem {name}",
    )
    text = page(problem.check())
    assert "<script>alert" not in text
    parsed = Page(text)
    assert len(parsed.all("script")) == 1
    assert name in parsed.said("td")
    assert f"problem {name}" in parsed.said("p")
    assert any(f"Errors of {name}, 12 entries" in alt for alt in alts(parsed))


def test_the_page_is_saved_and_a_loaded_report_gives_the_same_page(wrong, text, tmp_path):
    wrong.save(tmp_path / "report.json")
    fc.Report.load(tmp_path / "report.json").save(tmp_path / "report.html")
    saved = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert without_pictures(saved) == without_pictures(text)


def test_a_notebook_shows_the_text_in_colours_and_escaped(wrong, theta, weights):
    shown = wrong._repr_html_()
    assert shown.startswith("<pre style=")
    assert "color: #d64238" in shown
    plain = re.sub(r"<[^>]*>", "", shown)
    assert plain.startswith("WRONG: the gradient is wrong in W2")
    assert "&lt;b&gt;" in fc.check(quartic, quartic_gradient, {"<b>": theta}, (weights,))._repr_html_()


def test_the_text_is_not_shown_twice_in_a_notebook(wrong, monkeypatch):
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    assert "WRONG" in wrong._repr_html_()


def test_where_it_is_wrong_stands_in_the_headline_and_in_a_table():
    problem = zoo.mlp((5, 8, 3), bug="component")
    report = replace(problem.screen(), location=problem.locate())
    parsed = Page(page(report))
    (component,) = report.location.components
    assert parsed.said("h1") == [f": {component.name} is wrong"]
    assert "Where it is wrong" in parsed.said("h2")
    assert component.name in parsed.said("td")
    assert "locate" not in parsed.said("span")  # it was done


def test_pictures_follow_dark_mode_and_leave_no_colour_of_paper_behind(text):
    for image in Page(text).all("img"):
        svg = base64.b64decode(image["src"].partition(",")[2]).decode()
        assert "@media (prefers-color-scheme:dark)" in svg
        drawn = svg.partition("</style>")[2]
        assert "var(--cffffff)" in drawn
        assert not re.findall(r"#[0-9a-f]{6}\b", drawn)
