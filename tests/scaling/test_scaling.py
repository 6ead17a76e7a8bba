from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from costs import quartic, quartic_gradient
from hypothesis import given
from hypothesis import strategies as st

import fastcheck as fc
from fastcheck import zoo
from fastcheck.faces.growth import duration, rounded
from fastcheck.results.scaling import Measured, _along
from fastcheck.scaling.measuring import WIDTHS

DAY = 86400.0


def measured(n: int, seconds: float, **others) -> Measured:
    """As if on two workers."""
    told = {
        **{"size": n, "n": n, "evaluation_seconds": seconds / n, "seconds": seconds, "projected": False},
        **{"n_checked": n, "efficiency": 0.9, "screen_seconds": 1e-3 * n, "screen_evaluations": 60},
        **{"verdict": fc.Verdict.CORRECT, "screen_verdict": fc.Verdict.CORRECT, "workers": 2, "name": f"net {n}"},
    }
    return Measured(**{**told, **others})


def scaling(*pairs: tuple[int, float], **others) -> fc.Scaling:
    return fc.Scaling(tuple(measured(*pair) for pair in pairs), max_seconds=60.0, **others)


@pytest.fixture
def square() -> fc.Scaling:
    """seconds = n^2 / 10^4: a day lies beyond."""
    return scaling((100, 1.0), (1000, 100.0), (10_000, 10_000.0))


def factory(n: int) -> fc.Problem:
    theta, weights = np.linspace(0.5, 1.5, n), np.ones(n)
    return fc.Problem(quartic, quartic_gradient, theta, (weights,), name=f"quartic {n}")


def at_once(*sizes: int, make=factory, **options) -> fc.Scaling:
    return fc.scale(make, sizes, progress=False, **options)


@given(
    exponent=st.floats(0.2, 4.0),
    first=st.floats(0.01, 10.0),
    n=st.lists(st.integers(1, 10**7), min_size=3, max_size=9, unique=True).map(sorted),
)
def test_of_a_power_law_the_exponent_is_its_own(exponent, first, n):
    fit = scaling(*((k, first * (k / n[0]) ** exponent) for k in n)).fit
    assert fit.exponent == pytest.approx(exponent, rel=1e-6)
    assert fit.low <= fit.exponent <= fit.high
    assert fit.factor * n[0] ** fit.exponent == pytest.approx(first, rel=1e-5)
    assert fit.high - fit.low < 1e-5


def test_the_interval_is_that_of_students_t(rng):
    from scipy.stats import linregress, t

    n = np.array([100, 300, 1000, 3000, 10_000])
    seconds = 1e-3 * n**1.5 * np.exp(0.2 * rng.standard_normal(5))
    told = scaling(*zip(n.tolist(), seconds.tolist(), strict=True))
    line = linregress(np.log(n), np.log(seconds))
    half = t.ppf(0.975, 3) * line.stderr
    assert told.exponent == pytest.approx(line.slope)
    assert (told.exponent_low, told.exponent_high) == pytest.approx((line.slope - half, line.slope + half))


def test_sizes_of_less_than_10_ms_do_not_count_in_the_fit(square):
    sizes = (measured(1, 0.005), measured(2, 0.0099), *square.sizes)
    told = fc.Scaling(sizes, 60.0)
    assert told.fitted == square.sizes
    assert told.exponent == square.exponent


@pytest.mark.parametrize("pairs", [[(100, 1.0)], [(100, 1.0), (200, 4.0)], [(100, 1.0), (100, 1.1), (200, 4.0)]])
def test_there_is_no_exponent_with_fewer_than_three_sizes(pairs):
    told = scaling(*pairs)
    assert (told.exponent, told.exponent_low, told.exponent_high) == (None, None, None)
    assert told.reaches == {"minute": None, "hour": None, "day": None}
    assert "No exponent" in str(told)
    assert told.plot().axes


def test_what_is_reached_lies_between_two_sizes_or_beyond_them_by_the_exponent(square):
    assert square.reaches == {"minute": 775, "hour": 6000, "day": round(100 * math.sqrt(DAY))}
    bent = scaling((100, 1.0), (1000, 10.0), (2000, 1000.0))
    assert bent.reaches["minute"] == round(1000 * 2 ** (math.log(6) / math.log(100)))
    two = scaling((100, 1.0), (1000, 100.0))
    assert two.reaches == {"minute": round(100 * math.sqrt(60)), "hour": None, "day": None}


@pytest.mark.parametrize("pairs", [[(10, 1.0), (20, 1.1), (30, 0.9)], [(1, 1e6), (2, 4e6), (3, 9e6)]])
def test_what_cannot_be_told_is_none(pairs):
    assert scaling(*pairs).reaches == {"minute": None, "hour": None, "day": None}
    assert "passes" not in str(scaling(*pairs))


def test_no_number_is_too_large():
    assert _along(1e300, [1.0, 2.0], [1.0, 4.0], 50.0) is None
    flat = scaling(*((n, n**1e-6) for n in (10, 100, 1000)))
    assert flat.reaches["day"] is None


def test_a_screen_grows_with_j_beyond_the_sizes(square):
    assert square.screen_seconds(1000) == pytest.approx(1.0)
    assert square.screen_seconds(20_000) == pytest.approx(20.0)  # J grows as n^(2 - 1)
    assert scaling((100, 1.0)).screen_seconds(200) is None


def test_the_sizes_of_a_factory_are_measured_in_their_order():
    told = at_once(3000, 30, 300, 30, workers=1)
    assert [m.size for m in told.sizes] == [m.n for m in told.sizes] == [30, 300, 3000]
    assert [m.name for m in told.sizes] == ["quartic 30", "quartic 300", "quartic 3000"]
    assert (told.workers, told.left_out, told.interrupted) == (1, (), False)
    for m in told.sizes:
        assert (m.projected, m.n_checked, m.verdict.name, m.screen_verdict.name) == (False, m.n, "CORRECT", "CORRECT")
        assert min(m.seconds, m.evaluation_seconds, m.screen_seconds, m.screen_evaluations) > 0
        assert m.efficiency == pytest.approx(2 * m.n * m.evaluation_seconds / m.seconds)
        assert m.throughput == m.n / m.seconds


def test_sizes_are_told_in_the_order_of_n():
    told = at_once(1, 2, 3, make=lambda size: factory(100 - size))
    assert [m.n for m in told.sizes] == [97, 98, 99]
    assert [m.size for m in told.sizes] == [3, 2, 1]


def test_without_a_factory_it_is_the_mlp_of_the_zoo():
    (only,) = fc.scale(sizes=[4], progress=False).sizes
    assert (only.name, only.n) == (zoo.mlp((64, 4, 10)).name, 310)
    n = [zoo.mlp((64, width, 10)).theta.size for width in WIDTHS]
    assert (n[0], n[-1]) == (85, 999_985)
    assert all(3 < more / less < 4 for less, more in zip(n[:-1], n[1:], strict=True))


def test_what_does_not_fit_is_projected_and_what_still_does_not_is_left_out():
    told = at_once(40, 2000, 3000, max_seconds=1e-9)
    assert [(m.n, m.projected, m.n_checked) for m in told.sizes] == [(40, False, 40)]  # the least sample is all
    assert told.left_out == (2000, 3000)
    told = at_once(2000, 3000, max_seconds=1e-9)
    assert [(m.n, m.projected, m.n_checked) for m in told.sizes] == [(2000, True, 50)]
    assert told.left_out == (3000,)
    assert not told.interrupted
    assert "~" in str(told)
    assert "Left out, as the 1e-09 s given were over: 3000." in str(told)


def test_a_sample_covers_every_tensor():
    names = [f"p{k}" for k in range(70)]
    theta, layout = fc.pack({name: np.ones(3) for name in names})
    problem = fc.Problem(quartic, quartic_gradient, theta, (np.ones(210),), layout)
    (only,) = at_once(1, make=lambda size: problem, max_seconds=1e-9).sizes
    assert (only.projected, only.n_checked) == (True, 70)


def test_ctrl_c_keeps_the_sizes_that_are_done():
    def stopped(size):
        if size > 20:
            raise KeyboardInterrupt
        return factory(size)

    told = at_once(20, 30, 40, make=stopped)
    assert [m.n for m in told.sizes] == [20]
    assert (told.interrupted, told.left_out) == (True, (30, 40))
    assert "Left out, as the run was interrupted: 30, 40." in str(told)
    with pytest.raises(KeyboardInterrupt):
        at_once(30, make=stopped)


def test_a_wrong_gradient_is_worth_a_word():
    def wrong(size):
        return replace(factory(size), grad=lambda theta, weights: 1.1 * quartic_gradient(theta, weights))

    told = at_once(10, 20, 30, make=lambda size: wrong(size) if size < 30 else factory(size))
    assert [m.verdict.name for m in told.sizes] == ["WRONG", "WRONG", "CORRECT"]
    assert "WRONG at sizes 10 and 20, by check and screen." in str(told)
    assert "WRONG" not in str(at_once(30))


def test_a_plain_python_cost_has_one_worker():
    told = at_once(
        20, make=lambda size: fc.Problem(lambda theta: float(theta @ theta), lambda theta: 2 * theta, np.ones(size))
    )
    assert told.workers == 1
    assert told.sizes[0].verdict.name == "CORRECT"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"factory": zoo.mlp()}, "factory must be a function factory.size. -> Problem, got Problem: pass one"),
        ({"sizes": []}, "sizes must hold at least one, got none"),
        ({"sizes": [0]}, "sizes must be positive integers, got 0: write"),
        ({"sizes": [2, 1.5]}, "sizes must be positive integers, got 1.5: write"),
        ({"sizes": [True]}, "sizes must be positive integers, got True: write"),
        ({"sizes": 2.5}, "sizes must be positive integers, got 2.5: write"),
        ({"workers": 0}, "workers must be at least 1, got 0"),
        ({"max_seconds": 0}, "max_seconds must be a positive number, got 0: 60 is the default"),
        ({"max_seconds": math.nan}, "max_seconds must be a positive number, got nan"),
        ({"max_seconds": "long"}, "max_seconds must be a positive number, got 'long'"),
        ({"progress": "yes"}, "progress must be None, True, False or a function"),
    ],
)
def test_refused_before_the_factory_is_called(words, message):
    def never(size):
        raise AssertionError

    with pytest.raises(fc.InputError, match=message) as caught:
        fc.scale(**{"factory": never, "sizes": (2, 3), **words})
    assert "\n" not in str(caught.value)


def test_a_factory_must_return_a_problem():
    with pytest.raises(
        fc.InputTypeError, match=r"must return a fastcheck.Problem, got NoneType from factory\(5\): build a Problem"
    ):
        at_once(5, make=lambda size: None)


def test_what_a_factory_or_its_problem_raises_says_at_which_size():
    def full(size):
        raise MemoryError("no room")

    with pytest.raises(MemoryError, match="no room") as caught:
        at_once(5, make=full)
    assert caught.value.__notes__ == ["raised by factory(5)"]
    with pytest.raises(fc.InputError, match="gradient must have shape") as caught:
        at_once(5, make=lambda size: fc.Problem(quartic, np.ones(3), np.ones(5), (np.ones(5),)))
    assert "at size 5" in caught.value.__notes__


def test_progress_counts_the_sizes():
    told = []
    fc.scale(factory, (10, 20, 30), progress=lambda *pair: told.append(pair))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_the_text_has_eighty_columns_at_most():
    n = [10 ** (k + 1) + 1 for k in range(7)]
    rows = [measured(k, 1e-12 * k**2.5 + 0.02, size=k // 9, projected=k > 10**5) for k in n]
    text = str(fc.Scaling(tuple(rows), 60.0, (10**8,)))
    assert max(map(len, text.splitlines())) <= 80
    assert "10,000,001" in text
    assert "\x1b" not in text


def test_the_sentences(square):
    text = " ".join(str(square).split())
    assert text.startswith("net 100 to net 10000, 2 workers size n J components/s exhaustive efficiency screen 100 ")
    assert "grows as n^2.00, 95 % interval 2.00 to 2.00, fitted from n = 100 to 10,000." in text
    assert "It passes a minute at n = 780, an hour at n = 6,000 and a day at n = 29,000 (extrapolated)." in text
    assert "A screen took 60 evaluations of J, and about 775 ms, 6.0 s and 29 s there." in text
    assert "projected" not in text
    below = scaling(*((n, 1e-6 * n**2) for n in (100, 200, 400)))
    assert "a day at n = 290,000, all extrapolated." in " ".join(str(below).split())


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        *[(0.0, "0.0 ns"), (3.14e-8, "31 ns"), (2.5e-6, "2.5 us"), (9.96e-3, "10 ms"), (0.9999, "1.0 s")],
        *[(59, "59 s"), (90, "1.5 min"), (3599.9, "1.0 h"), (2 * DAY, "2.0 days"), (4e8, "13 years")],
        (1e20, "3e+12 years"),
    ],
)
def test_durations(seconds, words):
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("n", "words"), [(7, "7"), (99, "99"), (1234, "1,200"), (987_654, "990,000"), (4e12, "4.0e+12")]
)
def test_numbers_of_components_have_two_digits(n, words):
    assert rounded(n) == words


def test_it_is_saved_as_json_or_picture(square, tmp_path):
    square.save(tmp_path / "scale.json")
    told = json.loads((tmp_path / "scale.json").read_text())
    assert told == square.to_dict()
    assert told["reaches"]["hour"] == 6000
    assert (told["workers"], told["left_out"], told["interrupted"]) == (2, [], False)
    assert (told["sizes"][0]["verdict"], told["sizes"][2]["throughput"]) == ("CORRECT", 1.0)
    assert {"fastcheck", "numba"} <= set(told["versions"])
    square.save(tmp_path / "scale.svg")
    with pytest.raises(fc.InputError, match="the file must end in .json, .png, .svg, .pdf, got '.*scale.html'"):
        square.save(tmp_path / "scale.html")
    assert square._repr_html_().startswith("<pre")


def test_the_picture_shows_measured_projected_screen_fit_and_spans():
    rows = [measured(100, 1.0), measured(1000, 100.0), measured(10_000, 10_000.0, projected=True)]
    figure = fc.Scaling(tuple(rows), 60.0).plot()
    seconds, throughput = figure.axes
    lines = {line.get_label(): line for line in seconds.lines if not line.get_label().startswith("_")}
    assert list(lines) == ["fit, n$^{2.00}$", "every component", "projected from a sample", "screen"]
    assert lines["every component"].get_xydata().tolist() == [[100, 1], [1000, 100]]
    assert lines["projected from a sample"].get_xydata().tolist() == [[10_000, 10_000]]
    assert lines["projected from a sample"].get_markerfacecolor() == "white"
    assert lines["fit, n$^{2.00}$"].get_ydata() == pytest.approx([1, 10_000])
    assert [text.get_text() for text in seconds.texts] == ["a minute", "an hour"]
    assert [line.get_label() for line in throughput.lines][0] == "bare loop"
    assert throughput.lines[0].get_ydata() == pytest.approx([100 / 0.9, 10 / 0.9, 1 / 0.9])


def test_the_callers_arrays_are_not_touched():
    problem = factory(20)
    before = problem.theta.copy(), problem.args[0].copy()
    at_once(1, make=lambda size: problem)
    assert np.array_equal(problem.theta, before[0])
    assert np.array_equal(problem.args[0], before[1])
