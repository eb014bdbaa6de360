import os
import signal
import threading
import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secateur.errors import SecateurError
from secateur.problem.junction import Junction
from secateur.problem.minplus import best_split
from secateur.problem.parts import Block, InnerCount, InnerSum
from secateur.solving import curves as module
from secateur.solving.control import Control
from secateur.solving.curve import Curve
from secateur.solving.curves import feed, upper_curve, upper_curves
from secateur.solving.greedy import backward, forward, prefix_energies
from secateur.solving.keeping import kept
from secateur.solving.workers import Team, shares
from tests.clocks import FOREVER, spends


def block_of(size, seed, *, sign=True, **demands):
    rng = np.random.default_rng(seed)
    factors = rng.normal(size=(max(2, size // 4), size))
    couplings = factors.T @ factors / len(factors)
    couplings = couplings if sign else np.abs(couplings)
    scales = np.exp(rng.normal(size=size))
    couplings *= np.outer(scales, scales)
    linear = 0.5 * np.diag(couplings) + 0.1 * scales**2
    np.fill_diagonal(couplings, 0.0)
    allowed = demands.pop("allowed", np.ones(size + 1, bool))
    return Block(np.arange(size), linear, couplings, allowed, **demands)


def every(size):
    return ((np.arange(1 << size)[:, None] >> np.arange(size)) & 1).astype(np.int8)


def plain_energy(block, bits):
    total = 0.0
    for i in np.flatnonzero(bits):
        total += block.linear[i]
        for j in np.flatnonzero(bits):
            if j < i and block.couplings is not None:
                total += block.couplings[i, j]
    return total


def brute(block):
    """The least energy at every count, over all choices that keep the demands."""
    least = np.full(block.size + 1, np.inf)
    for bits in every(block.size):
        ones = int(bits.sum())
        good = block.allowed[ones] and all(
            count.allowed[int(bits[count.members].sum())] for count in block.counts
        )
        for demand in block.sums:
            value = demand.constant + demand.linear @ bits
            if demand.couplings is not None:
                value += 0.5 * bits @ demand.couplings @ bits
            good = good and demand.lower <= value <= demand.upper
        if good:
            least[ones] = min(least[ones], plain_energy(block, bits))
    return least


def check_choices(curve, block):
    for ones in range(block.size + 1):
        if np.isfinite(curve.energy[ones]):
            bits = curve.choice(ones)
            assert bits.sum() == ones
            assert kept(block, bits[None])[0]
            scale = np.abs(block.linear).max(initial=1e-300)
            assert curve.energy[ones] == pytest.approx(
                plain_energy(block, bits), rel=1e-9, abs=1e-12 * scale
            )
    for ones, row in enumerate(curve.bits):
        assert not np.isfinite(curve.energy[ones]) or (row == curve.choice(ones)).all()


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_tiny_blocks_are_exact_under_any_demand(data):
    size = data.draw(st.integers(0, 8))
    rng = np.random.default_rng(data.draw(st.integers(0, 999)))
    couplings = rng.integers(-3, 4, size=(size, size)).astype(float)
    couplings = np.triu(couplings, 1) + np.triu(couplings, 1).T
    counts = tuple(
        InnerCount(np.sort(rng.permutation(size)[:m]), rng.random(m + 1) < 0.6, f"count {m}")
        for m in data.draw(st.lists(st.integers(0, size), max_size=2))
    )
    sums = tuple(
        InnerSum(
            rng.integers(-3, 4, size=size).astype(float),
            couplings if data.draw(st.booleans()) else None,
            1.0,
            -2.0,
            float(data.draw(st.integers(-1, 4))),
            "sum",
        )
        for _ in range(data.draw(st.integers(0, 1)))
    )
    block = Block(
        np.arange(size),
        rng.integers(-3, 4, size=size).astype(float),
        couplings if data.draw(st.booleans()) else None,
        rng.random(size + 1) < 0.8,
        counts,
        sums,
    )
    curve = upper_curve(block, control=Control())
    np.testing.assert_array_equal(curve.energy, brute(block))
    check_choices(curve, block)


@pytest.mark.parametrize("sign", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_small_blocks_are_optimal_nearly_everywhere(seed, sign):
    block = block_of(14, seed, sign=sign)
    least = brute(block)
    curve = upper_curve(block, control=Control())
    assert (curve.energy >= least - 1e-12 * np.abs(least).max()).all()
    assert (curve.energy <= least + 1e-9 * np.abs(least)).mean() > 0.75
    check_choices(curve, block)
    for ones in (4, 7, 9, 10):
        near = upper_curve(block, control=Control(), around=ones)
        assert near.energy[ones] == pytest.approx(least[ones], rel=1e-12)


def test_demands_within_a_block_are_kept_and_met():
    rng = np.random.default_rng(5)
    block = block_of(
        13,
        7,
        allowed=np.arange(14) != 6,
        counts=(
            InnerCount(np.array([0, 3]), np.array([True, False, True]), "tied"),
            InnerCount(np.array([5]), np.array([True, False]), "keep"),
            InnerCount(np.arange(6, 12), np.arange(7) <= 3, "at most 3"),
        ),
        sums=(InnerSum(rng.random(13), None, 0.0, -np.inf, 4.0, "budget"),),
    )
    least = brute(block)
    curve = upper_curve(block, control=Control())
    check_choices(curve, block)
    assert (np.isfinite(curve.energy) == np.isfinite(least)).all()
    known = np.isfinite(least)
    assert (curve.energy[known] <= 1.02 * least[known] + 1e-12).all()


def test_an_uncoupled_block_is_sorted_and_stays_small():
    rng = np.random.default_rng(0)
    size = 300_000
    linear = rng.normal(size=size)
    block = Block(np.arange(size), linear, None, np.arange(size + 1) < size)
    tracemalloc.start()
    curve = upper_curve(block, control=Control())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60 * 2**20
    assert curve.energy[size] == np.inf
    assert curve.energy[1000] == pytest.approx(np.sort(linear)[:1000].sum(), rel=1e-12)
    assert linear[curve.choice(1000) == 1].max() <= np.sort(linear)[999]
    with pytest.raises(LookupError, match="300000 ones"):
        curve.choice(size)


@pytest.mark.parametrize("find", [forward, backward])
def test_greedy_against_a_plain_loop(find):
    block = block_of(9, 3)
    order = find(block, Control())
    chosen = np.zeros(9, np.int8) if find is forward else np.ones(9, np.int8)
    walk = order if find is forward else order[::-1]
    for variable in walk:
        after = []
        for other in range(9):
            bits = chosen.copy()
            bits[other] ^= 1
            open_ = chosen[other] == (0 if find is forward else 1)
            after.append(plain_energy(block, bits) if open_ else np.inf)
        assert after[variable] == pytest.approx(min(after), rel=1e-9)
        chosen[variable] ^= 1
    for ones, value in enumerate(prefix_energies(block, order)):
        bits = np.isin(np.arange(9), order[:ones]).astype(np.int8)
        assert value == pytest.approx(plain_energy(block, bits), rel=1e-12, abs=1e-15)


def only(total, size):
    return np.arange(size + 1) == total


def wide_blocks(sizes):
    return [block_of(size, seed) for seed, size in enumerate(sizes)]


def test_wide_blocks_are_polished_at_the_split(monkeypatch):
    blocks = wide_blocks([140, 160, 20])
    root = Junction((0, 1, 2), only(100, 320))
    curves = upper_curves(blocks, root, control=Control())
    split = best_split(root, [curve.energy for curve in curves])
    for block, curve, ones in zip(blocks, curves, split.counts, strict=True):
        bits = curve.choice(int(ones))
        fields = block.linear + block.couplings @ bits
        change = fields[None, :] - fields[:, None] - block.couplings
        change = change[np.ix_(bits == 1, bits == 0)]
        assert change.min(initial=0.0) >= -1e-9 * np.abs(fields).max()
    # the same processes or others: the same curves
    monkeypatch.setattr(module, "_WORTH", 0.0)
    monkeypatch.setattr(module, "_seconds", lambda block: 1.0)
    again = upper_curves(blocks, root, control=Control(), workers=2)
    for one, two in zip(curves, again, strict=True):
        np.testing.assert_array_equal(one.energy, two.energy)
        np.testing.assert_array_equal(one.bits, two.bits)


class Failing:
    numbers = (0,)

    def __init__(self, how):
        self.how = how

    def call(self, tasks, control):
        if self.how == "raise":
            raise ArithmeticError("as planned")
        if self.how == "die":
            os._exit(3)
        time.sleep(2 * FOREVER)


@pytest.mark.parametrize(
    ("how", "error"), [("raise", ArithmeticError), ("die", SecateurError), ("sleep", None)]
)
def test_what_happens_in_a_worker_is_told(how, error):
    started = time.monotonic()
    if error is None:
        timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        error = KeyboardInterrupt
    with pytest.raises(error), Team([Failing(how)]) as team:
        team.call({0: None}, Control())
    assert time.monotonic() - started < FOREVER


def test_shares_are_even():
    assert shares([5.0, 1.0, 4.0, 2.0], 2) == [[0, 1], [2, 3]]


@pytest.mark.parametrize("sizes", [[60] * 40, [900, 700]])
def test_the_deadline_is_kept(sizes):
    blocks = wide_blocks(sizes)
    root = Junction(tuple(range(len(sizes))), only(sum(sizes) // 3, sum(sizes)))
    control = Control(0.05)
    with spends(0.5):
        curves = upper_curves(blocks, root, control=control)
    split = best_split(root, [curve.energy for curve in curves])
    assert np.isfinite(split.value)


def test_feed_enters_what_swaps_make_of_a_sample():
    block = block_of(12, 1)
    least = brute(block)
    curve = Curve.empty(12)
    bits = np.zeros(12)
    bits[:5] = 1
    assert feed(curve, block, bits, swaps=False)
    assert curve.energy[5] == pytest.approx(plain_energy(block, bits), rel=1e-12)
    feed(curve, block, bits)
    assert least[5] <= curve.energy[5] * (1 + 1e-12)
    assert curve.energy[5] < plain_energy(block, bits)
    assert not feed(curve, block, bits)
    forbidden = block_of(12, 1, allowed=np.arange(13) != 5)
    assert not feed(Curve.empty(12), forbidden, bits)


def test_a_curve_keeps_the_better_choice():
    curve = Curve.empty(3)
    curve.offer_order(np.array([2, 0, 1]), np.array([0.0, 1.0, 5.0, np.inf]))
    assert curve.choice(2).tolist() == [1, 0, 1]
    assert not curve.offer(np.array([1, 1, 0]), 5.0)
    assert curve.offer(np.array([1, 1, 0]), 4.0)
    assert curve.choice(2).tolist() == [1, 1, 0]
    curve.offer_order(np.array([1, 2, 0]), np.array([0.0, 2.0, 3.0, 9.0]))
    assert curve.bits.tolist() == [[0, 0, 0], [0, 0, 1], [0, 1, 1], [1, 1, 1]]
    double = curve.scaled(2.0)
    assert double.energy.tolist() == [0.0, 2.0, 6.0, 18.0]
    double.offer(np.array([1, 0, 0]), -1.0)
    assert curve.energy[1] == 1.0
    copied = Curve(curve.energy, curve.bits)
    np.testing.assert_array_equal(copied.bits, curve.bits)
    with pytest.raises(ValueError, match="read-only"):
        curve.bits[0] = 1


def test_a_limit_met_only_by_rounding_is_not_met():
    # 0.1 + 0.2 is above 0.3 in floats, and the doubles 0.1 + 0.2 are above the double 0.3 exactly
    demand = InnerSum(np.array([0.1, 0.2]), None, 0.0, -np.inf, 0.3, "sum")
    block = Block(np.arange(2), np.zeros(2), None, np.ones(3, bool), (), (demand,))
    assert kept(block, np.array([[1, 1], [1, 0]], np.int8)).tolist() == [False, True]
