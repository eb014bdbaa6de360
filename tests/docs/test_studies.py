"""The pages for those who compare solvers are run: their files checked, their commands called."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import dimod
import numpy as np
import pytest
from dimod.serialization import coo

from secateur.cli import run

DOCS = Path(__file__).parents[2] / "docs"


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.+?)```", (DOCS / page).read_text(), re.DOTALL)


def commands(page: str) -> list[list[str]]:
    """The words of every `secateur …` line of a page, in order."""
    lines = "\n".join(blocks(page, "bash")).splitlines()
    return [line.split()[1:] for line in lines if line.startswith("secateur ")]


def test_files_of_ones_own(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    of_files, of_network = blocks("how-to/compare-on-your-problems.md", "toml")
    (tmp_path / "instances").mkdir()
    bqm = dimod.BinaryQuadraticModel(np.diag([-1.0, 2.0, -3.0, 4.0, 0.5, -1.5]), "BINARY")
    (tmp_path / "instances" / "first.coo").write_text(coo.dumps(bqm))
    (tmp_path / "study.toml").write_text(of_files)
    assert run(["study", "run", "study.toml", "--workers", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["done"] == 9
    (tmp_path / "both.toml").write_text(of_files + of_network)
    assert run(["study", "check", "both.toml"]) == 0


def test_a_solver_of_ones_own_and_its_tuning(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    page = "how-to/compare-your-solver.md"
    (code,) = blocks(page, "python")
    (tmp_path / "mine.py").write_text(code)
    study, tune = blocks(page, "toml")
    (tmp_path / "mine.toml").write_text(study + tune.replace("trials = 10", "trials = 2"))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path) + ":" + ":".join(sys.path))
    assert run(["study", "run", "mine.toml", "--workers", "1", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["done"], told["failed"]) == (24, 0)
    for words in commands(page):
        assert run(words) == 0, words


def test_metered_solvers_wait(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (study,) = blocks("how-to/compare-metered-solvers.md", "toml")
    assert "budget_s" in study
    free = study.replace('[[methods]]\nbackend = "leap-bqm"\n', "").replace("= 5\n", "= 0.2\n")
    (tmp_path / "study.toml").write_text(free)
    assert run(["study", "run", "study.toml", "--workers", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["done"] == 4


@pytest.mark.parametrize("name", ["compare-metered-solvers", "run-a-study-on-a-cluster"])
def test_the_keys_of_the_fragments_exist(name):
    """What cannot be run without a service: its keys are those of the declarations."""
    import tomllib

    from secateur.options import declared
    from secateur.study.spec import tables

    known = {one.name for one in declared(tables.StudyTable)}
    for text in blocks(f"how-to/{name}.md", "toml"):
        assert set(tomllib.loads(text)["study"]) <= known


def test_writing_up(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    page = "how-to/write-up-a-study.md"
    (report,) = blocks(page, "toml")
    (tmp_path / "study.toml").write_text(
        '[study]\ntitle = "Written up"\nseeds = [0, 1, 2]\ntime_limit = 0.2\n'
        '[[instances]]\ngenerator = "planted"\nvariables = [20, 30]\n'
        '[[methods]]\nbackend = ["annealing", "tabu"]\n' + report
    )
    assert run(["study", "run", "study.toml", "--workers", "1"]) == 0
    for words in commands(page):
        assert run(words) == 0, words
    assert list((tmp_path / "supplement" / "figures").glob("*.pdf"))
    assert list((tmp_path / "supplement" / "tables").glob("*.tex"))
    assert len((tmp_path / "rows.csv").read_text().splitlines()) == 13
    assert list((tmp_path / "submission").rglob("*_summary.csv"))
    capsys.readouterr()
    (code,) = blocks(page, "python")
    exec(compile(code, page, "exec"), {"__name__": "how_to"})
    assert "annealing" in capsys.readouterr().out
