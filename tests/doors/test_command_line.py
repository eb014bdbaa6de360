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


def test_an_objective_is_chosen_and_rounds_are_made(capsys):
    arguments = ["prune", "--network", "tests.end_to_end.own:build", *TASK, "--amount", "6"]
    assert run([*arguments, "--objective", "auto", "--rounds", "2", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    row = told["rows"][-1]
    assert row["method"].startswith("auto (")
    assert row["method"].endswith(") in 2 rounds")
    assert row["pruned"] == 6
    assert sum("2 rounds: " in note or "the best of" in note for note in told["notes"]) == 2
    some = [*arguments, "--objective", "auto", "--objective-option", 'candidates=["l1", "taylor"]']
    assert run([*some, "--json"]) == 0
    assert "auto (" in capsys.readouterr().out
    assert run([*some, "--dry-run"]) == 0
    assert "nothing is charged" in capsys.readouterr().out


def test_a_choice_is_no_qubo_to_write(tmp_path, capsys):
    arguments = ["qubo", "--network", "tests.end_to_end.own:build", *TASK, "--objective", "auto"]
    assert run([*arguments, "--output", str(tmp_path / "own.bqm")]) == 1
    assert "the objective 'auto' is no QUBO" in capsys.readouterr().err
