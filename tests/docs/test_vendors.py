"""IBM's page is run beside its service on the loopback, under the name of the device it names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.backends.qaoa import ibm_server
from tests.backends.qaoa.conftest import ibm  # noqa: F401 (a fixture)
from tests.docs.running import DOCS, run_page

HOW_TO = DOCS / "how-to"


def test_use_ibm(
    ibm: ibm_server.IBM,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(ibm_server, "DEVICE", "ibm_torino")
    monkeypatch.chdir(tmp_path)
    run_page(HOW_TO / "use-ibm.md")
    assert len(ibm.jobs) == 6
    assert not any(session["open"] for session in ibm.sessions.values())


def test_the_options_and_variables_of_the_pages_exist() -> None:
    from secateur_backends.gurobi import Gurobi
    from secateur_backends.gurobi_licence import PARAMETERS
    from secateur_backends.qaoa_device import QAOADevice

    page = (HOW_TO / "use-gurobi.md").read_text(encoding="utf-8")
    variables = set(re.findall(r"`(GRB_[A-Z]+)`", page))
    assert variables <= {f"GRB_{name.upper()}" for name in PARAMETERS.values()}
    had = {one.name for one in Gurobi.describe_options()}
    assert set(PARAMETERS) & set(re.findall(r"`([a-z_]+)`", page)) <= had
    for name, backend in (("use-ibm.md", QAOADevice), ("use-gurobi.md", Gurobi)):
        text = (HOW_TO / name).read_text(encoding="utf-8")
        used = re.findall(r"`([a-z_]+)=([\w.:/]+)`", text)
        used += re.findall(r"--option ([a-z_]+)=(\S+)", text)
        assert len(used) >= 4
        for option, value in used:
            if option != "max_calls":  # of decompose:
                backend.make_options({option: value})
