"""Saving and loading without pickle; measuring."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from secateur.errors import FileError
from secateur.network import Call, find_channels
from secateur.surgery import (
    count_macs,
    count_parameters,
    cut,
    load_slim,
    save_slim,
)
from secateur.zoo import HalfUNet
from tests.nets import Chain, Residual, seeded

X = torch.randn(2, 2, 8, 8, generator=torch.Generator().manual_seed(0))


CALL = Call((X,))


@pytest.fixture(params=[True, False], ids=["tied", "untied"])
def saved(request, tmp_path):
    network = seeded(HalfUNet, 5, 3, 2, True, 2)
    channels = find_channels(network, X, tied=request.param)
    keep = np.random.default_rng(0).random(len(channels)) > 0.4
    for group in channels.groups:
        keep[group.start] = True
    small = cut(network, channels, keep)
    save_slim(small, channels, keep, tmp_path, example=CALL, about={"count": 3})
    return small, tmp_path


def fresh() -> nn.Module:
    return seeded(HalfUNet, 5, 3, 2, True, 2, seed=99)


def test_a_saved_network_comes_back_on_a_fresh_architecture(saved):
    small, folder = saved
    again = load_slim(fresh(), folder)
    with torch.no_grad():
        assert torch.equal(again(X), small(X))
    assert not again.training
    about = json.loads((folder / "selection.json").read_text())
    assert about["count"] == 3
    assert about["norm_over"] == "all"
    kept = {path: len(indices) for path, indices in about["kept"].items()}
    assert kept["encoder.0.0.0"] == small.get_submodule("encoder.0.0.0").out_channels
    assert [path for path, _ in about["stands"]] == ["head"]
    assert sorted(p.name for p in folder.iterdir()) == ["network.safetensors", "selection.json"]


@pytest.mark.parametrize("name", ["network.safetensors", "selection.json"])
def test_truncated_or_missing_files_are_named(saved, name):
    _, folder = saved
    file = folder / name
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(FileError, match=f"{name} is corrupt"):
        load_slim(fresh(), folder)
    file.unlink()
    with pytest.raises(FileError, match=f"{name} does not exist"):
        load_slim(fresh(), folder)


def test_files_of_two_runs_are_not_mixed(saved):
    small, folder = saved
    save_file({k: v + 1 for k, v in small.state_dict().items()}, folder / "network.safetensors")
    with pytest.raises(FileError, match="sha256 differs"):
        load_slim(fresh(), folder)


def test_another_architecture_is_refused(saved):
    _, folder = saved
    with pytest.raises(FileError, match="not made from a HalfUNet like this one"):
        load_slim(seeded(HalfUNet, 4, 3, 2, True, 2), folder)
    with pytest.raises(FileError, match="not made from a Residual"):
        load_slim(seeded(Residual), folder)


def test_macs_and_parameters_by_hand():
    network = seeded(Chain)
    assert count_parameters(network) == 2 * 4 * 9 + 8 + 4 * 5 * 9 + 5 + 5 * 2 * 9 + 2
    assert count_macs(network, CALL) == 64 * 9 * (2 * 4 + 4 * 5 + 5 * 2)
