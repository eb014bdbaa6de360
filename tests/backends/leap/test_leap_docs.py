"""The pages say what the code has."""

from __future__ import annotations

import dataclasses
import re

import pytest

from secateur_backends.leap import Leap, LeapBQM
from secateur_backends.leap_jobs import State
from secateur_backends.leap_qpu import LeapQPU
from tests.docs.running import DOCS, run_page

from .server import TOKEN, LeapServer

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


def test_the_how_to_runs(server: LeapServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """As its reader would, beside the stand-in of the service."""
    monkeypatch.setenv("DWAVE_API_TOKEN", TOKEN)
    monkeypatch.setenv("DWAVE_API_ENDPOINT", server.endpoint)
    run_page(DOCS / "how-to" / "use-leap.md")
    assert len(server.accepted) == 1
