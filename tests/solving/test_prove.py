"""The proof engine against enumeration, and its records against rational arithmetic."""

import numpy as np
import pytest

import secateur
import secateur.solving.prove as engine
from secateur.problem import Problem
from secateur.problem.junction import Junction
from secateur.problem.parts import Block, InnerCount, InnerSum
from secateur.solving.control import Control
from secateur.solving.curve import Curve
from secateur.solving.prove import NOTHING, prove
from tests.clocks import spends
from tests.solving.exact import Tree
from tests.solving.families import (
    FAMILIES,
    blocks_of,
    energies,
    flat,
    random_curves,
    total,
    truth,
    unknown,
    with_demands,
)


def check(blocks, root, proof, *, slack=0.0, certificate=True):
    """Everything that must hold of a proof without a time limit."""
    curves = [truth(block) for block in blocks]
    size = max(1e-300, *(float(np.abs(b.linear).max(initial=0)) for b in blocks))
    size = max(
        [size] + [float(np.abs(b.couplings).max()) for b in blocks if b.couplings is not None]
    )
    terms = sum(np.abs(b.linear).sum() for b in blocks)
    terms += sum(np.abs(b.couplings).sum() for b in blocks if b.couplings is not None)
    rounding = 1e-14 * terms
    sums = np.where(root.allowed, total(curves), np.inf)
    best = sums.min()
    assert proof.infeasible == np.isinf(best)
    for block, lower, curve, true in zip(blocks, proof.lower, proof.curves, curves, strict=True):
        assert (lower <= true + rounding).all()
        assert (curve.energy >= true - rounding).all()
        known = np.isfinite(curve.energy)
        assert (curve.bits[known].sum(1) == np.flatnonzero(known)).all()
        found = energies(block.linear, block.couplings, curve.bits[known])
        np.testing.assert_allclose(found, curve.energy[known], rtol=0, atol=rounding)
    if certificate:
        for block, lower, record in zip(blocks, proof.lower, proof.records, strict=True):
            Tree(block, record, lower).check()
    if np.isinf(best):
        assert proof.value == np.inf
        assert not proof.closed
        return
    assert proof.bound <= best + rounding
    assert proof.value >= best - rounding
    assert root.allowed[sum(proof.counts)]
    if proof.closed:
        assert proof.value - proof.bound <= max(1e-7 * abs(proof.value), 2 * size * NOTHING)
        assert proof.value <= best + max(1e-7 * abs(best), rounding)


@pytest.fixture(params=[0, engine.FEW], ids=["trees", "small enumerated"])
def few(request, monkeypatch):
    """With and without the enumeration of small blocks, so that small trees are tried too."""
    monkeypatch.setattr(engine, "FEW", request.param)
    return request.param


@pytest.mark.parametrize("name", FAMILIES)
def test_every_count_of_small_blocks(name, few):
    rng = np.random.default_rng([FAMILIES.index(name), few])
    widths = [int(x) for x in rng.integers(1, 7, 3)]
    spare = [int(x) for x in rng.integers(0, 2, 3)]
    blocks = blocks_of(name, widths, rng, spare=spare)
    most = sum(widths) - sum(spare)
    for K in range(most + 1):
        root = flat(blocks, [K])
        start = unknown(blocks) if K % 2 else random_curves(blocks, rng)
        proof = prove(blocks, root, start, control=Control())
        check(blocks, root, proof, certificate=K % 3 == 0)
        assert proof.closed, (K, proof.value, proof.bound)
        assert proof.stopped == "completed"


@pytest.mark.parametrize("name", FAMILIES)
def test_a_wider_block_without_a_count_and_with_one(name):
    rng = np.random.default_rng(FAMILIES.index(name))
    blocks = blocks_of(name, [11, 9], rng)
    for counts in (None, [7], [3, 12]):
        root = flat(blocks, counts)
        proof = prove(blocks, root, random_curves(blocks, rng), control=Control())
        check(blocks, root, proof, certificate=False)
        assert proof.closed


@pytest.mark.parametrize("scale", [1e-12, 1e-5, 1e12])
@pytest.mark.parametrize("name", ["signed", "ties", "range", "fisher", "zeros"])
def test_scales_change_nothing(name, scale):
    for K in (0, 5, 9):
        found = []
        for s in (1.0, scale):
            rng = np.random.default_rng(K)
            blocks = blocks_of(name, [9, 6], rng, s)
            root = flat(blocks, [K])
            proof = prove(blocks, root, random_curves(blocks, rng), control=Control())
            check(blocks, root, proof)
            assert proof.closed
            found.append((proof.value / s, proof.counts))
        assert found[0][1] == found[1][1] or name in ("ties", "zeros")
        assert found[0][0] == pytest.approx(found[1][0], rel=1e-7, abs=1e-15)


def test_a_power_of_two_gives_the_very_same_tree():
    nodes = []
    for s in (1.0, 2.0**-300, 2.0**200):
        rng = np.random.default_rng(4)
        blocks = blocks_of("signed", [14, 12], rng, s)
        proof = prove(blocks, flat(blocks, [9]), unknown(blocks), control=Control())
        nodes.append((proof.nodes, proof.value / s, proof.bound / s))
    assert nodes[0] == nodes[1] == nodes[2]


@pytest.mark.parametrize("seed", range(24))
def test_demands_within_blocks(seed, few):
    rng = np.random.default_rng([seed, 7])
    name = FAMILIES[seed % len(FAMILIES)]
    blocks = [with_demands(b, rng) for b in blocks_of(name, [7, 9, 3], rng, spare=[1, 0, 0])]
    counts = None if seed % 4 == 0 else [int(rng.integers(0, 20))]
    root = flat(blocks, counts)
    proof = prove(blocks, root, unknown(blocks), control=Control())
    check(blocks, root, proof)
    assert proof.closed or proof.infeasible


def test_impossible_demands_are_proven_impossible(few):
    rng = np.random.default_rng(3)
    blocks = blocks_of("signed", [9, 10], rng)
    b = blocks[0]
    odd = InnerCount(np.arange(9), np.arange(10) % 2 == 1, "odd")
    light = InnerSum(np.ones(9), None, 0.0, -np.inf, 0.5, "light")
    blocks[0] = Block(b.positions, b.linear, b.couplings, b.allowed, (odd,), (light,))
    root = flat(blocks, None)
    proof = prove(blocks, root, unknown(blocks), control=Control())
    assert proof.infeasible
    assert not proof.closed
    assert proof.counts == ()
    check(blocks, root, proof)


def test_junctions_within_junctions(few):
    rng = np.random.default_rng(11)
    blocks = blocks_of("signed", [5, 4, 6], rng)
    pair = Junction((0, 1), np.isin(np.arange(10), [2, 6]))
    root = Junction((pair, 2), np.isin(np.arange(16), [7]))
    proof = prove(blocks, root, unknown(blocks), control=Control())
    curves = [truth(b) for b in blocks]
    both = np.where(pair.allowed, total(curves[:2]), np.inf)
    best = np.where(root.allowed, total([both, curves[2]]), np.inf).min()
    assert proof.closed
    assert proof.value == pytest.approx(best, rel=1e-9)
    assert proof.bound <= best
    assert sum(proof.counts[:2]) in (2, 6)


def test_planted_traps():
    """Greedy takes the cheap ones, which are dear together; the planted set is dear alone."""
    w = 16
    for seed in range(3):
        rng = np.random.default_rng(seed)
        good = rng.permutation(w)[:6]
        h = np.full(w, 1.0)
        h[good] = 3.0
        J = np.full((w, w), 0.9)
        J[np.ix_(good, good)] = -2.5
        J += 0.01 * rng.normal(size=(w, w))
        J = np.triu(J, 1) + np.triu(J, 1).T
        from secateur.problem.parts import Block

        blocks = [Block(np.arange(w), h, J, np.ones(w + 1, bool))]
        proof = prove(blocks, flat(blocks, [6]), unknown(blocks), control=Control())
        check(blocks, flat(blocks, [6]), proof, certificate=False)
        assert proof.closed
        assert set(np.flatnonzero(proof.curves[0].bits[6])) == set(good.tolist())


def test_slack_lowers_every_bound():
    rng = np.random.default_rng(5)
    blocks = blocks_of("signed", [10, 5], rng)
    root = flat(blocks, [6])
    plain = prove(blocks, root, random_curves(blocks, rng), control=Control())
    lowered = prove(blocks, root, random_curves(blocks, rng), control=Control(), slack=[1e-3, 2e-3])
    assert plain.closed
    assert not lowered.closed
    for block, lower, slack in zip(blocks, lowered.lower, (1e-3, 2e-3), strict=True):
        assert (lower <= truth(block) - slack + 1e-12).all()
    assert lowered.value == pytest.approx(plain.value)
    assert lowered.bound == pytest.approx(plain.value - 3e-3, abs=1e-3)
    assert lowered.bound <= plain.value - 3e-3


def test_the_time_limit_is_kept_and_the_bound_stated():
    rng = np.random.default_rng(1)
    blocks = blocks_of("signed", [150, 120], rng)
    root = flat(blocks, [90])
    control = Control(0.6)
    with spends(1.2):
        proof = prove(blocks, root, random_curves(blocks, rng), control=control)
    assert proof.stopped == "time limit"
    assert not proof.closed
    assert not proof.infeasible
    assert np.isfinite(proof.bound)
    assert proof.bound < proof.value


def test_no_time_at_all_still_has_a_valid_bound_and_record():
    rng = np.random.default_rng(1)
    blocks = blocks_of("signed", [12, 11], rng)
    root = flat(blocks, [8])
    proof = prove(blocks, root, random_curves(blocks, rng), control=Control(0.0))
    assert proof.stopped == "time limit"
    check(blocks, root, proof)


def test_the_same_seed_gives_the_same_proof():
    outcomes = []
    for _ in range(2):
        rng = np.random.default_rng(2)
        blocks = blocks_of("positive", [13, 12], rng)
        proof = prove(blocks, flat(blocks, [9]), random_curves(blocks, rng), control=Control())
        outcomes.append((proof.value, proof.bound, proof.nodes, proof.rounds, proof.counts))
    assert outcomes[0] == outcomes[1]


def test_lower_curves_never_fall_and_progress_is_told():
    rng = np.random.default_rng(8)
    blocks = blocks_of("signed", [14, 14], rng)
    told = []
    curves = random_curves(blocks, rng)
    before = [curve.energy.copy() for curve in curves]
    proof = prove(blocks, flat(blocks, [11]), curves, control=Control(), progress=told.append)
    bounds = [p.bound for p in told]
    values = [p.value for p in told]
    assert bounds == sorted(bounds)
    assert values == sorted(values, reverse=True)
    assert told[-1].nodes == proof.nodes
    assert told[-1].value == proof.value
    assert all((c.energy == b).all() for c, b in zip(curves, before, strict=True))
    assert [v for _, v in proof.incumbents] == sorted(
        {v for _, v in proof.incumbents}, reverse=True
    )


def test_an_interrupt_comes_through():
    blocks = blocks_of("signed", [12], np.random.default_rng(0))

    def stop(progress):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prove(blocks, flat(blocks, [5]), unknown(blocks), control=Control(), progress=stop)


def test_nothing_and_one():
    assert prove([], flat([], [0]), [], control=Control()).closed
    blocks = blocks_of("signed", [1], np.random.default_rng(0))
    proof = prove(blocks, flat(blocks, [1]), unknown(blocks), control=Control())
    assert proof.closed
    assert proof.value == blocks[0].linear[0]


def test_dead_channels_cost_nothing_and_are_proven():
    """Variables without any term beside a range of twelve decades: the optimum is exactly zero."""
    rng = np.random.default_rng(6)
    A = rng.normal(size=(6, 24)) * 10.0 ** rng.uniform(-6, 0, 24)
    A[:, 15:] = 0.0
    J = A.T @ A
    h = 0.5 * np.diag(J).copy()
    np.fill_diagonal(J, 0.0)
    blocks = [Block(np.arange(24), h, J, np.ones(25, bool))]
    for K in (5, 9, 10, 12):
        root = flat(blocks, [K])
        proof = prove(blocks, root, unknown(blocks), control=Control())
        assert proof.closed
        assert (proof.value == 0.0) == (K <= 9)
        assert proof.value - proof.bound <= max(1e-7 * proof.value, NOTHING)


def test_many_uncoupled_variables():
    rng = np.random.default_rng(0)
    n = 20_000

    h = rng.normal(size=n)
    block = Block(np.arange(n), h, None, np.ones(n + 1, bool))
    proof = prove([block], flat([block], [n // 3]), [Curve.empty(n)], control=Control())
    assert proof.value == pytest.approx(np.sort(h)[: n // 3].sum(), rel=1e-12)
    assert proof.curves[0].choice(n // 3) @ h == pytest.approx(proof.value, rel=1e-12)
    assert proof.closed
    assert proof.bound <= proof.value <= proof.bound + 1e-9


def test_a_record_that_is_too_large_is_given_up(monkeypatch):
    rng = np.random.default_rng(2)
    blocks = blocks_of("signed", [24, 20], rng)
    root = flat(blocks, [17])
    start = random_curves(blocks, rng)
    whole = prove(blocks, root, start, control=Control())
    assert len(whole.records) == 2
    monkeypatch.setattr(engine, "RECORD_BYTES", 1000)
    proof = prove(blocks, root, start, control=Control())
    assert proof.records == []
    assert (proof.closed, proof.value, proof.nodes) == (True, whole.value, whole.nodes)


def test_memory_is_limited_and_the_bound_stated(monkeypatch):
    rng = np.random.default_rng(2)
    blocks = blocks_of("signed", [40, 30], rng)
    monkeypatch.setattr(engine, "OPEN_BYTES", 10_000)
    proof = prove(blocks, flat(blocks, [30]), random_curves(blocks, rng), control=Control())
    assert proof.stopped == "memory limit"
    assert not proof.closed
    assert np.isfinite(proof.bound)


@pytest.mark.parametrize("scale", [1e-12, 0.1, 3e7])
def test_terms_that_cancel_to_nothing_are_proven(scale):
    # 0.1 is no binary fraction: each block's energy is rounded, and their sum is exactly nothing
    linear = np.array([0.0, 1.0, -1.0, -1.0]) * scale
    bias = np.array([1.0, 1.0, -1.0]) * scale
    problem = Problem.from_arrays(list("abcd"), linear, ([0, 1, 2], [1, 2, 0], bias), 0.0, 4)
    found = secateur.solve(problem)
    assert found.sample == dict.fromkeys("abcd", 1)
    assert (found.proof, found.gap) == ("proven", 0.0)
