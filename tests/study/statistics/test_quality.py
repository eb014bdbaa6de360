"""Whether a better energy is a better network: against scipy, with ties, constants and few."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from secateur.study.statistics.bootstrap import Bootstrap
from secateur.study.statistics.quality import (
    energies_and_networks,
    weighted_kendall,
    weighted_spearman,
)
from tests.study.statistics.making import row, runs_of

BOOTSTRAP = Bootstrap(0.95, 500, 0)


def quality(energies, metrics, *, higher=True, ones=None, **about):
    rows = [
        row("m", seed=k, energy=float(e), compensated=None if v is None else float(v),
            higher_is_better=higher, ones=(k,) if ones is None else ones[k], **about)
        for k, (e, v) in enumerate(zip(energies, metrics, strict=True))
    ]  # fmt: skip
    return energies_and_networks(runs_of(*rows), BOOTSTRAP)


def tied(count, seed):
    rng = np.random.default_rng(seed)
    one = np.round(rng.normal(size=count), 1)
    return one, np.round(one + rng.normal(size=count), 0)


@pytest.mark.parametrize("seed", range(4))
def test_weighted_correlations_are_those_of_repeated_points(seed):
    one, other = tied(12, seed)
    rng = np.random.default_rng(seed)
    weights = rng.integers(0, 4, size=(5, 12)).astype(float)
    for correlation, theirs in (
        (weighted_kendall, stats.kendalltau),
        (weighted_spearman, stats.spearmanr),
    ):
        made = correlation(one, other, weights)
        for got, weight in zip(made, weights, strict=True):
            times = weight.astype(int)
            expected = theirs(np.repeat(one, times), np.repeat(other, times)).statistic
            assert got == pytest.approx(expected)


def test_a_constant_has_no_correlation():
    ones, other = np.ones(4), np.arange(4.0)
    weights = np.ones((1, 4))
    for correlation in (weighted_kendall, weighted_spearman):
        assert np.isnan(correlation(ones, other, weights)).all()
        assert np.isnan(correlation(other, other, np.array([[4.0, 0, 0, 0]]))).all()
        assert correlation(other, -other, weights).tolist() == pytest.approx([-1.0])


@pytest.mark.parametrize("higher", [True, False])
def test_positive_where_a_better_energy_is_a_better_network(higher):
    energies, metrics = tied(15, 1)
    (made,) = quality(energies, metrics, higher=higher)
    sign = 1 if higher else -1
    assert made.kendall.value == pytest.approx(
        stats.kendalltau(-energies, sign * metrics).statistic
    )
    assert made.spearman.value == pytest.approx(
        stats.spearmanr(-energies, sign * metrics).statistic
    )
    assert made.higher_is_better is higher
    assert made.best_metric == (metrics.max() if higher else metrics.min())


def test_the_interval_is_that_of_a_bootstrap():
    energies, metrics = tied(15, 2)
    (made,) = quality(energies, metrics)
    rng = np.random.default_rng(99)
    drawn = []
    for _ in range(1500):
        pick = rng.integers(15, size=15)
        drawn.append(stats.kendalltau(-energies[pick], metrics[pick]).statistic)
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    assert (made.kendall.low, made.kendall.high) == pytest.approx((low, high), abs=0.08)
    assert made.spearman.low < made.spearman.value < made.spearman.high


def test_a_selection_that_was_found_often_counts_once():
    energies, metrics = [-4.0, -3.0, -2.0, -1.0], [4.0, 3.0, 1.0, 2.0]
    ones = [(0,), (1,), (2,), (3,)]
    (once,) = quality(energies, metrics, ones=ones)
    (often,) = quality(energies + [-4.0 + 1e-12] * 5, metrics + [4.0] * 5, ones=ones + [(0,)] * 5)
    assert (often.rows, often.selections) == (9, 4)
    assert often.kendall == once.kendall
    assert once.kendall.value == pytest.approx(4 / 6)


def test_few_and_constant_say_so():
    (few,) = quality([-3.0, -2.0, -1.0], [3.0, 2.0, 1.0])
    assert few.kendall.value is few.spearman.value is None
    assert few.note == "3 different selections are too few"
    (flat,) = quality([-3.0, -2.0, -1.0, -4.0], [5.0] * 4)
    assert flat.note == "all selections have the same metric"
    (same,) = quality([-3.0] * 4, [1.0, 2.0, 3.0, 4.0])
    assert same.note == "all selections have the same energy"
    (enough,) = quality([-3.0, -2.0, -1.0, -4.0], [3.0, 2.0, 1.0, 4.0])
    assert enough.note == ""
    assert enough.kendall.value == 1.0


def test_of_equal_energies_the_worst_network_is_told():
    (made,) = quality([-4.0, -4.0, -3.0, -2.0], [2.0, 3.0, 9.0, 1.0])
    assert (made.best_energy_metric, made.best_metric) == (2.0, 9.0)
    (made,) = quality([-4.0, -4.0, -3.0, -2.0], [2.0, 3.0, 9.0, 1.0], higher=False)
    assert (made.best_energy_metric, made.best_metric) == (3.0, 1.0)


def test_only_instances_of_networks():
    assert quality([-1.0, -2.0], [None, None]) == ()
    (made,) = quality([-1.0, -2.0, -3.0], [1.0, None, float("nan")], dense=7.0)
    assert (made.rows, made.dense) == (1, 7.0)
