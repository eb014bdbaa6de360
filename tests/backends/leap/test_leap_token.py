"""Where the token is looked for, and that it is nowhere else."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

import pytest

from secateur.errors import BackendError, BackendUnavailable
from secateur_backends.leap import Leap
from secateur_backends.leap_config import Access, config_paths, find_access, hidden_in_logs
from secateur_backends.leap_qpu import LeapQPU

from .client import make_problem
from .conftest import Solve
from .server import TOKEN, Fault, LeapServer


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


# --- the order


def test_the_option_comes_before_the_environment_before_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write(tmp_path / "config_home/dwave/dwave.conf", "[defaults]\ntoken = of-the-file\n")
    assert find_access().token == "of-the-file"
    assert find_access().source == "dwave.conf (profile 'defaults')"
    monkeypatch.setenv("DWAVE_API_TOKEN", "of-the-environment")
    assert find_access().token == "of-the-environment"
    assert find_access().source == "DWAVE_API_TOKEN"
    assert find_access("given").token == "given"


CASES: dict[str, tuple[dict[str, str], dict[str, str], dict[str, str]]] = {
    "nothing": ({}, {}, {}),
    "user": ({"config_home/dwave/dwave.conf": "[defaults]\ntoken=a\n"}, {}, {}),
    "here wins": (
        {
            "config_home/dwave/dwave.conf": "[defaults]\ntoken=a\n",
            "dwave.conf": "[defaults]\ntoken=b\n",
        },
        {},
        {},
    ),
    "first profile": ({"dwave.conf": "[defaults]\ntoken=a\n[one]\ntoken=b\n[two]\n"}, {}, {}),
    "profile named in the file": (
        {"dwave.conf": "[defaults]\nprofile=two\n[one]\ntoken=b\n[two]\ntoken=c\n"},
        {},
        {},
    ),
    "profile by environment": (
        {"dwave.conf": "[one]\ntoken=b\n[two]\ntoken=c\n"},
        {"DWAVE_PROFILE": "two"},
        {},
    ),
    "profile by option": (
        {"dwave.conf": "[one]\ntoken=b\n[two]\ntoken=c\n"},
        {"DWAVE_PROFILE": "two"},
        {"profile": "one"},
    ),
    "inherited": ({"dwave.conf": "[defaults]\ntoken=a\n[one]\nregion=x\n"}, {}, {}),
    "file by environment": (
        {"dwave.conf": "[one]\ntoken=b\n", "other.conf": "[one]\ntoken=c\n"},
        {"DWAVE_CONFIG_FILE": "other.conf"},
        {},
    ),
    "file by option": (
        {"dwave.conf": "[one]\ntoken=b\n", "other.conf": "[one]\ntoken=c\n"},
        {},
        {"config_file": "other.conf"},
    ),
    "environment": ({"dwave.conf": "[one]\ntoken=b\n"}, {"DWAVE_API_TOKEN": "e"}, {}),
    "empty environment": ({"dwave.conf": "[one]\ntoken=b\n"}, {"DWAVE_API_TOKEN": ""}, {}),
}


@pytest.mark.parametrize("case", CASES)
def test_the_same_token_as_the_client_finds(
    case: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from dwave.cloud.config import load_config

    files, environment, options = CASES[case]
    for name, text in files.items():
        write(tmp_path / name, text)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert find_access(**options).token == load_config(**options).get("token")


def test_the_files_are_those_of_the_client() -> None:
    from dwave.cloud.config import get_configfile_paths

    assert config_paths() == [Path(p) for p in get_configfile_paths(only_existing=False)]


def test_no_token(server: LeapServer) -> None:
    options = Leap.make_options({"endpoint": server.endpoint})
    with pytest.raises(BackendUnavailable) as caught:
        Leap().solve(make_problem(), options)
    assert str(caught.value) == (
        "backend 'leap' needs a Leap API token and none was found; looked at the option `token`, "
        "DWAVE_API_TOKEN, dwave.conf (profile 'defaults')\n"
        "  Mend: `dwave config create`, or set DWAVE_API_TOKEN. "
        "`secateur backends` lists backends that need none."
    )
    assert server.steps == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"config_file": "missing.conf"}, "the file missing.conf cannot be read"),
        ({"config_file": "bad.conf"}, "the file bad.conf is not a configuration file"),
        ({"config_file": "good.conf", "profile": "nope"}, "there is no profile 'nope' in it"),
    ],
)
def test_a_configuration_that_is_wrong(
    tmp_path: Path, server: LeapServer, options: dict[str, str], said: str
) -> None:
    write(tmp_path / "bad.conf", f"token {TOKEN}\n")
    write(tmp_path / "good.conf", f"[one]\ntoken={TOKEN}\n")
    with pytest.raises(BackendUnavailable) as caught:
        Leap().solve(make_problem(), Leap.make_options(options))
    assert said in str(caught.value)
    assert TOKEN not in str(caught.value)


def test_an_unknown_region_or_a_profile_with_a_given_token(
    tmp_path: Path, server: LeapServer
) -> None:
    given = {"token": TOKEN, "config_file": "missing.conf", "endpoint": server.endpoint}
    with pytest.raises(BackendUnavailable, match="configuration of D-Wave's client is wrong"):
        Leap().solve(make_problem(), Leap.make_options(given))


# --- availability


def test_availability(monkeypatch: pytest.MonkeyPatch) -> None:
    without = Leap.availability()
    assert (without.installed, without.licensed, without.usable) == (True, False, False)
    assert "DWAVE_API_TOKEN" in str(without.remedy)
    monkeypatch.setenv("DWAVE_API_TOKEN", TOKEN)
    there = Leap.availability()
    assert there.usable
    assert "token from DWAVE_API_TOKEN" in there.detail
    assert TOKEN not in repr(there)


def test_not_installed(monkeypatch: pytest.MonkeyPatch, server: LeapServer) -> None:
    monkeypatch.setattr("secateur_backends.leap_access.installed", lambda packages: {})
    there = LeapQPU.availability()
    assert not there.installed
    assert "pip install 'secateur[leap]'" in str(there.remedy)
    with pytest.raises(BackendUnavailable, match="dwave-system, dwave-cloud-client, dimod"):
        LeapQPU().solve(make_problem(), LeapQPU.make_options({}))


def test_availability_and_estimates_import_nothing_of_the_vendor() -> None:
    code = """
import sys
from secateur_backends.leap import Leap, LeapBQM
from secateur_backends.leap_qpu import LeapQPU
from secateur_backends.leap_stride import LeapStride
for kind in (Leap, LeapBQM, LeapQPU, LeapStride):
    kind.availability(), kind.cite(), kind.Options()
import dimod
from secateur.problem import Problem
problem = Problem(dimod.BinaryQuadraticModel({"a": 1}, {}, "BINARY"))
Leap().applicability(problem), LeapStride().applicability(problem), LeapQPU().applicability(problem)
heavy = [n for n in sys.modules if n.split(".")[0] in ("dwave", "minorminer", "requests", "torch")]
print(heavy)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": ":".join(p for p in sys.path if p), "HOME": "/nonexistent"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


# --- nowhere else


FAULTS: dict[str, dict[str, Fault]] = {
    "none": {},
    # a service that repeats the token in its errors
    **{
        f"{step} {code}": {step: Fault(status=code, message=f"bad token {TOKEN}")}
        for step in ("list", "upload", "submit", "poll", "answer")
        for code in (400, 401, 429, 500)
    },
    "drop": {"submit": Fault(drop="after")},
    "junk": {"answer": Fault(junk=f'{{"token": "{TOKEN}"}}'.encode())},
}


@pytest.mark.usefixtures("fast_uploads")
@pytest.mark.parametrize(
    ("by", "case"),
    [("option", case) for case in FAULTS]
    + [(by, case) for by in ("environment", "file") for case in ("none", "list 401", "poll 400")],
)
def test_the_token_is_in_no_output_log_file_exception_or_repr(
    case: str,
    by: str,
    solve: Solve,
    server: LeapServer,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(1)  # everything, and the client says much: its whole configuration
    caplog.set_level(1, "dwave.cloud")
    given: dict[str, Any] = {"token": None, "wait": 0.4, "retries": 1}
    if by == "option":
        given["token"] = TOKEN
    elif by == "environment":
        monkeypatch.setenv("DWAVE_API_TOKEN", TOKEN)
    else:
        given["config_file"] = str(write(tmp_path / "with-token/my.conf", f"[a]\ntoken={TOKEN}\n"))
    server.always |= FAULTS[case]
    seen: list[Any] = []
    try:
        found = solve(make_problem(ones=3), **given)
        seen += [repr(found), found.options, found.raw, str(found.samples.info)]
    except BackendError as error:
        seen += ["".join(traceback.format_exception(error)), repr(error), vars(error)]
        seen += [str(e) for e in (error.__cause__, error.__context__)]
    seen += [caplog.text, [r.__dict__ for r in caplog.records], capfd.readouterr()]
    for path in tmp_path.rglob("*"):
        if path.is_file() and path.parent.name != "with-token":
            seen.append(path.read_text())
    assert "dwave.cloud" in {r.name.rsplit(".", 2)[0] for r in caplog.records}
    assert TOKEN not in json.dumps(seen, default=repr)


def test_the_filter_cleans_arguments_and_tracebacks(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("dwave.cloud.pretended")
    caplog.set_level(1)
    with hidden_in_logs(Access(TOKEN)):
        logger.warning("config %r", {"token": TOKEN})
        try:
            raise ValueError(TOKEN)
        except ValueError:
            logger.exception("failed")
    assert TOKEN not in caplog.text
    assert caplog.text.count("[token hidden]") >= 2
    assert not logger.filters


def test_the_access_does_not_print_its_token() -> None:
    assert TOKEN not in repr(Access(TOKEN, "the option `token`"))
