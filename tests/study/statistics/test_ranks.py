"""Ranks and tests against scipy, statsmodels, scikit-posthocs, Demšar's tables and all signs."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
import scikit_posthocs
from scipy import stats
from statsmodels.stats.multitest import multipletests

from secateur.study.statistics.ranks import (
    critical_difference,
    friedman,
    groups,
    holm,
    nemenyi,
    rank_methods,
    rank_rows,
    signed_ranks,
)

RNG = np.random.default_rng(7)
TABLES = [
    RNG.normal(size=(8, 4)),
    np.round(RNG.normal(size=(12, 5)), 0),  # tied
    np.where(RNG.random((9, 3)) < 0.3, np.inf, RNG.random((9, 3))),
]


@pytest.mark.parametrize("table", TABLES)
def test_friedman_against_scipy(table):
    statistic, p, second, second_p, note = friedman(table)
    other = stats.friedmanchisquare(*table.T)
    assert (statistic, p) == pytest.approx((other.statistic, other.pvalue))
    count, k = table.shape
    # Demšar (2006), equation 6.
    expected = (count - 1) * statistic / (count * (k - 1) - statistic)
    assert second == pytest.approx(expected)
    assert second_p == pytest.approx(stats.f.sf(expected, k - 1, (k - 1) * (count - 1)))
    assert note == ""


def test_the_example_of_demsar():
    """His section 3.2.2: four classifiers on 14 data sets have a critical difference of 1.25."""
    assert critical_difference(4, 14, 0.05) == pytest.approx(1.25, abs=0.005)


@pytest.mark.parametrize(
    ("methods", "level", "q"),
    [(2, 0.05, 1.960), (3, 0.05, 2.343), (5, 0.05, 2.728), (10, 0.05, 3.164), (4, 0.1, 2.291)],
)
def test_critical_values_are_those_of_demsars_table(methods, level, q):
    unit = math.sqrt(methods * (methods + 1) / (6 * 20))
    assert critical_difference(methods, 20, level) / unit == pytest.approx(q, abs=1e-3)


@pytest.mark.parametrize("table", TABLES[:2])
def test_nemenyi_against_scikit_posthocs(table):
    other = scikit_posthocs.posthoc_nemenyi_friedman(table).to_numpy()
    means = rank_rows(table).mean(axis=0)
    count, k = table.shape
    made = [[nemenyi(a, b, k, count) for b in means] for a in means]
    assert np.array(made) == pytest.approx(other, abs=1e-6)


def test_nemenyi_at_the_critical_difference_is_the_level():
    apart = critical_difference(5, 20, 0.05)
    assert nemenyi(1.0, 1.0 + apart, 5, 20) == pytest.approx(0.05, abs=1e-6)
    assert nemenyi(2.0, 2.0, 5, 20) == pytest.approx(1.0)


def test_ranks_average_ties():
    made = rank_rows(np.array([[0.1, 0.2, 0.1], [math.inf, 0.5, math.inf]]))
    assert made.tolist() == [[1.5, 3.0, 1.5], [2.5, 1.0, 2.5]]


def test_all_tied_is_a_p_of_one():
    assert friedman(np.zeros((5, 3))) == (
        0.0, 1.0, None, None, "all methods are tied on every instance",
    )  # fmt: skip


def test_the_same_ranking_everywhere_has_no_f():
    statistic, p, second, second_p, note = friedman(np.tile([1.0, 2.0, 3.0], (6, 1)))
    assert statistic == pytest.approx(12.0)
    assert p == pytest.approx(math.exp(-6.0))
    assert (second, second_p) == (None, None)
    assert note == "every instance ranks all methods the same"


def test_groups_by_hand():
    names = tuple("abcde")
    assert groups(names, (1.0, 1.5, 2.2, 3.5, 3.6), 1.0) == (("a", "b"), ("b", "c"), ("d", "e"))
    assert groups(names, (1.0, 1.1, 1.2, 1.3, 1.4), 1.0) == (names,)
    assert groups(names, (1.0, 3.0, 5.0, 7.0, 9.0), 1.0) == ()
    # just the critical difference apart is told apart
    assert groups(("a", "b"), (1.0, 2.0), 1.0) == ()
    assert groups(("a", "b", "c"), (1.0, 1.5, 1.5), 1.0) == (("a", "b", "c"),)


@pytest.mark.parametrize("count", [1, 2, 5, 8, 25])
def test_signed_ranks_against_scipy_without_ties(count):
    first, second = RNG.random(count), RNG.random(count)
    statistic, p, _ = signed_ranks(first, second)
    other = stats.wilcoxon(first, second, method="exact")
    assert (statistic, p) == pytest.approx((other.statistic, other.pvalue))


@pytest.mark.parametrize(
    "apart", [[1, 1, -1, 2], [1, -1], [3, 3, 3, -1, -1, 2, 2], [1, 2, 2, 2, -2, 0, 0], [-1] * 6]
)
def test_signed_ranks_with_ties_against_all_signs(apart):
    moved = [x for x in apart if x]
    ranks = stats.rankdata(np.abs(moved))
    sums = [sum(r for r, s in zip(ranks, signs, strict=True) if s)
            for signs in product((0, 1), repeat=len(moved))]  # fmt: skip
    seen = sum(r for r, x in zip(ranks, moved, strict=True) if x > 0)
    least = min(seen, ranks.sum() - seen)
    expected = min(1.0, 2 * np.mean([s <= least for s in sums]))
    statistic, p, _ = signed_ranks([x / 10 for x in apart], [0.0] * len(apart))
    assert (statistic, p) == pytest.approx((least, expected))


def test_signed_ranks_are_symmetric_and_take_infinite_scores():
    first = [0.1, 0.2, math.inf, math.inf, 0.3, 0.5]
    second = [0.2, math.inf, math.inf, 1.0, 0.2, 0.9]
    made = signed_ranks(first, second)
    assert signed_ranks(second, first) == made
    # the third is equal; no answer is worse than a gap of 1
    by_hand = signed_ranks([0.1, 0.2, 2.0, 0.3, 0.5], [0.2, 2.0, 1.0, 0.2, 0.9])
    assert made == by_hand


def test_signed_ranks_do_not_see_rounding():
    first = [0.3 + k for k in range(6)]
    second = [0.1 + 0.2 + k for k in range(6)]
    assert signed_ranks(first, second) == (None, 1.0, "both are equal on every instance")


def test_few_differences_say_how_small_a_p_can_be():
    _, p, note = signed_ranks([0.1, 0.2, 0.3, 0.4, 0.5], [0.0] * 5)
    assert p == 0.0625
    assert note == "only 5 instances differ: p cannot be below 0.0625"
    assert signed_ranks([0.1, 0.2, 0.3, 0.4, 0.5, 0.6], [0.0] * 6)[1:] == (0.03125, "")


def test_holm_against_statsmodels():
    for values in ([0.01, 0.04, 0.03, 0.005], [0.5, 0.9], [0.04], RNG.random(9).tolist()):
        assert holm(values) == pytest.approx(multipletests(values, method="holm")[1])


def test_holm_leaves_out_what_was_not_tested():
    assert holm([0.02, None, 0.03]) == pytest.approx([0.04, None, 0.04])
    assert holm([None]) == [None]
    assert holm([]) == []


class TestWhole:
    def test_three_methods(self):
        scores = {"c": TABLES[0][:, 0], "a": TABLES[0][:, 1], "b": TABLES[0][:, 2]}
        made = rank_methods(scores, 0.95, instances=8)
        table = TABLES[0][:, [1, 2, 0]]
        means = dict(zip("abc", rank_rows(table).mean(axis=0), strict=True))
        assert dict(zip(made.methods, made.ranks, strict=True)) == pytest.approx(means)
        assert list(made.ranks) == sorted(made.ranks)
        assert made.test == "Friedman"
        assert made.p == pytest.approx(stats.friedmanchisquare(*table.T).pvalue)
        assert made.critical_difference == pytest.approx(critical_difference(3, 8, 0.05))
        assert made.groups == groups(made.methods, made.ranks, made.critical_difference)
        assert made.note == "with fewer than 10 instances the p-value is rough"

    def test_ten_instances_are_enough(self):
        table = RNG.random((10, 3))
        made = rank_methods(dict(zip("abc", table.T, strict=True)), 0.9, instances=10)
        assert made.note == ""
        assert made.critical_difference == pytest.approx(critical_difference(3, 10, 0.1))

    def test_a_note_of_the_test_stays(self):
        made = rank_methods({m: [0.0] * 4 for m in "abc"}, 0.95, instances=4)
        assert made.note == "all methods are tied on every instance"
        assert made.ranks == (2.0, 2.0, 2.0)
        assert made.methods == ("a", "b", "c")
        assert made.groups == (("a", "b", "c"),)

    def test_two_methods_are_tested_by_wilcoxon(self):
        first, second = TABLES[0][:, 0], TABLES[0][:, 1]
        made = rank_methods({"a": first, "b": second}, 0.95, instances=8)
        assert made.test == "Wilcoxon"
        assert made.p == pytest.approx(stats.wilcoxon(first, second, method="exact").pvalue)
        assert (made.critical_difference, made.groups) == (None, ())
        assert (made.iman_davenport, made.p_iman_davenport) == (None, None)

    def test_one_method_or_one_instance_has_no_test(self):
        one = rank_methods({"a": [0.1, 0.2]}, 0.95, instances=2)
        assert (one.test, one.p, one.ranks) == ("", None, (1.0,))
        assert "one method alone" in one.note
        once = rank_methods({"a": [0.1], "b": [0.2], "c": [0.1]}, 0.95, instances=1)
        assert (once.test, once.p, once.ranks) == ("", None, (1.5, 1.5, 3.0))
        assert once.methods == ("a", "c", "b")
        assert "one instance alone" in once.note
