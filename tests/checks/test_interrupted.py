"""Whatever ends a check early carries what was done."""

from __future__ import annotations

import numpy as np
import pytest

import fastcheck as fc
from fastcheck import zoo

THETA = np.linspace(0.5, 1.5, 300)


def interrupted(error, grad=None, before=400, **options):
    """The report that the exception carries of a check of sum sin theta, so many evaluations before its end."""
    grad, left = np.cos(THETA) if grad is None else grad, np.inf

    def cost(theta):
        nonlocal left
        left -= 1
        if left < 0:
            raise error
        return float(np.sin(theta).sum())

    whole = fc.check(cost, grad, THETA, chunk=10, **options)
    left = whole.evaluations - before
    with pytest.raises(type(error)) as caught:
        fc.check(cost, grad, THETA, chunk=10, **options)
    return caught.value.report


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("here")])
@pytest.mark.parametrize("eps", [1e-6, "auto"])
def test_what_was_done_is_right_so_far(error, eps):
    report = interrupted(error, eps=eps)
    done = np.isfinite(report.numeric)
    assert 0 < report.n_done == done.sum() < 300
    assert report.numeric[done] == pytest.approx(np.cos(THETA)[done], rel=1e-6)
    assert report.open == ()
    assert str(report) == f"{report.n_done} of 300 components, all right so far"


def test_what_does_not_agree_is_said():
    wrong = np.cos(THETA)
    wrong[[7, 290]] *= 1.5  # the second is not reached
    layout = fc.Layout.of({"a": (100,), "b": (200,)})
    report = interrupted(KeyboardInterrupt(), wrong, 500, layout=layout, eps=1e-6)
    assert [component.name for component in report.open] == ["a[7]"]
    assert "1 of which does not agree so far, a[7] the most: analytic" in str(report)


def test_where_all_is_wrong_only_what_was_done_is_counted():
    report = interrupted(KeyboardInterrupt(), np.ones(300), 1000, eps=1e-6)
    assert 0 < len(report.open) == report.n_done < 300


def test_bounds_and_stages_lose_nothing_either():
    low = np.where(np.arange(300) % 3 == 0, THETA, -np.inf)  # so that some are looked at on one side alone
    numeric = interrupted(KeyboardInterrupt(), bounds=(low, None), eps=1e-5).numeric
    done = np.isfinite(numeric)
    assert 50 < done.sum() < 300
    assert numeric[done] == pytest.approx(np.cos(THETA)[done], rel=1e-4)

    problem, seen = zoo.lenet(examples=1), []

    def enough(done, total):
        seen.append(done)
        if done > 2000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        problem.check(components=5000, progress=enough, workers=1)
    assert 1000 < caught.value.report.n_done < 5000
    assert caught.value.report.open == ()
