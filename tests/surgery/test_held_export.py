"""What the tracer says is told as what the user can do about it."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from secateur.errors import NetworkError
from secateur.network.call import Call
from secateur.surgery import export
from secateur.surgery.export import Exported, export_network, trace_program


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("x was marked dynamic but your code specialized it to be a constant (2).", "other batch"),
        ("Constraints violated (batch)! For more information …", "other batch"),
        ("\n  \nthe second line\nthe third", "cannot be exported: RuntimeError: the second line"),
        ("", "cannot be exported: RuntimeError: RuntimeError"),
    ],
)
def test_a_batch_that_is_not_free_is_told_apart_from_all_else(monkeypatch, said, told):
    def failing(*args, **kwargs):
        raise RuntimeError(said)

    monkeypatch.setattr(torch.export, "export", failing)
    with pytest.raises(NetworkError, match=told.replace(".", r"\.")) as caught:
        trace_program(nn.Linear(2, 2), Call((torch.ones(5, 2),)), dynamic_batch=True)
    assert ("dynamic_batch=False" in caught.value.remedy) == (told == "other batch")
    if told == "other batch":
        assert "no other batch than one of 5" in caught.value.message


def test_what_was_written_is_told_in_a_line_and_as_data(tmp_path):
    path = tmp_path / "n.onnx"
    inputs = (("x", ("batch", 3)), ("y", (2,)))
    whole = Exported(path, inputs, ("a", "b"), 2, (1, 3), 2.6e-7)
    assert str(whole) == (
        f"{path}: inputs x (batch × 3), y (2); outputs a, b; 2 batch normalisations folded; "
        "differs by 3e-07 for 1 and 3 samples"
    )
    assert whole.to_json() == {
        "path": str(path), "inputs": {"x": ["batch", 3], "y": [2]}, "outputs": ["a", "b"],
        "folded": 2, "samples": [1, 3], "difference": 2.6e-7,
    }  # fmt: skip
    unchecked = Exported(path, inputs, ("a",), 0, (), 0.0)
    assert str(unchecked).endswith("0 batch normalisations folded; not checked")
    assert unchecked.to_json()["difference"] is None


def test_the_rounding_of_a_network_is_its_distance_from_itself_in_double_precision():
    network = nn.Linear(50, 4)
    x = torch.randn(3, 50, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        out = network(x)
        exact = x.double() @ network.weight.double().T + network.bias.double()
    wanted = float((out.double() - exact).abs().max() / exact.abs().max())
    found = export._rounding(network, Call((x,)), {"output": out})
    assert found == pytest.approx(wanted, rel=1e-3)
    assert 0 < found < 1e-6

    class Single(nn.Module):
        def forward(self, x):
            return x @ torch.ones(50, 4)  # of single precision, whatever it is given

    assert export._rounding(Single(), Call((x,)), {"output": out}) == 0.0


@pytest.mark.parametrize(
    ("apart", "rounding", "told"),
    [(0.002, 0.001, True), (0.002, 0.0001, False), (1e-6, None, True), (2e-5, 0.0, False)],
)
def test_four_times_the_rounding_of_the_network_is_allowed(
    monkeypatch, tmp_path, apart, rounding, told
):
    """It is measured only where the file is farther from the network than the tolerance."""
    network, path = nn.Linear(3, 2), tmp_path / "n.pt2"
    write, run = export._kind(path)
    asked = []

    def rounds(*given):
        asked.append(given)
        return rounding

    def off(file, call):
        return [(1 + apart) * out for out in run(file, call)]

    monkeypatch.setattr(export, "_kind", lambda path: (write, off))
    monkeypatch.setattr(export, "_rounding", rounds)
    if told:
        done = export_network(network, path, Call((torch.ones(2, 3),)))
        assert done.difference == pytest.approx(apart, rel=0.5)
        assert path.exists()
    else:
        with pytest.raises(NetworkError, match=r"gives something else .*'output' differs"):
            export_network(network, path, Call((torch.ones(2, 3),)))
        assert not path.exists()
    assert bool(asked) == (rounding is not None)
