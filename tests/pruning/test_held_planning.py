"""Plans for a time, with times that are made up: what is timed, how often, and what is told."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

import secateur
from secateur.methods.wanted import Wanted
from secateur.pruning import planning
from secateur.pruning.planning import Planner, device_step
from secateur.surgery.timing import Times


@pytest.fixture(scope="module")
def measured():
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(1, 48, 3, padding=1), nn.ReLU(),
        nn.Conv2d(48, 48, 3, padding=1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(48, 3),
    )  # fmt: skip
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(8, 1, 6, 6, generator=generator)
    labels = torch.randint(0, 3, (8,), generator=generator)
    task = secateur.Task([(inputs, labels)], loss=F.cross_entropy, likelihood="categorical")
    return secateur.measure(network, task, probes=0)


@pytest.fixture(autouse=True)
def _no_step_is_measured(monkeypatch):
    monkeypatch.setattr(planning, "device_step", lambda: pytest.fail("it was not asked for"))


class Clock:
    """Times by multiply-accumulates; a pair is slower than what was fitted, if it is told to be."""

    def __init__(self, slower: float = 1.0) -> None:
        self.slower, self.calls = slower, []

    def __call__(self, network, channels, selections, example, **about):
        assert isinstance(selections, list)
        macs = [channels.cost(np.asarray(z, dtype=bool))["macs"] for z in selections]
        self.calls.append((selections, about))
        pair = len(selections) == 2
        return [1e-9 * m * (self.slower if pair and np.any(z) else 1.0)
                for m, z in zip(macs, selections, strict=True)]  # fmt: skip

    def of(self, seconds: float) -> list:
        return [one for one, about in self.calls if about["seconds"] == seconds]


def widths(channels, z):
    return [int((np.asarray(z)[group.slice] == 0).sum()) for group in channels.groups]


@pytest.mark.parametrize(("multiple", "step"), [(None, 16), (8, 8)])
def test_a_plan_that_takes_what_was_predicted_is_kept(measured, monkeypatch, multiple, step):
    clock = Clock()
    monkeypatch.setattr(planning, "measure_cuts", clock)
    result = measured.prune("taylor", budget={"time": 0.68}, multiple=multiple, seed=4)
    assert all(about["runtime"] == "eager" for _, about in clock.calls)
    assert all(about["seed"] == 4 for _, about in clock.calls)
    (fitted,) = clock.of(planning.FITTING)
    assert len(fitted) == planning.NETWORKS + 1
    assert not np.any(fitted[0])
    for z in fitted:
        assert all(width % step == 0 for width in widths(measured.channels, z))
    (pair,) = clock.of(planning.MEASURING)
    assert not np.any(pair[0])
    np.testing.assert_array_equal(pair[1], result.selection.bits)
    told = result.selection.provenance["time"]
    dense, small = (row.macs for row in result.rows)
    assert told["runtime"] == "eager"
    assert told["measured"] == pytest.approx(small / dense)
    assert told["predicted"] == pytest.approx(small / dense, rel=0.05)
    assert told["predicted"] <= 0.68 * (1 + 1e-9)
    assert told["tries"] == [[told["predicted"], told["measured"]]]
    assert len(result.selection.provenance) > 1


def test_a_plan_that_takes_longer_is_corrected_and_the_nearest_is_taken(measured, monkeypatch):
    clock = Clock(slower=1.6)
    monkeypatch.setattr(planning, "measure_cuts", clock)
    result = measured.prune("taylor", budget={"time": 0.6}, multiple=4)
    first, second = clock.of(planning.MEASURING)
    told = result.selection.provenance["time"]
    assert [one for _, one in told["tries"]] == [
        pytest.approx(1.6 * measured.channels.cost(z.astype(bool))["macs"] / result.rows[0].macs)
        for z in (first[1], second[1])
    ]
    assert told["tries"][0][1] > 0.6 * 1.05
    assert abs(told["tries"][1][1] - 0.6) < abs(told["tries"][0][1] - 0.6)
    np.testing.assert_array_equal(result.selection.bits, second[1])
    assert [told["predicted"], told["measured"]] == told["tries"][1]


def test_the_prediction_is_fitted_once_for_all_methods(measured, monkeypatch):
    clock = Clock()
    monkeypatch.setattr(planning, "measure_cuts", clock)
    table = measured.compare(["taylor", "l1"], budget={"time": 0.7})
    assert len(clock.of(planning.FITTING)) == 1
    assert len(clock.of(planning.MEASURING)) == 2
    assert all("time" in one.selection.provenance for one in table.results)


def test_a_plan_without_a_time_times_nothing(measured, monkeypatch):
    monkeypatch.setattr(planning, "measure_cuts", pytest.fail)
    result = measured.prune("taylor", budget={"macs": 0.5})
    assert "time" not in result.selection.provenance


def test_what_is_demanded_before_times_are_known(measured):
    wanted = Wanted(amount=16, budget={"time": 0.5}).checked()
    planner = Planner(wanted, measured.subject, seed=0)
    assert planner.step == 16
    assert planner.model is None
    assert "time" not in {one.name for one in planner.demands}
    assert any(getattr(one, "lower", None) == 16 for one in planner.demands)


def test_the_step_of_a_device_is_measured_where_it_is_asked_for(measured, monkeypatch):
    for multiple, step in ((None, None), (4, 4), ("8", 8)):
        planner = Planner(Wanted(amount=16, multiple=multiple), measured.subject, seed=0)
        assert planner.step == step
    monkeypatch.setattr(planning, "device_step", lambda: 12)
    assert Planner(Wanted(amount=12, multiple="device"), measured.subject, seed=0).step == 12


def test_the_step_of_a_device_is_measured_once_on_one_thread(monkeypatch):
    calls = []

    def measure_times(runs, *, seconds):
        calls.append((seconds, torch.get_num_threads()))
        for run in runs.values():
            run()
        # rounded up to 8, with one slow round each
        return Times({name: np.array([9.0, -(-int(name) // 8) * 8e-6]) for name in runs})

    monkeypatch.setattr(planning, "measure_times", measure_times)
    before = torch.get_num_threads()
    device_step.cache_clear()
    try:
        torch.set_num_threads(2)
        assert [device_step(), device_step()] == [8, 8]
    finally:
        torch.set_num_threads(before)
        device_step.cache_clear()
    assert calls == [(planning.STEPPING, 1)]
