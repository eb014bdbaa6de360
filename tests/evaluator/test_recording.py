"""What one run proves of modules, and what it must not."""

from __future__ import annotations

import torch
from torch import nn

from secateur.evaluator.incumbent import remembered_paths
from secateur.evaluator.recording import record
from secateur.network.call import Call
from tests.evaluator.nets import Same, Skips
from tests.nets import seeded

X = torch.randn(2, 2, 6, 6, generator=torch.Generator().manual_seed(0))


def looked(network: nn.Module):
    return record(network.eval(), Call((X,)))


def test_norms_that_alone_read_a_layer_are_found():
    found = looked(seeded(Skips))
    assert found.folds == {
        "stem.0": "stem.1",
        "left.0": "left.1",
        "right.0": "right.1",
        "join": "norm",
    }
    assert found.stateless


def test_no_norm_is_folded_that_runs_twice_or_is_not_alone():
    assert looked(seeded(Same)).folds == {}

    class Beside(nn.Module):
        def __init__(self, how: str) -> None:
            super().__init__()
            self.conv, self.norm, self.how = nn.Conv2d(2, 3, 1), nn.BatchNorm2d(3), how

        def forward(self, x):
            y = self.conv(x)
            if self.how == "sum":
                return self.norm(y) + y
            if self.how == "out":
                return self.norm(y), y
            if self.how == "view":
                return self.norm(y.flatten(2).unflatten(2, (6, 6)))
            if self.how == "detached":
                return self.norm(y) + y.detach()
            return self.norm(y.mul_(2.0)) if self.how == "written" else self.norm(y)

    assert looked(Beside("alone")).folds == {"conv": "norm"}
    for how in ("sum", "out", "view", "detached", "written"):
        assert looked(Beside(how)).folds == {}, how


def test_a_module_whose_output_is_written_to_is_not_closed():
    found = looked(seeded(Skips))
    # ReLU in place writes to what the norm gave, and, folded, to what the layer gave
    assert not {"stem.0", "stem.1", "stem.2"} & set(found.closed)
    assert "stem" in found.closed
    # y += x
    assert "left" not in found.closed
    assert {"right", "join", "norm", "relu", "last"} <= set(found.closed)


class Odd(nn.Module):
    def __init__(self, how: str) -> None:
        super().__init__()
        self.how, self.inner = how, nn.Conv2d(2, 2, 1)
        self.aside = [nn.Parameter(torch.ones(1))]
        self.register_buffer("count", torch.zeros(1))

    def forward(self, x):
        if self.how == "foreign":
            return self.inner(x) * self.aside[0]
        if self.how == "random":
            return self.inner(x) + torch.rand_like(x)
        if self.how == "buffer":
            self.count += 1
        if self.how == "attribute":
            self.calls = getattr(self, "calls", 0) + 1
        if self.how == "dict":
            return {"x": self.inner(x)}
        return self.inner(x)


class Around(nn.Module):
    def __init__(self, how: str) -> None:
        super().__init__()
        self.odd = Odd(how)

    def forward(self, x):
        out = self.odd(x)
        return out["x"] if isinstance(out, dict) else out


def test_what_a_module_takes_from_elsewhere_opens_it():
    assert set(looked(Around("plain")).closed) == {"odd", "odd.inner"}
    for how in ("foreign", "random", "dict"):
        assert set(looked(Around(how)).closed) == {"odd.inner"}, how
    assert looked(Around("plain")).stateless
    for how in ("buffer", "attribute"):
        assert not looked(Around(how)).stateless, how


def test_what_runs_inside_one_layer_s_block_is_not_remembered_by_itself():
    network = nn.Sequential(
        nn.Sequential(nn.Conv2d(2, 3, 1), nn.BatchNorm2d(3), nn.ReLU()),
        nn.Sequential(nn.Conv2d(3, 3, 1), nn.ReLU(), nn.Conv2d(3, 2, 1)),
    )
    assert set(remembered_paths(network, looked(network))) == {"0", "1", "1.0", "1.1", "1.2"}
