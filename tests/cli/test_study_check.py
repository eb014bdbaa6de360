"""``secateur study check`` and ``new``: what a study takes, told before anything runs."""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path

import pytest

from secateur.cli import run
from secateur.cli.studies.check import duration
from secateur.study.outlook import done_cells, look_ahead
from secateur.study.spec import load_study
from secateur.study.spec.example import example
from tests.study.spec.files import INSTANCES, OWN, STUDY, write

PAID = STUDY.replace("0.1", "[2, 4]") + "seeds = [0, 1, 2]\n"
METERED = f'[[methods]]\nbackend = "{OWN}:Paid"\nname = "paid"\n[[methods]]\nbackend = "greedy"\n'


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def checked(capsys, *arguments):
    assert run(["study", "check", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def fails(capsys, arguments, *parts):
    assert run(["study", *arguments]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    for part in (*parts, "Mend:"):
        assert part in err


def test_cells_time_and_charges(tmp_path, capsys):
    write(tmp_path, PAID + "budget_s = 20\n", INSTANCES.replace("8", "[8, 9]"), METERED)
    found = checked(capsys, "study.toml", "--workers", "2")
    assert (found["cells"], found["done"], found["cannot"], found["left"]) == (24, 0, 0, 24)
    # metered ones one by one: 2 instances × 3 seeds × (2 s + 4 s); the others on two processes
    assert found["seconds"] == pytest.approx(36 + 36 / 2 + 4 / 2)
    assert (found["charge_s"], found["budget_s"]) == (24.0, 20.0)
    assert [(one["name"], one["cells"], one["seconds"]) for one in found["methods"]] == [
        ("paid time_limit=2", 6, 12.0),
        ("paid time_limit=4", 6, 24.0),
        ("greedy time_limit=2", 6, 12.0),
        ("greedy time_limit=4", 6, 24.0),
    ]
    assert [(one["name"], one["cells"]) for one in found["instances"]] == [
        ("planted-8-s0", 12),
        ("planted-9-s0", 12),
    ]
    assert sum(one["cells"] for one in found["costs"]) == 12
    assert run(["study", "check", "study.toml", "--workers", "1"]) == 0
    text = capsys.readouterr().out
    assert "24: 0 done, 0 cannot be run, 24 to run" in text
    assert "72 s of time limits with 1 process" in text
    assert "at most 24 s for 12 metered cells, with a budget of 20 s" in text
    assert "the budget does not allow all of them" in text
    assert "paid time_limit=2: by the clock" in text
    assert "secateur study run study.toml --charge" in text


def test_what_nobody_knows_is_said(tmp_path, capsys):
    write(tmp_path, f'[[methods]]\nbackend = "{OWN}:Untold"')
    assert checked(capsys, "study.toml")["charge_s"] is None
    assert run(["study", "check", "study.toml"]) == 0
    assert "not known for 1 metered cells, with no budget" in capsys.readouterr().out


def test_what_cannot_run_is_told_with_its_reason(tmp_path, capsys):
    study = STUDY + 'missing = "skip"\n'
    methods = f'[[methods]]\nbackend = ["scip", "greedy", "{OWN}:Own"]'
    write(tmp_path, study, INSTANCES.replace("8", "[8, 12]"), methods)
    found = checked(capsys, "study.toml")
    assert (found["cells"], found["cannot"], found["left"]) == (6, 3, 3)
    assert found["reasons"] == [
        {"reason": "scip: there is no backend 'scip'", "cells": 2},
        {"reason": f"{OWN}:Own: 12 variables, and own takes at most 9", "cells": 1},
    ]
    assert found["seconds"] <= 0.3 + 0.1
    assert run(["study", "check", "study.toml"]) == 0
    assert "cannot   2 of scip: there is no backend 'scip'" in capsys.readouterr().out


def test_what_is_done_is_counted_and_no_store_is_made(tmp_path, capsys):
    write(tmp_path, STUDY + "seeds = [0, 1]\n", '[[methods]]\nbackend = ["greedy", "tabu"]')
    assert checked(capsys, "study.toml")["done"] == 0
    assert not Path("study.db").exists()
    assert run(["study", "run", "study.toml", "--workers", "1"]) == 0
    capsys.readouterr()
    found = checked(capsys, "study.toml")
    assert (found["done"], found["left"], found["seconds"]) == (4, 0, 0.0)
    assert checked(capsys, "study.toml", "--store", "other.db")["done"] == 0
    assert not Path("other.db").exists()
    # another time is another cell
    text = Path("study.toml").read_text().replace("seeds = [0, 1]", "seeds = [1, 2]")
    Path("study.toml").write_text(text)
    assert checked(capsys, "study.toml")["done"] == 2


def test_workers(tmp_path, capsys):
    write(tmp_path)
    fails(capsys, ["check", "study.toml", "--workers", "0"], "workers is 0")
    assert checked(capsys, "study.toml")["workers"] == len(os.sched_getaffinity(0))


def test_errors_are_told(tmp_path, capsys):
    write(tmp_path, '[[methods]]\nbackend = "anealing"')
    fails(capsys, ["check", "study.toml"], "study.toml, [[methods]] 1", "did you mean 'annealing'")
    fails(capsys, ["check", "nothing.toml"], "nothing.toml does not exist")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.25, "0.25 s"),
        (90, "90 s"),
        (600, "10 min"),
        (9000, "2.5 h"),
        (6e5, "6.94 days"),
    ],
)
def test_durations(seconds, text):
    assert duration(seconds) == text


def test_the_example_runs_as_it_is(capsys):
    assert run(["study", "new", "study.toml"]) == 0
    assert "secateur study check study.toml" in capsys.readouterr().out
    study = load_study("study.toml")
    found = look_ahead(study, workers=1)
    assert found.seconds < 60
    assert not found.cannot
    assert {one.backend for one in study.methods} == {"annealing", "tabu", "greedy", "auto"}
    assert [one.known_optimal for one in study.instances] == [True] * 4 + [False]
    assert done_cells(study) == frozenset()


def test_the_metered_example(capsys, tmp_path, monkeypatch):
    for name in ("DWAVE_API_TOKEN", "DWAVE_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_CONFIG_DIRS"):
        monkeypatch.setenv(name, str(tmp_path))
    assert run(["study", "new", "study.toml", "--metered", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"file": "study.toml"}
    found = look_ahead(load_study("study.toml"))
    assert found.study.budget_s == 60
    assert [reason.split(":")[0] for reason, _ in found.cannot] == ["leap"]


def test_all_that_the_example_has_commented_out_is_right(tmp_path):
    """Every line behind a # that is TOML, taken in one table at a time."""
    for metered in (False, True):
        lines = example("study.toml", metered=metered).splitlines()
        tables = [line.removeprefix("# ") for line in lines]
        text = "\n".join(
            plain if plain.startswith("[") or " = " in plain.partition("#")[0] else ""
            for plain in tables
        )
        parsed = tomllib.loads(text)
        assert set(parsed) == {"study", "instances", "methods", "tune", "report"}
        own = [one for one in parsed["instances"] if "files" not in one and "network" not in one]
        assert len(own) == 2
        assert parsed["tune"]["instances"]
        assert parsed["study"]["missing"] == "skip"


def test_nothing_is_overwritten(capsys):
    Path("study.toml").write_text("mine")
    fails(capsys, ["new", "study.toml"], "study.toml exists already")
    assert Path("study.toml").read_text() == "mine"
    fails(capsys, ["new", "no/where/study.toml"], "cannot be written")
