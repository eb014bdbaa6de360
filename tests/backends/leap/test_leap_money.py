"""A search over many paid calls: resumed where it was, within one budget, whatever ends it."""

from __future__ import annotations

import errno
import json
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import secateur
from secateur.backends import Stopped
from secateur.backends.call import run
from secateur.errors import BackendBudgetSpent, BackendError, BackendFailed, BackendMisbehaved
from secateur_backends import leap_jobs
from secateur_backends.leap import Leap, LeapBQM

from .client import attracting_problem, make_problem
from .conftest import Solve, best_energy, options_for
from .server import Fault, LeapServer
from .test_leap_cost import as_mapping, search
from .test_leap_resume import result, start, states, until

__all__ = ["start"]

pytestmark = pytest.mark.skipif(os.name == "nt", reason="POSIX signals")


def spent_in(journal: Path) -> float:
    return float(sum(json.loads(p.read_text())["charge_s"] for p in journal.glob("*-*.json")))


@pytest.mark.parametrize("seconds", [None, 500.0])
def test_a_search_that_was_killed_goes_on_where_it_was(
    start: Any, server: LeapServer, journal: Path, seconds: float | None, tmp_path: Path
) -> None:
    """Also with a time limit, of which a call's own must not follow from the clock."""
    given = {"search": True, "charge": True, "seconds": seconds}
    whole = result(start(**given, journal=str(tmp_path / "other")))
    in_one_go, calls = server.charged, len(server.accepted)
    assert calls > 5
    server.accepted.clear()
    for kill in (2, 4):
        server.release.set()
        killed = start(**given)
        until(lambda kill=kill: len(server.accepted) == kill)
        server.release.clear()
        killed.send_signal(signal.SIGKILL)
        killed.wait()
    server.release.set()
    again = result(start(**given))
    assert len(server.accepted) == calls
    assert server.charged == pytest.approx(in_one_go)
    assert (again["energy"], again["calls"]) == (whole["energy"], whole["calls"])
    assert again["charged"]["seconds"] < in_one_go
    assert any("from the journal" in note for note in again["notes"])
    last = result(start(**given))
    assert last["charged"]["seconds"] == 0.0
    assert len(server.accepted) == calls


def test_ten_seconds_stay_ten_over_kills_and_restarts(
    start: Any, server: LeapServer, journal: Path
) -> None:
    given = {"search": True, "max_charge_s": 10.0}
    for kill in (1, 2, 3):
        server.release.set()
        killed = start(**given)
        until(lambda kill=kill: len(server.accepted) == kill)
        killed.send_signal(signal.SIGKILL)
        killed.wait()
    found = result(start(**given))
    for job in server.accepted:
        server.finish(job)
    assert found["stopped"] == "budget"
    assert found["ones"] == 5
    assert len(server.accepted) == 3
    assert server.charged == pytest.approx(spent_in(journal))
    assert server.charged <= 10.0
    assert result(start(**given))["charged"]["seconds"] == 0.0
    assert len(server.accepted) == 3
    # by more, the rest of it is paid for, and not what was paid for
    raised = result(start(**{**given, "max_charge_s": 13.0}))
    assert raised["charged"]["seconds"] == pytest.approx(server.accepted[-1].charge_s)
    assert len(server.accepted) == 4


def test_another_problem_and_another_backend_have_a_budget_of_their_own(
    solve: Solve, server: LeapServer
) -> None:
    for problem, backend in (
        (make_problem(ones=3), None),
        (make_problem(ones=2), None),
        (make_problem(), None),
        (make_problem(), LeapBQM()),
    ):
        solve(problem, backend, max_charge_s=3.5)
    assert server.charged == pytest.approx(12.0, abs=0.1)
    with pytest.raises(BackendBudgetSpent, match="after 3 s for earlier calls of this problem"):
        solve(make_problem(ones=3), again=True, max_charge_s=3.5)
    with pytest.raises(BackendBudgetSpent, match="after 3 s"):
        solve(make_problem(ones=3), time_limit=3.2, max_charge_s=3.5)
    assert len(server.accepted) == 4


@pytest.mark.parametrize("ending", ["FAILED", "CANCELLED"])
def test_a_job_that_failed_may_have_been_charged_and_one_that_was_cancelled_was_not(
    solve: Solve, server: LeapServer, ending: str
) -> None:
    server.ending = ending
    with pytest.raises(BackendFailed):
        solve(make_problem(ones=3), max_charge_s=4.0)
    server.ending = "COMPLETED"
    if ending == "FAILED":
        with pytest.raises(BackendBudgetSpent):
            solve(make_problem(ones=3), max_charge_s=4.0)
    else:
        assert solve(make_problem(ones=3), max_charge_s=4.0).timings.access == 3.0


def test_a_job_that_was_refused_or_never_sent_is_not_counted(
    solve: Solve, server: LeapServer
) -> None:
    server.faults["submit"].append(Fault(status=400))
    with pytest.raises(BackendFailed):
        solve(make_problem(ones=3), max_charge_s=3.0)
    assert solve(make_problem(ones=3), max_charge_s=3.0).timings.access == 3.0


def test_one_given_up_counts_as_charged(solve: Solve, server: LeapServer) -> None:
    server.faults["submit"].append(Fault(drop="before"))
    with pytest.raises(BackendFailed):
        solve(make_problem(ones=3), max_charge_s=4.0)
    with pytest.raises(BackendBudgetSpent, match="after 3 s"):
        solve(make_problem(ones=3), max_charge_s=4.0, resubmit=True)
    assert server.accepted == []


def test_the_first_run_has_a_budget(
    solve: Solve, server: LeapServer, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = make_problem(ones=3)
    with pytest.raises(BackendBudgetSpent, match=r"61 s would be .* at most 60 s") as caught:
        solve(problem, time_limit=61.0)
    assert "--charge" in str(caught.value)
    assert server.accepted == []
    given = as_mapping(options_for(Leap(), server, journal, time_limit=61.0))
    with pytest.raises(BackendBudgetSpent):
        run(Leap(), problem, given)
    with pytest.raises(BackendBudgetSpent):
        secateur.solve(problem, backend=Leap(), options=given, seed=None)
    found = secateur.solve(problem, backend=Leap(), options=given, seed=None, charge=True)
    assert found.provenance["charged"]["seconds"] == server.charged == 61.0
    # a budget is kept whatever is allowed besides
    given |= {"again": True, "max_charge_s": 60.0}
    with pytest.raises(BackendError, match="would be charged"):
        secateur.solve(problem, backend=Leap(), options=given, seed=None, charge=True)
    assert len(server.accepted) == 1


def test_the_default_budget_ends_a_search_with_what_it_has(
    server: LeapServer, journal: Path
) -> None:
    server.minimum = 25.0
    options = as_mapping(options_for(LeapBQM(), server, journal))
    found = search(attracting_problem(), options)
    assert found.stopped is Stopped.BUDGET
    assert found.count == 5
    assert server.charged <= 60.0
    assert found.calls == 2


def test_a_fetched_job_counts_in_its_own_search(solve: Solve, server: LeapServer) -> None:
    server.release.clear()
    with pytest.raises(BackendFailed):
        solve(make_problem(ones=3), wait=0.2)
    with pytest.raises(BackendBudgetSpent, match="after 3 s"):
        solve(make_problem(ones=3), time_limit=3.5, max_charge_s=5.0, wait=0.2)
    server.release.set()
    assert solve(make_problem(ones=3), max_charge_s=0.0).timings.access == 3.0


# --- what the service says that is no number


@pytest.mark.parametrize("said", ["soon", "NaN", -3e6, None, [3]])
def test_a_charge_that_is_no_number(solve: Solve, server: LeapServer, said: Any) -> None:
    def tampered(answer: dict[str, Any]) -> dict[str, Any]:
        answer["data"]["info"]["charge_time"] = said
        return answer

    server.tamper = tampered
    problem = make_problem(ones=3)
    found = solve(problem)
    assert found.samples.first.energy == pytest.approx(best_energy(problem))
    if said is None:
        assert found.timings.access is None
    else:
        assert found.timings.access == 3.0
        assert "which is no number of seconds" in found.raw["notes"][0]
    with pytest.raises(BackendBudgetSpent, match="after 3 s"):
        solve(problem, again=True, max_charge_s=5.0)


@pytest.mark.parametrize("said", ["five", "NaN", -1.0, [3.0], True])
@pytest.mark.parametrize("kind", ["bqm", "cqm"])
def test_a_minimum_that_is_no_number(
    solve: Solve, server: LeapServer, kind: str, said: Any, journal: Path
) -> None:
    real = server.solvers

    def solvers() -> Any:
        found = real()
        found[0]["properties"]["minimum_time_limit"] = [[1, said], [1024, 6.0]]
        found[1]["properties"]["minimum_time_limit_s"] = said
        return found

    server.solvers = solvers  # type: ignore[method-assign]
    problem = make_problem(ones=3 if kind == "cqm" else None)
    for dry_run in (True, False):
        with pytest.raises(BackendMisbehaved, match="the solver says minimum_time_limit"):
            solve(problem, dry_run=dry_run)
    assert set(server.steps) == {"list"}
    with pytest.raises(BackendError, match="the solver says minimum_time_limit"):
        run(Leap(), problem, as_mapping(options_for(Leap(), server, journal)))


# --- a journal that cannot be written


def test_a_folder_that_cannot_be_written_is_said_before_anything_is_sent(
    solve: Solve, server: LeapServer, journal: Path
) -> None:
    journal.write_text("in the way")
    with pytest.raises(BackendFailed, match="cannot be written") as caught:
        solve(make_problem(ones=3))
    assert "nothing was sent" in str(caught.value)
    assert "`journal`" in str(caught.value)
    assert not {"upload", "submit"} & set(server.steps)
    dry = solve(make_problem(ones=3), dry_run=True)
    assert dry.raw["estimate"]["charge_s"] == 3.0


@pytest.mark.parametrize("full_at", ["uploading", "submitting", "submitted", "answered"])
def test_a_disk_that_is_full_loses_nothing_and_pays_once(
    solve: Solve,
    server: LeapServer,
    journal: Path,
    monkeypatch: pytest.MonkeyPatch,
    full_at: str,
) -> None:
    real = leap_jobs.write_whole

    def full(path: Path, text: str) -> None:
        if f'"state": "{full_at}"' in text:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(path, text)

    problem = make_problem(ones=3)
    monkeypatch.setattr(leap_jobs, "write_whole", full)
    if full_at in ("uploading", "submitting"):
        with pytest.raises(BackendFailed, match=r"No space left on device.*nothing was sent"):
            solve(problem)
        assert server.accepted == []
    else:
        found = solve(problem)
        assert found.samples.first.energy == pytest.approx(best_energy(problem))
        assert "No space left on device" in found.raw["notes"][0]
    monkeypatch.setattr(leap_jobs, "write_whole", real)
    again = solve(problem)
    assert again.samples.first.energy == pytest.approx(best_energy(problem))
    assert len(server.accepted) == 1
    assert server.charged == 3.0
    assert not list(journal.glob(".*"))


def test_two_calls_of_one_search_do_not_both_find_room(server: LeapServer, journal: Path) -> None:
    """3 s each, of one problem, at once: a budget of 5 s is for one of them."""
    problem, outcomes = make_problem(ones=3), []
    gate = threading.Event()
    server.always["submit"] = Fault(hold_after=gate)

    def call(time_limit: float) -> None:
        backend = Leap()
        options = options_for(backend, server, journal, time_limit=time_limit, max_charge_s=5.0)
        try:
            outcomes.append(backend.solve(problem, options).timings.access)
        except BackendBudgetSpent:
            outcomes.append("spent")

    threads = [threading.Thread(target=call, args=(limit,)) for limit in (3.0, 3.5)]
    for thread in threads:
        thread.start()
    until(lambda: server.count("submit") == 1)
    time.sleep(1.0)  # the other one is at the lock, or has sent its own
    gate.set()
    for thread in threads:
        thread.join(30)
    assert outcomes.count("spent") == 1
    assert len(server.accepted) == 1
    assert states(journal) == ["answered"]
