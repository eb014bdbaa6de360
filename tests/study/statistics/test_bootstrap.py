"""Hierarchical resampling against every resample that there is."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest

from secateur.study.statistics import bootstrap as module
from secateur.study.statistics.bootstrap import Bootstrap, median
from secateur.study.statistics.summaries import Estimate

DRAWN = Bootstrap(confidence=0.9, resamples=40_000, seed=1)


def every_mean(values):
    """Means of all resamples with their probabilities: instances, then runs within each."""
    made = {}
    inner = []
    for of in values:
        draws = [np.mean(choice) for choice in product(of, repeat=len(of))]
        inner.append(draws)
    for chosen in product(range(len(values)), repeat=len(values)):
        for means in product(*(inner[k] for k in chosen)):
            weight = len(values) ** -len(values) / math.prod(len(inner[k]) for k in chosen)
            mean = round(float(np.mean(means)), 9)
            made[mean] = made.get(mean, 0.0) + weight
    return dict(sorted(made.items()))


@pytest.mark.parametrize(
    "values", [[[1.0, 4.0], [10.0, 16.0]], [[0.0, 3.0, 9.0], [100.0]], [[1.0], [2.0], [4.0]]]
)
def test_draws_are_as_frequent_as_all_resamples_say(values):
    expected = every_mean(values)
    assert math.fsum(expected.values()) == pytest.approx(1.0)
    counts = tuple(map(len, values))
    flat = np.concatenate(values)
    draws = np.concatenate([w @ flat for w in DRAWN._weights(counts)])
    assert len(draws) == DRAWN.resamples
    found, times = np.unique(np.round(draws, 9), return_counts=True)
    assert set(found) <= set(expected)
    for mean, count in zip(found, times, strict=True):
        assert count / len(draws) == pytest.approx(expected[mean], abs=0.012)


def test_the_interval_is_that_of_all_resamples():
    values = [[1.0, 4.0], [10.0, 16.0]]
    expected = every_mean(values)
    below = np.cumsum(list(expected.values()))
    ends = [list(expected)[int(np.searchsorted(below, level))] for level in (0.05, 0.95)]
    made = DRAWN.means({"x": values})["x"]
    assert made.value == pytest.approx((2.5 + 13) / 2)
    assert (made.low, made.high) == pytest.approx(ends)


def test_each_instance_weighs_the_same_however_many_runs_it_has():
    assert DRAWN.means({"x": [[0.0] * 9, [1.0]]})["x"].value == 0.5


def test_one_run_of_one_instance_has_an_interval_of_a_point():
    assert DRAWN.means({"x": [[0.3]]})["x"] == Estimate(0.3, 0.3, 0.3)


def test_nothing_tells_nothing():
    assert DRAWN.means({"x": [], "y": [[1.0]]}) == {
        "x": Estimate(),
        "y": Estimate(1.0, 1.0, 1.0),
    }
    assert DRAWN.median([]) == Estimate()


def test_what_is_alike_shares_its_draws_whoever_stands_beside_it():
    """A difference and its opposite have opposite intervals; others change nothing."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(5, 4)).tolist()
    opposite = [[-x for x in of] for of in values]
    made = DRAWN.means({"x": values, "y": opposite, "z": [[1.0, 2.0]]})
    alone = DRAWN.means({"x": values})["x"]
    assert made["x"] == alone
    assert made["y"].value == -alone.value
    # percentiles that are draws themselves: the lower end of one is the upper of the other
    # but for the one draw on which the level falls
    assert (made["y"].low, made["y"].high) == pytest.approx((-alone.high, -alone.low), abs=1e-3)


def test_blocks_change_nothing_but_the_draws(monkeypatch):
    values = {"x": [[1.0, 4.0], [10.0, 16.0], [3.0, 5.0]]}
    whole = DRAWN.means(values)["x"]
    monkeypatch.setattr(module, "_AT_ONCE", 700)
    cut = DRAWN.means(values)["x"]
    assert cut.value == whole.value
    assert (cut.low, cut.high) == pytest.approx((whole.low, whole.high), abs=0.2)
    monkeypatch.setattr(module, "_AT_ONCE", 1)
    few = Bootstrap(0.9, 7, 0)
    assert sum(len(w) for w in few._weights((2, 2))) == 7


def test_the_seed_is_what_draws():
    values = {"x": np.random.default_rng(0).normal(size=(4, 4)).tolist()}
    made = [Bootstrap(0.9, 200, seed).means(values)["x"] for seed in (0, 0, 1)]
    assert made[0] == made[1] != made[2]


def test_a_median_may_be_infinite():
    assert median([1.0, math.inf]) == math.inf
    assert median([math.inf, math.inf]) == math.inf
    assert median([1.0, 2.0, math.inf]) == 2.0
    assert median([4.0, 1.0, 2.0, 3.0]) == 2.5
    made = DRAWN.median([1.0, 2.0, math.inf])
    assert made == Estimate(2.0, 1.0, math.inf)


def test_the_interval_of_a_median_against_all_resamples():
    values = [1.0, 2.0, 5.0, 7.0, 20.0]
    every = sorted(float(np.median(choice)) for choice in product(values, repeat=5))
    made = DRAWN.median(values)
    assert made.value == 5.0
    assert made.low == every[math.ceil(0.05 * len(every)) - 1]
    assert made.high == every[math.ceil(0.95 * len(every)) - 1]
    assert DRAWN.median(values) == made
