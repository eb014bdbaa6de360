"""The virtual best solver, by hand."""

from __future__ import annotations

import math

import pytest

from secateur.study.statistics import analyse
from tests.study.statistics.making import row


def test_by_hand():
    """m has the best on a, n on b, both on c; o never; nobody answers on d."""
    found = {
        "a": {"m": -100.0, "n": -90.0, "o": -50.0},
        "b": {"m": -80.0, "n": -100.0, "o": -70.0},
        "c": {"m": -100.0, "n": -100.0, "o": -99.0},
        "d": {"m": None, "n": None, "o": None},
    }
    made = analyse(
        row(method, name, 0, energy, wall=3.0 if method == "m" else 1.0)
        for name, of in found.items()
        for method, energy in of.items()
    ).virtual_best
    assert made.gap == pytest.approx(1 / 4)
    assert made.solved == 3
    assert made.expected == pytest.approx((1.0 + 3.0) / 2)  # 1, 1, 3, infinite
    assert made.single_best == "n"
    assert made.single_gap == pytest.approx((0.1 + 1) / 4)
    m, n, o = made.contributions
    assert (m.method, m.best_on, m.alone_on, m.only_solver, m.solved) == ("m", 2, 1, 1, 1)
    assert (n.method, n.best_on, n.alone_on, n.only_solver, n.solved) == ("n", 2, 1, 1, 1)
    assert (o.best_on, o.alone_on, o.only_solver, o.solved, o.gap) == (0, 0, 0, 0, 0.0)
    assert m.gap == pytest.approx(0.1 / 4)
    assert n.gap == pytest.approx(0.2 / 4)


def test_a_method_stands_by_its_mean_not_its_luckiest_run():
    made = analyse(
        [row("m", "a", 0, -100.0), row("m", "a", 1, -50.0), row("n", "a", 0, -90.0),
         row("n", "a", 1, -90.0)]
    ).virtual_best  # fmt: skip
    assert made.single_best == "n"
    assert made.gap == pytest.approx(0.1)


def test_one_method_is_all_that_there_is():
    made = analyse([row("m", energy=-1.0)]).virtual_best
    (only,) = made.contributions
    assert (made.gap, made.solved, made.single_best) == (0.0, 1, "m")
    assert (only.gap, only.solved, only.best_on, only.alone_on, only.only_solver) == (1, 1, 1, 1, 1)


def test_where_all_fail_nobody_is_best():
    made = analyse([row("m"), row("n")])
    best = made.virtual_best
    assert (best.gap, best.solved, best.expected, best.single_best) == (1.0, 0, math.inf, "m")
    assert all((c.best_on, c.alone_on, c.gap) == (0, 0, 0.0) for c in best.contributions)
    assert [method.best_on for method in made.methods] == [0, 0]
    assert [method.rank for method in made.methods] == [1.5, 1.5]


def test_a_bad_answer_is_better_than_none():
    """Both gaps are 1; but m answered."""
    made = analyse([row("m", energy=5.0, best_known=-1.0), row("n")])
    assert [method.rank for method in made.methods] == [1.0, 2.0]
    assert [c.alone_on for c in made.virtual_best.contributions] == [1, 0]
