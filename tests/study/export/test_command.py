"""``secateur study export`` and ``tune`` as users type them, on a study that was run."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from secateur.cli import run
from secateur.study.export import read_csv, read_parquet
from tests.study.export import checker

SPARSE = """6 8
1 1 -4
2 2 3
3 3 -2
1 2 5
1 3 -1
2 6 -7
4 5 2
5 6 -3
"""
TOML = """
[study]
title = "Small"
seeds = [0, 1]
time_limit = 5.0

[[instances]]
files = "one.sparse"
count = 3

[[methods]]
backend = ["greedy", "annealing"]

[report]
submitter = "Jane Doe"
reference = "https://example.org"
hardware = "one core"

[tune]
trials = 2
[tune.space.annealing]
reads = [1, 2]
[[tune.instances]]
generator = "planted"
variables = 8
"""


def call(*words: object) -> int:
    return run(["study", *map(str, words)])


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("studied")
    (path / "one.sparse").write_text(SPARSE)
    (path / "s.toml").write_text(TOML)
    assert call("run", path / "s.toml", "--workers", 1) == 0
    return path


def test_tables_and_a_submission_at_once(folder, tmp_path, capsys):
    code = call(
        *("export", folder / "s.toml", "--json", "--csv", tmp_path / "r.csv"),
        *("--parquet", tmp_path / "r.parquet", "--qoblib", tmp_path / "q", "--date", "2026-01-02"),
    )
    assert code == 0
    told = json.loads(capsys.readouterr().out)
    assert told["rows"] == 4
    rows = read_csv(tmp_path / "r.csv")
    assert len(rows) == 4
    assert read_parquet(tmp_path / "r.parquet") == rows
    ((name, lines),) = checker.check_submission(tmp_path / "q").items()
    assert [line["Algorithm Type"] for line in lines] == ["Deterministic", "Stochastic"]
    assert {line["Date"] for line in lines} == {"2026-01-02"}
    assert "exactly 3 of 6 variables one" in lines[0]["Modeling Approach"]
    for place in (tmp_path / "q" / name / "solutions").iterdir():
        said, values = checker.read_solution(place)
        ones = {number for number, bit in enumerate(values.values()) if bit}
        assert len(ones) == 3
        assert said == checker.sparse_objective(folder / "one.sparse", ones)


def test_the_store_alone_gives_tables(folder, tmp_path, capsys):
    store = next(path for path in folder.iterdir() if path.suffix in (".db", ".sqlite"))
    assert call("export", "--store", store, "--csv", tmp_path / "r.csv") == 0
    assert len(read_csv(tmp_path / "r.csv")) >= 4
    assert call("export", "--store", store, "--study", "x", "--csv", tmp_path / "x.csv") == 1
    assert "has no study 'x'" in capsys.readouterr().err
    assert not (tmp_path / "x.csv").exists()


@pytest.mark.parametrize(
    "words",
    [
        ["--csv", "x"],
        ["s.toml"],
        ["s.toml", "--study", "x", "--csv", "x"],
        ["--store", "x.db", "--qoblib", "x"],
    ],
)
def test_wrong_usage_is_told(words):
    assert call("export", *words) == 2


def test_tuning_writes_a_study_that_runs(folder, capsys):
    assert call("tune", folder / "s.toml", "--workers", 1, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["trials"] for one in told["methods"]] == [1, 2]
    made = tomllib.loads((folder / "s.tuned.toml").read_text())
    assert [one["tuned"] for one in made["methods"]] == [0, 2]
    assert (folder / "s.tuning.json").exists()
    assert call("run", folder / "s.tuned.toml", "--workers", 1) == 0
    assert call("tune", folder / "s.toml") == 1  # nothing is overwritten
