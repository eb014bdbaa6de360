"""The fast way gives the mask's numbers, after whatever incumbents, within its memory."""

from __future__ import annotations

import copy
import logging

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from secateur.evaluator import Fast
from secateur.metric import Evaluator, mean_metric, run_batch
from secateur.network import find_channels
from secateur.network.cut import cut
from secateur.tasks import Task
from tests.evaluator.nets import Grouped, Headed, Same, Skips, block
from tests.nets import regression, seeded

GENERATOR = torch.Generator().manual_seed(3)


def named_task() -> Task:
    data = [
        {
            "image": torch.randn(3, 2, 6, 6, generator=GENERATOR),
            "extra": torch.randn(3, 2, generator=GENERATOR),
            "y": torch.randint(0, 3, (3,), generator=GENERATOR),
        }
        for _ in range(2)
    ]
    loss = lambda o, t: F.cross_entropy(o["logits"], t, reduction="none")  # noqa: E731
    return Task(data, loss, targets="y", prediction=lambda o: o["logits"])


CASES = [
    (Skips, True),
    (Skips, False),
    (Grouped, True),
    (Headed, True),
    (Same, True),
]


def prepared(build, tied=True, task=None, **options):
    network = seeded(build)
    task = task or (named_task() if build is Headed else regression(9, 3, 6))
    channels = find_channels(network, task.example(), tied=tied)
    evaluator = Evaluator(network, channels, task)
    batches = list(task.batches("calibration"))
    options = {"memory": 2**24} | options
    fast = Fast(
        task, channels, evaluator.cut, evaluator.masking, [batches[:1], batches[1:]], **options
    )
    return evaluator, fast, [batches[:1], batches[1:]]


def masks(channels, rng, count):
    """Masks that are near to each other, and now and then far."""
    keep = np.ones(len(channels), dtype=bool)
    for number in range(count):
        changes = len(channels) // 2 if number % 5 == 0 else 1
        for k in rng.integers(len(channels), size=changes):
            keep[k] = not keep[k]
        for group in channels.groups:
            if not keep[group.slice].any():
                keep[group.start] = True
        yield keep.copy()


@pytest.mark.parametrize(("build", "tied"), CASES)
def test_the_numbers_are_the_masks_after_many_incumbents(build, tied):
    evaluator, fast, parts = prepared(build, tied)
    rng = np.random.default_rng(0)
    for keep in masks(evaluator.channels, rng, 24):
        part = int(rng.integers(2))
        wanted = mean_metric(evaluator.masking(keep), evaluator.task, parts[part])
        found = fast.value(keep, part, remember=bool(rng.random() < 0.4))
        assert found == pytest.approx(wanted, abs=1e-5)
    assert fast.way == "fast"
    assert fast.held > 0


def test_layers_before_the_first_change_are_not_run_again(monkeypatch):
    class Deep(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Sequential(block(2, 4), block(4, 4), block(4, 4), block(4, 4))
            self.last = nn.Conv2d(4, 2, 1)

        def forward(self, x):
            return x + self.last(self.body(x))

    evaluator, fast, _ = prepared(Deep)
    ran: list[int] = []
    plain = nn.Conv2d._conv_forward
    monkeypatch.setattr(nn.Conv2d, "_conv_forward", lambda *args: ran.append(1) or plain(*args))
    incumbent = np.ones(len(evaluator.channels), dtype=bool)
    fast.value(incumbent, 1, remember=True)
    for layer, convolutions in ((0, 5), (1, 4), (2, 3), (3, 2)):
        keep = incumbent.copy()
        keep[evaluator.channels.groups[layer].start] = False
        ran.clear()
        fast.value(keep, 1)
        assert len(ran) == 2 * convolutions, "the layer that changes and those behind it"
    ran.clear()
    fast.value(incumbent, 1)
    assert ran == []
    fast.value(incumbent, 0)
    assert len(ran) == 5, "on other batches nothing is kept"


def test_a_change_of_the_norm_alone_is_a_change():
    """Folded into a layer of the same weights, it must not be taken for the incumbent's."""
    evaluator, _, parts = prepared(Skips)
    network = evaluator.network
    scale = [1.0]

    def maker(keep):
        network.norm.weight.data.fill_(scale[0])
        return network

    fast = Fast(
        evaluator.task,
        evaluator.channels,
        maker,
        lambda keep: lambda batch: run_batch(maker(keep), batch),
        parts,
        memory=2**24,
    )
    keep = np.ones(len(evaluator.channels), dtype=bool)
    first = fast.value(keep, 0, remember=True)
    scale[0] = 2.0
    second = fast.value(keep, 0)
    wanted = mean_metric(lambda batch: run_batch(network, batch), evaluator.task, parts[0])
    assert second == pytest.approx(wanted, abs=1e-5)
    assert abs(second - first) > 1e-3


def test_makers_may_give_other_weights():
    """As a compensation does: layers behind the first change are fitted again."""
    evaluator, _, parts = prepared(Grouped)

    def maker(keep):
        slim = cut(evaluator.network, evaluator.channels, keep)
        with torch.no_grad():
            slim.back.weight.data = slim.back.weight.data * (1.0 + float((~keep).sum()))
        return slim

    truth = lambda keep: lambda batch: run_batch(maker(keep), batch)  # noqa: E731
    fast = Fast(evaluator.task, evaluator.channels, maker, truth, parts, memory=2**24)
    rng = np.random.default_rng(1)
    for number, keep in enumerate(masks(evaluator.channels, rng, 12)):
        found = fast.value(keep, 1, remember=number % 3 == 0)
        assert found == pytest.approx(mean_metric(truth(keep), evaluator.task, parts[1]), abs=1e-5)
    assert fast.way == "fast"


@pytest.mark.parametrize("memory", [0, 3_000, 9_000, 2**24])
def test_the_limit_of_memory_is_kept(memory):
    evaluator, fast, parts = prepared(Skips, memory=memory)
    for number, keep in enumerate(masks(evaluator.channels, np.random.default_rng(2), 8)):
        for part in (0, 1):
            found = fast.value(keep, part, remember=number % 2 == 0)
            wanted = mean_metric(evaluator.masking(keep), evaluator.task, parts[part])
            assert found == pytest.approx(wanted, abs=1e-5)
        assert fast.held <= memory / 2, "the half of it; the next incumbent needs the other"
    assert (fast.held > 0) == (memory > 0)


def test_networks_are_left_as_they_were():
    evaluator, fast, _ = prepared(Skips)
    network = evaluator.network
    state = {name: value.clone() for name, value in network.state_dict().items()}
    keep = np.ones(len(evaluator.channels), dtype=bool)
    fast.value(keep, 0, remember=True)
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())
    slim = evaluator.cut(keep)
    assert not any("forward" in vars(module) for module in slim.modules())
    assert not any(module._forward_hooks for module in [*slim.modules(), *network.modules()])


def test_a_network_that_remembers_is_run_by_itself(caplog):
    class Counting(Skips):
        def forward(self, x):
            self.calls = getattr(self, "calls", 0) + 1
            return super().forward(x) * self.calls

    evaluator, fast, parts = prepared(Counting)
    keep = np.ones(len(evaluator.channels), dtype=bool)
    with caplog.at_level(logging.WARNING, logger="secateur"):
        found = fast.value(keep, 0, remember=True)
    assert fast.way == "cut"
    assert "remembers" in caplog.text
    assert found == pytest.approx(
        mean_metric(evaluator.masking(keep), evaluator.task, parts[0]), abs=1e-5
    )
    assert fast.held == 0


def test_what_is_not_exact_is_masked(caplog):
    """A maker whose networks are wrong is found out, and the truth is told."""
    evaluator, _, parts = prepared(Grouped)

    def wrong(keep):
        slim = cut(evaluator.network, evaluator.channels, keep)
        slim.head.bias.data = slim.head.bias.data + 1e-3
        return slim

    fast = Fast(evaluator.task, evaluator.channels, wrong, evaluator.masking, parts, memory=2**24)
    keep = np.ones(len(evaluator.channels), dtype=bool)
    with caplog.at_level(logging.WARNING, logger="secateur"):
        found = fast.value(keep, 0)
    assert fast.way == "plain"
    assert "as masks" in caplog.text
    assert found == mean_metric(evaluator.masking(keep), evaluator.task, parts[0])


def test_sharing_that_is_not_exact_is_found_out(caplog):
    """A module looks at another one's weights in a way that no tensor shows."""

    class Peeking(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two = nn.Conv2d(2, 4, 1), nn.Conv2d(4, 4, 1)
            self.gain = _Gain()
            self.gain.look = lambda: self.two.weight.shape[0]
            self.last = nn.Conv2d(4, 2, 1)

        def forward(self, x):
            return self.last(torch.relu(self.two(torch.relu(self.one(self.gain(x))))))

    class _Gain(nn.Module):
        def forward(self, x):
            return x * float(self.look() > 3)

    network = seeded(Peeking)
    keep = np.ones(8, dtype=bool)
    task = regression(6, 3, 6)
    channels = find_channels(
        seeded(
            lambda: nn.Sequential(
                nn.Conv2d(2, 4, 1), nn.ReLU(), nn.Conv2d(4, 4, 1), nn.ReLU(), nn.Conv2d(4, 2, 1)
            )
        ),
        task.example(),
    )

    def maker(keep):
        slim = copy.deepcopy(network)
        slim.gain.look = lambda: slim.two.weight.shape[0]
        if not keep[4:].all():
            slim.two = nn.Conv2d(4, 3, 1)
            slim.last = nn.Conv2d(3, 2, 1)
            with torch.no_grad():
                for parameter in [*slim.two.parameters(), *slim.last.parameters()]:
                    parameter.fill_(0.1)
        return slim

    truth = lambda keep: lambda batch: run_batch(maker(keep), batch)  # noqa: E731
    batches = list(task.batches("calibration"))
    fast = Fast(task, channels, maker, truth, [batches], memory=2**24)
    with caplog.at_level(logging.WARNING, logger="secateur"):
        fast.value(keep, 0)
    assert fast.way == "cut"
    assert "the fast one differs" in caplog.text
