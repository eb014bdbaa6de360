"""Defaults, needs and edges of the objectives, each against its formula."""

from __future__ import annotations

import dataclasses
import inspect

import numpy as np
import pytest

from secateur.errors import OptionError
from secateur.network import find_channels
from secateur.objectives import L1, Fisher, Hybrid, Objective, Random, Residual, Taylor
from secateur.objectives.functions import as_function
from secateur.objectives.residual import _residuals
from secateur.objectives.terms import Terms, make_qubo, mean_one
from secateur.options import declared
from secateur.statistics import collect_statistics
from tests.nets import Chain, regression, seeded


@pytest.fixture(scope="module")
def statistics():
    network, task = seeded(Chain), regression(samples=4, batch=2)
    channels = find_channels(network, task.calibration[0][0])
    return collect_statistics(network, task, channels, probes=2)


def test_the_defaults_are_those_of_the_formulas():
    """They are measured ones: a change of one of them is a change of every result."""
    assert dataclasses.asdict(Hybrid()) == {
        "taylor": 1.0, "fisher": 1.0, "similarity_weight": 0.1, "measure": "cosine",
        "form": "prune", "fisher_kind": "empirical", "normalise": "mean",
    }  # fmt: skip
    assert dataclasses.asdict(Fisher()) == {
        "gradient": 0.0, "shrinkage": None, "across_groups": False,
    }  # fmt: skip
    assert dataclasses.asdict(Residual()) == {"ridge": 1e-4}
    for plain in (Taylor(), L1(), Random()):
        assert dataclasses.asdict(plain) == {}


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_couplings_shrink_by_a_factor_from_nothing_to_all(value):
    assert Fisher(shrinkage=value).shrinkage == value
    for beyond in (-0.01, 1.01):
        with pytest.raises(OptionError, match="shrinkage"):
            Fisher(shrinkage=beyond)


def test_what_has_to_be_measured():
    assert Fisher(across_groups=True).needs_across_groups is True
    assert Fisher().needs_across_groups is False
    assert Hybrid().needs_across_groups is False
    assert [kind.needs_probes for kind in (Fisher, Residual)] == [True, True]
    assert not any(one.needs_probes for one in (Taylor(), L1(), Random(), Hybrid()))
    assert Hybrid(fisher_kind="true").needs_probes is True


def test_a_group_of_constant_channels_costs_nothing():
    linear, block = _residuals(np.zeros((3, 3)), np.ones(3), 1e-4)
    assert linear.tolist() == [0, 0, 0]
    assert block.tolist() == np.zeros((3, 3)).tolist()
    # a variance that rounding made negative is none either
    linear, block = _residuals(np.diag([-1e-20, 0.0]), np.ones(2), 1e-4)
    assert not linear.any()
    assert not block.any()


def test_two_residuals_by_least_squares():
    """What the third cannot explain of the first and second, together less each by itself."""
    rng = np.random.default_rng(0)
    data = rng.normal(size=(50, 4)) @ rng.normal(size=(4, 4))
    matrix, weight, ridge = data.T @ data / 50, np.array([1.0, 2.0, 0.5, 3.0]), 1e-12
    linear, block = _residuals(matrix, weight, ridge)

    def left(of: int, gone: list[int]) -> float:
        stay = [k for k in range(4) if k not in gone]
        inside = matrix[np.ix_(stay, stay)]
        return matrix[of, of] - matrix[of, stay] @ np.linalg.solve(inside, matrix[stay, of])

    for i in range(4):
        assert linear[i] == pytest.approx(weight[i] * left(i, [i]), rel=1e-6)
        assert block[i, i] == 0
        for j in range(4):
            if i != j:
                wanted = sum(weight[k] * (left(k, [i, j]) - left(k, [k])) for k in (i, j))
                assert block[i, j] == pytest.approx(wanted, rel=1e-6)


def test_a_score_is_divided_by_its_mean_where_that_is_positive():
    assert mean_one(np.array([1.0, 3.0])).tolist() == [0.5, 1.5]
    for score in ([0.0, 0.0], [-1.0, 0.5]):
        assert mean_one(np.array(score)).tolist() == score


def test_the_linear_objectives_are_their_scores(statistics):
    labels = statistics.channels.labels
    for objective, score in (
        (Taylor(), statistics.taylor),
        (L1(), statistics.l1 / statistics.l1.mean()),
        (Random(), np.zeros(len(labels))),
    ):
        bqm = objective.qubo(statistics)
        assert [bqm.linear[label] for label in labels] == pytest.approx(score.tolist())
        assert bqm.num_interactions == 0
        assert bqm.offset == 0


@pytest.mark.parametrize("whole", [False, True])
def test_couplings_stand_where_their_channels_are(statistics, whole):
    """Blocks of groups and one matrix make the same QUBO; zeros make no coupling."""
    channels = statistics.channels
    n = len(channels)
    matrix = np.zeros((n, n))
    rng = np.random.default_rng(1)
    for group in channels.groups:
        own = rng.normal(size=(group.size, group.size))
        own[0, 1] = own[1, 0] = 0.0
        matrix[group.slice, group.slice] = own + own.T
    given = [matrix] if whole else [matrix[g.slice, g.slice] for g in channels.groups]
    bqm = make_qubo(channels, np.arange(float(n)), given)
    assert tuple(bqm.variables) == channels.labels
    wanted = {
        frozenset((channels.labels[i], channels.labels[j])): matrix[i, j]
        for i in range(n)
        for j in range(i + 1, n)
        if matrix[i, j]
    }
    assert {frozenset(pair): bias for pair, bias in bqm.quadratic.items()} == pytest.approx(wanted)
    assert [bqm.linear[label] for label in channels.labels] == list(range(n))
    problem = Terms(channels, np.arange(float(n)), given).problem()
    bits = rng.integers(0, 2, (5, n)).astype(np.int8)
    assert problem.energies(bits) == pytest.approx(bqm.energies((bits, list(channels.labels))))


@pytest.mark.parametrize("where", ["linear", "coupling"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_bias_that_is_no_number_is_refused(statistics, where, value):
    n = len(statistics.channels)
    linear, matrix = np.zeros(n), np.zeros((n, n))
    if where == "linear":
        linear[2] = value
    else:
        matrix[1, 2] = matrix[2, 1] = value
    terms = Terms(statistics.channels, linear, [matrix])
    for build in (terms.bqm, terms.problem):
        with pytest.raises(OptionError, match="NaN or infinite"):
            build()


def test_the_function_of_a_class_tells_all_that_the_class_tells():
    function = as_function(Fisher)
    about = inspect.getdoc(function)
    assert about.startswith(inspect.getdoc(Fisher))
    assert "Arguments:\n    statistics: from ``collect_statistics``." in about
    for one in declared(Fisher):
        assert f"    {one.name}: {one.text}; {one.values}." in about
    assert "Raises:" in about
    assert "Raises:" not in inspect.getdoc(as_function(Taylor))  # no options, no wrong ones
    assert list(inspect.signature(function).parameters) == [
        "statistics", "gradient", "shrinkage", "across_groups",
    ]  # fmt: skip

    class Silent(Objective):
        __doc__ = None

        def terms(self, statistics):
            raise NotImplementedError

    assert inspect.getdoc(as_function(Silent)).startswith("Arguments:")
