"""The commands that are said to come next can be typed."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from secateur.cli.studies.commands import command


@pytest.mark.parametrize(
    ("file", "store", "flags"),
    [
        ("study.toml", None, []),
        ("my study's.toml", "a b.db", ["--again", "failed"]),
        ("s.toml", "sqlite:////data/a&b.db", ["--charge"]),
    ],
)
def test_it_is_what_a_shell_takes(file, store, flags):
    words = ["secateur", "study", "run", file, *([] if store is None else ["--store", store])]
    assert shlex.split(command("run", Path(file), store, *flags)) == [*words, *flags]


def test_a_password_is_not_said():
    said = command("report", Path("s.toml"), "postgresql+psycopg://me:secret@host/db")
    assert "secret@" not in said
    assert "host/db" in said
