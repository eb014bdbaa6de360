"""Jaccard's index against sets, and what is compared with what."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from secateur.study.statistics.agreement import agreements, jaccard
from tests.study.statistics.making import row, runs_of


def test_against_sets():
    rng = np.random.default_rng(0)
    given = [tuple(np.flatnonzero(rng.random(40) < 0.3).tolist()) for _ in range(8)]
    given += [(), (), given[0], (99,)]
    made = jaccard(given)
    for i, one in enumerate(given):
        for j, other in enumerate(given):
            either = set(one) | set(other)
            expected = len(set(one) & set(other)) / len(either) if either else 1.0
            assert made[i, j] == pytest.approx(expected)


def test_of_nothing_but_empty_selections():
    assert jaccard([(), ()]).tolist() == [[1.0, 1.0], [1.0, 1.0]]


def test_methods_on_the_same_seed_and_each_with_its_other_runs():
    runs = runs_of(
        row("m", "a", 0, -1.0, ones=(0, 1)), row("m", "a", 1, -1.0, ones=(2, 3)),
        row("m", "a", 2, -1.0, ones=(2, 3)),
        row("n", "a", 0, -1.0, ones=(0, 1)), row("n", "a", 1, -1.0, ones=(3, 4)),
        row("n", "a", 2),
        row("m", "b", 0, -1.0, ones=(7,)), row("n", "b", 0, -1.0, ones=(8,)),
    )  # fmt: skip
    mm, mn, nn = agreements(runs)
    assert (mn.first, mn.second, mn.pairs, mn.instances) == ("m", "n", 3, 2)
    on_a = (1 + 1 / 3) / 2
    assert mn.jaccard == pytest.approx((on_a + 0) / 2)
    assert mn.least == 0.0
    # of three runs on a two agree; b has one run alone
    assert (mm.pairs, mm.instances, mm.jaccard) == (3, 1, pytest.approx(1 / 3))
    assert (nn.pairs, nn.jaccard, nn.least) == (1, 0.0, 0.0)


def test_without_a_pair_nothing_is_told():
    (_, mn, nn) = agreements(runs_of(row("m", energy=-1.0), row("n")))
    assert (mn.jaccard, mn.least, mn.pairs, mn.instances) == (None, None, 0, 0)
    assert nn.jaccard is None
    assert agreements(runs_of(row("m")))[0].jaccard is None


def test_every_two_methods():
    runs = runs_of(*(row(m, energy=-1.0) for m in "abc"))
    made = [(a.first, a.second) for a in agreements(runs) if a.first != a.second]
    assert made == list(combinations("abc", 2))
