"""Wilson's interval and the time to solution: closed forms, statsmodels, and the two ends."""

from __future__ import annotations

import math

import pytest
from statsmodels.stats.proportion import proportion_confint

from secateur.study.statistics.shares import time_to_solution, wilson
from secateur.study.statistics.summaries import Estimate


@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.999])
@pytest.mark.parametrize(("successes", "runs"), [(0, 1), (1, 1), (0, 10), (3, 10), (999, 1000)])
def test_wilson_against_statsmodels(successes, runs, confidence):
    made = wilson(successes, runs, confidence)
    low, high = proportion_confint(successes, runs, alpha=1 - confidence, method="wilson")
    assert made.value == successes / runs
    assert (made.low, made.high) == pytest.approx((low, high), abs=1e-12)


def test_wilson_solves_the_score_test():
    """Its ends are the shares whose score statistic is just z."""
    made = wilson(7, 20, 0.95)
    for end in (made.low, made.high):
        z = abs(0.35 - end) / math.sqrt(end * (1 - end) / 20)
        assert z == pytest.approx(1.959963985)


def test_wilson_at_the_ends_is_exact():
    z2 = 1.959963984540054**2
    assert wilson(0, 10, 0.95).low == 0.0
    assert wilson(0, 10, 0.95).high == pytest.approx(z2 / (10 + z2))
    assert wilson(10, 10, 0.95).high == 1.0
    assert wilson(10, 10, 0.95).low == pytest.approx(10 / (10 + z2))


def test_nothing_tells_nothing():
    assert wilson(0, 0, 0.95) == Estimate()
    assert time_to_solution(1.0, Estimate()) == Estimate()
    assert time_to_solution(None, wilson(1, 2, 0.95)) == Estimate()


def test_time_to_solution_by_hand():
    """With p = 0.9 two runs make 99 % sure, and the ends come from those of p, turned round."""
    made = time_to_solution(3.0, Estimate(0.9, 0.5, 0.99))
    assert made.value == pytest.approx(6.0)
    assert made.low == pytest.approx(3.0)
    assert made.high == pytest.approx(3.0 * math.log(0.01) / math.log(0.5))


def test_time_to_solution_makes_failing_as_improbable_as_it_says():
    """p = 0.2: (1 - p) ^ (tts / t) = 0.01."""
    made = time_to_solution(2.0, Estimate(0.2, 0.1, 0.3))
    assert 0.8 ** (made.value / 2.0) == pytest.approx(0.01)


def test_time_to_solution_where_none_succeeds():
    made = time_to_solution(2.0, wilson(0, 10, 0.95))
    upper = wilson(0, 10, 0.95).high
    assert made.value == made.high == math.inf
    assert made.low == pytest.approx(2.0 * math.log(0.01) / math.log(1 - upper))


def test_time_to_solution_without_a_time_is_infinite_where_none_succeeds():
    assert time_to_solution(None, wilson(0, 3, 0.95)) == Estimate(math.inf, None, math.inf)


def test_time_to_solution_is_never_below_one_run():
    """Not 0 where all succeed, and no fraction of a run where nearly all do."""
    made = time_to_solution(2.0, wilson(10, 10, 0.95))
    assert (made.value, made.low) == (2.0, 2.0)
    assert made.high > 2.0
    assert time_to_solution(2.0, Estimate(0.995, 0.99, 1.0)) == Estimate(2.0, 2.0, 2.0)
    just = time_to_solution(1.0, Estimate(0.98, 0.98, 0.98)).value
    assert just == pytest.approx(math.log(0.01) / math.log(0.02))
    assert just > 1.0
