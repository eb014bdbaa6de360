"""Turns, rounds and bands of a timing, by a clock that is set by hand."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from secateur.errors import NetworkError
from secateur.network.call import Call
from secateur.surgery import speed, timing
from secateur.surgery.timing import LEAST_NOISE, Ratio, Times, measure_times, one_thread, ratio
from tests.nets import Chain, seeded

CALL = Call((torch.ones(1, 2, 6, 6),))


class Hand:
    """A clock that a run moves, and a count of its runs."""

    def __init__(self) -> None:
        self.now, self.runs = 0.0, 0

    def __call__(self) -> float:
        return self.now

    def run(self, seconds: float):
        def go():
            self.now += seconds
            self.runs += 1

        return go


def test_a_quick_run_fills_a_turn_and_a_slow_one_is_one():
    for seconds, times in ((1.0, 1), (0.004, 1), (0.001, 4), (0.0011, 3), (0.0, 40_000)):
        clock = Hand()
        assert timing._repeats(clock.run(seconds), clock) == pytest.approx(times, abs=1e-9)
        assert clock.runs == 3


@pytest.mark.parametrize(("seconds", "rounds"), [(0.5, 5), (7.0, 7), (100.0, 12), (7.5, 8)])
def test_rounds_go_on_until_the_time_is_over(monkeypatch, seconds, rounds):
    """A round takes a second on the wall; at least 5 are run and, here, at most 12."""
    clock, wall = Hand(), Hand()
    monkeypatch.setattr(timing, "ROUNDS", (5, 12))
    monkeypatch.setattr(timing, "time", SimpleNamespace(monotonic=wall))
    steps = []

    def run():
        clock.run(1.0)()
        steps.append(clock.now)
        if len(steps) > 3 and len(steps) % 2:  # one to warm up and one that counts
            wall.now += 1.0

    found = measure_times({"a": run}, seconds=seconds, clock=clock, runtime="here")
    assert len(found.seconds["a"]) == rounds
    assert found.best("a") == 1.0
    assert found.runtime == "here"
    assert len(steps) == 3 + 2 * rounds


def test_at_least_five_rounds_and_at_most_four_hundred():
    assert timing.ROUNDS == (5, 400)
    assert timing.BLOCK == 0.004


@pytest.mark.parametrize("rounds", [1, 2, 3, 4, 5, 11, 40])
def test_the_band_is_that_of_twenty_ways_to_halve_the_rounds(rounds):
    rng = np.random.default_rng(rounds)
    above, below = rng.uniform(1, 2, (2, rounds))
    value = above.min() / below.min()
    found = [0.97 * value, 1.03 * value]
    if rounds >= 4:
        order = np.arange(rounds)
        halves = [order < rounds // 2, order % 2 == 0]
        drawn = np.random.default_rng(0)
        while len(halves) < 20:
            halves.append(drawn.permutation(rounds) < rounds // 2)
        for half in halves:
            for part in (half, ~half):
                found.append(above[part].min() / below[part].min())
    got = ratio(above, below)
    assert got.value == pytest.approx(value, rel=1e-15)
    assert (got.low, got.high) == pytest.approx((min(found), max(found)), rel=1e-12)
    assert LEAST_NOISE == 0.03


@pytest.mark.parametrize(
    ("low", "high", "different"),
    [(0.9, 1.1, False), (1.0, 1.1, False), (0.9, 1.0, False), (1.01, 1.1, True), (0.8, 0.99, True)],
)
def test_a_band_that_holds_one_is_no_difference(low, high, different):
    found = Ratio(1.05, low, high)
    assert found.different is different
    assert str(found) == (f"1.05 ({low:.2f} to {high:.2f})" if different else "no difference")


def test_a_speedup_is_the_other_over_it():
    times = Times({"dense": np.array([4.0, 5.0]), "slim": np.array([2.5, 2.0])})
    assert times.speedup("slim").value == 2.0
    assert times.speedup("dense", "slim").value == 0.5


def test_the_threads_come_back():
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)

        def failing():
            with one_thread():
                assert torch.get_num_threads() == 1
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            failing()
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_the_heap_is_kept_by_numbers_of_bytes():
    assert {name: int(value) for name, value in speed.KEEP_HEAP.items()} == {
        "MALLOC_MMAP_THRESHOLD_": 2**30,
        "MALLOC_TRIM_THRESHOLD_": 2**31,
        "MALLOC_TOP_PAD_": 2**26,
    }


@pytest.fixture
def child(monkeypatch):
    """The fresh process, played: it notes how it was started, and does what it is told."""
    seen = SimpleNamespace(code=0, stderr="", write=True)

    def started(command, *, env, **how):
        seen.command, seen.env = command, env
        seen.job = json.loads((speed.Path(command[-1]) / "job.json").read_text())
        if seen.write:
            speed.work(command[-1])
        return SimpleNamespace(returncode=seen.code, stderr=seen.stderr)

    monkeypatch.setattr(speed.subprocess, "run", started)
    return seen


class Local(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 2)

    def forward(self, x):
        return self.layer(x)


def test_a_fresh_process_is_told_all_and_answers(child):
    networks = {"a": seeded(Chain).train(), "b": seeded(Chain)}
    found = speed.measure_in_fresh_process(networks, CALL, seconds=0.01, seed=5)
    assert set(found.seconds) == {"a", "b"}
    assert all((found.seconds[name] > 0).all() for name in found.seconds)
    assert len(found.seconds["a"]) >= 5
    assert found.runtime == "eager"
    assert {k: child.job[k] for k in ("runtime", "seconds", "seed")} == {
        "runtime": "eager", "seconds": 0.01, "seed": 5,
    }  # fmt: skip
    assert child.env["OMP_NUM_THREADS"] == child.env["MKL_NUM_THREADS"] == "1"
    assert speed.KEEP_HEAP.items() <= child.env.items()
    assert networks["a"].training


def test_the_heap_is_as_it_is_if_wanted_so(child, monkeypatch):
    for name in speed.KEEP_HEAP:
        monkeypatch.delenv(name, raising=False)
    speed.measure_in_fresh_process({"a": seeded(Chain)}, CALL, seconds=0.01, keep_heap=False)
    assert not speed.KEEP_HEAP.keys() & child.env.keys()


def test_a_network_of_the_program_itself_goes_as_a_program(child, monkeypatch):
    monkeypatch.setattr(Local, "__module__", "__main__")
    call = Call((torch.ones(2, 3),))
    found = speed.measure_in_fresh_process({"a": Local(), "b": Local()}, call, seconds=0.01)
    assert sorted(child.job["networks"].values()) == ["0.pt2", "1.pt2"]
    assert set(found.seconds) == {"a", "b"}


@pytest.mark.parametrize(
    ("code", "stderr", "write", "said"),
    [
        (1, "Traceback\nValueError: last\n", True, "ValueError: last"),
        (-9, "", False, "exit code -9"),
        (0, "", False, "exit code 0"),
        (3, "  \n", True, "exit code 3"),
    ],
)
def test_a_process_that_fails_says_its_last_word(child, code, stderr, write, said):
    child.code, child.stderr, child.write = code, stderr, write
    with pytest.raises(NetworkError, match="that times the networks failed") as caught:
        speed.measure_in_fresh_process({"a": seeded(Chain)}, CALL, seconds=0.01)
    assert caught.value.message.endswith(f"failed: {said}")
    assert "measure_speed" in caught.value.remedy
