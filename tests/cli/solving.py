"""A problem in a file, and what ``secateur solve --json`` says of it."""

from __future__ import annotations

import json

import pytest

from secateur.cli import run
from secateur.files import save_bqm
from secateur.testing import random_problem

KEYS = [
    *("backend", "energy", "ones", "bound", "gap", "proof", "status", "stopped"),
    *(
        "backend_energy",
        "calls",
        "seconds",
        "timings",
        "seed",
        "provenance",
        "sample",
        "samples",
        "certificate",
    ),
]


@pytest.fixture
def problem(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    problem = random_problem(8, 4, offset=1.0)
    save_bqm(problem.bqm, "a.bqm")
    return problem


def strictly(constant):
    raise ValueError(f"{constant} is not JSON")


def answer(capsys, *arguments, more=()):
    assert run(["solve", *arguments, "--json"]) == 0
    found = json.loads(capsys.readouterr().out, parse_constant=strictly)
    assert list(found) == [*KEYS, *more]
    return found


ANNEALING = ["--backend", "annealing"]


DEMANDS = """
[[constraint]]
kind = "at-most"
number = 1
of = ["v7", "v3", "v0"]

[[constraint]]
kind = "keep"
of = "v4"
"""
