"""Weights, selections and values in files: what is found, what is told, what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from secateur.errors import FileError, NetworkError
from secateur.network import Call, find_channels
from secateur.surgery import save, values, weights
from secateur.surgery.save import _keep_of, save_slim
from secateur.surgery.selection_file import _short, read_selection
from secateur.surgery.weights import _find, _plain_names, _state_dicts, load_weights
from tests.nets import Chain, seeded

X = torch.randn(2, 2, 5, 5, generator=torch.Generator().manual_seed(0))
LINEAR = nn.Linear(2, 3)
STATE = dict(LINEAR.state_dict())
FILE = Path("w.pt")


@pytest.fixture(scope="module")
def channels():
    return find_channels(seeded(Chain), X)


def test_what_stays_is_read_by_layer_and_index(channels):
    network = seeded(Chain)
    first, second = channels.groups
    kept = {first.name: [0, 3], second.name: [1]}
    keep = _keep_of(channels, kept, Path("f"), network)
    assert np.flatnonzero(keep[first.slice]).tolist() == [0, 3]
    assert np.flatnonzero(keep[second.slice]).tolist() == [1]
    only = _keep_of(channels, {second.name: [0]}, Path("f"), network)
    assert only[first.slice].all()  # what is not named stays whole
    with pytest.raises(FileError, match="no layer 'other' that can be pruned"):
        _keep_of(channels, {"other": [0]}, Path("f"), network)
    with pytest.raises(FileError, match=rf"'{first.name}' has no channel 7"):
        _keep_of(channels, {first.name: [0, 7, 9]}, Path("f"), network)


def test_a_selection_file_can_be_read_by_people_and_ends_with_a_line(channels, tmp_path):
    keep = np.ones(len(channels), dtype=bool)
    save_slim(seeded(Chain), channels, keep, tmp_path, example=Call((X,)))
    text = (tmp_path / save.SELECTION).read_text()
    assert text == json.dumps(json.loads(text), indent=2) + "\n"
    about = read_selection(tmp_path / save.SELECTION)
    assert {name: list(kept) for name, kept in about.kept.items()} == channels.keep_by_layer(keep)
    assert about.example.args[0].shape == (1, 2, 5, 5)


@pytest.mark.parametrize("kept", [[0], [0, 1, 5], [7]])
def test_ascending_indices_are_read(channels, tmp_path, kept):
    keep = np.ones(len(channels), dtype=bool)
    save_slim(seeded(Chain), channels, keep, tmp_path, example=Call((X,)))
    path = tmp_path / save.SELECTION
    about = json.loads(path.read_text())

    def rewritten(given):
        path.write_text(json.dumps({**about, "kept": {"first": given}}))
        return read_selection(path).kept

    assert rewritten(kept) == {"first": tuple(kept)}
    for bad in ([-1], [1, 1], [2, 1], [True], [0.0], [], "0", [[0]]):
        with pytest.raises(FileError, match=r"of 'first'"):
            rewritten(bad)


def test_what_a_file_says_is_quoted_up_to_sixty_characters():
    assert _short("a" * 58) == repr("a" * 58)
    assert _short("a" * 59) == repr("a" * 59)[:60] + "…"
    deep: list = []
    for _ in range(100_000):
        deep = [deep]
    assert _short(deep) == "a list"
    while deep:  # taken apart from outside: freeing it at once goes as deep
        deep = deep[0]


def nested(depth: int):
    content = STATE
    for _ in range(depth):
        content = {"in": content}
    return content


@pytest.mark.parametrize("depth", [0, 1, 2, 3])
def test_a_state_dict_is_found_three_levels_deep(depth):
    where, prefix, state = _find(LINEAR, nested(depth), FILE, None)
    assert (where, prefix) == (".".join(["in"] * depth), "")
    assert state.keys() == STATE.keys()


def test_no_deeper_than_three_levels():
    assert weights.DEPTH == 3
    with pytest.raises(FileError, match="no state dict"):
        _find(LINEAR, nested(4), FILE, None)
    assert list(_state_dicts({}, "", 3)) == []
    assert list(_state_dicts({1: STATE}, "", 3)) == []
    assert list(_state_dicts({"a_extra_state": 3}, "", 3)) == []


def test_the_key_says_which_of_several():
    other = {name: 2 * value for name, value in STATE.items()}
    both = {"a": STATE, "b": {"c": other}}
    for key, wanted in (("a", STATE), ("b.c", other)):
        where, _, state = _find(LINEAR, both, FILE, key)
        assert where == key
        assert torch.equal(state["weight"], wanted["weight"])
    with pytest.raises(FileError, match=r"2 sets of weights that fit: 'a', 'b\.c'") as caught:
        _find(LINEAR, both, FILE, None)
    assert "key='a'" in caught.value.remedy
    with pytest.raises(FileError, match=r"no state dict under 'x'; it has 'a', 'b\.c'"):
        _find(LINEAR, both, FILE, "x")
    with pytest.raises(FileError, match=r"no state dict under 'x'; it has the keys 'weight', "):
        _find(LINEAR, STATE, FILE, "x")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"bias": None}, r": bias is missing there; its names are 'weight'$"),
        ({"bias": None, "x": 1, "y": 1}, r": bias is missing there \(and 2 more\); its names"),
        ({"weight": 5}, r": weight is \(5,\) there and \(3, 2\) here; its names"),
    ],
)
def test_the_first_misfit_is_named_and_the_others_counted(change, said):
    state = dict(STATE)
    for name, size in change.items():
        if size is None:
            del state[name]
        else:
            state[name] = torch.ones(size)
    with pytest.raises(FileError) as caught:
        _find(LINEAR, state, FILE, None)
    import re

    assert re.search(f"^w.pt does not fit Linear{said}", caught.value.message)
    with pytest.raises(FileError) as caught:
        weights.load_state(LINEAR, state, FILE)
    more = re.search(r"\(and \d+ more\)", said.replace("\\", ""))
    assert (more.group() in caught.value.message) if more else ("more" not in caught.value.message)


def test_what_wrappers_and_one_prefix_put_in_is_taken_out():
    def names(state):
        return [(prefix, sorted(plain)) for prefix, plain in _plain_names(LINEAR, state)]

    plain = ["bias", "weight"]
    assert names(STATE) == [("", plain)]
    wrapped = {f"module.{name}": value for name, value in STATE.items()}
    assert ("module.", plain) in names(wrapped)
    own = {f"net.{name}": value for name, value in STATE.items()} | {"other.x": torch.ones(1)}
    assert names(own)[-1] == ("net.", plain)
    assert names({}) == [("", [])]


def test_no_more_than_a_tebibyte_is_read(tmp_path, monkeypatch):
    assert weights.MOST_WEIGHTS == 2**40
    for name in ("w.pt", "w.safetensors"):
        (tmp_path / name).write_bytes(b"12345")
        monkeypatch.setattr(weights, "MOST_WEIGHTS", 4)
        with pytest.raises(FileError) as caught:
            load_weights(seeded(Chain), tmp_path / name)
        assert "corrupt" not in caught.value.message


def test_a_file_of_another_kind_is_refused(tmp_path):
    (tmp_path / "w.npz").touch()
    with pytest.raises(FileError, match="no weights file that we read"):
        load_weights(seeded(Chain), tmp_path / "w.npz")


@pytest.mark.parametrize("length", [299, 300, 301])
def test_long_lists_of_names_are_cut(length):
    found = weights._short("x" * length)
    assert found == ("x" * length if length <= 300 else "x" * 300 + " …")


@pytest.mark.parametrize(
    ("given", "here", "said"),
    [
        (torch.complex64, torch.float32, "w is complex64 .* and float32"),
        (torch.int32, torch.float32, "w is int32 .* and float32"),
        (torch.float64, torch.float32, None),
        (torch.float32, torch.complex64, None),
        (torch.int64, torch.int32, None),
        (torch.float32, torch.int64, None),
        (torch.bool, torch.int64, None),
    ],
)
def test_a_type_is_taken_where_every_value_is_the_same(given, here, said):
    tensor, wanted = torch.ones(2).to(given), torch.ones(2).to(here)
    if said is None:
        values._check_type("w", tensor, wanted, FILE)
    else:
        with pytest.raises(FileError, match=said):
            values._check_type("w", tensor, wanted, FILE)


def test_whole_numbers_are_taken_where_they_fit():
    for tensor, fits in (
        (torch.tensor([127]), True),
        (torch.tensor([128]), False),
        (torch.tensor([1.5]), False),
        (torch.tensor([-3.0]), True),
    ):
        if fits:
            values._check_type("w", tensor, torch.zeros(1, dtype=torch.int8), FILE)
        else:
            with pytest.raises(FileError, match="int8 in the network"):
                values._check_type("w", tensor, torch.zeros(1, dtype=torch.int8), FILE)


@pytest.mark.parametrize(
    "dtype", [torch.float8_e5m2, torch.float8_e4m3fn, torch.float8_e4m3fnuz, torch.float8_e5m2fnuz]
)
def test_eight_bit_floats_are_looked_at_as_numbers(dtype):
    good = torch.tensor([1.0, 2.0]).to(dtype)
    bad = torch.tensor([1.0, torch.nan]).to(dtype)
    values._check_finite("w", good, torch.ones(2), FILE, buffer=False)
    with pytest.raises(NetworkError, match="NaN or infinite"):
        values._check_finite("w", bad, torch.ones(2), FILE, buffer=False)


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex64])
def test_a_buffer_may_be_infinite_and_nothing_may_be_no_number(value, dtype):
    bad = torch.tensor([1.0, value], dtype=dtype)
    with pytest.raises(NetworkError, match=r"w in w\.pt has values that are NaN or infinite"):
        values._check_finite("w", bad, bad, FILE, buffer=False)
    if value == torch.inf:
        values._check_finite("w", bad, bad, FILE, buffer=True)
    else:
        with pytest.raises(NetworkError, match="NaN"):
            values._check_finite("w", bad, bad, FILE, buffer=True)


@pytest.mark.skipif(not hasattr(torch, "float4_e2m1fn_x2"), reason="this PyTorch has no such type")
def test_floats_that_nothing_can_calculate_with_are_refused(tmp_path):
    packed = torch.zeros(3, 2, dtype=torch.uint8).view(torch.float4_e2m1fn_x2)
    torch.save({**STATE, "weight": packed}, tmp_path / "w.pt")
    with pytest.raises(FileError, match=r"weight is float4_e2m1fn_x2 in .* and float32") as caught:
        load_weights(nn.Linear(2, 3), tmp_path / "w.pt")
    assert "dequantize()" in caught.value.remedy


def test_a_network_that_was_saved_whole_is_told_by_its_class(tmp_path):
    torch.save(seeded(Chain), tmp_path / "whole.pt")
    with pytest.raises(FileError) as caught:
        load_weights(seeded(Chain), tmp_path / "whole.pt")
    assert f"holds an object of the class {Chain.__module__}.Chain, and not tensors" in str(
        caught.value
    )
    assert "torch.load('whole.pt', weights_only=False)" in caught.value.remedy
    assert "\x1b" not in str(caught.value)
