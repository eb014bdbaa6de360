"""A problem taken apart, against the definition of each part."""

from __future__ import annotations

import dimod
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
    keep,
    linear,
    multiple_of,
    quadratic,
    remove,
    tied,
)
from secateur.problem import parts as parts_room
from secateur.problem.junction import Junction
from secateur.problem.parts import Parts
from tests.random_problems import energies, everything, feasible_rows, problems


def dense(couplings: object, width: int) -> np.ndarray:
    if couplings is None:
        return np.zeros((width, width))
    return couplings if isinstance(couplings, np.ndarray) else couplings.toarray()


def ones_below(parts: Parts, child: int | Junction, rows: np.ndarray) -> np.ndarray:
    """Ones below a child in each row, -1 where a junction below forbids them."""
    if not isinstance(child, Junction):
        return rows[:, parts.blocks[child].positions].sum(axis=1, dtype=int)
    below = [ones_below(parts, c, rows) for c in child.children]
    total = np.sum(below, axis=0) if below else np.zeros(len(rows), dtype=int)
    bad = np.any([b < 0 for b in below], axis=0) if below else np.zeros(len(rows), dtype=bool)
    return np.where(bad | ~child.allowed[np.where(bad, 0, total)], -1, total)


def accepted(parts: Parts, rows: np.ndarray) -> np.ndarray:
    """Whether rows keep all that blocks, junctions, budgets and loose demands say."""
    good = ones_below(parts, parts.root, rows) >= 0
    for block in parts.blocks:
        z = rows[:, block.positions].astype(float)
        good &= block.allowed[z.sum(axis=1).astype(int)]
        for inner in block.counts:
            good &= inner.allowed[z[:, inner.members].sum(axis=1).astype(int)]
        for inner in block.sums:
            value = inner.constant + z @ inner.linear
            value += 0.5 * ((z @ dense(inner.couplings, block.size)) * z).sum(axis=1)
            good &= (value >= inner.lower) & (value <= inner.upper)
    for demand in (*parts.loose, *parts.budgets):
        good &= demand.kept(rows)
    return good


def leaves(child: int | Junction) -> list[int]:
    return (
        [child]
        if not isinstance(child, Junction)
        else [x for c in child.children for x in leaves(c)]
    )


def sizes_fit(parts: Parts, child: int | Junction) -> bool:
    if not isinstance(child, Junction):
        return True
    below = sum(parts.blocks[leaf].size for leaf in leaves(child))
    return len(child.allowed) == below + 1 and all(sizes_fit(parts, c) for c in child.children)


def check(problem: Problem) -> Parts:
    parts = problem.parts
    owners = np.full(problem.n, -1)
    for number, block in enumerate(parts.blocks):
        assert (np.diff(block.positions) > 0).all()
        assert (owners[block.positions] == -1).all()
        owners[block.positions] = number
        assert len(block.allowed) == block.size + 1 == len(block.positions) + 1
        assert np.array_equal(block.linear, problem.linear[block.positions])
        whole = problem.couplings.toarray()[np.ix_(block.positions, block.positions)]
        assert np.array_equal(dense(block.couplings, block.size), whole)
        assert (block.couplings is None) == (not whole.any())
    assert np.array_equal(owners, parts.owner)
    for budget in parts.budgets:  # no block is in two groups of one
        for block in parts.blocks:
            assert len(np.unique(budget.of[block.positions])) == 1
    row, col, _ = problem.quadratic
    assert (owners[row] == owners[col]).all()
    assert sorted(leaves(parts.root)) == list(range(len(parts.blocks)))
    assert sizes_fit(parts, parts.root)
    rows = everything(problem.n)
    good = rows[accepted(parts, rows)]
    expected = feasible_rows(problem)
    assert {tuple(r) for r in good.tolist()} == {tuple(r) for r in expected.tolist()}
    total = np.full(len(rows), problem.offset)
    for block in parts.blocks:
        z = rows[:, block.positions].astype(float)
        total += z @ block.linear
        total += 0.5 * ((z @ dense(block.couplings, block.size)) * z).sum(axis=1)
    assert total == pytest.approx(energies(problem, rows), abs=1e-9)
    return parts


@settings(max_examples=150, deadline=None)
@given(problems(most=9, demands=4, families=("none", "block", "signed")))
def test_parts_accept_exactly_what_the_problem_accepts(problem):
    # steps in widths are no form in the variables: where blocks mix groups, they are loose
    assert all(demand.kind == "staircase" for demand in check(problem).loose)


@settings(max_examples=150, deadline=None)
@given(problems(most=9, demands=4, families=("none", "block")), st.integers(1, 5))
def test_what_would_join_too_much_is_loose(problem, widest):
    before, parts_room.MERGED = parts_room.MERGED, widest
    try:
        parts = check(problem)
    finally:
        parts_room.MERGED = before
    # without the demands that are loose nothing joins what they touch
    bare = Problem(problem.bqm).parts
    for demand in parts.loose:
        if demand.kind == "staircase":
            continue
        dead = [i for i in demand.members if bare.blocks[bare.owner[i]].couplings is None]
        touched = {int(bare.owner[i]) for i in demand.members if i not in dead}
        assert len(touched) + len(dead) > 1


def free(n: int, **couplings: float) -> dimod.BinaryQuadraticModel:
    """v0 … without biases; v0v1=1.0 couples two."""
    bqm = dimod.BinaryQuadraticModel("BINARY")
    bqm.add_linear_from({f"v{i}": float(i) for i in range(n)})
    for pair, value in couplings.items():
        bqm.add_quadratic(pair[:2], pair[2:], value)
    return bqm


def blocks_of(parts: Parts) -> list[list[int]]:
    return sorted(block.positions.tolist() for block in parts.blocks)


def test_components_are_blocks_and_dead_channels_are_one_more():
    parts = check(Problem(free(7, v0v2=1.0, v2v5=-1.0, v1v6=2.0), 3))
    assert blocks_of(parts) == [[0, 2, 5], [1, 6], [3, 4]]
    dead = parts.blocks[parts.owner[3]]
    assert dead.couplings is None
    assert np.flatnonzero(parts.root.allowed).tolist() == [3]
    assert parts.root.names == ("count",)


def test_a_limit_on_a_whole_component_is_the_blocks_own():
    parts = check(Problem(free(4, v0v1=1.0), [at_most(1, ["v0", "v1"], name="few")]))
    block = parts.blocks[parts.owner[0]]
    assert block.allowed.tolist() == [True, True, False]
    assert block.names == ("few",)
    assert block.counts == ()


def test_a_limit_within_a_component_is_inside_its_block():
    few = at_most(1, ["v0", "v2"], name="few")
    parts = check(Problem(free(4, v0v1=1.0, v1v2=1.0), [few, at_least(1, ["v1"], name="one")]))
    block = parts.blocks[parts.owner[0]]
    assert block.allowed.all()
    assert [inner.name for inner in block.counts] == ["few", "one"]
    assert block.counts[0].members.tolist() == [0, 2]


def test_nested_and_disjoint_sets_are_junctions_within_junctions():
    bqm = free(8, v0v1=1.0, v2v3=1.0, v4v5=1.0)
    demands = [
        at_most(3, [f"v{i}" for i in range(4)], name="left"),
        at_least(1, [f"v{i}" for i in range(6)], name="most"),
        multiple_of(2, [f"v{i}" for i in range(4)], name="even"),
        exactly(1, ["v6", "v7"], name="last"),
        count(4),
    ]
    parts = check(Problem(bqm, demands))
    assert parts.loose == ()
    assert blocks_of(parts) == [[0, 1], [2, 3], [4, 5], [6, 7]]
    inner = {c.names: c for c in parts.root.children if isinstance(c, Junction)}
    assert set(inner) == {("most",), ("last",)}
    (left,) = [c for c in inner["most",].children if isinstance(c, Junction)]
    assert left.names == ("left", "even")
    assert np.flatnonzero(left.allowed).tolist() == [0, 2]


def test_one_set_over_everything_is_the_root_itself():
    demands = [
        at_most(3, ["v0", "v1", "v2", "v3"], name="a"),
        at_least(1, ["v0", "v1", "v2", "v3"]),
    ]
    parts = check(Problem(free(4, v0v1=1.0), demands))
    assert np.flatnonzero(parts.root.allowed).tolist() == [1, 2, 3]
    assert not [c for c in parts.root.children if isinstance(c, Junction)]


def test_crossing_sets_join_what_they_cross(monkeypatch):
    bqm = free(6, v0v1=1.0, v2v3=1.0, v4v5=1.0)
    demands = [
        at_most(2, ["v0", "v1", "v2", "v3"], name="a"),
        at_most(2, ["v2", "v3", "v4", "v5"], name="b"),
    ]
    parts = check(Problem(bqm, demands))
    assert parts.loose == ()
    assert blocks_of(parts) in ([[0, 1], [2, 3, 4, 5]], [[0, 1, 2, 3], [4, 5]], [list(range(6))])
    monkeypatch.setattr(parts_room, "MERGED", 3)
    parts = check(Problem(bqm, demands))
    assert [demand.name for demand in parts.loose] == ["b"]
    assert blocks_of(parts) == [[0, 1], [2, 3], [4, 5]]


def test_sums_join_blocks_up_to_a_width(monkeypatch):
    bqm = free(6, v0v1=1.0, v2v3=1.0)
    demands = [
        linear({"v0": 1.0, "v2": 2.0}, upper=2.0, name="line"),
        quadratic({"v4": 1.0}, {("v4", "v5"): 1.0}, offset=0.5, upper=1.5, name="form"),
    ]
    parts = check(Problem(bqm, demands))
    assert blocks_of(parts) == [[0, 1, 2, 3], [4, 5]]
    assert [s.name for b in parts.blocks for s in b.sums] == ["line", "form"]
    form = parts.blocks[parts.owner[4]].sums[0]
    assert form.constant == 0.5
    assert parts.blocks[parts.owner[0]].sums[0].couplings is None
    monkeypatch.setattr(parts_room, "MERGED", 4)
    assert check(Problem(bqm, demands)).loose == ()
    monkeypatch.setattr(parts_room, "MERGED", 3)
    assert [d.name for d in check(Problem(bqm, demands)).loose] == ["line"]


def test_what_fixes_variables_is_shared_out_and_joins_nothing():
    bqm = free(6, v0v1=1.0, v2v3=1.0)
    parts = check(
        Problem(bqm, [keep("v0", "v2", "v4", name="k"), remove("v1", "v5", name="r"), count(2)])
    )
    assert blocks_of(parts) == [[0, 1], [2, 3], [4, 5]]
    first = parts.blocks[parts.owner[0]]
    assert [(c.name, c.members.tolist(), c.allowed.tolist()) for c in first.counts] == [
        ("k", [0], [True, False]),
        ("r", [1], [False, True]),
    ]


def test_several_that_must_go_from_one_block_all_go():
    bqm = free(7, v0v1=1.0, v1v2=1.0, v3v4=1.0)
    parts = check(Problem(bqm, [remove("v0", "v1", "v2", "v3", "v5", "v6", name="r")]))
    inner = parts.blocks[parts.owner[0]]
    assert parts.loose == ()
    assert [c.allowed.tolist() for c in inner.counts] == [[False, False, False, True]]
    dead = parts.blocks[parts.owner[5]]
    assert [c.allowed.tolist() for c in dead.counts] == [[False, False, True]]


def test_tied_variables_of_two_layers_are_one_block():
    parts = check(Problem(free(4, v0v1=1.0, v2v3=1.0), [tied("v1", "v3", name="both")]))
    assert blocks_of(parts) == [[0, 1, 2, 3]]


def test_other_linear_biases_go_to_their_blocks():
    problem = Problem(free(5, v0v3=1.0), 2)
    moved = problem.parts.with_linear(np.array([9.0, 8.0, 7.0, 6.0, 5.0]))
    for block in moved.blocks:
        assert (block.linear == 9.0 - block.positions).all()
    assert moved.root is problem.parts.root
    assert problem.parts.blocks[problem.parts.owner[0]].linear.tolist() == [0.0, 3.0]


def test_wide_blocks_are_sparse_only_where_they_are_thin():
    n = 600
    row = np.arange(n - 1)
    chain = Problem.from_arrays(range(n), np.zeros(n), (row, row + 1, np.ones(n - 1)))
    (block,) = chain.parts.blocks
    assert not isinstance(block.couplings, np.ndarray)
    assert block.couplings.nnz == 2 * (n - 1)
    some = Problem.from_arrays(range(512), np.zeros(512), (row[:511], row[:511] + 1, np.ones(511)))
    assert isinstance(some.parts.blocks[0].couplings, np.ndarray)
    row, col = np.triu_indices(n, 1)
    full = Problem.from_arrays(range(n), np.zeros(n), (row, col, np.ones(len(row))))
    assert isinstance(full.parts.blocks[0].couplings, np.ndarray)
    keep_ = np.random.default_rng(0).random(len(row)) < 0.1
    tenth = Problem.from_arrays(
        range(n), np.zeros(n), (row[keep_], col[keep_], np.ones(keep_.sum()))
    )
    (block,) = tenth.parts.blocks
    assert not isinstance(block.couplings, np.ndarray)
    assert np.array_equal(block.couplings.toarray(), tenth.couplings.toarray())


def test_couplings_in_any_order_land_in_their_blocks():
    rng = np.random.default_rng(3)
    pairs = [(i, j) for i in range(12) for j in range(i + 3, 12, 3)]
    order = rng.permutation(len(pairs))
    row, col = np.array(pairs)[order].T
    problem = Problem.from_arrays(
        [f"v{i}" for i in range(12)], rng.normal(size=12), (col, row, rng.normal(size=len(row)))
    )
    assert blocks_of(check(problem)) == [[0, 3, 6, 9], [1, 4, 7, 10], [2, 5, 8, 11]]
