"""Prices of demands: the bound they give, the search for them, the model they change."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secateur.problem import (
    Problem,
    at_least,
    at_most,
    count,
    exactly,
    linear,
    multiple_of,
    quadratic,
)
from secateur.solving.prices import Price, Prices
from tests.random_problems import (
    CERTIFIED,
    energies,
    everything,
    feasible_rows,
    model,
    optimum,
    problems,
    random_problem,
)


def priced(problem: Problem, values: list[float]) -> Prices:
    prices = Prices(problem, problem.demands)
    for price, value in zip(prices.list, values, strict=False):
        price.value = value
    return prices


@settings(max_examples=150, deadline=None)
@given(
    problems(most=8, demands=3, kinds=CERTIFIED),
    st.lists(st.floats(-3, 3, allow_nan=False, width=32), min_size=4, max_size=4),
)
def test_at_any_prices_the_relaxed_optimum_less_the_credit_is_a_bound(problem, values):
    prices = priced(problem, values)
    for price in prices.list:  # an inequality that is not there has no price
        if (price.value > 0 and price.most == np.inf) or (
            price.value < 0 and price.least == -np.inf
        ):
            price.value = 0.0
    relaxed = prices.relaxed()
    assert relaxed.constraints == ()
    rows = everything(problem.n)
    dual = energies(relaxed, rows).min() - prices.credit()
    best = optimum(problem)
    assert dual <= best + 1e-7 * (1 + prices.slack() + problem.scale)
    for row in feasible_rows(problem):  # and on each feasible choice the price pays nothing
        assert relaxed.energies(row)[0] - prices.credit() <= problem.energies(row)[0] + 1e-6


@settings(max_examples=60, deadline=None)
@given(
    problems(most=7, demands=3, kinds=CERTIFIED),
    st.lists(st.floats(-3, 3, width=32), min_size=4, max_size=4),
)
def test_the_relaxed_energy_is_the_energy_and_the_priced_forms(problem, values):
    prices = priced(problem, values)
    relaxed = prices.relaxed()
    rows = everything(problem.n)
    expected = problem.energies(rows)
    for price in prices.list:
        constant = getattr(price.demand, "offset", 0.0)
        expected = expected + [price.value * (price.form(row) - constant) for row in rows]
    assert relaxed.energies(rows) == pytest.approx(expected, abs=1e-9)


def test_at_price_zero_nothing_is_rebuilt():
    problem = random_problem(6, 3, 0)
    prices = Prices(problem, problem.demands)
    relaxed = prices.relaxed()
    assert relaxed.quadratic[2] is problem.quadratic[2]
    assert relaxed.count is None
    assert prices.credit() == 0.0
    assert prices.slack() == 0.0
    assert prices.multipliers() == []


def test_couplings_are_untouched_by_a_price_of_a_cardinality():
    problem = random_problem(6, 3, 0, limits=True)
    relaxed = priced(problem, [1.0, 2.0, -1.0]).relaxed()
    assert relaxed.quadratic[2] is problem.quadratic[2]
    assert relaxed.linear - problem.linear == pytest.approx([3.0] * 3 + [0.0] * 3)


def test_only_what_is_priced_is_taken_away():
    problem = Problem(model(np.eye(4)), [count(2), at_most(1, ["v0", "v1"], name="few")])
    prices = Prices(problem, problem.demands[1:])
    assert [c.name for c in prices.relaxed().constraints] == ["count"]
    prices.list[0].value = 2.0
    assert prices.relaxed().count == 2
    assert prices.credit() == 2.0
    assert prices.multipliers() == [{"constraint": "few", "side": "upper", "value": 2.0}]
    prices.list[0].value = 0.25
    assert prices.multipliers() == [{"constraint": "few", "side": "upper", "value": 0.25}]
    prices.list[0].value = -2.0
    assert prices.credit() == 0.0
    assert prices.multipliers() == [{"constraint": "few", "side": "lower", "value": 2.0}]


def test_products_of_a_priced_form_join_the_couplings():
    form = quadratic({"v0": 1.0}, {("v0", "v1"): 2.0, ("v1", "v2"): 3.0}, offset=5.0, upper=7.0)
    upper = np.zeros((3, 3))
    upper[0, 1] = 1.0
    prices = priced(Problem(model(upper), [form]), [0.5])
    relaxed = prices.relaxed()
    assert relaxed.as_matrix().tolist() == [[0.5, 1.0, 0.0], [1.0, 0.0, 0.75], [0.0, 0.75, 0.0]]
    assert prices.credit() == pytest.approx(0.5 * (7.0 - 5.0), rel=1e-6)


def search(demand: object, respond: object, calls: int = 60) -> Price:
    problem = Problem(model(np.diag(np.arange(1.0, 9.0) - 4.5)), [demand])
    prices = Prices(problem, problem.demands)
    (price,) = prices.list
    for _ in range(calls):
        bits = respond(prices.relaxed())
        if prices.kept(bits):
            break
        prices.learn(bits)
        if prices.closed:
            break
    return price


def cheapest(relaxed: Problem) -> np.ndarray:
    return (relaxed.linear < 0).astype(np.int8)


@pytest.mark.parametrize("wanted", range(9))
def test_the_search_brackets_every_count_of_a_convex_curve(wanted):
    price = search(count(wanted), cheapest)
    bits = (np.diag(np.arange(1.0, 9.0) - 4.5).diagonal() + price.value < 0).astype(np.int8)
    assert bits.sum() == wanted


def test_an_inequality_pays_on_one_side_only():
    labels = [f"v{i}" for i in range(8)]
    few = search(at_most(2, labels, name="few"), cheapest)
    assert 1.5 <= few.value <= 2.5  # below, a third is chosen; above, only one is
    many = search(at_least(6, labels, name="many"), cheapest)
    assert -2.5 <= many.value <= -1.5
    jump = search(at_most(3, labels, name="jump"), lambda r: np.tile(cheapest(r)[:4], 2))
    assert jump.closed  # of 4 it falls to 2
    assert jump.value == pytest.approx(2.5)
    loose = search(at_most(5, labels, name="loose"), cheapest)
    assert loose.value == 0.0
    assert loose.kept(np.array([1] * 5 + [0] * 3))
    assert not loose.kept(np.array([1] * 6 + [0] * 2))


def test_a_jump_in_the_response_closes_the_search():
    """All or nothing, as for a concave curve: no price gives 3 of 8."""

    def all_or_nothing(relaxed: Problem) -> np.ndarray:
        return np.full(8, int(relaxed.linear.sum() < 4.0), dtype=np.int8)

    price = search(count(3), all_or_nothing, calls=400)
    assert price.closed
    assert price.value == pytest.approx(0.5)


def test_the_price_moves_against_what_it_sees():
    problem = Problem(model(np.eye(4)), 2)
    price = Prices(problem, problem.demands).list[0]
    step = price.step
    price.learn(np.ones(4))
    assert price.value == step > 0
    price.learn(np.ones(4))
    assert price.value == 4 * step
    price.learn(np.zeros(4))
    assert price.value == 2.5 * step
    before = price.value, price.low, price.high
    price.learn(np.array([1, 1, 0, 0]))  # what is kept teaches nothing
    assert (price.value, price.low, price.high) == before
    fresh = Prices(problem, problem.demands).list[0]
    fresh.learn(np.zeros(4))
    assert fresh.value == -fresh.step / 3.0


def test_the_first_price_of_a_count_is_read_from_a_good_vector():
    problem = Problem(model(np.diag([1.0, 2.0, 4.0, 8.0])), 2)
    prices = Prices(problem, problem.demands, np.array([1, 1, 0, 0]))
    assert prices.list[0].value == -3.0
    assert prices.kept(cheapest(prices.relaxed()))
    none = Prices(Problem(problem.bqm, 0), Problem(problem.bqm, 0).demands, np.zeros(4))
    assert none.list[0].value == -1.0
    limited = Problem(problem.bqm, [exactly(1, ["v0", "v1"])])
    assert Prices(limited, limited.demands, np.array([1, 0, 0, 0])).list[0].value == 0.0


def test_the_first_step_has_the_problems_scale():
    for factor in (1.0, 1e-12, 1e12):
        problem = Problem(
            model(factor * np.eye(4)),
            [count(2), linear({"v0": 4.0, "v1": 2.0}, upper=3.0), multiple_of(2, ["v0", "v1"])],
        )
        steps = [price.step for price in Prices(problem, problem.demands).list]
        assert steps == pytest.approx([0.02 * factor, 0.005 * factor, 0.02 * factor])
