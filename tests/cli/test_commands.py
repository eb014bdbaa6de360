"""The command line as a newcomer uses it, rightly and wrongly."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import dimod
import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from secateur import __version__
from secateur.cli import COMMANDS, run
from tests.end_to_end import own

OWN = ["--network", "tests.end_to_end.own:build", "--task", "tests.end_to_end.own:task"]
PRUNE = ["prune", *OWN, "--untied", "--probes", "3", "--amount"]


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def fails(capsys, arguments: list[str], error: str, *parts: str, code: int = 1) -> None:
    """The command ends with one clear error, and prints no traceback and no result."""
    assert run(arguments) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in err
    assert error in err
    for part in parts:
        assert part in err


def test_version_and_help_teach(capsys):
    assert run(["--version"]) == 0
    assert __version__ in capsys.readouterr().out
    assert run(["--help"]) == 0
    text = capsys.readouterr().out
    for name in COMMANDS:
        assert name in text
    for name in ("prune", "qubo", "demo", "train"):
        assert run([name, "--help"]) == 0
        assert re.search(r"Example.*:\n +secateur ", capsys.readouterr().out)


def test_prune_prints_a_table_and_writes_a_folder(capsys, eager_alone):
    weights = own.build()
    save_file(weights.state_dict(), "w.safetensors")
    command = [*PRUNE, "40%", "--weights", "w.safetensors", "--output", "out"]
    assert run(command) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:3] == ["method", "channels", "parameters"]
    assert lines[2].split()[0] == "auto"
    assert lines[2].split()[2:4] == ["10", "(-6)"]
    assert sorted(p.name for p in Path("out").iterdir()) == [
        "figure.png",
        "network.safetensors",
        "result.json",
        "selection.json",
    ]
    fails(capsys, command, "FileError: out exists already", "choose another name")


def test_prune_prints_json(capsys):
    arguments = [*PRUNE, "5", "--objective", "hybrid", "--backend", "steepest-descent"]
    arguments += ["--objective-option", "similarity_weight=0.3", "--option", "reads=7"]
    assert run([*arguments, "--refine", "tt", "--evaluations", "3", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert [row["method"] for row in result["rows"]] == ["dense", "hybrid+tt"]
    assert result["rows"][1]["pruned"] == 5
    assert set(result["rows"][1]["times"]) == {"eager", "onnxruntime"}
    assert result["settings"]["methods"][0]["objective_options"]["similarity_weight"] == 0.3


def test_a_ridge_is_a_number_or_auto(capsys, eager_alone):
    command = [*PRUNE, "2", "--objective", "l1", "--probes", "0", "--json", "--ridge"]
    assert run([*command, "auto"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["settings"]["methods"][0]["ridge"] == "auto"
    assert any("ridge" in note for note in result["notes"])
    for wrong in ("autp", "0", "nan"):
        fails(capsys, [*command, wrong], f"is '{wrong}': ", "more than 0, or auto")


def test_qubo_writes_a_file_and_stops(capsys):
    command = ["qubo", *OWN, "--probes", "3", "--objective", "residual", "--output"]
    assert run([*command, "tied.bqm"]) == 0
    assert "8 variables" in capsys.readouterr().out
    assert run([*command, "o.bqm", "--untied"]) == 0
    assert "16 variables" in capsys.readouterr().out
    with Path("o.bqm").open("rb") as file:
        bqm = dimod.BinaryQuadraticModel.from_file(file)
    assert bqm.num_variables == 16
    assert "stem.0:0" in bqm.variables


@pytest.mark.parametrize("amount", ["0", "100%", "1.5", "abc", "15", "-3"])
def test_a_wrong_amount(capsys, amount):
    fails(capsys, [*PRUNE, amount], "AmountError", repr(amount), "Mend:")


@pytest.mark.parametrize(
    ("change", "error", "part"),
    [
        (["--network", "nowhere:build"], "NetworkError", "No module named 'nowhere'"),
        (["--network", "tests.end_to_end.own"], "NetworkError", "module:attribute"),
        (["--network", "tests.end_to_end.own:missing"], "NetworkError", "missing"),
        (["--network", "tests.end_to_end.own:broken"], "NetworkError", "no such weights"),
        (["--network", "tests.end_to_end.own:no_convolutions"], "NetworkError", "is an output"),
        (["--task", "tests.end_to_end.own:nan_metric"], "MetricError", "nan"),
        (["--task", "tests.end_to_end.own:nan_data"], "DataError", "NaN"),
        (["--task", "tests.end_to_end.own:wrong_shape"], "DataError", "(1, 5, 8, 8)"),
        (["--task", "denoise"], "TaskError", "denoising"),
        (["--task", "sidd"], "DataError", "--sidd"),
        (["--task", "sidd", "--sidd", "nowhere"], "FileError", "nowhere"),
        (["--task", "denoising", "--photos", "nowhere"], "FileError", "nowhere is no folder"),
        (["--backend", "anealing"], "BackendNotFound", "did you mean 'annealing'"),
        (
            ["--backend", "annealing", "--option", "read=3"],
            "BackendOptionError",
            "did you mean 'reads'",
        ),
        (["--option", "reads"], "OptionError", "key=value"),
        (
            ["--backend", "annealing", "--option", "reads=0"],
            "BackendOptionError",
            "from 1 to 1000000",
        ),
        (["--objective", "fischer"], "OptionError", "did you mean 'fisher'"),
        (["--objective", "fisher", "--objective-option", "gamma=1"], "OptionError", "gradient"),
        (["--objective-option", "gradient=1"], "OptionError", "name the objective"),
        (["--weights", "nowhere.safetensors"], "FileError", "nowhere.safetensors"),
        (["--ignored", "stemm"], "NetworkError", "did you mean 'stem'"),
        (
            ["--refine", "tt", "--evaluations", "0"],
            "OptionError",
            "'evaluations' of refiner 'tt' is 0",
        ),
        (["--probes", "-1"], "OptionError", "'probes' of measure is -1"),
    ],
)
def test_bad_input_is_one_clear_error(capsys, change, error, part):
    fails(capsys, [*PRUNE, "4", *change], error, part, "Mend:")


@pytest.mark.parametrize("keep", [0, 100, -200])
def test_corrupt_and_truncated_weights(capsys, keep):
    save_file(own.build().state_dict(), "w.safetensors")
    data = Path("w.safetensors").read_bytes()
    Path("w.safetensors").write_bytes(data[:keep])
    fails(capsys, [*PRUNE, "4", "--weights", "w.safetensors"], "FileError", "w.safetensors is cor")


def test_nan_weights(capsys):
    state = own.build().state_dict()
    state["fc.bias"] = torch.full((3,), float("nan"))
    save_file(state, "w.safetensors")
    fails(capsys, [*PRUNE, "4", "--weights", "w.safetensors"], "NetworkError", "fc.bias")


def test_wrong_usage_is_exit_code_two(capsys):
    assert run(["prune"]) == 2
    assert "--network" in capsys.readouterr().err
    assert run(["prnue"]) == 2
    assert run(["prune", *OWN, "--amount", "3", "--norm-over", "some"]) == 2


def test_training_is_a_command(capsys, tmp_path):
    rng = np.random.default_rng(0)
    folder = tmp_path / "photos"
    folder.mkdir()
    for k in range(3):
        pixels = rng.integers(0, 255, (160, 160, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{k}.png")
    train = ["train", "halfunet", "--width", "3", "--levels", "2", "--patch", "16", "--batch", "2"]
    train += ["--photos", str(folder), "--output", "mine", "--steps", "3", "--json"]
    assert run(train) == 0
    about = json.loads(capsys.readouterr().out)
    assert about["recipe"]["steps"] == 3
    assert "--width 3" in about["command"]
    assert sorted(p.name for p in Path("mine").iterdir()) == [
        "halfunet.json",
        "halfunet.safetensors",
    ]
    fails(capsys, train, "FileError: mine exists already")
    fails(capsys, [*train, "--resume"], "FileError", "no mine/state.safetensors to resume")
    fails(capsys, [*train, "--levels", "0"], "OptionError", "levels is 0")


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX")
def test_ctrl_c_is_exit_code_130_without_a_traceback(tmp_path):
    """A real SIGINT to a real process, in the middle of the refinement."""
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "secateur", *PRUNE, "4", "--output", "out"]
    command += ["--refine", "tt", "--evaluations", "100000"]
    path = os.pathsep.join([str(root), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": path}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )
    seen = ""
    assert process.stderr is not None
    deadline = time.monotonic() + 120
    while "refining" not in seen and time.monotonic() < deadline:
        seen += process.stderr.readline()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, seen + err
    assert out == ""
    assert "Traceback" not in err
    assert "interrupted" in err
    assert not [p for p in tmp_path.iterdir() if p.name.startswith((".out", "out"))]
