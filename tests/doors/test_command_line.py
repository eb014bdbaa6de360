"""Checkpoints and wrapped networks on the command line."""

from __future__ import annotations

import json

import pytest
import torch
from torch import nn

from secateur.cli import run
from tests.end_to_end.own import build as own

TASK = ("--task", "tests.end_to_end.own:task", "--probes", "2")

pytestmark = pytest.mark.usefixtures("eager_alone")


def wrapped() -> nn.Module:
    return nn.DataParallel(own())


def test_a_checkpoint_with_two_sets_of_weights(tmp_path, capsys):
    network = own()
    plain = network.state_dict()
    ema = {f"module.{k}": v + 1 if k == "fc.bias" else v for k, v in plain.items()}
    torch.save({"model": plain, "ema": ema, "epoch": 3}, tmp_path / "w.pt")
    arguments = ["prune", "--network", f"{__name__}:wrapped", *TASK, "--amount", "3"]
    arguments += ["--objective", "l1", "--weights", str(tmp_path / "w.pt")]
    assert run(arguments) == 1
    err = capsys.readouterr().err
    assert "2 sets of weights that fit: 'model', 'ema' ('module.')" in err
    assert "--weights-key model" in err
    assert run([*arguments, "--weights-key", "ema", "--json"]) == 0
    out, err = capsys.readouterr()
    assert "the weights are those under 'ema' in w.pt" in err
    assert json.loads(out)["notes"] == [
        "the network is wrapped by DataParallel: what it wraps is pruned"
    ]


def test_a_key_without_weights_is_refused(capsys):
    arguments = ["prune", "--network", f"{__name__}:wrapped", *TASK, "--amount", "3"]
    assert run([*arguments, "--weights-key", "ema"]) == 1
    assert "there are no weights" in capsys.readouterr().err


def test_qubo_says_what_it_unwrapped(tmp_path, capsys):
    path = tmp_path / "own.bqm"
    arguments = ["qubo", "--network", f"{__name__}:wrapped", *TASK, "--objective", "l1"]
    assert run([*arguments, "--output", str(path)]) == 0
    assert "wrapped by DataParallel" in capsys.readouterr().err
    assert path.exists()
