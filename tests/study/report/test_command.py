"""``secateur study report``: from a file and its store, or from a store alone."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256

import pytest

from secateur.cli import run
from secateur.study.store import open_store
from secateur.study.stored import Member

from ..rows import made_rows

FILE = """[study]
title = "Made up"
seeds = [0, 1]
time_limit = 2

[[instances]]
files = "none/*.sparse"

[[methods]]
backend = "annealing"

[report]
submitter = "A. Nobody"
confidence = 0.9
threshold = 0.01
"""


@pytest.fixture
def study(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "study.toml").write_text(FILE)
    fill("study.db", "Made up", FILE)
    return tmp_path


def fill(store, title, text, absent=1):
    rows = [replace(row, study=title) for row in made_rows(2, 2)]
    cells = [Member(row.key, row.instance, row.method, row.family) for row in rows]
    cells += [Member(f"{n:x}".rjust(64, "f"), "made-20", "tabu") for n in range(absent)]
    with open_store(store) as opened:
        opened.begin(title, sha256=sha256(text.encode()).hexdigest(), toml=text, cells=cells)
        for row in rows:
            opened.add(row)


def test_a_file_makes_a_report_beside_it(study, capsys):
    assert run(["study", "report", "study.toml"]) == 0
    shown = capsys.readouterr().out
    assert "study-report/report.html" in shown
    assert "annealing" in shown
    assert "not complete: 1 of its 17 cells" in shown
    page = (study / "study-report" / "report.html").read_text()
    assert "A. Nobody" in page
    assert "90 %" in page
    assert "within 1 % of the best known" in page
    assert (study / "study-report" / "figures" / "gap.pdf").exists()
    assert run(["study", "report", "study.toml"]) == 0  # its own folder is replaced


def test_json_is_the_analysis(study, capsys):
    assert run(["study", "report", "study.toml", "--output", "out", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["confidence"] == 0.9
    assert told["threshold"] == 0.01
    assert {of["method"] for of in told["methods"]} == {"annealing", "tabu", "scip", "greedy"}
    assert told["report"] == "out/report.html"
    assert told["methods"] == json.loads((study / "out" / "analysis.json").read_text())["methods"]


def test_a_store_alone_is_enough(study, capsys):
    assert run(["study", "report", "--store", "study.db"]) == 0
    assert "A. Nobody" in (study / "study-report" / "report.html").read_text()
    fill("study.db", "Another", FILE.replace("Made up", "Another"))
    assert run(["study", "report", "--store", "study.db"]) == 1
    assert "holds 2 studies: 'Made up', 'Another'" in capsys.readouterr().err
    assert run(["study", "report", "--store", "study.db", "--study", "Another"]) == 0
    assert run(["study", "report", "--store", "study.db", "--study", "Third"]) == 1
    assert "holds no study 'Third'" in capsys.readouterr().err


def test_a_file_that_was_changed_is_said_to_be(study, capsys):
    (study / "study.toml").write_text(FILE.replace("0.9", "0.8"))
    assert run(["study", "report", "study.toml"]) == 0
    assert "changed since it was last run" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "neither a study's file nor a store"),
        (["study.toml", "--study", "x"], "has a title of its own"),
        (["study.toml", "--store", "none.db"], "there is no store none.db"),
        (["none.toml"], "none.toml"),
        (["study.toml", "--output", "study.db"], "is no folder"),
    ],
)
def test_what_is_wrong_is_told_with_its_mend(study, capsys, arguments, said):
    assert run(["study", "report", *arguments]) == 1
    told = capsys.readouterr().err
    assert said in told
    assert "Mend:" in told or "mend" in told.lower()
    assert not (study / "none.db").exists()
    assert not (study / "study-report").exists()


def test_help_imports_nothing_heavy():
    import subprocess
    import sys

    code = (
        "import sys; from secateur.cli import run; run(['study', 'report', '--help']);"
        "heavy = {'altair', 'vl_convert', 'sqlalchemy', 'pyarrow', 'jinja2', 'torch', 'scipy'};"
        "sys.exit(sorted(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "--output" in done.stdout


def test_cells_that_have_no_row_are_absent(study, capsys):
    """A method and a seed that no row knows count too, with a file and without."""
    rows = [replace(row, study="Whole") for row in made_rows(2, 2)]
    cells = [
        Member(r.key, r.instance, r.method, r.family, seed=r.seed, repetition=r.repetition)
        for r in rows
    ]
    names = {row.instance for row in rows}
    cells += [
        Member(f"{k}{n:x}".rjust(64, "f"), name, "nobody", seed=n, repetition=0)
        for k, name in enumerate(sorted(names))
        for n in (0, 1, 7)
    ]
    (study / "whole.toml").write_text(FILE.replace("Made up", "Whole"))
    with open_store("whole.db") as opened:
        opened.begin("Whole", sha256="0" * 64, toml=FILE, cells=cells)
        for row in rows:
            opened.add(row)
    for arguments in (["whole.toml"], ["--store", "whole.db"]):
        assert run(["study", "report", *arguments, "--output", "out", "--json"]) == 0
        methods = {one["method"]: one for one in json.loads(capsys.readouterr().out)["methods"]}
        assert methods["nobody"]["absent"] == 3 * len(names)
        assert methods["nobody"]["solved"] == 0
        assert methods["annealing"]["absent"] == 0


def test_a_run_in_another_store_says_how_to_report_it(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    text = FILE.replace('files = "none/*.sparse"', 'generator = "planted"\nvariables = 6')
    text = text.replace('backend = "annealing"', 'backend = "greedy"')
    (tmp_path / "mine.toml").write_text(text)
    assert run(["study", "run", "mine.toml", "--workers", "1", "--store", "other one.db"]) == 0
    said = capsys.readouterr().out
    assert "secateur study report mine.toml --store 'other one.db'" in said
