"""The Half-UNet of two levels that comes along: it denoises well, and each of its filters works."""

from __future__ import annotations

import json

import numpy as np
import pytest
from torch import nn

import secateur
import secateur.zoo as zoo
from secateur.tasks.denoising import denoising_task
from secateur.zoo import pretrained_halfunet, pretrained_small_halfunet, small_halfunet
from secateur.zoo.train import mean_psnr


def test_the_checkpoint_gains_seven_decibels_on_the_test_photographs():
    network, task = pretrained_small_halfunet(), denoising_task()
    assert not network.training
    noisy, denoised = (mean_psnr(n, task, "test") for n in (nn.Identity(), network))
    assert denoised >= noisy + 7.0
    about = json.loads((zoo._CHECKPOINT / "small-halfunet.json").read_text())
    assert denoised == pytest.approx(about["psnr"], abs=0.02)
    assert about["parameters"] == sum(p.numel() for p in network.parameters())


def test_the_factory_is_of_the_checkpoint_s_architecture():
    new, trained = small_halfunet().state_dict(), pretrained_small_halfunet().state_dict()
    assert {k: v.shape for k, v in new.items()} == {k: v.shape for k, v in trained.items()}


def cheapest(network: nn.Module) -> np.ndarray:
    """What the cheapest filters carry of the Fisher total, from the first to all."""
    measured = secateur.measure(network, denoising_task(patches=32), probes=8)
    linear = np.sort(list(measured.qubo("fisher").linear.values()))
    return np.cumsum(linear) / linear.sum()


def test_every_filter_works():
    """None is dead, and the cheapest 36 % carry a twentieth of what all do; the large one's none."""
    shares = cheapest(pretrained_small_halfunet())
    assert shares[0] > 1e-6
    assert shares[int(0.36 * len(shares)) - 1] > 0.05
    large = cheapest(pretrained_halfunet())
    assert large[int(0.36 * len(large)) - 1] < 0.01
