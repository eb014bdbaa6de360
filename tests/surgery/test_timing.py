"""Times are compared inside one run only, and only where they can be told apart."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from secateur.errors import MissingExtra, NetworkError, OptionError
from secateur.network import find_channels
from secateur.network.call import Call
from secateur.surgery import speed
from secateur.surgery.speed import measure_cuts, measure_in_fresh_process, measure_speed
from secateur.surgery.timing import LEAST_NOISE, ROUNDS, Times, measure_times, ratio
from tests.nets import Chain, Residual, seeded

CALL = Call((torch.randn(1, 2, 24, 24, generator=torch.Generator().manual_seed(0)),))


def wide(width: int) -> nn.Module:
    return seeded(Chain, width)


class Trace:
    """A clock that runs by what is done, and a record of who was called."""

    def __init__(self) -> None:
        self.now, self.calls = 0.0, []

    def run(self, name: str, seconds: float):
        def go() -> None:
            self.calls.append(name)
            self.now += seconds

        return go


def test_a_run_of_known_lengths_is_measured_exactly():
    trace = Trace()
    times = measure_times(
        {"a": trace.run("a", 0.5), "b": trace.run("b", 0.125)},
        seconds=1e-9,
        clock=lambda: trace.now,
    )
    assert times.best("a") == 0.5
    assert times.best("b") == 0.125
    assert len(times.seconds["a"]) == ROUNDS[0]
    assert times.speedup("b", "a").value == 4.0
    assert times.speedup("a", "b").value == 0.25


def test_what_is_quick_runs_several_times_in_one_turn():
    trace = Trace()
    measure_times({"a": trace.run("a", 0.001)}, seconds=1e-9, clock=lambda: trace.now)
    assert len(trace.calls) == 3 + ROUNDS[0] * (1 + 4)


def test_the_order_is_the_seeds():
    orders = []
    for seed in (0, 0, 1):
        trace = Trace()
        runs = {name: trace.run(name, 1.0) for name in "abcd"}
        measure_times(runs, seconds=1e-9, seed=seed, clock=lambda t=trace: t.now)
        orders.append(trace.calls)
    assert orders[0] == orders[1]
    assert orders[0] != orders[2]
    turns = orders[0][12::2]
    assert [sorted(turns[k : k + 4]) for k in range(0, len(turns), 4)] == [list("abcd")] * ROUNDS[0]


@settings(max_examples=40, deadline=None)
@given(
    rounds=st.integers(1, 60),
    factor=st.floats(0.2, 5.0),
    noise=st.floats(0.0, 0.4),
    seed=st.integers(0, 10**6),
)
def test_a_ratio_lies_in_its_band_and_turns_around(rounds, factor, noise, seed):
    rng = np.random.default_rng(seed)
    one = 1e-3 * (1.0 + noise * rng.exponential(size=rounds))
    other = one[rng.permutation(rounds)] / factor
    found, back = ratio(one, other), ratio(other, one)
    assert found.value == pytest.approx(factor)
    assert found.low <= factor * (1 - 0.99 * LEAST_NOISE)
    assert found.high >= factor * (1 + 0.99 * LEAST_NOISE)
    assert back.value == pytest.approx(1 / factor)
    assert found.different == (not found.low <= 1.0 <= found.high)
    if noise == 0.0 or rounds < 4:
        assert found.high - found.low == pytest.approx(2 * LEAST_NOISE * factor)


def test_what_differs_by_less_than_the_noise_is_no_difference():
    rng = np.random.default_rng(0)
    quiet = 1.0 + 0.02 * rng.exponential(size=40)
    assert str(ratio(quiet, quiet / 1.02)) == "no difference"
    assert ratio(quiet, quiet / 1.2).different
    assert str(ratio(quiet, quiet / 1.5)) == "1.50 (1.46 to 1.54)"
    # a machine that slowed down half-way: the halves of the run disagree
    drift = np.where(np.arange(40) < 20, 1.0, 1.3)
    assert not ratio(quiet * drift, quiet * 1.2).different


def test_equal_things_are_seldom_told_apart_however_loud_the_machine():
    def told(seed: int) -> bool:
        one, other = np.random.default_rng(seed).exponential(size=(2, 40))
        return ratio(1.0 + 0.3 * one, 1.0 + 0.3 * other).different

    assert np.mean([told(seed) for seed in range(300)]) < 0.03


def test_nothing_to_time_is_told():
    with pytest.raises(OptionError, match="nothing to time"):
        measure_times({})
    with pytest.raises(OptionError, match="seconds is 0"):
        measure_times({"a": lambda: None}, seconds=0)
    with pytest.raises(OptionError, match="no runtime 'tflite'"):
        measure_speed({"a": wide(2)}, CALL, where=["tflite"])
    with pytest.raises(OptionError, match="no runtime 'tflite'"):
        measure_in_fresh_process({"a": wide(2)}, CALL, runtime="tflite")


def test_eight_times_the_work_is_slower_in_every_runtime():
    threads = torch.get_num_threads()
    small, large = wide(24), wide(68)  # the middle convolution: 8 times the products
    large.train()
    before = {k: v.clone() for k, v in large.state_dict().items()}
    found = measure_speed({"dense": large, "slim": small}, CALL, seconds=0.3)
    assert set(found.times) == {"eager", "onnxruntime"}
    assert not found.missing
    for runtime, times in found.times.items():
        assert isinstance(times, Times)
        speedup = times.speedup("slim")
        assert speedup.different, runtime
        assert speedup.low > 1.2, runtime
    assert large.training
    assert all(torch.equal(v, before[k]) for k, v in large.state_dict().items())
    assert torch.get_num_threads() == threads


def test_a_network_that_cannot_be_exported_is_timed_in_pytorch(monkeypatch):
    class Branch(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x if x.sum() > 0 else -x

    found = measure_speed({"a": Branch()}, CALL, seconds=0.01)
    assert set(found.times) == {"eager"}
    assert "cannot be exported" in found.missing["onnxruntime"]
    monkeypatch.setattr(speed, "find_spec", lambda name: None if name == "onnxscript" else name)
    assert speed.runtimes() == ("eager",)


def test_without_the_extra_asking_for_onnxruntime_says_the_line(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnxscript", None)
    with pytest.raises(MissingExtra, match=r"secateur\[export\]"):
        measure_speed({"a": wide(2)}, CALL, where=["onnxruntime"])


@pytest.mark.parametrize("runtime", ["eager", "onnxruntime"])
def test_a_fresh_process_sees_the_same(runtime):
    found = measure_in_fresh_process(
        {"dense": wide(68), "slim": wide(24)}, CALL, runtime=runtime, seconds=0.2
    )
    assert found.runtime == runtime
    assert list(found.seconds) == ["dense", "slim"]
    assert found.speedup("slim").low > 1.2


@pytest.mark.parametrize("fresh", [True, False])
def test_selections_are_timed_in_their_order(fresh):
    network = wide(68)
    channels = find_channels(network, CALL)
    thin = np.ones(len(channels))
    for group in channels.groups:
        thin[group.start : group.start + 24] = 0
    dense = np.zeros(len(channels))
    found = measure_cuts(network, channels, [thin, dense, thin], CALL, seconds=0.3, fresh=fresh)
    assert found[1] > 1.2 * max(found[0], found[2])
    with pytest.raises(NetworkError, match="first would be empty"):
        measure_cuts(network, channels, [1 - dense], CALL, fresh=fresh)


def test_a_selection_that_cannot_be_timed_there_is_told():
    class Branch(Chain):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x) * (1 if torch.compiler.is_exporting() else 2)

    network = seeded(Branch, 4)
    channels = find_channels(network, CALL)
    with pytest.raises(NetworkError, match=r"not timed in onnxruntime: .* something else"):
        measure_cuts(
            network, channels, [np.zeros(len(channels))], CALL, runtime="onnxruntime", fresh=False
        )


def test_a_class_that_cannot_be_imported_goes_as_a_program():
    class Local(Residual):
        pass

    class Branch(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x if x.sum() > 0 else -x

    found = measure_in_fresh_process({"a": seeded(Local), "b": wide(4)}, CALL, seconds=0.05)
    assert found.best("a") > 0
    with pytest.raises(NetworkError, match="'c' cannot go to another process"):
        measure_in_fresh_process({"a": wide(4), "c": Branch()}, CALL, seconds=0.05)


def test_a_process_that_fails_says_why(tmp_path, monkeypatch):
    (tmp_path / "gone_tomorrow.py").write_text(
        "from torch import nn\nclass Net(nn.Module):\n    def forward(self, x):\n        return x\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    network = __import__("gone_tomorrow").Net()
    (tmp_path / "gone_tomorrow.py").unlink()
    with pytest.raises(NetworkError, match="No module named 'gone_tomorrow'"):
        measure_in_fresh_process({"a": network}, CALL, seconds=0.05)
