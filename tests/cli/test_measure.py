"""``secateur measure``, and what is done with what it wrote."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from secateur.cli import run
from secateur.files import load_bqm
from tests.end_to_end import own

NETWORK = ["--network", "tests.end_to_end.own:build"]
OWN = [*NETWORK, "--task", "tests.end_to_end.own:task"]
MEASURE = ["measure", *OWN, "--probes", "3"]

pytestmark = pytest.mark.usefixtures("eager_alone")


def other() -> nn.Module:
    network = own.build()
    with torch.no_grad():
        network.fc.bias += 1.0
    return network


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_what_was_measured_is_pruned_and_written_as_a_qubo(here, capsys, monkeypatch):
    assert run([*MEASURE, "--seed", "4", "--output", "kept"]) == 0
    shown = capsys.readouterr().out
    assert "8 channels in 1 layer," in shown
    assert "tied: stem.0 = block.0" in shown
    assert "written: kept" in shown
    assert run(["prune", *OWN, "--probes", "3", "--seed", "4", "--amount", "3", "--json"]) == 0
    short = json.loads(capsys.readouterr().out)
    monkeypatch.setattr("secateur.measured.measured.collect_statistics", pytest.fail)
    assert run(["prune", *OWN, "--measured", "kept", "--amount", "3", "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    for key in ("energy", "accuracy", "accuracy_compensated", "pruned"):
        assert again["rows"][1][key] == short["rows"][1][key]
    assert again["seed"] == short["seed"] == 4
    assert run(["qubo", *OWN, "--measured", "kept", "--output", "own.bqm"]) == 0
    assert load_bqm("own.bqm").num_variables == 8


def test_it_is_told_as_json_and_drawn(here, capsys):
    assert run([*MEASURE, "--picture", "curves.png", "--untied", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["channels"] == 16
    assert [group["layer"] for group in told["groups"]] == ["stem.0", "block.0"]
    assert [group["channels"] for group in told["groups"]] == [8, 8]
    assert told["measuring"]["tied"] is False
    assert told["not_pruned"] == [{"path": "fc", "reason": "is an output of the network"}]
    assert Path("curves.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in here.iterdir()) == ["curves.png"]


@pytest.mark.parametrize("command", [["prune", "--amount", "3"], ["qubo", "--output", "o.bqm"]])
def test_another_network_is_refused(here, capsys, command):
    assert run([*MEASURE, "--output", "kept"]) == 0
    changed = ["--network", f"{__name__}:other", "--task", "tests.end_to_end.own:task"]
    assert run([*command, *changed, "--measured", "kept"]) == 1
    err = capsys.readouterr().err
    assert "StaleError: the weights of the network are not those" in err
    assert "Mend: measure again" in err


def test_a_folder_that_is_none_is_told(here, capsys):
    Path("empty").mkdir()
    for folder in ("empty", "nowhere"):
        assert run(["prune", *OWN, "--measured", folder, "--amount", "3"]) == 1
        assert f"FileError: {folder} holds nothing" in capsys.readouterr().err


def test_a_folder_in_the_way_costs_nothing(here, capsys, monkeypatch):
    monkeypatch.setattr("secateur.measured.measured.collect_statistics", pytest.fail)
    Path("kept").mkdir()
    assert run([*MEASURE, "--output", "kept"]) == 1
    assert "kept exists already" in capsys.readouterr().err


def test_a_folder_that_appears_meanwhile_loses_nothing(here, capsys, monkeypatch):
    real = own.task

    def taken():
        Path("kept").mkdir()
        return real()

    monkeypatch.setattr(own, "task", taken)
    assert run([*MEASURE, "--output", "kept"]) == 1
    assert "it was written to kept-rescued-1 instead" in capsys.readouterr().err
    monkeypatch.setattr(own, "task", real)
    assert run(["prune", *OWN, "--measured", "kept-rescued-1", "--amount", "3"]) == 0
