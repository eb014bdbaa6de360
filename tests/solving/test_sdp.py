"""The semidefinite relaxation against its own optimality conditions, and against enumeration."""

import numpy as np
import pytest

from secateur.problem.parts import Block
from secateur.solving.control import Control
from secateur.solving.convexify import convexify, slope_at
from secateur.solving.node_bounds import NodeBounds, add_exactly
from secateur.solving.sdp import dominant_diagonal, positive, sdp_diagonal
from tests.solving.families import FAMILIES, blocks_of, choices, energies, family


def convex_least(h, J, d):
    """The least of the convex form over all of space, minus infinity where there is none."""
    Q, q = J + np.diag(d), h - d / 2
    values, vectors = np.linalg.eigh(Q)
    part = vectors.T @ q
    return float(-0.5 * (part**2 / np.maximum(values, 1e-14)).sum())


@pytest.mark.parametrize("name", ["signed", "positive", "convex", "concave", "fisher"])
def test_the_diagonal_is_the_best(name):
    """No other diagonal gives a higher convex minimum, and none is below the true minimum."""
    rng = np.random.default_rng(FAMILIES.index(name))
    h, J = family(name, 9, rng)
    d, mean = sdp_diagonal(h, J, tolerance=1e-9, control=Control())
    d = positive(d, J)
    best = convex_least(h, J, d)
    true = energies(h, J, choices(9)).min()
    assert best <= true + 1e-9
    assert ((mean >= 0) & (mean <= 1)).all()
    for _ in range(200):
        other = d + np.abs(d).max() * 10.0 ** rng.uniform(-4, 0) * rng.normal(size=9)
        if np.linalg.eigvalsh(J + np.diag(other))[0] > 1e-9:
            assert convex_least(h, J, other) <= best + 1e-6 * max(1.0, abs(best))


def test_a_small_relaxation_in_closed_form():
    """Two variables, h = (-1, -1), J = 2: the form of (z1 + z2 - 1)² - 1 is convex and exact."""
    d, _ = sdp_diagonal(
        np.array([-1.0, -1.0]),
        np.array([[0.0, 2.0], [2.0, 0.0]]),
        tolerance=1e-10,
        control=Control(),
    )
    np.testing.assert_allclose(d, [2.0, 2.0], rtol=1e-4)


@pytest.mark.parametrize("name", FAMILIES)
def test_every_diagonal_is_convex(name):
    rng = np.random.default_rng(1)
    (block,) = blocks_of(name, [12], rng)
    if block.couplings is None:
        assert convexify(block, 3, 0.0, 1e-6, Control())[0] is None
        return
    J = block.couplings
    found, points = convexify(block, 3, 0.1, 1e-6, Control())
    assert np.isfinite(points).all()
    for d in (found, dominant_diagonal(J)):
        assert (d >= 0).all()
        assert np.linalg.eigvalsh(J + np.diag(d))[0] >= -1e-14 * max(1.0, np.abs(J).sum())


def test_no_time_still_gives_a_convex_diagonal():
    rng = np.random.default_rng(2)
    (block,) = blocks_of("signed", [20], rng)
    d, _ = convexify(block, 5, 0.0, 1e-9, Control(0.0))
    assert np.linalg.eigvalsh(block.couplings + np.diag(d))[0] > 0


def test_uncoupled_variables_are_not_convexified():
    rng = np.random.default_rng(3)
    h, J = family("signed", 8, rng)
    J[5:] = 0.0
    J[:, 5:] = 0.0
    block = Block(np.arange(8), h, J, np.ones(9, bool))
    d, points = convexify(block, 4, 0.0, 1e-9, Control())
    assert (d[5:] == 0).all()
    assert (d[:5] > 0).all()
    assert (points[:, 5:] == 0).all()


@pytest.mark.parametrize("name", FAMILIES)
def test_bounds_of_partial_choices_are_below_every_completion(name):
    rng = np.random.default_rng(FAMILIES.index(name))
    (block,) = blocks_of(name, [9], rng)
    d, _ = convexify(block, 4, 0.0, 1e-6, Control())
    bounds = NodeBounds(block, d)
    S = rng.integers(-1, 2, (20, 9)).astype(np.int8)
    S[:4] = -1
    Z = choices(9)
    E = energies(block.linear, block.couplings, Z)
    points = rng.random((20, 9)).astype(np.float32)
    points[10:] = (2 * points[10:] - 0.5).astype(np.float32)
    lower = bounds.sort(bounds.slopes(points.astype(float)), S).lower
    lawler = np.where(np.isfinite(lower), -np.inf, np.inf)
    if bounds.lawler:
        bounds.gilmore_lawler(S, 4, np.isfinite(lower), lawler)
    for i, fixed in enumerate(S):
        fits = ((fixed < 0) | (fixed == Z)).all(1)
        for k in range(10):
            true = E[fits & (Z.sum(1) == k)].min(initial=np.inf)
            assert lower[i, k] <= true + 1e-12
            assert lawler[i, k] <= true + 1e-12
            assert np.isinf(true) == np.isposinf(lower[i, k])


def test_relaxed_choices_keep_fixings_and_approach_the_count():
    rng = np.random.default_rng(5)
    (block,) = blocks_of("fisher", [12], rng)
    d, _ = convexify(block, 5, 0.0, 1e-6, Control())
    bounds = NodeBounds(block, d)
    S = np.full((3, 12), -1, np.int8)
    S[1, :3], S[2, 4:6] = 1, 0
    start = np.zeros((3, 12), np.float32), np.zeros((3, 12), np.float32)
    values, _ = bounds.relax(S, np.array([5, 5, 4]), start, 3000)
    y = values / bounds.root
    assert np.allclose(y.sum(1), [5, 5, 4], atol=1e-2)
    assert (y[1, :3] > 0.999999).all()
    assert (y[2, 4:6] == 0).all()


def test_the_slope_is_common_to_a_curve_and_the_rest():
    own = np.array([0.0, 1.0, 3.0, 6.0])
    rest = np.array([9.0, 6.0, 3.5, 2.0])
    # at 2 ones the block's slopes are 2 and 3, the rest falls by 2.5 and 1.5
    assert slope_at(own, rest, 2) == pytest.approx(2.25)
    assert slope_at(np.array([2.0, 0.0, 1.0, 5.0]), np.zeros(4), 1) == pytest.approx(0.0)
    # at the end any slope from what the rest gains to what the block pays will do
    assert slope_at(own, rest - rest[0], 0) == pytest.approx(2.0)
    only = np.where(np.arange(4) == 2, 1.0, np.inf)
    assert slope_at(own, only, 2) == pytest.approx(2.5)


def test_sums_without_rounding_are_recognised():
    assert add_exactly([np.array([1.0, 3.0, -7.0]), np.array([0.5])])
    assert add_exactly([np.zeros(3)])
    assert not add_exactly([np.array([0.1, 0.2])])
    assert not add_exactly([np.array([1.0, 2.0**-60])])
