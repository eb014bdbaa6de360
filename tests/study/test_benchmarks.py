"""The studies among the benchmarks can be run as they stand."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from secateur.cli import run
from secateur.options import declared
from secateur.study.spec.tables import TABLES

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
STUDIES = sorted(BENCHMARKS.glob("*.toml"))


def test_there_are_some():
    assert [path.stem for path in STUDIES] == ["solvers"]


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_what_measures_no_network_is_checked_whole(path, tmp_path, capsys):
    """And of the problems of a network, which take a while to measure, the keys."""
    text = path.read_text()
    network = {one.name for one in declared(TABLES["[[instances]] with network"])}
    for table in tomllib.loads(text)["instances"]:
        if "network" in table:
            assert set(table) <= network
    kept = [
        block
        for block in re.split(r"(?=^\[)", text, flags=re.MULTILINE)
        if "network =" not in block
    ]
    (tmp_path / path.name).write_text("".join(kept))
    assert run(["study", "check", str(tmp_path / path.name), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["cells"] % 10 == 0
    assert told["cells"] > 1000
