"""After pruning: trained further, measured again, saved, exported, pruned again."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

import secateur
from secateur.cli import run
from secateur.errors import FileError, NetworkError, OptionError
from secateur.metric import evaluate
from secateur.network import find_channels
from secateur.report import save_result
from tests.end_to_end import own
from tests.end_to_end.own import Deep, batches, deep, task

X = torch.randn(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))


def trained() -> torch.nn.Module:
    network = deep()
    optimiser = torch.optim.Adam(network.parameters(), lr=0.01)
    for seed in range(8):
        for inputs, labels in batches(10 + seed):
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(network(inputs), labels).backward()
            optimiser.step()
    return network.eval()


@pytest.fixture(scope="module")
def result() -> secateur.PruningResult:
    return secateur.prune(trained(), task(), "fisher", amount=6, probes=2, seed=0)


def adam(parameters):
    return torch.optim.Adam(parameters, lr=0.01)


def test_a_result_is_trained_and_measured_again(result):
    before = {k: v.clone() for k, v in result.network.state_dict().items()}
    tuned = secateur.finetune(result, batches(3), optimiser=adam, epochs=4)
    assert all(torch.equal(v, before[k]) for k, v in result.network.state_dict().items())
    assert [row.method for row in tuned.rows] == ["dense", "fisher", "fisher+trained"]
    assert tuned.rows[:2] == result.rows
    new = tuned.rows[-1]
    assert new.metric == evaluate(tuned.network, task())
    assert new.metric == new.metric_compensated
    assert new.metric >= result.rows[-1].metric_compensated
    assert (new.parameters, new.macs) == (result.rows[-1].parameters, result.rows[-1].macs)
    assert "fisher+trained" in str(tuned)
    again = secateur.finetune(result, batches(3), optimiser=adam, epochs=4)
    for name, value in again.network.state_dict().items():
        assert torch.equal(value, tuned.network.state_dict()[name])


def test_an_ordinary_loop_does_as_well(result):
    network = secateur.prune(trained(), task(), "fisher", amount=6, probes=2, seed=0)
    optimiser = torch.optim.SGD(network.network.parameters(), lr=0.01)
    network.network.train()
    for inputs, labels in batches(3):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(network.network(inputs), labels).backward()
        optimiser.step()
    network.network.eval()
    tuned = network.remeasured(name="loop")
    assert tuned.rows[-1].method == "fisher+loop"
    assert tuned.rows[-1].metric == evaluate(network.network, task())
    with pytest.raises(NetworkError, match=r"the network is another one: .* is \([68]"):
        result.remeasured(trained())


def test_it_is_saved_loaded_and_pruned_again(result, tmp_path):
    dense = find_channels(trained(), X)
    tuned = secateur.finetune(result, batches(3), optimiser=adam)
    save_result(tuned, tmp_path / "first", trained())
    loaded = secateur.load_pruned(deep(), tmp_path / "first")
    assert torch.equal(loaded.network(X), tuned.network(X))

    second = secateur.prune(tuned, task(), "fisher", amount=3, probes=2)
    same = secateur.prune(loaded, task(), "fisher", amount=3, probes=2)
    assert second.selection.ones == same.selection.ones
    assert second.selection.count == 3
    assert [row.method for row in second.rows] == ["before", "fisher"]
    assert second.to_json()["dense_channels"] == len(dense)
    assert second.to_json()["channels_left"] == len(dense) - 9
    gone = set(result.selection.ones) | set(second.selection.ones)
    assert len(gone) == 9
    assert gone <= set(dense.labels)
    left = {label for label, stays in zip(dense.labels, second.origin.keep, strict=True) if stays}
    assert left == set(dense.labels) - gone

    # the folder of the second round loads on the dense architecture
    save_result(second, tmp_path / "second", trained())
    again = secateur.load_pruned(deep(), tmp_path / "second")
    assert torch.equal(again.network(X), second.network(X))
    third = secateur.prune(again, task(), amount=2, probes=0, objective="l1", backend="greedy")
    assert not set(third.selection.ones) & gone
    assert set(third.selection.ones) <= left

    # what was loaded is trained and saved again without a result
    with pytest.raises(OptionError, match="knows no task"):
        secateur.finetune(again, batches(3))
    better = secateur.finetune(again, batches(3), task=task(), optimiser=adam)
    better.save(tmp_path / "third")
    back = secateur.load_slim(deep(), tmp_path / "third")
    assert torch.equal(back(X), better.network(X))
    assert not torch.equal(back(X), again.network(X))
    with pytest.raises(FileError, match="exists already"):
        better.save(tmp_path / "third")


@pytest.mark.parametrize("name", ["model.onnx", "model.pt2"])
def test_every_form_of_it_is_exported(result, tmp_path, monkeypatch, capsys, name):
    save_result(result, tmp_path / "folder", trained())
    done = [
        secateur.export(result, tmp_path / f"1-{name}"),
        secateur.export(result.network, tmp_path / f"2-{name}", example=X),
        secateur.export(tmp_path / "folder", tmp_path / f"3-{name}", network=deep()),
        secateur.export(secateur.load_pruned(deep(), tmp_path / "folder"), tmp_path / f"4-{name}"),
        secateur.export(torch.nn.DataParallel(result.network), tmp_path / f"5-{name}", example=X),
    ]
    monkeypatch.syspath_prepend(str(Path(own.__file__).parent))
    command = ["export", str(tmp_path / "folder"), str(tmp_path / f"6-{name}")]
    assert run([*command, "--network", "own:deep", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["inputs"] == {"x": ["batch", 1, 8, 8]}
    assert said["folded"] == 2
    assert {one.folded for one in done} == {2}
    assert all(one.difference < 1e-5 for one in done)
    if name == "model.onnx":
        for number in range(1, 7):
            session = onnxruntime.InferenceSession(tmp_path / f"{number}-{name}")
            (y,) = session.run(None, {"x": X.numpy()})
            np.testing.assert_allclose(y, result.network(X).detach().numpy(), atol=1e-5)
    assert run([*command, "--network", "own:deep"]) == 1
    assert "exists already" in capsys.readouterr().err


def test_what_an_export_needs_is_asked_for(result, tmp_path):
    with pytest.raises(OptionError, match="does not say what it is given"):
        secateur.export(result.network, tmp_path / "a.onnx")
    with pytest.raises(OptionError, match="holds weights and no code"):
        secateur.export(tmp_path, tmp_path / "a.onnx")
    with pytest.raises(OptionError, match="network is given with a PruningResult"):
        secateur.export(result, tmp_path / "a.onnx", network=deep())
    with pytest.raises(FileError, match="does not exist"):
        secateur.export(tmp_path / "none", tmp_path / "a.onnx", network=deep())


def test_a_saved_network_loads_where_secateur_is_not(tmp_path):
    """Of the user's own class, with weights alone or whole; nothing of ours is inside."""
    (tmp_path / "theirs.py").write_text(
        "import torch\n"
        "from torch import nn\n"
        "class Net(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.a, self.norm = nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8)\n"
        "        self.b, self.fc = nn.Conv2d(8, 8, 3, padding=1), nn.Linear(8, 3)\n"
        "    def forward(self, x):\n"
        "        x = torch.relu(self.norm(self.a(x)))\n"
        "        return self.fc(torch.relu(x + self.b(x)).mean((2, 3)))\n"
    )
    sys.path.insert(0, str(tmp_path))
    try:
        network = __import__("theirs").Net()
    finally:
        sys.path.remove(str(tmp_path))
    result = secateur.prune(network, task(), amount=3, probes=0, objective="l1")
    assert type(result.network) is type(network)
    torch.save(result.network, tmp_path / "whole.pt")
    torch.save(X, tmp_path / "x.pt")
    code = (
        "import sys; sys.modules['secateur'] = None\n"
        "import torch\n"
        "network = torch.load('whole.pt', weights_only=False)\n"
        "torch.save(network(torch.load('x.pt')).detach(), 'y.pt')\n"
        "print(network.a)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Conv2d(1, 5," in done.stdout
    with torch.no_grad():
        assert torch.equal(torch.load(tmp_path / "y.pt"), result.network(X))


def test_times_are_told_beside_the_dense_network(tmp_path):
    result = secateur.prune(
        trained(), task(), amount=10, probes=0, objective="l1", runtimes=("eager", "onnxruntime")
    )
    dense, slim = result.rows
    assert set(dense.times_ms) == set(slim.times_ms) == set(slim.speedups)
    assert set(slim.times_ms) == {"eager", "onnxruntime"}
    assert not dense.speedups
    told = slim.to_json("accuracy")["times"]["onnxruntime"]
    assert told["at_least"] <= told["speedup"] <= told["at_most"]
    assert told["ms"] == slim.times_ms["onnxruntime"] > 0
    header = str(result).splitlines()[0]
    assert "eager (1 thread)" in header
    assert header.endswith("onnxruntime")
    assert isinstance(result.network, Deep)
