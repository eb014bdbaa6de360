"""A run that ends early, however it ends, is taken up again by the id, and paid for once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from secateur.errors import BackendFailed
from secateur.problem import Problem
from tests.clocks import FOREVER

from .client import make_problem
from .conftest import Solve, best_energy
from .server import TOKEN, Fault, LeapServer

CLIENT = Path(__file__).with_name("client.py")

pytestmark = pytest.mark.skipif(os.name == "nt", reason="POSIX signals")


@pytest.fixture
def problem() -> Problem:
    return make_problem(ones=3)


@pytest.fixture
def start(server: LeapServer, journal: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    started = []

    def run(**given: Any) -> subprocess.Popen[str]:
        options = {"endpoint": server.endpoint, "journal": str(journal), "backoff": 0.01} | given
        paths = os.pathsep.join(p for p in sys.path if p)
        process = subprocess.Popen(
            [sys.executable, str(CLIENT), json.dumps(options)],
            env=os.environ | {"PYTHONPATH": paths, "DWAVE_API_TOKEN": TOKEN},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + FOREVER
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def states(journal: Path) -> list[str]:
    return sorted(json.loads(p.read_text())["state"] for p in journal.glob("*-*.json"))


def result(process: subprocess.Popen[str]) -> dict[str, Any]:
    out, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    assert TOKEN not in out + err
    return dict(json.loads(out))


def test_killed_while_waiting_and_resumed_by_another_process(
    start: Any, server: LeapServer, journal: Path, problem: Problem
) -> None:
    server.release.clear()
    first = start()
    until(lambda: states(journal) == ["submitted"] and server.count("poll") > 0)
    first.send_signal(signal.SIGKILL)
    first.wait()
    server.release.set()
    found = result(start())
    assert found["resumed"] is True
    assert found["job"] == server.accepted[0].id
    assert found["energy"] == pytest.approx(best_energy(problem))
    assert len(server.accepted) == server.count("submit") == 1
    assert server.charged == found["access"] == 3.0


def test_the_id_is_on_the_disk_before_the_first_poll_is_answered(
    start: Any, server: LeapServer, journal: Path
) -> None:
    gate = threading.Event()
    server.always["poll"] = Fault(hold=gate)
    process = start()
    until(lambda: states(journal) == ["submitted"])
    record = json.loads(next(journal.glob("*-*.json")).read_text())
    assert record["job_id"] == server.accepted[0].id
    gate.set()
    assert result(process)["resumed"] is False


def test_killed_between_the_acceptance_and_the_id_on_the_disk(
    start: Any, server: LeapServer, journal: Path, problem: Problem
) -> None:
    gate = threading.Event()
    server.faults["submit"].append(Fault(hold_after=gate))
    first = start()
    until(lambda: len(server.accepted) == 1)
    assert states(journal) == ["submitting"]
    first.send_signal(signal.SIGKILL)
    first.wait()
    gate.set()
    found = result(start())
    assert found["resumed"] is True
    assert found["energy"] == pytest.approx(best_energy(problem))
    assert len(server.accepted) == server.count("submit") == 1
    assert server.charged == 3.0


def test_killed_right_before_the_acceptance_is_not_guessed_about(
    start: Any, server: LeapServer, journal: Path
) -> None:
    gate = threading.Event()
    server.faults["submit"].append(Fault(hold=gate, drop="before"))
    first = start()
    until(lambda: server.count("submit") == 1)
    first.send_signal(signal.SIGKILL)
    first.wait()
    gate.set()
    assert "an earlier run ended while sending it" in result(start())["error"]
    assert server.accepted == []
    assert result(start(resubmit=True))["access"] == 3.0
    assert len(server.accepted) == 1


def test_killed_while_uploading_starts_over(start: Any, server: LeapServer, journal: Path) -> None:
    gate = threading.Event()
    server.faults["part"].append(Fault(hold=gate))
    first = start()
    until(lambda: server.count("part") == 1)
    first.send_signal(signal.SIGKILL)
    first.wait()
    gate.set()
    found = result(start())
    assert found["resumed"] is False
    assert len(server.accepted) == 1
    assert states(journal) == ["abandoned", "answered"]


@pytest.mark.parametrize("cancel", [False, True])
def test_ctrl_c_is_prompt_and_says_what_becomes_of_the_job(
    start: Any, server: LeapServer, journal: Path, cancel: bool
) -> None:
    server.release.clear()
    process = start(cancel_on_interrupt=cancel)
    until(lambda: server.count("poll") > 0)
    asked = time.monotonic()
    process.send_signal(signal.SIGINT)
    said = result(process)["interrupted"][0]
    assert time.monotonic() - asked < FOREVER  # `close` of the client would wait for the job
    job = server.accepted[0]
    assert job.id in said
    server.release.set()
    again = result(start())
    if cancel:
        assert job.status == "CANCELLED"
        assert "was cancelled" in said
        assert (again["resumed"], server.charged) == (False, 3.0)
    else:
        assert "goes on and may be charged" in said
        assert again["job"] == job.id
        assert server.charged == 3.0


def test_ctrl_c_while_the_job_is_sent(start: Any, server: LeapServer, journal: Path) -> None:
    gate = threading.Event()
    server.faults["submit"].append(Fault(hold_after=gate))
    process = start()
    until(lambda: len(server.accepted) == 1)
    asked = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert "may have been accepted" in result(process)["interrupted"][0]
    assert time.monotonic() - asked < FOREVER
    gate.set()
    found = result(start())
    assert (found["resumed"], found["job"]) == (True, server.accepted[0].id)
    assert server.charged == 3.0


def test_ctrl_c_while_uploading(start: Any, server: LeapServer, journal: Path) -> None:
    gate = threading.Event()
    server.faults["part"].append(Fault(hold=gate))
    process = start()
    until(lambda: server.count("part") == 1)
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    gate.set()  # the client's threads end with the request that is under way
    assert "nothing is charged" in result(process)["interrupted"][0]
    assert server.accepted == []


def test_two_processes_with_one_problem_share_the_job(
    start: Any, server: LeapServer, journal: Path
) -> None:
    server.release.clear()
    both = [start(), start()]
    until(lambda: server.count("poll") >= 2)
    time.sleep(0.2)
    server.release.set()
    found = [result(process) for process in both]
    assert found[0]["job"] == found[1]["job"]
    assert sorted(f["resumed"] for f in found) == [False, True]
    assert len(server.accepted) == 1


def test_an_answer_in_the_journal_is_taken_unless_a_new_one_is_wanted(
    solve: Solve, server: LeapServer, problem: Problem
) -> None:
    first = solve(problem)
    server.steps.clear()
    same = solve(problem, token="gone")
    assert same.job_id == first.job_id
    assert (same.samples.record.sample == first.samples.record.sample).all()
    assert (same.timings.access, same.raw["recorded"]["access"]) == (0.0, 3.0)
    assert f"from the journal, job {first.job_id}, not charged" in same.raw["notes"][0]
    assert server.steps == []
    assert server.charged == 3.0
    assert solve(problem, again=True).job_id != first.job_id
    assert solve(problem, again=True, max_charge_s=9.0).raw["reused"] is False
    assert server.charged == 9.0
    assert solve(problem).job_id == server.accepted[-1].id


def test_another_problem_or_time_limit_is_another_job(
    solve: Solve, server: LeapServer, problem: Problem
) -> None:
    server.release.clear()
    with pytest.raises(BackendFailed):
        solve(problem, wait=0.2)
    server.release.set()
    assert solve(make_problem(ones=2)).raw["resumed"] is False
    assert solve(problem, time_limit=4.0).raw["resumed"] is False
    assert solve(problem).raw["resumed"] is True
