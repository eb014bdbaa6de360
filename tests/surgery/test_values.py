"""Tensors of every type and layout in a file: exact, rounded and told, or refused; none changed."""

from __future__ import annotations

import io
import math
import zipfile

import numpy as np
import pytest
import torch
from torch import nn

from secateur.errors import FileError, NetworkError, SecateurError
from secateur.surgery import load_weights


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3))


STATE = network().state_dict()
WEIGHT = STATE["0.weight"]


def loaded(tmp_path, weight, name="0.weight", net=None):
    net = net or network()
    torch.save({**STATE, name: weight}, tmp_path / "w.pt")
    before = {key: value.clone() for key, value in net.state_dict().items()}
    try:
        notes = load_weights(net, tmp_path / "w.pt")
    except SecateurError:
        for key, value in net.state_dict().items():
            assert torch.equal(value, before[key])
        raise
    return net.state_dict()[name], notes


@pytest.mark.parametrize(
    "dtype",
    [torch.int8, torch.uint8, torch.int16, torch.int32, torch.int64, torch.bool, torch.uint16,
     torch.complex64, torch.complex128],
)  # fmt: skip
def test_whole_and_complex_numbers_are_no_weights(tmp_path, dtype):
    kind = str(dtype).removeprefix("torch.")
    with pytest.raises(FileError, match=rf"0\.weight is {kind} .* float32") as caught:
        loaded(tmp_path, torch.ones(3, 4).to(dtype))
    assert "dequantize" in caught.value.remedy


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_floats_that_are_the_same_in_the_network_need_no_word(tmp_path, dtype):
    weight = torch.arange(12.0).reshape(3, 4).to(dtype)
    got, notes = loaded(tmp_path, weight)
    assert notes == []
    assert torch.equal(got, weight.float())
    assert got.dtype == torch.float32


def test_rounding_is_told_and_overflow_refused(tmp_path):
    weight = torch.full((3, 4), 1 / 3, dtype=torch.float64)
    got, notes = loaded(tmp_path, weight)
    assert notes == ["weights were rounded from float64 to float32"]
    assert torch.equal(got, weight.float())
    with pytest.raises(NetworkError, match=r"infinite as torch\.float32"):
        loaded(tmp_path, torch.full((3, 4), 1e300, dtype=torch.float64))
    with pytest.raises(NetworkError, match=r"infinite as torch\.float16"):
        loaded(tmp_path, torch.full((3, 4), 1e6), net=network().half())


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16])
def test_what_is_not_finite(tmp_path, value, dtype):
    weight = WEIGHT.clone().to(dtype)
    weight[1, 2] = value
    with pytest.raises(NetworkError, match=r"0\.weight .* NaN or infinite"):
        loaded(tmp_path, weight)


def test_a_counter_is_taken_where_it_is_whole(tmp_path):
    for good in (torch.tensor(7.0), torch.tensor(7, dtype=torch.int32), torch.tensor(True)):
        got, _ = loaded(tmp_path, good, "1.num_batches_tracked")
        assert int(got) == int(good)
    for bad in (torch.tensor(7.5), torch.tensor(1e30), torch.tensor(1j)):
        with pytest.raises(FileError, match="num_batches_tracked is"):
            loaded(tmp_path, bad, "1.num_batches_tracked")


@pytest.mark.parametrize(
    ("weight", "kind"),
    [
        (lambda: WEIGHT.to_sparse(), "sparse"),
        (lambda: WEIGHT.to_sparse_csr(), "sparse"),
        (lambda: torch.empty(3, 4, device="meta"), "meta"),
        (lambda: torch.quantize_per_tensor(WEIGHT, 0.1, 0, torch.qint8), "quantised"),
        (lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]), "nested"),
    ],
)
@pytest.mark.filterwarnings("ignore")  # PyTorch's own, about layouts that it will change
def test_layouts_that_are_no_weights(tmp_path, weight, kind):
    weight = weight()
    with pytest.raises(FileError, match=kind) as caught:
        loaded(tmp_path, weight)
    assert caught.value.remedy


def test_an_expanded_tensor_is_what_it_shows_or_another_shape(tmp_path):
    got, _ = loaded(tmp_path, torch.tensor(2.0).expand(3, 4))
    assert torch.equal(got, torch.full((3, 4), 2.0))
    with pytest.raises(FileError, match="does not fit"):
        loaded(tmp_path, torch.tensor(2.0).expand(100_000, 100_000))
    torch.save(
        {"weight": torch.tensor(2.0).expand(3, 10**9), "bias": torch.zeros(3)}, tmp_path / "l.pt"
    )
    with pytest.raises(FileError, match="3000000000 elements and 4 bytes"):
        load_weights(nn.LazyLinear(3), tmp_path / "l.pt")


class Runs:
    def __reduce__(self):
        return (print, ("executed",))


def test_nothing_is_run(tmp_path, capsys):
    torch.save({**STATE, "0.weight": Runs()}, tmp_path / "w.pt")
    with pytest.raises(FileError, match="not tensors alone"):
        load_weights(network(), tmp_path / "w.pt")
    assert "executed" not in capsys.readouterr().out


def test_a_file_that_unpacks_to_more_than_it_is(tmp_path):
    """torch.save stores; a record that is compressed can be a thousand times its size."""
    stored = io.BytesIO()
    torch.save({"0.weight": torch.zeros(1_000_000)}, stored)
    with (
        zipfile.ZipFile(stored) as old,
        zipfile.ZipFile(tmp_path / "w.pt", "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for entry in old.infolist():
            new.writestr(entry.filename, old.read(entry))
    with pytest.raises(FileError, match="bytes and declares"):
        load_weights(network(), tmp_path / "w.pt")


@pytest.mark.parametrize("claim", [0, 7, 2**32, 2**62, 2**64 - 1])
def test_a_safetensors_header_that_lies(tmp_path, claim):
    from safetensors.torch import save_file

    path = tmp_path / "w.safetensors"
    save_file(STATE, path)
    whole = path.read_bytes()
    path.write_bytes(np.uint64(claim).tobytes() + whole[8:])
    with pytest.raises(FileError):
        load_weights(network(), path)
    path.write_bytes(whole.replace(b'"shape":[3,4]', b'"shape":[3,9]'))
    with pytest.raises(FileError):
        load_weights(network(), path)
