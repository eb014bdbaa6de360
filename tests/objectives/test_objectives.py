"""Every objective's energy against its formula, written out in loops."""

from __future__ import annotations

import dataclasses

import dimod
import numpy as np
import pytest

from secateur.errors import OptionError
from secateur.network import find_channels
from secateur.objectives import (
    Fisher,
    Terms,
    fisher_qubo,
    hybrid_qubo,
    l1_qubo,
    make_qubo,
    residual_qubo,
    resolve_objective,
    taylor_qubo,
)
from secateur.problem import Problem
from secateur.stages import OBJECTIVES, list_stages
from secateur.statistics import (
    collect_statistics,
    covariance,
    fisher_blocks,
    fisher_matrix,
    reliability,
    similarity,
)
from tests.nets import Chain, regression, seeded
from tests.statistics.reference import all_rows


@pytest.fixture(scope="module")
def statistics():
    network, task = seeded(Chain), regression(samples=60)
    channels = find_channels(network, next(iter(task.calibration))[0])
    return collect_statistics(network, task, channels, probes=10, across_groups=True)


@pytest.fixture(scope="module")
def rows(statistics):
    return all_rows(seeded(Chain), regression(samples=60), statistics.channels, probes=10)


def random_bits(n: int, rows: int = 40) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 2, (rows, n)).astype(np.int8)


def energies(bqm: dimod.BinaryQuadraticModel, statistics, bits: np.ndarray) -> np.ndarray:
    assert tuple(bqm.variables) == statistics.channels.labels
    assert bqm.vartype is dimod.BINARY
    assert bqm.energy(dict.fromkeys(bqm.variables, 0)) == 0
    return bqm.energies((bits, list(statistics.channels.labels)))


def pairs(statistics):
    """Pairs inside a layer, with their positions inside it."""
    for number, group in enumerate(statistics.channels.groups):
        for a in range(group.size):
            for b in range(a + 1, group.size):
                yield number, a, b, group.start + a, group.start + b


@pytest.mark.parametrize("measure", ["cosine", "correlation"])
@pytest.mark.parametrize("kind", ["empirical", "true"])
@pytest.mark.parametrize("form", ["prune", "keep"])
def test_hybrid_equals_its_formula(statistics, rows, measure, kind, form):
    alpha, beta, gamma = 0.7, 1.3, 0.4
    bqm = hybrid_qubo(
        statistics,
        taylor=alpha,
        fisher=beta,
        similarity_weight=gamma,
        measure=measure,
        form=form,
        fisher_kind=kind,
    )
    taylor = np.abs(rows.gradients).mean(0)
    fisher = np.square(rows.gradients if kind == "empirical" else rows.fisher).mean(0)
    score = alpha * taylor / taylor.mean() + beta * fisher / fisher.mean()
    alike = similarity(statistics, measure)
    bits = random_bits(len(statistics.channels))

    def formula(z):
        if form == "prune":
            return score @ z + gamma * sum(
                alike[g][a, b] * z[i] * z[j] for g, a, b, i, j in pairs(statistics)
            )
        x = 1.0 - z
        return -score @ x + gamma * sum(
            alike[g][a, b] * x[i] * x[j] for g, a, b, i, j in pairs(statistics)
        )

    zero = formula(np.zeros(len(score)))
    expected = [formula(z.astype(float)) - zero for z in bits]
    np.testing.assert_allclose(energies(bqm, statistics, bits), expected, atol=1e-9)


def test_scores_need_not_be_normalised(statistics):
    bqm = hybrid_qubo(statistics, normalise="none", similarity_weight=0.0)
    expected = statistics.taylor + statistics.empirical_fisher
    np.testing.assert_allclose(list(bqm.linear.values()), expected)
    assert bqm.num_interactions == 0


@pytest.mark.parametrize("across", [False, True])
@pytest.mark.parametrize("gradient", [0.0, 0.5, 1.0])
def test_fisher_is_the_second_order_expansion(statistics, across, gradient):
    matrix = fisher_matrix(statistics, across_groups=across)
    bits = random_bits(len(matrix))
    slope = gradient * statistics.gradient

    def expected(matrix):
        return [-slope @ z + 0.5 * z @ matrix @ z for z in bits.astype(float)]

    whole = fisher_qubo(statistics, gradient=gradient, shrinkage=1.0, across_groups=across)
    np.testing.assert_allclose(
        energies(whole, statistics, bits), expected(matrix), rtol=1e-9, atol=1e-12
    )
    trust = reliability(statistics)
    assert 0 < trust < 1
    shrunk = trust * matrix + (1 - trust) * np.diag(np.diag(matrix))
    measured = fisher_qubo(statistics, gradient=gradient, across_groups=across)
    np.testing.assert_allclose(
        energies(measured, statistics, bits), expected(shrunk), rtol=1e-9, atol=1e-12
    )


def test_fisher_predicts_no_gain_unless_asked_for_the_gradient(statistics):
    """Positive semidefinite without shrinkage: no set of channels is better gone."""
    bits = random_bits(len(statistics.gradient))
    bqm = fisher_qubo(statistics, shrinkage=1.0, across_groups=True)
    assert energies(bqm, statistics, bits).min() >= -1e-12


def test_residual_is_the_energy_left_by_least_squares(statistics):
    """One and two channels: the residual of regressing on all others, by lstsq."""
    bqm = residual_qubo(statistics, ridge=1e-12)
    curvature = 0.5 * statistics.fisher_diagonal / statistics.energy

    def residual(matrix, target, kept):
        inner = matrix[np.ix_(kept, kept)]
        outer = matrix[kept, target]
        return matrix[target, target] - outer @ np.linalg.lstsq(inner, outer, rcond=None)[0]

    for number, a, b, i, j in pairs(statistics):
        matrix = covariance(statistics)[number]
        size = len(matrix)
        labels = statistics.channels.labels
        for pruned in ([a], [b], [a, b]):
            kept = [k for k in range(size) if k not in pruned]
            start = i - a
            expected = sum(curvature[start + k] * residual(matrix, k, kept) for k in pruned)
            sample = dict.fromkeys(labels, 0) | {labels[start + k]: 1 for k in pruned}
            assert bqm.energy(sample) == pytest.approx(expected, rel=1e-5)
        assert bqm.get_quadratic(labels[i], labels[j]) >= 0


def test_two_lookalikes_are_cheap_alone_and_dear_together(statistics):
    gram = [g.copy() for g in statistics.gram]
    mean = [m.copy() for m in statistics.mean]
    gram[1][1] = gram[1][0]
    gram[1][:, 1] = gram[1][:, 0]
    mean[1][1] = mean[1][0]
    twins = dataclasses.replace(statistics, gram=tuple(gram), mean=tuple(mean))
    bqm = residual_qubo(twins)
    alone = [bqm.get_linear(f"second:{k}") for k in (0, 1)]
    coupling = bqm.get_quadratic("second:0", "second:1")
    assert coupling > 100 * max(alone)


def test_linear_objectives(statistics):
    np.testing.assert_allclose(list(taylor_qubo(statistics).linear.values()), statistics.taylor)
    l1 = l1_qubo(statistics)
    np.testing.assert_allclose(list(l1.linear.values()), statistics.l1 / statistics.l1.mean())
    assert l1.num_interactions == taylor_qubo(statistics).num_interactions == 0


NAMES = ["fisher", "hybrid", "l1", "random", "residual", "residual+fisher", "taylor"]


def test_every_named_objective_builds(statistics):
    assert [e.name for e in list_stages(OBJECTIVES) if e.distribution == "secateur"] == NAMES
    for name in NAMES:
        bqm = resolve_objective(name).qubo(statistics)
        assert tuple(bqm.variables) == statistics.channels.labels
    assert not any(resolve_objective("random").qubo(statistics).linear.values())


@pytest.mark.parametrize(
    ("build", "options", "message"),
    [
        (hybrid_qubo, {"form": "both"}, "'form' .*is 'both'"),
        (hybrid_qubo, {"measure": "dot"}, "'dot'"),
        (hybrid_qubo, {"fisher_kind": "half"}, "'half'"),
        (hybrid_qubo, {"normalise": "max"}, "'max'"),
        (hybrid_qubo, {"taylor": float("nan")}, "not a number"),
        (hybrid_qubo, {"fisher": float("inf")}, "not finite"),
        (fisher_qubo, {"shrinkage": 1.5}, "1.5"),
        (residual_qubo, {"ridge": 0.0}, "0.0"),
    ],
)
def test_bad_options_are_named(statistics, build, options, message):
    with pytest.raises(OptionError, match=message):
        build(statistics, **options)


def test_couplings_are_not_read_twice(statistics):
    channels = statistics.channels
    block = np.arange(81.0).reshape(9, 9)
    bqm = make_qubo(channels, np.zeros(9), (block + block.T,))
    assert bqm.get_quadratic("first:0", "first:1") == 1.0 + 9.0


@pytest.mark.parametrize("name", NAMES)
def test_an_objective_as_a_problem_is_its_bqm(statistics, name):
    objective = resolve_objective(name)
    direct = objective.problem(statistics)
    assert direct.sha256 == Problem(objective.qubo(statistics)).sha256
    assert isinstance(objective.terms(statistics), Terms)


def test_a_problem_across_groups_has_every_coupling(statistics):
    direct = Fisher(across_groups=True).problem(statistics)
    assert direct.sha256 == Problem(fisher_qubo(statistics, across_groups=True)).sha256
    n = len(statistics.channels)
    assert len(direct.quadratic[2]) == n * (n - 1) // 2


def test_reliability_is_the_correlation_of_all_couplings_of_two_halves(statistics, rows):
    assert 0 < rows.reliability(statistics.channels) < 1
    expected = rows.reliability(statistics.channels)
    assert reliability(statistics) == pytest.approx(expected, rel=1e-12)


def test_couplings_across_groups_have_to_be_measured(statistics):
    within = dataclasses.replace(statistics, fisher_across=None)
    for use in (fisher_matrix, fisher_qubo):
        with pytest.raises(OptionError, match=r"within groups only.*\n.*across_groups=True"):
            use(within, across_groups=True)


def test_an_objective_leaves_the_statistics_as_they_are(statistics):
    before = fisher_matrix(statistics, across_groups=True)
    fisher_qubo(statistics, across_groups=True, shrinkage=0.5)
    np.testing.assert_array_equal(before, fisher_matrix(statistics, across_groups=True))
    with pytest.raises(ValueError, match="read-only"):
        statistics.fisher[0][0, 0, 0] = 1.0


def test_the_blocks_of_the_fisher_matrix_are_cut_from_it(statistics):
    whole = fisher_matrix(statistics, across_groups=True)
    inside = fisher_matrix(statistics)
    for group, block in zip(statistics.channels.groups, fisher_blocks(statistics), strict=True):
        np.testing.assert_allclose(block, whole[group.slice, group.slice], rtol=1e-12, atol=0)
        np.testing.assert_array_equal(block, inside[group.slice, group.slice])
        inside[group.slice, group.slice] = 0
    assert not inside.any()
