"""Two methods on the runs that both have."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from secateur.study.statistics import analyse
from secateur.study.statistics.ranks import holm, nemenyi
from tests.study.rows import made_rows
from tests.study.statistics.making import row


def only_pair(*rows, **options):
    (pair,) = analyse(rows, **options).pairs
    return pair


def test_the_difference_is_of_pairs_and_instances_weigh_the_same():
    made = only_pair(
        row("m", "a", 0, -100.0), row("n", "a", 0, -90.0),
        row("m", "a", 1, -80.0), row("n", "a", 1, -80.0),
        row("m", "b", 0, -50.0), row("n", "b", 0, -100.0),
    )  # fmt: skip
    assert (made.first, made.second) == ("m", "n")
    assert (made.pairs, made.instances, made.unpaired) == (3, 2, 0)
    assert made.difference.value == pytest.approx((-0.05 + 0.5) / 2)
    # on a: better once, tied once; on b: worse
    assert made.superiority.value == pytest.approx((0.75 + 0.0) / 2)


def test_the_interval_of_one_pair_against_all_resamples():
    """One instance, two pairs with differences 0 and -0.1: the means 0, -0.05, -0.1."""
    made = only_pair(
        row("m", "a", 0, -100.0), row("n", "a", 0, -90.0),
        row("m", "a", 1, -80.0), row("n", "a", 1, -80.0), confidence=0.9,
    )  # fmt: skip
    assert (made.difference.low, made.difference.high) == pytest.approx((-0.1, 0.0))
    made = only_pair(
        row("m", "a", 0, -100.0), row("n", "a", 0, -90.0),
        row("m", "a", 1, -80.0), row("n", "a", 1, -80.0), confidence=0.4,
    )  # fmt: skip
    assert (made.difference.low, made.difference.high) == pytest.approx((-0.05, -0.05))


def test_an_answer_is_better_than_none_and_no_answer_is_a_gap_of_one():
    made = only_pair(
        row("m", "a", 0, -100.0), row("n", "a", 0),
        row("m", "a", 1, 100.0), row("n", "a", 1),  # a gap of 1 too, but an answer
        row("m", "a", 2), row("n", "a", 2),
    )  # fmt: skip
    assert made.difference.value == pytest.approx(-1 / 3)
    assert made.superiority.value == pytest.approx(2.5 / 3)


def test_runs_without_a_partner_are_counted():
    made = only_pair(
        row("m", "a", 0, -100.0), row("m", "a", 1, -100.0), row("m", "a", 2, -100.0),
        row("n", "a", 0, -90.0),
    )  # fmt: skip
    assert (made.pairs, made.unpaired) == (1, 2)


def test_without_any_pair_nothing_is_told():
    made = only_pair(row("m", "a", 0, -100.0), row("n", "a", 5, -90.0))
    assert (made.pairs, made.instances, made.unpaired) == (0, 0, 2)
    assert made.difference.value is made.difference.low is made.superiority.value is None


def test_one_instance_has_no_test():
    made = only_pair(row("m", energy=-1.0), row("n", energy=-2.0))
    assert (made.p, made.p_holm, made.p_nemenyi) == (None, None, None)
    assert made.note == "one instance alone says nothing of others"


def test_two_methods_have_no_nemenyi_and_need_no_correction():
    rows = [row(m, f"i{k}", 0, e) for k in range(7) for m, e in (("m", -2.0), ("n", -1.0 - k / 10))]
    made = only_pair(*rows)
    assert made.p == made.p_holm == pytest.approx(2 / 2**7)
    assert made.p_nemenyi is None
    assert made.note == ""


def test_tests_are_over_instances_and_corrected_for_all_pairs():
    made = analyse(made_rows(instances=9, seeds=3))
    gaps = {
        name: np.array([c.gap if c.done else math.inf for c in made.cells if c.method == name])
        for name in made.ranks.methods
    }
    raw = []
    for pair in made.pairs:
        one, other = (np.minimum(gaps[name], 2.0) for name in (pair.first, pair.second))
        raw.append(stats.wilcoxon(one, other, method="exact").pvalue)
    assert [pair.p for pair in made.pairs] == pytest.approx(raw)
    assert [pair.p_holm for pair in made.pairs] == pytest.approx(holm(raw))
    rank = dict(zip(made.ranks.methods, made.ranks.ranks, strict=True))
    for pair in made.pairs:
        expected = nemenyi(rank[pair.first], rank[pair.second], 4, 9)
        assert pair.p_nemenyi == pytest.approx(expected)
    assert len(made.pairs) == 6
