"""Files that other programs wrote, against what those programs say of every vector.

``foreign/make.py`` makes them.
"""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from secateur.files import convert, read_file
from secateur.files.registry import FORMATS
from secateur.problem import Problem

FOLDER = Path(__file__).parent / "foreign"
EXPECTED = json.loads((FOLDER / "expected.json").read_text())
NONE_THERE = {
    "qubo",
    "biqmac",
    "qoblib",
    "mqlib",
    "max-cut",
    "qubist",
    "bqpjson",
    "biqbin",
    "qplib",
}
"""Formats of which no program that can be installed writes a file."""


def check(file, said):
    problem = Problem(file.bqm, file.constraints)
    assert set(problem.variables) == set(said["variables"])
    place = [said["variables"].index(v) for v in problem.variables]
    points = np.array(list(itertools.product((0, 1), repeat=len(place))))
    energies = problem.energies(points[:, place])
    kept = problem.feasible(points[:, place])
    sign = -1.0 if file.maximised else 1.0
    for energy, good, value in zip(energies, kept, said["values"], strict=True):
        assert good == (value is not None)
        if value is not None:
            assert sign * energy == pytest.approx(value, abs=1e-6)
    assert any(v is not None for v in said["values"])


@pytest.mark.parametrize("name", EXPECTED)
def test_a_file_of_another_program_means_what_that_says(name):
    check(read_file(FOLDER / name), EXPECTED[name])


@pytest.mark.parametrize("name", EXPECTED)
@pytest.mark.parametrize("suffix", [".lp", ".mps", ".cqm"])
def test_converted_it_means_the_same(tmp_path, name, suffix):
    made = convert(FOLDER / name, tmp_path / f"a{suffix}", numbered=True)
    said = dict(EXPECTED[name])
    file = read_file(made.path)
    if said["variables"][0] in (0, 1) and suffix != ".cqm":
        said["variables"] = [f"x{v}" for v in said["variables"]]
    if made.source.maximised:
        said["values"] = [None if v is None else -v for v in said["values"]]
    check(file, said)


def test_there_is_a_file_for_every_format_that_has_a_program():
    read = {read_file(FOLDER / name).format for name in EXPECTED}
    assert read == {format.name for format in FORMATS} - NONE_THERE
    there = {p.name for p in FOLDER.iterdir() if p.suffix not in (".py", ".json")}
    assert there - {"__pycache__"} == set(EXPECTED)
