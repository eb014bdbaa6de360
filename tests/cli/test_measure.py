"""``secateur measure``, and what is done with what it wrote."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import nn

import secateur
from secateur.cli import run
from secateur.files import load_bqm
from tests.cli.test_rescue import full, taken_meanwhile
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


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize("taken", [["kept"], ["curves.png"], ["kept", "curves.png"]])
def test_it_is_written_where_it_can_be(here, capsys, monkeypatch, as_json, taken):
    """Each of its outputs is written, where it should be or beside it, and each fault is told."""
    outputs = {"kept": "kept-rescued-1", "curves.png": "curves-rescued-1.png"}
    for path in taken:
        taken_meanwhile(monkeypatch, "secateur.measured.measure", path)
    command = [*MEASURE, "--output", "kept", "--picture", "curves.png"]
    assert run([*command, *(["--json"] if as_json else [])]) == 1
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    if as_json:
        assert json.loads(out)["channels"] == 8
    else:
        assert "8 channels in 1 layer," in out
    for wanted, rescued in outputs.items():
        place = Path(rescued if wanted in taken else wanted)
        if wanted in taken:
            assert f"{wanted} exists already; it was written to {rescued} instead" in err
            assert not list(Path(wanted).iterdir())
        else:
            assert wanted not in err
            assert not Path(rescued).exists()
            assert as_json or f"written: {wanted}" in out
        if wanted == "kept":
            secateur.Measured.load(place, own.build(), own.task())
        else:
            assert place.read_bytes().startswith(b"\x89PNG")


def test_a_picture_of_a_measuring_that_cannot_be_drawn_costs_only_the_picture(
    here, capsys, monkeypatch
):
    def undrawn(*args, **kwargs):
        raise ValueError("no axes today")

    monkeypatch.setattr("secateur.report.landscape.draw_curves", undrawn)
    assert run([*MEASURE, "--picture", "curves.png", "--output", "kept"]) == 1
    out, err = capsys.readouterr()
    assert "no axes today" in err
    assert "Traceback" not in err
    assert "written: kept" in out
    assert sorted(path.name for path in Path().iterdir()) == ["kept"]
    secateur.Measured.load("kept", own.build(), own.task())


def test_a_measuring_that_can_be_written_nowhere_costs_not_its_picture(here, capsys, monkeypatch):
    monkeypatch.setattr("secateur.measured.measured.save_measured", full)
    assert run([*MEASURE, "--picture", "curves.png", "--output", "kept"]) == 1
    out, err = capsys.readouterr()
    assert "kept cannot be written: No space left on device" in err
    assert "written: curves.png" in out
    assert Path("curves.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in Path().iterdir()) == ["curves.png"]
