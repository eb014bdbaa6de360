"""Saving and loading without pickle; measuring."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from secateur.errors import FileError, NetworkError
from secateur.network import Call, find_channels
from secateur.surgery import (
    count_macs,
    count_parameters,
    cut,
    load_slim,
    load_weights,
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
    with pytest.raises(FileError, match=f"no file .*{name}"):
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


@pytest.mark.parametrize("suffix", [".safetensors", ".pt", ".pth"])
def test_weights_load_all_or_none(tmp_path, suffix):
    source, target = seeded(Chain, seed=1), seeded(Chain, seed=2)
    path = tmp_path / f"w{suffix}"
    if suffix == ".safetensors":
        save_file(source.state_dict(), path)
    else:
        torch.save(source.state_dict(), path)
    load_weights(target, path)
    for name, value in source.state_dict().items():
        assert torch.equal(target.state_dict()[name], value)
    path.write_bytes(path.read_bytes()[:-200])
    before = {k: v.clone() for k, v in target.state_dict().items()}
    with pytest.raises(FileError, match="corrupt"):
        load_weights(target, path)
    assert all(torch.equal(v, before[k]) for k, v in target.state_dict().items())


def test_bad_weights_are_named_and_change_nothing(tmp_path):
    network = seeded(Chain)
    before = {k: v.clone() for k, v in network.state_dict().items()}
    with pytest.raises(FileError, match="no file"):
        load_weights(network, tmp_path / "no.safetensors")
    with pytest.raises(FileError, match="no weights file that we read"):
        load_weights(network, tmp_path / "model.h5")
    save_file(seeded(Chain, 6).state_dict(), tmp_path / "wide.safetensors")
    with pytest.raises(FileError, match=r"first.weight is \(6, 2, 3, 3\) there"):
        load_weights(network, tmp_path / "wide.safetensors")
    save_file(seeded(Residual).state_dict(), tmp_path / "other.safetensors")
    with pytest.raises(FileError, match="is missing there"):
        load_weights(network, tmp_path / "other.safetensors")
    bad = seeded(Chain).state_dict()
    bad["head.bias"] = torch.tensor([float("nan"), 0.0])
    save_file(bad, tmp_path / "nan.safetensors")
    with pytest.raises(NetworkError, match=r"head.bias .* NaN"):
        load_weights(network, tmp_path / "nan.safetensors")
    torch.save(network, tmp_path / "pickled.pt")
    with pytest.raises(FileError, match="more than tensors"):
        load_weights(network, tmp_path / "pickled.pt")
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())


def test_macs_and_parameters_by_hand():
    network = seeded(Chain)
    assert count_parameters(network) == 2 * 4 * 9 + 8 + 4 * 5 * 9 + 5 + 5 * 2 * 9 + 2
    assert count_macs(network, CALL) == 64 * 9 * (2 * 4 + 4 * 5 + 5 * 2)
