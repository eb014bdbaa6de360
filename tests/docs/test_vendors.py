"""The pages of vendors' solvers: every block of Python and every command of ours is run.

IBM's service is on the loopback, under the name of the device that the page names.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import dimod
import pytest

from secateur.cli import run
from secateur.files import save_bqm
from tests.backends.qaoa import ibm_server
from tests.backends.qaoa.conftest import ibm  # noqa: F401 (a fixture)

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to"


def python_of(page: str) -> str:
    return "\n".join(re.findall(r"```python\n(.+?)```", page, re.DOTALL))


def commands_of(page: str) -> list[str]:
    blocks = "\n".join(re.findall(r"```bash\n(.+?)```", page, re.DOTALL))
    return [line for line in blocks.splitlines() if line.startswith("secateur ")]


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with the file that the pages name."""
    monkeypatch.chdir(tmp_path)
    linear = {f"v{k}": float(k % 3) - 0.5 for k in range(4)}
    couplings = {("v0", "v1"): 0.5, ("v1", "v2"): -0.25, ("v2", "v3"): 0.75}
    save_bqm(dimod.BinaryQuadraticModel(linear, couplings, "BINARY"), tmp_path / "small.bqm")


def check_commands(page: str, capsys: pytest.CaptureFixture[str], least: int) -> list[str]:
    commands, said = commands_of(page), []
    assert len(commands) >= least
    for command in commands:
        assert run(shlex.split(command)[1:]) == 0, command
        said.append(capsys.readouterr().out)
    return said


@pytest.mark.usefixtures("small")
def test_use_ibm(
    ibm: ibm_server.IBM,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(ibm_server, "DEVICE", "ibm_torino")
    page = (HOW_TO / "use-ibm.md").read_text(encoding="utf-8")
    exec(compile(python_of(page), "use-ibm.md", "exec", dont_inherit=True), {"__name__": "how_to"})
    assert len(ibm.jobs) == 3
    printed = capsys.readouterr().out
    shown = re.search(r"<!-- output: dry run -->\n```\n(.+?)```", page, re.DOTALL)
    assert shown
    rows = [line.split()[0] for line in shown[1].splitlines()]
    assert rows == [line.split()[0] for line in printed.splitlines()]
    assert shown[1].splitlines()[0] == printed.splitlines()[0]
    check_commands(page, capsys, 3)
    assert len(ibm.jobs) == 6
    assert not any(session["open"] for session in ibm.sessions.values())


@pytest.mark.usefixtures("small")
def test_use_gurobi(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    pytest.importorskip("gurobipy")
    monkeypatch.setenv(
        "HOME", str(tmp_path)
    )  # no licence file: the one that comes with the package
    monkeypatch.delenv("GRB_LICENSE_FILE", raising=False)
    page = (HOW_TO / "use-gurobi.md").read_text(encoding="utf-8")
    exec(compile(python_of(page), "use-gurobi.md", "exec"), {"__name__": "how_to"})
    assert "201 variables" in capsys.readouterr().out
    check_commands(page, capsys, 5)


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
