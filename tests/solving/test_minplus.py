import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secateur.problem import minplus
from secateur.problem.junction import Junction
from secateur.problem.minplus import best_split, rest, total_curve
from secateur.problem.slopes import convex, merge_slopes


def every_choice(root, curves):
    """All choices of counts that every junction allows, with their sums."""

    def total(node, counts):
        """The ones below a node; None where a junction forbids them."""
        if not isinstance(node, Junction):
            return counts[node]
        below = [total(child, counts) for child in node.children]
        if None in below or not node.allowed[sum(below)]:
            return None
        return sum(below)

    for counts in itertools.product(*(range(len(curve)) for curve in curves)):
        together = total(root, counts)
        if together is not None:
            yield counts, together, sum(c[k] for c, k in zip(curves, counts, strict=True))


def check(root, curves):
    value = np.inf
    totals = np.full(len(root.allowed), np.inf)
    others = [np.full(len(curve), np.inf) for curve in curves]
    for counts, together, cost in every_choice(root, curves):
        value = min(value, cost)
        totals[together] = min(totals[together], cost)
        for block, k in enumerate(counts):
            without = sum(
                c[j] for i, (c, j) in enumerate(zip(curves, counts, strict=True)) if i != block
            )
            others[block][k] = min(others[block][k], without)
    split = best_split(root, curves)
    assert split.value == value
    np.testing.assert_array_equal(total_curve(root, curves), totals)
    for found, expected in zip(rest(root, curves), others, strict=True):
        np.testing.assert_array_equal(found, expected)
    if np.isfinite(value):
        assert (tuple(split.counts), value) in [(c, v) for c, _, v in every_choice(root, curves)]
    return split


@st.composite
def trees(draw):
    """A tree over up to 6 blocks whose curves are whole numbers, so that sums are exact."""
    sizes = draw(st.lists(st.integers(0, 3), min_size=1, max_size=6))
    number = st.integers(-20, 20).map(float)
    curves = [
        np.array(
            draw(
                st.lists(st.one_of(number, number, st.just(np.inf)), min_size=w + 1, max_size=w + 1)
            )
        )
        for w in sizes
    ]
    nodes = [(block, size) for block, size in enumerate(sizes)]
    while len(nodes) > 1 or not isinstance(nodes[0][0], Junction):
        few = draw(st.integers(1, len(nodes)))
        nodes = draw(st.permutations(nodes))
        below = sum(size for _, size in nodes[:few])
        allowed = np.array(
            draw(st.lists(st.booleans() | st.just(True), min_size=below + 1, max_size=below + 1))
        )
        nodes = [(Junction(tuple(n for n, _ in nodes[:few]), allowed), below), *nodes[few:]]
    return nodes[0][0], curves


@settings(max_examples=100, deadline=None)
@given(trees())
def test_the_best_over_all_counts(tree):
    check(*tree)


@settings(max_examples=50, deadline=None)
@given(trees())
def test_parts_of_the_work_make_no_difference(tree):
    before = minplus._CHUNK, minplus._FEW
    try:
        minplus._CHUNK, minplus._FEW = 3, 0
        check(*tree)
    finally:
        minplus._CHUNK, minplus._FEW = before


def only(total, size):
    return np.arange(size + 1) == total


def test_no_block_at_all():
    split = best_split(Junction((), np.array([True])), [])
    assert split.value == 0.0
    assert split.counts.shape == (0,)
    assert best_split(Junction((), np.array([False])), []).value == np.inf


def test_nothing_allowed():
    root = Junction((0, 1), np.zeros(4, bool))
    curves = [np.array([0.0, 1.0]), np.array([0.0, 1.0, 2.0])]
    assert best_split(root, curves).value == np.inf
    assert all(np.isinf(values).all() for values in rest(root, curves))


def test_ties_go_to_the_smallest_count():
    curves = [np.zeros(4), np.zeros(4)]
    assert best_split(Junction((0, 1), only(4, 6)), curves).counts.tolist() == [1, 3]


def test_a_block_that_no_junction_has_is_refused():
    with pytest.raises(ValueError, match="no junction has the blocks"):
        best_split(Junction((0,), np.ones(2, bool)), [np.zeros(2), np.zeros(2)])


def test_a_junction_of_the_wrong_size_is_refused():
    with pytest.raises(ValueError, match="a junction over 2 variables"):
        best_split(Junction((0, 1), np.ones(5, bool)), [np.zeros(2), np.zeros(2)])


def test_many_tiny_blocks_take_the_smallest():
    rng = np.random.default_rng(0)
    costs = np.round(rng.normal(size=5000) * 1024) / 1024  # exact in any order of summing
    split = best_split(
        Junction(tuple(range(5000)), only(1700, 5000)), [np.array([0.0, cost]) for cost in costs]
    )
    assert split.value == np.sort(costs)[:1700].sum()
    assert costs[split.counts == 1].sum() == split.value
    assert split.counts.sum() == 1700


def test_wide_curves_against_a_plain_loop():
    rng = np.random.default_rng(1)
    curves = [rng.integers(-999, 999, size=w + 1).astype(float) for w in (700, 65, 900, 3, 310)]
    size = sum(len(curve) - 1 for curve in curves)
    table = np.zeros(1)
    for curve in curves:
        new = np.full(len(table) + len(curve) - 1, np.inf)
        for k, value in enumerate(curve):
            new[k : k + len(table)] = np.minimum(new[k : k + len(table)], table + value)
        table = new
    np.testing.assert_array_equal(
        total_curve(Junction(tuple(range(5)), np.ones(size + 1, bool)), curves), table
    )
    split = best_split(Junction(tuple(range(5)), only(800, size)), curves)
    assert split.value == table[800]
    assert sum(curve[k] for curve, k in zip(curves, split.counts, strict=True)) == table[800]
    assert split.counts.sum() == 800
    # each block's own curve and what the rest costs make up the whole
    for curve, others in zip(
        curves, rest(Junction(tuple(range(5)), only(800, size)), curves), strict=True
    ):
        assert (curve + others).min() == table[800]


def test_convex_curves_merge_by_slopes():
    rng = np.random.default_rng(2)
    first = np.concatenate([[np.inf, np.inf], np.cumsum(np.sort(rng.normal(size=40))), [np.inf]])
    second = np.cumsum(np.sort(rng.normal(size=25)))
    assert convex(first)
    assert convex(second)
    expected = total_curve(Junction((0, 1), np.ones(67, bool)), [first, second])
    np.testing.assert_allclose(merge_slopes(first, second, 66), expected, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize(
    "curve",
    [
        np.array([0.0, 2.0, 3.0]),
        np.array([0.0, np.inf, 3.0]),
        np.array([np.inf, np.inf]),
        np.concatenate([np.arange(1000.0) ** 2, [0.0]]),
    ],
)
def test_curves_that_are_not_convex(curve):
    assert not convex(curve)


def test_convex_curves_of_many_variables_are_merged_in_a_moment():
    rng = np.random.default_rng(3)
    costs = [np.sort(rng.normal(size=60_000)) for _ in range(3)]
    curves = [np.concatenate([[0.0], np.cumsum(cost)]) for cost in costs]
    root = Junction((0, 1, 2), np.arange(180_001) <= 90_000)
    whole = np.concatenate([[0.0], np.cumsum(np.sort(np.concatenate(costs)))])
    found = total_curve(root, curves)
    np.testing.assert_allclose(found[:90_001], whole[:90_001], rtol=1e-11, atol=1e-9)
    assert np.isinf(found[90_001:]).all()
    split = best_split(Junction((0, 1, 2), only(70_000, 180_000)), curves)
    assert split.counts.sum() == 70_000
    assert split.value == pytest.approx(whole[70_000], rel=1e-12)
    rests = rest(Junction((0, 1, 2), np.arange(180_001) <= 70_000), curves)
    for curve, others in zip(curves, rests, strict=True):
        assert (curve + others).min() == pytest.approx(whole[:70_001].min(), rel=1e-12)
