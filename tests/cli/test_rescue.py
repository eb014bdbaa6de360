"""Every command that writes: its output is tried before the work, and its answer is never lost."""

from __future__ import annotations

import errno
import json
import os
import tempfile
from pathlib import Path

import pytest
from safetensors.torch import save_file

from secateur.certify import check
from secateur.cli import run
from secateur.files import load_bqm, save_bqm
from secateur.tasks import denoising
from secateur.testing import random_problem
from tests.end_to_end import own

OWN = ["--network", "tests.end_to_end.own:build", "--task", "tests.end_to_end.own:task"]
L1 = [*OWN, "--probes", "0", "--objective", "l1"]
PRUNE = ["prune", *L1, "--amount", "3", "--output"]
QUBO = ["qubo", *L1, "--output"]
SOLVE = ["solve", "a.bqm", "--count", "2", "--certificate"]
EXPORT = ["export", "smaller", "--network", "tests.end_to_end.own:build"]
TRAIN = ["train", "halfunet", "--steps", "1", "--output"]
DEMO = ["demo", "--output"]
WHOLE = ["figure.png", "network.safetensors", "result.json", "selection.json"]

pytestmark = pytest.mark.usefixtures("eager_alone")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    for name in ("here", "home", "tmp"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    save_bqm(random_problem(8, 4).bqm, "a.bqm")
    return tmp_path / "here"


def full(*args, **kwargs):
    raise OSError(errno.ENOSPC, "No space left on device")


def forbidden(*args, **kwargs):
    raise AssertionError("the work began before the output was tried")


@pytest.mark.parametrize(
    "command",
    [PRUNE, QUBO, SOLVE, EXPORT, TRAIN, DEMO],
    ids=["prune", "qubo", "solve", "export", "train", "demo"],
)
@pytest.mark.parametrize("trouble", ["below a file", "no space", "in the way"])
def test_an_output_is_tried_before_the_work(here, capsys, monkeypatch, command, trouble):
    name = {"export": "model.pt2", "qubo": "new.bqm"}.get(command[0], "new")
    # what is first imported while a name is replaced would keep it for all tests after this one
    assert denoising.load_photographs is not forbidden
    for work in (
        "secateur.loading.call_factory",
        "secateur.files.read_file",
        "secateur.zoo.pretrained_small_halfunet",
        "secateur.tasks.photographs.load_photographs",
        "secateur.life.load_pruned",
    ):
        monkeypatch.setattr(work, forbidden)
    if trouble == "below a file":
        name = f"a.bqm/{name}"
    elif trouble == "in the way":
        Path(name).mkdir()
    else:
        monkeypatch.setattr(os, "fsync", full)
    arguments = [*command[:2], name, *command[2:]] if command is EXPORT else [*command, name]
    before = sorted(here.rglob("*"))
    assert run(arguments) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("FileError: ")
    assert name in err
    assert "Mend:" in err
    assert sorted(here.rglob("*")) == before


def taken_meanwhile(monkeypatch, function: str, path: str) -> None:
    """The output appears while the work is done."""
    module, _, name = function.rpartition(".")
    real = getattr(__import__(module, fromlist=[name]), name)

    def work(*args, **kwargs):
        Path(path).mkdir()
        return real(*args, **kwargs)

    monkeypatch.setattr(function, work)


@pytest.mark.parametrize("as_json", [False, True])
def test_prune(here, capsys, monkeypatch, as_json):
    taken_meanwhile(monkeypatch, "secateur.pipeline.prune", "out")
    assert run([*PRUNE, "out", *(["--json"] if as_json else [])]) == 1
    out, err = capsys.readouterr()
    if as_json:
        assert json.loads(out)["rows"][1]["pruned"] == 3
    else:
        assert "5 (-3)" in out
        assert "written: " not in out
    assert "FileError: out exists already; it was written to out-rescued-1 instead" in err
    assert "Traceback" not in err
    assert sorted(p.name for p in Path("out-rescued-1").iterdir()) == WHOLE


def test_the_table_of_prune_is_printed_before_anything_is_saved(capsys, monkeypatch):
    def killed(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr("secateur.report.save_or_rescue", killed)
    assert run([*PRUNE, "out"]) == 130
    assert "5 (-3)" in capsys.readouterr().out


@pytest.mark.parametrize("as_json", [False, True])
def test_qubo(capsys, monkeypatch, as_json):
    taken_meanwhile(monkeypatch, "secateur.measured.measure", "new.bqm")
    assert run([*QUBO, "new.bqm", *(["--json"] if as_json else [])]) == 1
    out, err = capsys.readouterr()
    if as_json:
        assert json.loads(out)["file"] == "new-rescued-1.bqm"
    else:
        assert "written: new-rescued-1.bqm (8 variables" in out
    assert "FileError: new.bqm exists already; it was written to new-rescued-1.bqm instead" in err
    assert load_bqm("new-rescued-1.bqm").num_variables == 8


def solve_taking(monkeypatch) -> None:
    taken_meanwhile(monkeypatch, "secateur.solving.solve", "p.json.gz")


@pytest.mark.parametrize("as_json", [False, True])
def test_a_certificate(capsys, monkeypatch, as_json):
    solve_taking(monkeypatch)
    assert run([*SOLVE, "p.json.gz", *(["--json"] if as_json else [])]) == 1
    out, err = capsys.readouterr()
    if as_json:
        assert json.loads(out)["certificate"] == "p-rescued-1.json.gz"
    else:
        assert "energy" in out
    assert "it was written to p-rescued-1.json.gz instead" in err
    assert check(Path("p-rescued-1.json.gz"), load_bqm("a.bqm"), None).verified


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize(
    ("trouble", "code", "said"),
    [("no bound", 1, "nothing to certify"), ("ctrl-c", 130, "interrupted"),
     ("no place", 1, "No space left on device")],
)  # fmt: skip
def test_the_answer_is_there_without_its_certificate(
    capsys, monkeypatch, as_json, trouble, code, said
):
    def interrupted(*args):
        raise KeyboardInterrupt

    command = [*SOLVE, "p.json"]
    if trouble == "no bound":
        command += ["--backend", "annealing", "--no-proof"]
    elif trouble == "ctrl-c":
        monkeypatch.setattr("secateur.solving.certificate.Certificate.save", interrupted)
    else:
        monkeypatch.setattr("secateur.solving.certificate.Certificate.save", full)
    assert run([*command, *(["--json"] if as_json else [])]) == code
    out, err = capsys.readouterr()
    assert said in err
    assert "Traceback" not in err
    if as_json:
        assert json.loads(out)["certificate"] is None
    else:
        assert out.startswith("backend")
    assert not list(Path().glob("p*"))


def test_export(capsys, monkeypatch):
    assert run([*PRUNE, "smaller"]) == 0
    capsys.readouterr()
    monkeypatch.setattr("tests.end_to_end.own.build", lambda real=own.build: taking(real))
    command = [*EXPORT[:2], "model.pt2", *EXPORT[2:], "--no-check"]
    assert run([*command, "--json"]) == 1
    out, err = capsys.readouterr()
    assert json.loads(out)["path"] == "model-rescued-1.pt2"
    assert "model.pt2 exists already; it was written to model-rescued-1.pt2 instead" in err
    assert Path("model-rescued-1.pt2").stat().st_size > 1000


def taking(build):
    Path("model.pt2").touch()
    return build()


def test_export_does_not_try_other_places_for_another_fault(capsys, monkeypatch):
    assert run([*PRUNE, "smaller"]) == 0
    capsys.readouterr()
    calls = []

    def fails(*args, **kwargs):
        calls.append(args)
        raise own.secateur.SecateurError("no such operation")

    monkeypatch.setattr("secateur.life.export", fails)
    assert run([*EXPORT[:2], "model.pt2", *EXPORT[2:]]) == 1
    assert "no such operation" in capsys.readouterr().err
    assert len(calls) == 1


def quick_training(monkeypatch) -> list[str]:
    from tests.zoo.test_train import PHOTOGRAPHS

    monkeypatch.setattr("secateur.tasks.photographs.load_photographs", lambda _: PHOTOGRAPHS)
    return ["train", "halfunet", "--width", "3", "--levels", "2", "--patch", "16", "--batch", "2",
            "--steps", "3", "--output", "mine"]  # fmt: skip


@pytest.mark.parametrize("as_json", [False, True])
def test_training(capsys, monkeypatch, as_json):
    command = quick_training(monkeypatch)

    def no_space_in_it(state, path, *more):
        if "mine/" in str(path) and "halfunet" in str(path):
            full()
        save_file(state, path, *more)

    monkeypatch.setattr("secateur.zoo.train.save_file", no_space_in_it)
    assert run([*command, *(["--json"] if as_json else [])]) == 1
    out, err = capsys.readouterr()
    assert "psnr" in json.loads(out) if as_json else "dB denoised" in out
    assert "mine cannot be written: No space left on device; it was written to mine-resc" in err
    assert sorted(p.name for p in Path("mine-rescued-1").iterdir()) == [
        "halfunet.json",
        "halfunet.safetensors",
    ]
    assert [p.name for p in Path("mine").iterdir()] == ["state.safetensors"]


def test_a_state_that_cannot_be_saved_does_not_end_the_training(capsys, monkeypatch):
    from secateur.zoo import train as training
    from tests.zoo.test_train import PHOTOGRAPHS, TINY

    real, steps = training._save_state, []

    def sometimes(path, about, *more):
        steps.append(about["step"])
        return full() if about["step"] == 2 else real(path, about, *more)

    monkeypatch.setattr(training, "_save_state", sometimes)
    training.train_network(TINY, PHOTOGRAPHS, Path("mine"), save_every=2)
    assert steps == [0, 2, 4, 6]
    monkeypatch.setattr(training, "_save_state", full)
    with pytest.raises(own.secateur.SecateurError, match="No space left on device"):
        training.train_network(TINY, PHOTOGRAPHS, Path("other"), save_every=2)


def quick_demo(monkeypatch) -> list[str]:
    """A stand-in for the network that takes two minutes."""
    monkeypatch.setattr("secateur.zoo.pretrained_small_halfunet", own.build)
    monkeypatch.setattr("secateur.tasks.denoising.denoising_task", lambda *a, **k: own.task())
    monkeypatch.setattr("secateur.pruning.running.TIMING", 0.001)
    for draw in ("secateur.report.figure.draw", "secateur.report.curve.folder.draw_curve"):
        monkeypatch.setattr(draw, lambda *_: None)  # takes longer than all the rest
    return ["demo", "--steps", "0", "--amount", "3"]


@pytest.mark.parametrize("as_json", [False, True])
def test_demo(capsys, monkeypatch, as_json):
    """The networks go where the curve went."""
    import secateur

    command = quick_demo(monkeypatch)
    taken_meanwhile(monkeypatch, "tests.end_to_end.own.task", "secateur-demo")
    assert run([*command, *(["--json"] if as_json else [])]) == 1
    out, err = capsys.readouterr()
    if as_json:
        assert json.loads(out)["points"][0]["pruned"] == 3
    else:
        assert out.index("greedy Taylor") < out.index("Written: secateur-demo-rescued-1 (")
    assert "it was written to secateur-demo-rescued-1 instead" in err
    assert list(Path("secateur-demo").iterdir()) == []
    secateur.load_slim(own.build(), "secateur-demo-rescued-1/3-of-8")


@pytest.mark.parametrize("what", ["curve", "network"])
def test_what_can_be_written_of_the_demo_is(capsys, monkeypatch, what):
    from secateur.report import curve, folder

    command = quick_demo(monkeypatch)

    def nowhere(*args):
        raise own.secateur.SecateurError("nowhere")

    if what == "curve":
        monkeypatch.setattr(curve, "save_curve", nowhere)
    else:
        monkeypatch.setattr(folder, "save_somehow", nowhere)
    assert run(command) == 1
    out, err = capsys.readouterr()
    assert "nowhere" in err
    if what == "curve":
        assert f"Written: {Path('secateur-demo', '3-of-8')}" in out
        own.secateur.load_slim(own.build(), "secateur-demo/3-of-8")
    else:
        assert "Written: secateur-demo (" in out
        assert [path.name for path in Path("secateur-demo").glob("*-of-*")] == []
