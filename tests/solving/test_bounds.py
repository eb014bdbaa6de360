from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secateur.problem.parts import Block
from secateur.solving.bounds import lower_curve, more_points, wide_start
from secateur.solving.control import Control
from secateur.solving.diagonal import certain, scaled_start
from secateur.solving.relax import project, relaxed_point
from tests.clocks import spends


def exact_least(block):
    """The least energy at every count, in rational arithmetic."""
    size = block.size
    linear = [Fraction(x) for x in block.linear.tolist()]
    pairs = None
    if block.couplings is not None:
        pairs = [[Fraction(x) for x in row] for row in block.couplings.tolist()]
    least = [None] * (size + 1)
    for code in range(1 << size):
        ones = [i for i in range(size) if code >> i & 1]
        value = sum((linear[i] for i in ones), Fraction(0))
        if pairs is not None:
            value += sum(pairs[i][j] for i in ones for j in ones if j < i)
        if least[len(ones)] is None or value < least[len(ones)]:
            least[len(ones)] = value
    return least


def check_below(block, lower):
    for k, value in enumerate(exact_least(block)):
        if block.allowed[k]:
            assert Fraction(float(lower[k])) <= value
        else:
            assert lower[k] == np.inf


def semidefinite(couplings, diagonal):
    """J + diag(d) is positive semidefinite, by elimination in rational arithmetic."""
    rows = [[Fraction(x) for x in row] for row in couplings.tolist()]
    for i, x in enumerate(diagonal.tolist()):
        rows[i][i] += Fraction(x)
    for i in range(len(rows)):
        if rows[i][i] < 0 or (rows[i][i] == 0 and any(rows[i][i:])):
            return False
        for j in range(i + 1, len(rows)):
            if rows[i][i] and rows[j][i]:
                factor = rows[j][i] / rows[i][i]
                rows[j] = [a - factor * b for a, b in zip(rows[j], rows[i], strict=True)]
    return True


def symmetric(rng, size, kind):
    couplings = rng.normal(size=(size, size)) * np.exp(3 * rng.normal(size=size))
    if kind == "whole":
        couplings = rng.integers(-3, 4, size=(size, size)).astype(float)
    elif kind == "positive":
        couplings = np.abs(couplings)
    elif kind == "sparse":
        couplings *= rng.random((size, size)) < 0.2
    couplings = np.triu(couplings, 1)
    return couplings + couplings.T


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 8),
    st.sampled_from(["signed", "positive", "whole", "sparse", "none"]),
    st.sampled_from([1e-12, 1.0, 1e12]),
    st.integers(0, 10_000),
    st.booleans(),
)
def test_curves_are_below_every_energy(size, kind, scale, seed, free):
    rng = np.random.default_rng(seed)
    couplings = None if kind == "none" else symmetric(rng, size, kind) * scale
    linear = rng.normal(size=size) * scale
    linear[rng.random(size) < 0.2] = 0.0
    block = Block(np.arange(size), linear, couplings, rng.random(size + 1) < 0.9)
    counts = [] if free else [size // 3, size // 2]
    diagonal, points = wide_start(block, counts, control=Control(), price=0.1 * scale)
    assert points.dtype == np.float32
    assert points.shape == (max(1, len(counts)), size)
    assert (diagonal >= 0).all()
    if couplings is not None:
        assert semidefinite(couplings, diagonal)
    for gilmore_lawler in (False, True):
        check_below(block, lower_curve(block, diagonal, points, gilmore_lawler))
    check_below(block, lower_curve(block, diagonal, points[:0], True))


def test_bounds_are_exact_without_couplings():
    rng = np.random.default_rng(0)
    block = Block(np.arange(9), rng.normal(size=9), None, np.ones(10, bool))
    diagonal, points = wide_start(block, [4], control=Control())
    expected = np.concatenate([[0.0], np.cumsum(np.sort(block.linear))])
    np.testing.assert_allclose(lower_curve(block, diagonal, points), expected, rtol=1e-12)
    # two ones and one coupling: Gilmore and Lawler are exact
    pair = Block(
        np.arange(2), np.array([1.0, 2.0]), np.array([[0.0, 5.0], [5.0, 0.0]]), np.ones(3, bool)
    )
    lower = lower_curve(pair, np.zeros(2), np.zeros((0, 2), np.float32), True)
    np.testing.assert_allclose(lower, [0.0, 1.0, 8.0], rtol=1e-12)


def low_rank(size, seed):
    """Like squared losses: h is half of the diagonal, couplings are signed and of low rank."""
    rng = np.random.default_rng(seed)
    mix = rng.normal(size=(max(2, size // 4), size)) / np.sqrt(max(2, size // 4))
    noise = 0.5 * rng.normal(size=(2 * size, size))
    rows = (rng.normal(size=(2 * size, len(mix))) @ mix + noise) * np.exp(rng.normal(size=size))
    moments = rows.T @ rows / len(rows)
    couplings = 0.8 * moments
    np.fill_diagonal(couplings, 0.0)
    return Block(np.arange(size), 0.5 * np.diag(moments).copy(), couplings, np.ones(size + 1, bool))


def test_the_diagonal_gets_better_than_a_scaled_one():
    block = low_rank(96, 3)
    simple = certain(block.couplings, scaled_start(block.linear, block.couplings))
    point = relaxed_point(
        block.linear, block.couplings, simple, 36, np.full(96, 0.3), Control(), steps=2000
    )
    points = point[None].astype(np.float32)
    diagonal, better = wide_start(block, [36], control=Control())
    first = lower_curve(block, simple, points)[36]
    second = lower_curve(block, diagonal, better)[36]
    assert first > 0
    assert second > 1.02 * first


def test_both_bounds_are_close_where_they_should_be():
    block = low_rank(11, 1)
    least = np.array([float(x) for x in exact_least(block)])
    diagonal, points = wide_start(block, [4], control=Control())
    assert lower_curve(block, diagonal, points)[4] > 0.75 * least[4]
    positive = Block(block.positions, block.linear, np.abs(block.couplings), np.ones(12, bool))
    least = np.array([float(x) for x in exact_least(positive)])
    found = lower_curve(positive, np.zeros(11), np.zeros((0, 11), np.float32), True)
    assert found[4] > 0.6 * least[4]


def test_a_diagonal_that_is_too_small_is_enlarged():
    block = low_rank(60, 2)
    least = np.linalg.eigvalsh(block.couplings)[0]
    small = np.full(60, -0.9 * least)
    enlarged = certain(block.couplings, small)
    assert np.linalg.eigvalsh(block.couplings + np.diag(enlarged))[0] > 0
    assert (enlarged / small < 1.3).all()
    # far enough already: almost unchanged
    np.testing.assert_allclose(certain(block.couplings, 2 * small), 2 * small, rtol=1e-9)


@pytest.mark.parametrize("coupled", [60, 40, 0])
def test_further_points_tighten_the_bound_at_their_counts(coupled):
    block = low_rank(60, 6)
    block.couplings[coupled:] = block.couplings[:, coupled:] = 0.0
    diagonal, points = wide_start(block, [20], control=Control())
    further = more_points(block, diagonal, [35, 50], points, control=Control())
    assert further.shape == (2, 60)
    for point, k in zip(further, (35, 50), strict=True):
        assert point.sum() == pytest.approx(k, abs=1e-3)
        here = lower_curve(block, diagonal, point[None])
        before = lower_curve(block, diagonal, points)
        assert here[k] > before[k] - 1e-9 * abs(before[k])
        assert coupled == 0 or here[k] > before[k]


def test_projection_against_its_conditions():
    rng = np.random.default_rng(4)
    point, weight = rng.normal(size=30) * 2, np.exp(rng.normal(size=30))
    y = project(point, weight, 11)
    assert y.sum() == pytest.approx(11, abs=1e-6)
    slope = weight * (y - point)
    inside = (y > 1e-9) & (y < 1 - 1e-9)
    assert np.ptp(slope[inside]) < 1e-6
    assert (slope[y <= 1e-9] >= slope[inside].mean() - 1e-6).all()
    assert (slope[y >= 1 - 1e-9] <= slope[inside].mean() + 1e-6).all()


def test_a_late_control_still_gives_a_bound_soon():
    block = low_rank(400, 5)
    control = Control(0.0)
    with spends(1.0):
        diagonal, points = wide_start(block, [100, 120], control=control)
    assert np.linalg.eigvalsh(block.couplings + np.diag(diagonal))[0] > 0
    assert lower_curve(block, diagonal, points)[110] > 0
