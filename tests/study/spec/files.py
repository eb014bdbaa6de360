"""Study files for tests."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

from secateur.study.cell import Study
from secateur.study.spec import load_study

OWN = "tests.study.spec.own"

STUDY = """
[study]
title = "Made up"
time_limit = 0.1
"""
INSTANCES = """
[[instances]]
generator = "planted"
variables = 8
"""
METHODS = """
[[methods]]
backend = "greedy"
"""


def write(folder: Path, *parts: str, name: str = "study.toml") -> Path:
    """A study of some parts; each is left out by giving it otherwise."""
    text = "\n".join(dedent(part) for part in parts)
    for header, usual in (
        ("[study]", STUDY),
        ("[[instances]]", INSTANCES),
        ("[[methods]]", METHODS),
    ):
        if header not in text:
            text = usual + text if header == "[study]" else text + usual
    path = folder / name
    path.write_text(text)
    return path


def load(folder: Path, *parts: str) -> Study:
    return load_study(write(folder, *parts))
