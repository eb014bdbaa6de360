"""``secateur demo``, on a small network instead of the one that takes two minutes."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

import secateur
from secateur.cli import run
from secateur.measured import Measured
from secateur.schemas import load_schema
from tests.end_to_end import own

FILES = ["curve.csv", "curve.png", "curve.svg", "result.json"]
QUICK = ["demo", "--steps", "1"]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("secateur.zoo.pretrained_small_halfunet", own.deep)
    monkeypatch.setattr("secateur.zoo.pretrained_halfunet", own.build)
    monkeypatch.setattr("secateur.tasks.denoising.denoising_task", lambda *a, **k: own.task())
    monkeypatch.setattr("secateur.pruning.running.TIMING", 0.001)
    monkeypatch.setattr("secateur.report.figure.draw", lambda *_: None)  # has its own tests


@pytest.fixture
def undrawn(monkeypatch):
    """Pictures take longer than all the rest."""

    def draw(curve, title, *paths):
        for path in paths:
            path.touch()

    monkeypatch.setattr("secateur.report.curve.folder.draw_curve", draw)


def names(folder: str) -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir())


def test_a_curve_of_two_points(capsys):
    assert run([*QUICK, "--amount", "50%", "--amount", "6", "--output", "out"]) == 0
    out = capsys.readouterr().out
    lines = [line.split() for line in out.splitlines()]
    shown = [(line[0], line[2]) for line in lines if line[1:2] == ["%"] and len(line) > 9]
    assert shown == [
        ("0", "dense"),
        *((amount, role) for amount in ("50", "30") for role in ("greedy", "hybrid", "ours")),
    ]
    assert "tie" in out
    assert "Ours beside greedy Taylor compensated" in out
    assert "re-fitted on 96 crops" in out
    assert names("out") == ["10-of-20", "6-of-20", *FILES]
    told = json.loads(Path("out/result.json").read_text())
    jsonschema.Draft202012Validator(load_schema("curve")).validate(told)
    assert [point["pruned"] for point in told["points"]] == [6, 10]
    for point in told["points"]:
        assert set(point["rows"]) == {"taylor", "hybrid", "ours"}
        assert all(row["proof"] == "proven" for row in point["rows"].values())
        assert point["rows"]["ours"]["accuracy_recovered"] is not None
        below = json.loads(Path(f"out/{point['pruned']}-of-20/result.json").read_text())
        assert below["rows"][1:] == [point["rows"][role] for role in ("taylor", "hybrid", "ours")]
        secateur.load_slim(own.deep(), f"out/{point['pruned']}-of-20")
    assert told["methods"]["ours"]["recover_options"]["steps"] == 1
    for sentence in told["said"]:
        assert sentence in out
    assert len(Path("out/curve.csv").read_text().splitlines()) == 8


@pytest.mark.usefixtures("undrawn")
def test_as_json_nothing_else_is_printed(capsys):
    command = [*QUICK, "--amount", "3", "--network", "halfunet", "--seed", "4", "--json"]
    assert run(command) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == json.loads(Path("secateur-demo/result.json").read_text())
    assert (told["network"], told["seed"], told["steps"]) == ("halfunet", 4, 1)
    assert [point["pruned"] for point in told["points"]] == [3]
    assert names("secateur-demo") == ["3-of-8", *FILES]


@pytest.mark.usefixtures("undrawn")
def test_without_recovery(capsys):
    assert run(["demo", "--steps", "0", "--amount", "6"]) == 0
    assert "nothing was recovered" in capsys.readouterr().out
    told = json.loads(Path("secateur-demo/result.json").read_text())
    assert told["methods"]["ours"]["recover"] is None
    assert told["points"][0]["lines"]["ours, recovered"] is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--amount", "30%", "--amount", "6"], "the amounts '30%' and '6' are both 6 of 20"),
        (["--amount", "30%", "--amount", "120%"], "120%"),
        (["--amount", "19"], "emptying"),
    ],
)
def test_an_amount_that_is_wrong_costs_nothing(capsys, monkeypatch, arguments, said):
    def forbidden(*args, **kwargs):
        raise AssertionError("it was measured")

    monkeypatch.setattr("secateur.measured.measured.collect_statistics", forbidden)
    assert run(["demo", *arguments]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert "Mend:" in err
    assert not Path("secateur-demo").exists()


def ending(monkeypatch, fault: BaseException, after: int) -> None:
    """The work ends behind so many rows."""
    real, calls = Measured.prune, []

    def once(self, *args, **kwargs):
        calls.append(kwargs)
        if len(calls) > after:
            raise fault
        return real(self, *args, **kwargs)

    monkeypatch.setattr(Measured, "prune", once)


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(
    ("fault", "code", "said", "as_json"),
    [
        (MemoryError(), 1, "memory ran out", True),
        (KeyboardInterrupt(), 130, "interrupted", False),
        (KeyboardInterrupt(), 130, "interrupted", True),
    ],
    ids=["memory", "ctrl-c", "ctrl-c-json"],
)
def test_what_is_done_is_kept(capsys, monkeypatch, fault, code, said, as_json):
    ending(monkeypatch, fault, 4)
    command = [
        "demo",
        "--steps",
        "0",
        "--amount",
        "30%",
        "--amount",
        "50%",
        *(["--json"] if as_json else []),
    ]
    assert run(command) == code
    out, err = capsys.readouterr()
    assert said in err
    assert "Traceback" not in err
    assert names("secateur-demo") == ["6-of-20", *FILES]
    secateur.load_slim(own.deep(), "secateur-demo/6-of-20")
    told = json.loads(Path("secateur-demo/result.json").read_text())
    assert [sorted(point["rows"]) for point in told["points"]] == [
        ["hybrid", "ours", "taylor"],
        ["taylor"],
    ]
    if as_json:
        assert json.loads(out) == told
    else:
        assert out.index("greedy Taylor") < out.index("Written: secateur-demo (")


def test_ctrl_c_before_the_first_row_leaves_nothing(capsys, monkeypatch):
    ending(monkeypatch, KeyboardInterrupt(), 0)
    assert run([*QUICK, "--amount", "6"]) == 130
    assert "Written" not in capsys.readouterr().out
    assert list(Path().iterdir()) == []


def failing(monkeypatch, *objectives: str) -> None:
    real = Measured.prune

    def prune(self, method, **kwargs):
        if method.objective in objectives:
            raise secateur.SecateurError(f"no {method.objective} today")
        return real(self, method, **kwargs)

    monkeypatch.setattr(Measured, "prune", prune)


@pytest.mark.usefixtures("undrawn")
def test_a_method_that_fails_costs_its_row(capsys, monkeypatch):
    failing(monkeypatch, "hybrid")
    assert run([*QUICK, "--amount", "6"]) == 0
    out, err = capsys.readouterr()
    assert "no hybrid today" in err
    (point,) = json.loads(Path("secateur-demo/result.json").read_text())["points"]
    assert set(point["rows"]) == {"taylor", "ours"}
    assert "tie" not in out


def test_all_that_fail_are_an_error(capsys, monkeypatch):
    failing(monkeypatch, "taylor", "hybrid", secateur.Method().objective)
    assert run([*QUICK, "--amount", "6"]) == 1
    assert "SecateurError: no taylor today" in capsys.readouterr().err
    assert not Path("secateur-demo").exists()
