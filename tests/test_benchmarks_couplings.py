"""Couplings beside similarities: on matrices whose answer is known, and on a network."""

from __future__ import annotations

import numpy as np
import pytest

from tests.benchmarking import imported, run


@pytest.fixture
def couplings():
    with imported("couplings") as module:
        yield module


def test_signs_and_sizes_that_are_planted(couplings):
    """The first layer's pairs have the sizes 2, 4, 8, the second's has one filter and no pair."""
    alike = np.array([[0, 0.1, 0.2], [0.1, 0, 0.3], [0.2, 0.3, 0]])
    fisher = np.array([[1.0, -2, 4], [-2, 4, 8], [4, 8, 16]])
    one = [fisher, np.array([[3.0]])], [alike, np.zeros((1, 1))], [-alike, np.zeros((1, 1))]
    found = couplings.compared(*one)
    assert found["positive"] == pytest.approx(2 / 3)
    assert found["sign_by_cosine"] == pytest.approx(1)  # -2, 4, 8 beside 0.1, 0.2, 0.3
    assert found["sign_by_correlation"] == pytest.approx(-1)
    assert found["size_alone"] == pytest.approx(1)  # 2, 4, 8 are the roots of the products too


def test_dead_filters_have_no_pairs(couplings):
    draw = np.random.default_rng(0)
    rows = draw.normal(size=(40, 6))
    fisher, alike = rows.T @ rows, np.abs(np.corrcoef(rows.T))
    larger, more = np.zeros((8, 8)), np.ones((8, 8))
    larger[:6, :6], more[:6, :6] = fisher, alike
    assert couplings.compared([larger], [more], [more]) == couplings.compared(
        [fisher], [alike], [alike]
    )


def test_what_the_cheapest_hold(couplings):
    assert couplings.cheapest(np.array([4.0, 1.0, 2.0, 3.0]), 0.5) == pytest.approx(0.3)


def test_it_runs(tmp_path):
    content, text = run(tmp_path, "couplings.py")
    (row,) = content["rows"]
    assert (row["network"], row["filters"], row["dead"]) == ("small_halfunet", 144, 0)
    held = list(row["cheapest"].values())
    assert held == sorted(held)
    assert 0 < held[0] < 0.36 < held[-1] < 0.85
    assert 0 < row["positive"] < 1
    assert f"| {100 * row['positive']:.1f} |" in text
