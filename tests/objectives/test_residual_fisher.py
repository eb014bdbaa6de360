"""Residuals with the Fisher's signs, and the controls without couplings, against their formulas."""

from __future__ import annotations

import dataclasses
from itertools import combinations

import dimod
import numpy as np
import pytest

from secateur.errors import OptionError
from secateur.network import find_channels
from secateur.objectives import (
    Ablation,
    Fisher,
    Hybrid,
    Residual,
    ResidualFisher,
    fisher_qubo,
    linear_alone,
    residual_fisher_qubo,
    residual_qubo,
    resolve_objective,
    shuffled,
)
from secateur.statistics import collect_statistics, covariance, fisher_matrix, reliability
from tests.nets import Chain, regression, seeded


@pytest.fixture(scope="module")
def statistics():
    network, task = seeded(Chain), regression(samples=60)
    channels = find_channels(network, next(iter(task.calibration))[0])
    return collect_statistics(network, task, channels, probes=10, across_groups=True)


def lost(statistics, group, pruned, weight):
    """½ Σ M_ab Cov(e_a, e_b), e the residuals of the pruned channels, by least squares."""
    number = statistics.channels.groups.index(group)
    matrix, gram = covariance(statistics)[number], statistics.gram[number]
    fisher = fisher_matrix(statistics)[group.slice, group.slice]
    kept = [k for k in range(group.size) if k not in pruned]
    inner, outer = matrix[np.ix_(kept, kept)], matrix[np.ix_(kept, pruned)]
    left = matrix[np.ix_(pruned, pruned)] - outer.T @ np.linalg.lstsq(inner, outer, rcond=None)[0]
    total = 0.0
    for a, i in enumerate(pruned):
        for b, j in enumerate(pruned):
            most = np.sqrt(fisher[i, i] / gram[i, i] * fisher[j, j] / gram[j, j])
            reads = np.clip(fisher[i, j] / gram[i, j], -most, most)
            total += (1.0 if i == j else weight) * 0.5 * reads * left[a, b]
    return total


@pytest.mark.parametrize("weight", [None, 0.3, 1.0])
def test_one_and_two_channels_cost_what_their_residuals_do_to_the_loss(statistics, weight):
    bqm = residual_fisher_qubo(statistics, weight=weight, ridge=1e-12)
    trust = reliability(statistics) if weight is None else weight
    labels, signs = statistics.channels.labels, set()
    for group in statistics.channels.groups:
        for size in (1, 2):
            for pruned in combinations(range(group.size), size):
                sample = dict.fromkeys(labels, 0)
                sample |= {labels[group.start + k]: 1 for k in pruned}
                expected = lost(statistics, group, list(pruned), trust)
                assert bqm.energy(sample) == pytest.approx(expected, rel=1e-5)
                assert expected > 0
                if size == 2:
                    i, j = (labels[group.start + k] for k in pruned)
                    signs.add(
                        bqm.get_quadratic(i, j) > residual_qubo(statistics).get_quadratic(i, j)
                    )
    assert signs == {True, False}  # losses that add up, and such that cancel


def test_without_weight_it_is_the_residual(statistics):
    plain, whole = Residual(ridge=1e-3), ResidualFisher(weight=0.0, ridge=1e-3)
    assert whole.qubo(statistics) == plain.qubo(statistics)
    assert ResidualFisher(ridge=1e-3).qubo(statistics) != plain.qubo(statistics)


def test_noise_makes_no_coupling(statistics):
    """Halves that do not agree: the reliability is 0."""
    halves = tuple(np.stack([block[0], np.diag(np.diag(block[1]))]) for block in statistics.fisher)
    noise = dataclasses.replace(statistics, fisher=halves)
    assert reliability(noise) == 0.0
    assert residual_fisher_qubo(noise) == residual_qubo(noise)


def test_a_dead_channel_costs_nothing_and_a_constant_group_too(statistics):
    gram, mean = [g.copy() for g in statistics.gram], [m.copy() for m in statistics.mean]
    gram[0][1], gram[0][:, 1], mean[0][1] = 0.0, 0.0, 0.0
    gram[1][:], mean[1][:] = 1.0, 1.0
    dead = dataclasses.replace(statistics, gram=tuple(gram), mean=tuple(mean))
    bqm = residual_fisher_qubo(dead)
    labels = statistics.channels.labels
    group = statistics.channels.groups[1]
    free = [labels[1], *labels[group.slice]]
    assert {bqm.get_linear(label) for label in free} == {0.0}
    assert not any(bqm.get_quadratic(a, b, default=0.0) for a, b in combinations(free, 2))


def test_what_may_be_asked_of_it(statistics):
    assert dataclasses.asdict(ResidualFisher()) == {"weight": None, "ridge": 1e-4}
    assert resolve_objective("residual+fisher") == ResidualFisher()
    assert residual_fisher_qubo.__name__ == "residual_fisher_qubo"
    for wrong in ({"weight": -0.1}, {"weight": 1.1}, {"ridge": 0.0}):
        with pytest.raises(OptionError, match=next(iter(wrong))):
            ResidualFisher(**wrong)


@pytest.mark.parametrize("name", ["fisher", "hybrid", "residual", "residual+fisher", "taylor"])
def test_the_linear_part_alone(statistics, name):
    whole, alone = resolve_objective(name), linear_alone(name)
    assert alone.needs_probes == whole.needs_probes
    bqm = alone.qubo(statistics)
    assert dict(bqm.linear) == dict(whole.qubo(statistics).linear)
    assert bqm.num_interactions == 0


@pytest.mark.parametrize("options", [{}, {"across_groups": True}])
def test_shuffled_couplings_are_those_of_other_pairs_of_the_layer(statistics, options):
    whole = Fisher(**options).qubo(statistics)
    mixed = shuffled("fisher", seed=3, **options).qubo(statistics)
    assert dict(mixed.linear) == dict(whole.linear)
    assert mixed != whole
    assert mixed == shuffled("fisher", seed=3, **options).qubo(statistics)
    assert mixed != shuffled("fisher", seed=4, **options).qubo(statistics)
    labels = statistics.channels.labels
    for first in statistics.channels.groups:
        for second in statistics.channels.groups:
            found = [sorted(between(bqm, labels, first, second)) for bqm in (whole, mixed)]
            assert found[0] == pytest.approx(found[1], rel=1e-12)  # pairs are added up either way


def between(bqm: dimod.BinaryQuadraticModel, labels, first, second) -> list[float]:
    return [
        bqm.get_quadratic(labels[i], labels[j], default=0.0)
        for i in range(first.start, first.start + first.size)
        for j in range(second.start, second.start + second.size)
        if i != j
    ]


def test_an_ablation_names_what_it_cannot_be_made_of(statistics):
    with pytest.raises(OptionError, match=r"residul.*\n.*residual"):
        linear_alone("residul")
    with pytest.raises(OptionError, match="ridge"):
        shuffled("fisher", ridge=1.0)
    bqm = Hybrid().qubo(statistics)
    with pytest.raises(OptionError, match=r"which makes a BQM\n.*Terms"):
        Ablation(of=lambda statistics: bqm).terms(statistics)
    assert Ablation(of="fisher", objective_options={"across_groups": True}).needs_across_groups
    assert fisher_qubo(statistics) == Fisher().qubo(statistics)
