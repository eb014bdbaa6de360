"""The pages for those who compare solvers are run: their files checked, their commands called."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from secateur.cli import run

DOCS = Path(__file__).parents[2] / "docs"


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.+?)```", (DOCS / page).read_text(), re.DOTALL)


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
