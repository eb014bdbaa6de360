"""Money on the command line: the price first, notes that reach the user, nothing paid twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from secateur.cli import run
from secateur.files import save_bqm
from secateur_backends.leap import Leap

from .client import attracting_problem, make_problem
from .server import TOKEN, Fault, LeapServer
from .test_leap_resume import until

OWN = ["--network", "tests.end_to_end.own:build", "--task", "tests.end_to_end.own:task"]
PRUNE = ["prune", *OWN, "--probes", "0", "--objective", "l1", "--amount", "5"]

pytestmark = pytest.mark.skipif(os.name == "nt", reason="POSIX signals")


@pytest.fixture
def paid(server: LeapServer, journal: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The options of a call of the stand-in, in a folder with a problem."""
    monkeypatch.setenv("DWAVE_API_TOKEN", TOKEN)
    save_bqm(make_problem().bqm, "a.bqm")
    save_bqm(attracting_problem().bqm, "all.bqm")
    given = {"endpoint": server.endpoint, "journal": str(journal), "backoff": 0.01}
    return [part for name, value in given.items() for part in ("--option", f"{name}={value}")]


def solving(paid: list[str], *more: str, file: str = "a.bqm", backend: str = "leap") -> list[str]:
    return ["solve", file, "--backend", backend, *paid, *more]


def told(capsys: Any, arguments: list[str], code: int = 0) -> tuple[str, str]:
    assert run(arguments) == code
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    assert TOKEN not in out + err
    return out, err


def test_the_price_of_a_search_is_told_and_nothing_is_sent(
    paid: list[str], server: LeapServer, capsys: Any
) -> None:
    out, _ = told(capsys, solving(paid, "--count", "3", "--dry-run"))
    rows = dict(line.split(None, 1) for line in out.splitlines() if not line.startswith("in all"))
    assert rows["solver"] == "hybrid_cqm_test"
    assert rows["couplings"] == "15 (100.0% of all pairs)"
    assert "minimum time  3 s" in out
    assert rows["charged"] == "3 s a call"
    assert "in all        3 s charged at most" in out
    assert "at most 60 s" in rows["allowed"]
    assert set(server.steps) == {"list"}


def test_the_price_of_many_calls_and_of_the_rest(
    paid: list[str], server: LeapServer, capsys: Any
) -> None:
    arguments = solving(paid, "--count", "5", file="all.bqm", backend="leap-bqm")
    out, _ = told(capsys, [*arguments, "--dry-run", "--json"])
    quoted = json.loads(out)
    each = quoted["call"]["charge_s"]
    assert quoted["calls"] == 16
    assert quoted["charge_s"] == pytest.approx(16 * each)
    assert quoted["call"]["most_variables"] == 100
    assert server.accepted == []
    told(capsys, [*arguments, "--no-proof", "--max-calls", "2"])
    assert len(server.accepted) == 2
    assert server.charged == pytest.approx(2 * each)
    again = json.loads(told(capsys, [*arguments, "--dry-run", "--json"])[0])
    assert again["call"]["charge_s"] == 0.0
    assert "the journal has the answer" in again["call"]["note"]
    assert again["charge_s"] <= 60.0
    over = json.loads(
        told(capsys, [*arguments, "--dry-run", "--json", "--option", "max_charge_s=7"])[0]
    )
    assert over["charge_s"] <= 7.0


@pytest.mark.parametrize("backend", ["annealing", "auto", "greedy", "decompose:tabu"])
def test_a_backend_that_is_not_metered_says_so(capsys: Any, paid: list[str], backend: str) -> None:
    out, _ = told(capsys, ["solve", "a.bqm", "--backend", backend, "--dry-run"])
    assert "metered       no" in out
    assert "nothing is charged" in out


def test_without_the_service_the_price_is_what_is_known(
    paid: list[str], server: LeapServer, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DWAVE_API_TOKEN")
    out, _ = told(capsys, solving(paid, "--dry-run"))
    assert "charged       not known\n" in out
    assert "the service could not be asked" in out
    assert "; `dwave config create`, or set DWAVE_API_TOKEN" in out
    assert "was not listed yet" not in out  # it says to do what was done
    assert server.steps == []


def test_calls_cost_and_the_journal_are_in_the_table(
    paid: list[str], server: LeapServer, capsys: Any
) -> None:
    out, err = told(capsys, solving(paid, "--count", "3", "--no-proof"))
    assert "charged  3 s for 1 call" in out
    assert "leap: charged 3 s for 1 call" in err
    out, err = told(capsys, solving(paid, "--count", "3", "--no-proof"))
    job = server.accepted[0].id
    assert "charged  0 s for 1 call" in out
    assert f"note     from the journal, job {job}, not charged" in out
    assert f"job {job} is taken from the journal, not charged" in err
    assert server.charged == 3.0
    told(capsys, solving(paid, "--count", "3", "--no-proof", "--option", "again=true"))
    assert server.charged == 6.0


def test_more_than_the_first_run_may_cost_is_asked_for(
    paid: list[str], server: LeapServer, capsys: Any
) -> None:
    long = [*paid, "--option", "time_limit=90"]
    _, err = told(capsys, solving(long), code=1)
    assert "90 s would be charged" in err
    assert "--charge" in err
    assert server.accepted == []
    told(capsys, solving(long, "--charge"))
    assert server.charged == 90.0


def test_pruning_is_priced_paid_once_and_not_again_where_saving_failed(
    paid: list[str],
    server: LeapServer,
    capsys: Any,
    monkeypatch: pytest.MonkeyPatch,
    eager_alone: None,
) -> None:
    import secateur.report

    arguments = [*PRUNE, "--backend", "leap", *paid, "--output", "out"]
    quoted = json.loads(told(capsys, [*arguments, "--dry-run", "--json"])[0])
    assert (quoted["calls"], quoted["charge_s"], quoted["metered"]) == (1, 3.0, True)
    assert server.accepted == []

    def fails(*given: Any) -> Any:
        raise OSError("the disk is gone")

    with monkeypatch.context() as broken:
        broken.setattr(secateur.report, "save_or_rescue", fails)
        assert "the disk is gone" in told(capsys, arguments, code=1)[1]
    assert server.charged == 3.0
    _, err = told(capsys, arguments)
    assert "from the journal, not charged" in err
    assert server.charged == 3.0
    assert Path("out/result.json").exists()


@pytest.fixture
def command() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    started = []

    def start(arguments: list[str]) -> subprocess.Popen[str]:
        paths = os.pathsep.join(p for p in sys.path if p)
        process = subprocess.Popen(
            [sys.executable, "-m", "secateur", *arguments],
            env=os.environ | {"PYTHONPATH": paths},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("moment", ["sending", "waiting"])
def test_ctrl_c_says_what_becomes_of_the_job(
    command: Any, paid: list[str], server: LeapServer, moment: str
) -> None:
    gate = threading.Event()
    if moment == "sending":
        server.faults["submit"].append(Fault(hold_after=gate))
    server.release.clear()
    process = command(solving(paid))
    step = "submit" if moment == "sending" else "poll"
    until(lambda: len(server.accepted) == 1 and server.count(step) > 0)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    gate.set()
    assert process.returncode == 130
    assert "interrupted" in err
    assert err.count("may have been accepted" if moment == "sending" else "goes on and may be") == 1
    assert moment == "sending" or server.accepted[0].id in err
    assert "Traceback" not in err
    server.release.set()
    again = command([*solving(paid), "--json"])
    out, _ = again.communicate(timeout=60)
    assert json.loads(out)["provenance"]["charged"]["seconds"] == pytest.approx(3, abs=0.1)
    assert len(server.accepted) == 1


def test_the_default_budget_is_what_the_help_says() -> None:
    text = {one.name: one.text for one in Leap.describe_options()}["max_charge_s"]
    assert f"{Leap.default_budget_s:g} s" in text
