"""The pages say what the code has."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest

from secateur.cli import run
from secateur_backends.leap import Leap, LeapBQM
from secateur_backends.leap_jobs import State
from secateur_backends.leap_qpu import LeapQPU

from .client import make_problem
from .server import TOKEN, LeapServer

DOCS = Path(__file__).parents[3] / "docs"
REFERENCE = (DOCS / "reference/backends/leap.md").read_text(encoding="utf-8")
HOW_TO = (DOCS / "how-to/use-leap.md").read_text(encoding="utf-8")


def test_the_reference_has_every_option_and_no_other() -> None:
    tables = REFERENCE.split("## Options")[1].split("## Where")[0]
    listed = re.findall(r"^\| `(\w+)` \|", tables, flags=re.M)
    had = {f.name for kind in (Leap, LeapBQM, LeapQPU) for f in dataclasses.fields(kind.Options)}
    assert sorted(listed) == sorted(had)


@pytest.mark.parametrize("state", State)
def test_the_reference_has_every_state(state: State) -> None:
    assert f"`{state}`" in REFERENCE


def test_the_options_in_the_how_to_exist() -> None:
    used = set(re.findall(r"options\((\w+)=", HOW_TO))
    assert used
    assert used <= {f.name for f in dataclasses.fields(Leap.Options)}


def test_the_python_of_the_how_to_runs(
    server: LeapServer, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """From top to bottom, beside the stand-in of the service."""
    monkeypatch.setenv("DWAVE_API_TOKEN", TOKEN)
    monkeypatch.setenv("DWAVE_API_ENDPOINT", server.endpoint)
    program = "\n".join(re.findall(r"```python\n(.+?)```", HOW_TO, re.DOTALL))
    copy = 'replay="results/leap"'
    assert copy in program
    names: dict[str, Any] = {"bqm": make_problem(n=200).bqm, "small_bqm": make_problem().bqm}
    exec(compile(program.replace(copy, "replay=True"), "use-leap.md", "exec"), names)
    out = capsys.readouterr().out
    assert "charged       " in out
    assert "3.0 s charged" in out.replace("3.0324", "3.0")
    assert "not charged" in out
    assert len(server.accepted) == 1


def test_the_commands_of_the_how_to_exist(capsys: Any) -> None:
    lines = re.findall(r"^\$ secateur (solve|prune) (.+)$", HOW_TO, re.M)
    assert len(lines) == 2
    for name, rest in lines:
        assert run([name, "--help"]) == 0
        text = capsys.readouterr().out
        assert all(flag in text for flag in re.findall(r"--[a-z-]+", rest))
