"""Costs in the numbers that stay, against the costs term by term."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secateur.budgets.forms import alike, form_of
from secateur.errors import NetworkError
from secateur.network.costs import Term
from tests.budgets.nets import chain, residual


def staying(form, z):
    return np.array([int((np.asarray(z)[group] == 0).sum()) for group in form.groups])


@st.composite
def terms(draw):
    """Up to six terms over eight channels; channels come often, seldom and together."""
    n = 8
    made = []
    for _ in range(draw(st.integers(1, 6))):
        factors = tuple(
            np.array(draw(st.lists(st.integers(-1, n - 1), min_size=1, max_size=10)))
            for _ in range(draw(st.integers(0, 2)))
        )
        made.append(Term(float(draw(st.integers(0, 1000))), factors))
    return made


@settings(max_examples=150, deadline=None)
@given(terms(), st.integers(0, 255))
def test_the_form_counts_what_the_terms_count(made, number):
    z = np.array([number >> i & 1 for i in range(8)])
    form = form_of(made, alike(made, 8))
    assert form.count(staying(form, z)) == pytest.approx(sum(term.count(z) for term in made))
    seen = {int(i) for term in made for factor in term.factors for i in factor if i >= 0}
    assert sorted(np.concatenate([*form.groups, np.zeros(0, int)]).tolist()) == sorted(seen)


def test_a_chain_has_a_group_for_each_layer():
    channels, costs = chain(16, 32, 16)
    groups = alike([*costs.parameters, *costs.macs], len(channels))
    assert [len(group) for group in groups] == [16, 32, 16]
    form = form_of(costs.macs, groups)
    assert form.pairs == {(0, 1): 9.0 * 64, (1, 2): 9.0 * 64}
    assert form.dense == costs.count(np.zeros(len(channels)))["macs"]


def test_what_is_tied_is_squared():
    channels, costs = residual()
    form = form_of(costs.macs, alike(costs.macs, len(channels)))
    assert form.pairs[0, 0] == 9.0 * 64
    assert form.dense == costs.count(np.zeros(len(channels)))["macs"]


def test_channels_of_one_layer_that_cost_differently_are_told_apart():
    """Behind a concatenation half of them are read twice."""
    first, both = np.arange(4), np.array([0, 1, 2, 3, 0, 1])
    groups = alike([Term(40.0, (first,)), Term(60.0, (both,))], 4)
    assert [group.tolist() for group in groups] == [[0, 1], [2, 3]]


def test_a_sums_own_channels_are_taken_to_stay():
    term = Term(12.0, (np.array([0, 1, 2, 5]),))  # 5 is no channel of three
    form = form_of([term], alike([term], 3))
    assert form.fixed == 3.0
    assert form.dense == 12.0


def test_three_dimensions_that_shrink_are_refused():
    term = Term(8.0, (np.array([0]), np.array([1]), np.array([2])), "matmul")
    with pytest.raises(NetworkError, match="3 dimensions of one operation \\(matmul\\)"):
        form_of([term], alike([term], 3))


def test_a_large_network_stays_small():
    channels, costs = chain(*[2048] * 40)
    form = form_of(costs.macs, alike([*costs.parameters, *costs.macs], len(channels)))
    assert len(form.groups) == 40
    assert len(form.pairs) == 39
