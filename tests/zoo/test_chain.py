"""The plain chain: its shape, its channels, and the checkpoint that comes along."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from torch import nn

import secateur
import secateur.zoo as zoo
from secateur.network import find_channels
from secateur.tasks.denoising import denoising_task
from secateur.zoo import Chain, chain, pretrained_chain
from secateur.zoo.train import mean_psnr


def convolutions(network: nn.Module) -> list[nn.Conv2d]:
    return [module for module in network.modules() if isinstance(module, nn.Conv2d)]


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ({}, (6, 10)),
        ({"unshuffle": 1, "depth": 1}, (5, 7)),
        ({"channels": 1, "unshuffle": 4}, (8, 4)),
    ],
)
def test_the_output_has_the_shape_of_the_input(options, size):
    network = Chain(width=4, **options).eval()
    image = torch.rand(2, options.get("channels", 3), *size)
    assert network(image).shape == image.shape


def test_the_first_layer_and_the_head_are_not_normalised():
    network = Chain(width=4, depth=3)
    assert [c.bias is not None for c in convolutions(network)] == [True, False, False, True]
    assert sum(isinstance(m, nn.BatchNorm2d) for m in network.modules()) == 2
    assert all(c.bias is not None for c in convolutions(Chain(width=4, batch_norm=False)))


def test_it_leaks_only_if_it_is_told_to():
    assert not any(isinstance(m, nn.LeakyReLU) for m in Chain(width=4).modules())
    slopes = {m.negative_slope for m in Chain(4, leak=0.2).modules() if isinstance(m, nn.LeakyReLU)}
    assert slopes == {0.2}


def test_the_predicted_noise_is_subtracted():
    network = Chain(width=4, depth=2).eval()
    nn.init.zeros_(network.head.weight)
    nn.init.constant_(network.head.bias, 0.25)
    image = torch.rand(1, 3, 8, 8)
    torch.testing.assert_close(network(image), image - 0.25)


@pytest.mark.parametrize("name", ["width", "depth", "unshuffle", "channels"])
def test_nothing_of_it_can_be_zero(name):
    with pytest.raises(ValueError, match="at least 1"):
        Chain(**{name: 0})


def test_nothing_is_tied():
    channels = find_channels(chain().eval(), torch.rand(1, 3, 16, 16))
    assert [group.size for group in channels.groups] == [64] * 8
    assert all(len(group.tied) == 1 for group in channels.groups)


def test_the_checkpoint_gains_seven_decibels_on_the_test_photographs():
    network = pretrained_chain()
    assert not network.training
    task = denoising_task()
    noisy, denoised = (mean_psnr(n, task, "test") for n in (nn.Identity(), network))
    assert denoised >= noisy + 7.0
    about = json.loads((zoo._CHECKPOINT / "chain.json").read_text())
    assert denoised == pytest.approx(about["psnr"], abs=0.02)
    assert noisy == pytest.approx(about["psnr_noisy"], abs=0.02)
    assert about["parameters"] == sum(p.numel() for p in network.parameters())
    assert (zoo._CHECKPOINT / "chain.safetensors").stat().st_size < 2_000_000


def test_every_filter_of_it_matters():
    """None is dead, and the cheapest 36 % carry more than a hundredth of what all do."""
    measured = secateur.measure(pretrained_chain(), denoising_task(patches=32), probes=8)
    linear = np.sort(list(measured.qubo("fisher").linear.values()))
    assert linear[0] > 1e-6 * linear[-1]
    assert linear[: int(0.36 * len(linear))].sum() > 0.01 * linear.sum()
