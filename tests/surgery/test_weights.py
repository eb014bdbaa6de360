"""Checkpoints as people have them: found, fitted, or refused with the names that they hold."""

from __future__ import annotations

import argparse
import warnings

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn.utils import parametrizations

from secateur.errors import FileError, NetworkError
from secateur.surgery import load_weights
from tests.nets import Chain, Residual, seeded

STATE = seeded(Chain, seed=1).state_dict()


def prefixed(prefix: str, state=STATE) -> dict:
    return {prefix + name: value for name, value in state.items()}


def doubled() -> dict:
    return {k: 2 * v if v.is_floating_point() else v for k, v in STATE.items()}


def equal(network: nn.Module, state=STATE) -> bool:
    return all(torch.equal(v, state[k]) for k, v in network.state_dict().items())


@pytest.mark.parametrize(
    ("content", "notes"),
    [
        (STATE, []),
        ({"state_dict": STATE, "epoch": 3}, ["the weights are those under 'state_dict' in w.pt"]),
        ({"model": STATE, "optimizer": {"state": {0: {"step": torch.ones(1)}}}}, ["'model'"]),
        ({"model_state_dict": prefixed("module.")}, ["'model_state_dict'", "'module.'"]),
        ({"ema": {"shadow": STATE, "decay": 0.9}}, ["'ema.shadow'"]),
        (prefixed("module."), ["their names begin with 'module.' there"]),
        (prefixed("_orig_mod."), ["'_orig_mod.'"]),
        (prefixed("module._orig_mod."), ["'module._orig_mod.'"]),
        ({"state_dict": prefixed("model.")}, ["'state_dict'", "'model.'"]),
        ({**prefixed("net.backbone."), "loss.weight": torch.ones(3)}, ["'net.backbone.'"]),
        ({"model": STATE, "other": seeded(Residual).state_dict()}, ["'model'"]),
    ],
)
def test_the_weights_of_a_checkpoint_are_found(tmp_path, content, notes):
    network = seeded(Chain)
    torch.save(content, tmp_path / "w.pt")
    said = load_weights(network, tmp_path / "w.pt")
    assert equal(network)
    assert len(said) == len(notes)
    for sentence, note in zip(said, notes, strict=True):
        assert note in sentence


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".bin", ".ckpt", ".pth.tar", ".safetensors"])
def test_the_kind_of_file_does_not_matter(tmp_path, suffix):
    path = tmp_path / f"w{suffix}"
    if suffix == ".safetensors":
        save_file(prefixed("module."), path)
    else:
        torch.save(prefixed("module."), path)
    network = seeded(Chain)
    load_weights(network, path)
    assert equal(network)


@pytest.mark.parametrize("wrap", [nn.DataParallel, lambda n: torch.compile(n, backend="eager")])
def test_a_wrapped_network_takes_plain_weights(tmp_path, wrap):
    network = seeded(Chain)
    torch.save(STATE, tmp_path / "w.pt")
    load_weights(wrap(network), tmp_path / "w.pt")
    assert equal(network)


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
    with pytest.raises(FileError, match="does not exist"):
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
    with pytest.raises(FileError, match="not tensors alone"):
        load_weights(network, tmp_path / "pickled.pt")
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())


def test_several_that_fit_are_a_question(tmp_path):
    path = tmp_path / "w.pt"
    torch.save({"model": STATE, "ema": prefixed("module.", doubled())}, path)
    network = seeded(Chain)
    with pytest.raises(
        FileError, match=r"2 sets of weights that fit: 'model', 'ema' \('module\.'\)"
    ):
        load_weights(network, path)
    load_weights(network, path, key="ema")
    assert equal(network, doubled())
    with pytest.raises(FileError, match="no state dict under 'emma'; it has 'model', 'ema'"):
        load_weights(network, path, key="emma")
    torch.save({**prefixed("student."), **prefixed("teacher.", doubled())}, path)
    with pytest.raises(FileError, match=r"the top \('student\.'\), the top \('teacher\.'\)"):
        load_weights(network, path)


def test_what_does_not_fit_is_named_with_what_the_file_holds(tmp_path):
    path = tmp_path / "w.pt"
    network = seeded(Chain)
    torch.save({"model": seeded(Residual).state_dict(), "epoch": 1}, path)
    with pytest.raises(FileError, match=r"\(under 'model'\) .* missing there.*'stem.weight'"):
        load_weights(network, path)
    torch.save({"state_dict": prefixed("module.", seeded(Chain, 6).state_dict())}, path)
    with pytest.raises(FileError, match=r"first.weight is \(6, 2, 3, 3\) there and"):
        load_weights(network, path)
    torch.save({"epoch": 3, "history": [1, 2]}, path)
    with pytest.raises(FileError, match="its keys are 'epoch', 'history'"):
        load_weights(network, path)
    torch.save([1, 2], path)
    with pytest.raises(FileError, match="holds a list and no state dict"):
        load_weights(network, path)
    torch.save({"model": STATE, "args": argparse.Namespace(lr=1)}, path)
    allowed = r"argparse.Namespace, and not tensors alone\n.*add_safe_globals\(\[Namespace\]\)"
    with pytest.raises(FileError, match=allowed):
        load_weights(network, path)
    with torch.serialization.safe_globals([argparse.Namespace]):
        load_weights(network, path)
    assert equal(network)


def test_nothing_is_loaded_of_weights_that_are_not_finite(tmp_path):
    bad = {**STATE, "head.bias": torch.tensor([float("inf"), 0.0])}
    torch.save({"model": bad}, tmp_path / "w.pt")
    network = seeded(Chain)
    with pytest.raises(NetworkError, match=r"head\.bias in .* NaN or infinite"):
        load_weights(network, tmp_path / "w.pt")
    assert equal(network, seeded(Chain).state_dict())


def test_rounding_is_said_and_types_that_do_not_fit_are_refused(tmp_path):
    path, network = tmp_path / "w.pt", seeded(Chain)
    torch.save({k: v.bfloat16() if v.is_floating_point() else v for k, v in STATE.items()}, path)
    assert load_weights(network, path) == []  # float32 holds it all
    torch.save({k: v.double() / 3 if v.is_floating_point() else v for k, v in STATE.items()}, path)
    assert load_weights(network, path) == ["weights were rounded from float64 to float32"]
    torch.save({**STATE, "head.bias": torch.ones(2, dtype=torch.complex64)}, path)
    with pytest.raises(FileError, match=r"head\.bias is complex64"):
        load_weights(network, path)


def test_old_weight_norm_loads_into_new(tmp_path):
    old, new = seeded(Chain, seed=1), seeded(Chain)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        nn.utils.weight_norm(old.first)
    torch.save({"model": old.state_dict()}, tmp_path / "w.pt")
    parametrizations.weight_norm(new.first)
    load_weights(new, tmp_path / "w.pt")
    torch.testing.assert_close(new.first.weight, STATE["first.weight"])


def test_a_network_on_the_meta_device_gets_its_weights(tmp_path):
    torch.save(STATE, tmp_path / "w.pt")
    with torch.device("meta"):
        network = Chain()
    load_weights(network, tmp_path / "w.pt")
    assert equal(network)
