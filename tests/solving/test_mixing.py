"""The mixing method against the interior point method, and what is certain after it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from secateur.problem.parts import Block
from secateur.solving.bounds import lower_curve, more_points
from secateur.solving.control import Control
from secateur.solving.convexify import convexify
from secateur.solving.curve import Curve
from secateur.solving.demands import Demands
from secateur.solving.greedy import forward, prefix_energies
from secateur.solving.mixing import mixing_diagonal
from secateur.solving.sdp import (
    dominant_diagonal,
    linear_diagonal,
    positive,
    scaled,
    sdp_diagonal,
)
from secateur.solving.tree import Tree


def block_of(width: int, seed: int, *, positive_couplings: bool = False) -> Block:
    """Couplings of the Fisher kind, over two orders of magnitude, or none below zero."""
    rng = np.random.default_rng(seed)
    scale = np.exp(rng.normal(0, 1, width))
    rows = rng.standard_normal((3 * width, width // 4)) @ rng.standard_normal((width // 4, width))
    matrix = (rows.T @ rows / len(rows) + 0.2 * np.eye(width)) * np.outer(scale, scale)
    matrix /= np.abs(matrix).max()
    pairs = np.abs(matrix) if positive_couplings else matrix.copy()
    np.fill_diagonal(pairs, 0.0)
    return Block(np.arange(width), 0.5 * np.diag(matrix), pairs, np.ones(width + 1, dtype=bool))


@pytest.mark.parametrize("positive_couplings", [False, True])
@pytest.mark.parametrize("width", [20, 60])
def test_it_comes_to_the_interior_points_diagonal(width, positive_couplings):
    block = block_of(width, 3, positive_couplings=positive_couplings)
    size = np.abs(block.linear).sum()
    made = {}
    for relax, more in ((mixing_diagonal, {"sweeps": 4000}), (sdp_diagonal, {})):
        found, mean = relax(
            block.linear, block.couplings, tolerance=1e-9 * size, control=Control(), **more
        )
        made[relax] = positive(found, block.couplings), mean
    (ours, mean), (theirs, other) = made[mixing_diagonal], made[sdp_diagonal]
    assert ours.sum() == pytest.approx(theirs.sum(), rel=1e-3)
    assert np.abs(ours - theirs).max() <= 1e-2 * theirs.max()
    assert np.abs(mean - other).max() < 0.05


@pytest.mark.parametrize("width", [140, 600])
@pytest.mark.parametrize("thorough", [True, False])
@pytest.mark.parametrize("limit", [None, 1e-3])
def test_wide_blocks_are_certainly_convex_and_bounded(width, thorough, limit):
    """Cut off by the clock or not: below the energies of choices that are good, and of any."""
    block = block_of(width, 5)
    k = width // 3
    cost = prefix_energies(block, forward(block, Control()))
    slope = float(cost[k + 5] - cost[k - 5]) / 10
    diagonal, points = convexify(block, k, slope, 1e-6, Control(limit), thorough=thorough)
    assert (diagonal > 0).all()
    assert np.linalg.eigvalsh(scaled(block.couplings, 1 / np.sqrt(diagonal)))[0] > 0
    assert points.shape[1] == width
    near = more_points(block, diagonal, [k], points.astype(np.float32), control=Control())
    lower = lower_curve(block, diagonal, near)
    rng = np.random.default_rng(0)
    for _ in range(50):
        bits = (rng.permutation(width) < rng.integers(width + 1)).astype(float)
        energy = block.linear @ bits + 0.5 * bits @ block.couplings @ bits
        assert lower[int(bits.sum())] <= energy
    if limit is None:
        simple = dominant_diagonal(block.couplings)
        near = more_points(block, simple, [k], points.astype(np.float32), control=Control())
        crude = lower_curve(block, simple, near)[k]
        assert cost[k] - lower[k] < 0.1 * (cost[k] - crude)


def test_uncoupled_variables_of_a_wide_block_need_no_diagonal():
    inner = block_of(150, 7)
    pairs = np.zeros((200, 200))
    pairs[:150, :150] = inner.couplings
    linear = np.concatenate([inner.linear, np.full(50, 0.01)])
    block = Block(np.arange(200), linear, pairs, np.ones(201, dtype=bool))
    diagonal, points = convexify(block, 40, 0.0, 1e-6, Control())
    assert not diagonal[150:].any()
    assert (diagonal[:150] > 0).all()
    assert not points[:, 150:].any()


def test_the_same_seed_gives_the_same_diagonal():
    block = block_of(130, 1)
    one, two = (
        mixing_diagonal(block.linear, block.couplings, tolerance=1e-6, control=Control(), seed=4)
        for _ in range(2)
    )
    np.testing.assert_array_equal(one[0], two[0])


def test_a_fisher_block_needs_one_factorisation_to_know_that_no_energy_is_negative():
    block = block_of(150, 2)
    assert linear_diagonal(block.linear, 0.999 * block.couplings) is not None
    stronger = block.couplings * 1.6  # not of a semidefinite matrix any more
    assert np.linalg.eigvalsh(stronger + np.diag(2 * block.linear))[0] < 0
    assert linear_diagonal(block.linear, stronger) is None
    assert linear_diagonal(np.where(np.arange(150) == 7, 0.0, block.linear), stronger) is None
    # singular: within rounding of both, which is not certain
    ones = np.ones((40, 40)) - np.eye(40)
    assert linear_diagonal(np.full(40, 0.5), ones) is None


@pytest.mark.parametrize("factor", [0.9, 1.6])
def test_a_wide_tree_that_was_not_started_has_a_bound(factor):
    block = block_of(150, 2)
    block = dataclasses.replace(block, couplings=factor * block.couplings)
    tree = Tree(block, Demands(block), Curve.empty(150), slack=0.0, record=True)
    assert (tree.lower <= 0).all()
    if factor < 1:
        assert (tree.lower > -1e-9).all()
    else:
        assert tree.lower[75] < -1
