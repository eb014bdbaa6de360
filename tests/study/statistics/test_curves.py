"""Shares that grow, against counting by hand and scipy; censored runs; the gap over time."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from secateur.study.statistics.curves import (
    MOMENTS,
    TICK,
    anytime_curve,
    expected_time,
    gap_curve,
    moments,
    primal_integral,
    profiles,
    target_curve,
    weighted_quantiles,
)
from tests.study.statistics.making import row, run, runs_of

LIMIT = {"stopped": "time limit"}


def test_gaps_against_scipy():
    rng = np.random.default_rng(0)
    energies = -100 + np.round(rng.exponential(5, size=40), 1)
    runs = runs_of(
        row("best", energy=-100.0),
        *(row("m", seed=k, energy=float(energy)) for k, energy in enumerate(energies)),
    )
    made = gap_curve(runs, "m")
    other = stats.ecdf([run.gap for run in runs.of["m", "a"]]).cdf
    assert made.at == tuple(other.quantiles)
    assert made.share == pytest.approx(other.probabilities)
    assert made.share[-1] == 1.0


def test_a_run_without_an_answer_keeps_the_curve_below_one():
    runs = runs_of(row("m", energy=-100.0), row("m", seed=1, energy=-50.0), row("m", seed=2))
    made = gap_curve(runs, "m")
    assert made.at == (0.0, 0.5)
    assert made.share == pytest.approx((1 / 3, 2 / 3))


def test_a_method_without_any_answer_has_an_empty_curve():
    runs = runs_of(row("m"), row("n", energy=-1.0))
    assert gap_curve(runs, "m").at == ()
    made = target_curve(runs, "m", (0.1,))
    assert (made.at, made.share, made.most, made.stopped_from) == ((), (), (), None)


def test_instances_weigh_the_same_in_shares():
    runs = runs_of(
        *(row("m", "a", s, -1.0) for s in range(9)), row("m", "b", 0, -1.0),
        row("best", "b", 0, -2.0), row("best", "a", 0, -1.0),
    )  # fmt: skip
    made = gap_curve(runs, "m")
    assert made.at == (0.0, 0.5)
    assert made.share == pytest.approx((0.5, 1.0))


def test_targets_by_hand():
    """Two runs, two targets: reached at 1 and 3; at 2 and stopped at 4."""
    runs = runs_of(
        row("best", energy=-100.0),
        row("m", energy=-100.0, incumbents=((1.0, -95.0), (3.0, -100.0)), wall=5.0, **LIMIT),
        row("m", seed=1, energy=-92.0, incumbents=((2.0, -92.0),), wall=4.0, **LIMIT),
    )
    made = target_curve(runs, "m", (0.1, 0.01))
    assert made.targets == (0.1, 0.01)
    assert made.at == (1.0, 2.0, 3.0, 4.0)
    assert made.share == pytest.approx((0.25, 0.5, 0.75, 0.75))
    assert made.most == pytest.approx((0.25, 0.5, 0.75, 1.0))
    assert made.stopped_from == 4.0


def test_a_run_that_ended_by_itself_never_reaches_its_target():
    runs = runs_of(row("best", energy=-100.0), row("m", energy=-92.0, wall=4.0))
    made = target_curve(runs, "m", (0.1, 0.01))
    assert made.share == made.most == pytest.approx((0.5,))
    assert made.stopped_from is None


def test_the_product_limit_lies_between_the_two_curves():
    """Kaplan and Meier assume that stopped runs go on as the others; nothing is assumed here."""
    rng = np.random.default_rng(5)
    hits, ends = rng.exponential(2, size=30), rng.uniform(1, 4, size=30)
    rows = [row("best", energy=-100.0)]
    for k, (hit, end) in enumerate(zip(hits, ends, strict=True)):
        found = ((float(hit), -100.0),) if hit < end else ()
        energy = -100.0 if hit < end else -50.0
        rows.append(row("m", seed=k, energy=energy, incumbents=found, wall=float(end), **LIMIT))
    made = target_curve(runs_of(*rows), "m", (0.01,))
    reached = hits < ends
    data = stats.CensoredData.right_censored(np.minimum(hits, ends), ~reached)
    product = stats.ecdf(data).cdf.evaluate(np.array(made.at))
    assert (np.array(made.share) <= product + 1e-12).all()
    assert (np.array(made.most) >= product - 1e-12).all()
    first = np.array(made.at) < made.stopped_from
    assert np.array(made.share)[first] == pytest.approx(product[first])
    assert np.array(made.most)[first] == pytest.approx(product[first])
    assert made.share[-1] == pytest.approx(reached.mean())
    assert made.most[-1] == 1.0


def test_expected_time_by_hand():
    """Two reach it after 1 and 3 seconds, one ends after 6 without: 10 seconds, two hits."""
    reached = [run(0.0, ((1.0, 0.0),), 9.0), run(0.0, ((2.0, 0.5), (3.0, 0.0)), 9.0)]
    failed = run(math.inf, (), 6.0)
    assert expected_time([*reached, failed], 0.0) == 5.0
    assert expected_time(reached, 0.5) == 1.5
    assert expected_time([failed], 0.0) == math.inf


def test_profiles_by_hand():
    cost = {
        ("m", "a"): 1.0, ("m", "b"): 4.0, ("m", "c"): math.inf, ("m", "d"): math.inf,
        ("n", "a"): 3.0, ("n", "b"): 2.0, ("n", "c"): 5.0, ("n", "d"): math.inf,
    }  # fmt: skip
    m, n = profiles(cost, ("m", "n"), "abcd")
    assert (m.method, m.at, m.share) == ("m", (1.0, 2.0), (0.25, 0.5))
    assert (n.method, n.at, n.share) == ("n", (1.0, 3.0), (0.5, 0.75))


def test_times_below_the_clock_are_not_told_apart():
    cost = {("m", "a"): 0.0, ("n", "a"): TICK, ("o", "a"): 2 * TICK}
    made = profiles(cost, ("m", "n", "o"), "a")
    assert [steps.at for steps in made] == [(1.0,), (1.0,), (2.0,)]


def test_a_profile_does_not_change_with_the_unit_of_time():
    cost = {("m", "a"): 1.0, ("n", "a"): 3.0, ("m", "b"): 5.0, ("n", "b"): 4.0}
    longer = {key: 60 * seconds for key, seconds in cost.items()}
    assert profiles(longer, "mn", "ab") == profiles(cost, "mn", "ab")


def test_quartiles_against_numpy():
    rng = np.random.default_rng(0)
    for count in (1, 2, 3, 4, 7, 20):
        values = np.round(rng.normal(size=count), 1)
        made = weighted_quantiles(values, np.full(count, 1 / count), (0.25, 0.5, 0.75))
        other = np.quantile(values, (0.25, 0.5, 0.75), method="inverted_cdf")
        assert made == tuple(other)


def test_quantiles_by_weight():
    values, weights = np.array([3.0, 1.0, 2.0]), np.array([0.5, 0.25, 0.25])
    assert weighted_quantiles(values, weights, (0.25, 0.26, 0.5, 0.51)) == (1.0, 2.0, 2.0, 3.0)


def test_anytime_by_hand():
    runs = runs_of(
        row("best", energy=-100.0, wall=8.0),
        row("m", seed=0, energy=-100.0, incumbents=((1.0, -50.0), (2.0, -100.0)), wall=3.0),
        row("m", seed=1, energy=-90.0, incumbents=((2.0, -80.0),), wall=4.0),
        row("m", seed=2, energy=-90.0, incumbents=((4.0, -90.0),), wall=4.0),
        row("m", seed=3),
    )
    made = anytime_curve(runs, "m", (0.5, 1.0, 2.0, 4.0, 8.0))
    assert made.low == pytest.approx((1.0, 0.5, 0.0, 0.0, 0.0))
    assert made.median == pytest.approx((1.0, 1.0, 0.2, 0.1, 0.1))
    assert made.high == pytest.approx((1.0, 1.0, 1.0, 0.1, 0.1))
    assert made.share == pytest.approx((0.0, 0.25, 0.5, 0.75, 0.75))


def test_moments_reach_from_the_first_selection_to_the_last_end():
    runs = runs_of(
        row("m", energy=-1.0, incumbents=((0.5, -0.5),), wall=3.0),
        row("n", energy=-1.0, incumbents=((0.25, -0.5),), wall=2.0),
        row("o", wall=7.0),
    )
    made = moments(runs)
    assert len(made) == MOMENTS
    assert (made[0], made[-1]) == pytest.approx((0.25, 7.0))
    ratios = np.array(made[1:]) / np.array(made[:-1])
    assert ratios == pytest.approx(ratios[0])
    made = moments(runs_of(row("m", energy=-1.0, incumbents=((0.0, -1.0),))))
    assert (made[0], made[-1]) == (TICK, 1.0)


def test_moments_without_times_or_selections():
    assert moments(runs_of(row("m", energy=-1.0, wall=None))) == ()
    assert moments(runs_of(row("m"))) == ()
    assert moments(runs_of(row("m", energy=-1.0, wall=0.0))) == (TICK,)
    made = anytime_curve(runs_of(row("m")), "m", ())
    assert (made.at, made.median, made.share) == ((), (), ())


def test_primal_integral_by_hand():
    """Nothing for 1 s, a gap of 0.5 for 1 s, 0 for 6 s; the horizon is the longest run's."""
    runs = runs_of(
        row("m", energy=-100.0, incumbents=((1.0, -50.0), (2.0, -100.0)), wall=3.0),
        row("n", energy=-50.0, incumbents=((4.0, -50.0),), wall=8.0),
        row("o"),
    )
    assert primal_integral(runs, "m") == pytest.approx((1.0 + 0.5) / 8)
    assert primal_integral(runs, "n") == pytest.approx((4.0 + 4 * 0.5) / 8)
    assert primal_integral(runs, "o") == 1.0


def test_primal_integral_without_times_is_the_gap():
    runs = runs_of(row("best", energy=-100.0, wall=None), row("m", energy=-90.0, wall=None))
    assert primal_integral(runs, "m") == pytest.approx(0.1)
    runs = runs_of(row("best", energy=-100.0, wall=0.0), row("m", energy=-90.0, wall=0.0))
    assert primal_integral(runs, "m") == pytest.approx(0.1)
