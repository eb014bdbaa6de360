"""Jobs on a real device: real HTTP to a service on the loopback, which counts what it charges."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from secateur.backends import Status, Stopped
from secateur.backends.call import run
from secateur.errors import (
    BackendBudgetSpent,
    BackendFailed,
    BackendUnsuitable,
)
from secateur_backends.qaoa_device import QAOADevice

from .ibm_server import IBM
from .paid import JOBS, OPTIONS, PROBLEM, SESSIONS, records, solve, states
from .problems import least_energy, random_problem


def test_every_evaluation_is_a_job_that_is_charged_and_told(ibm: IBM) -> None:
    found = solve()
    assert found.samples.first.energy == pytest.approx(least_energy(PROBLEM))
    assert found.stopped is Stopped.COMPLETED
    assert found.raw["jobs"] == ["job-0", "job-1", "job-2"] == list(ibm.jobs)
    assert found.job_id == "job-2"
    assert found.timings.access == ibm.charged == 6.0
    assert found.timings.queue == 3 * 4.5
    assert states() == ["answered"] * 3
    assert found.samples.record.num_occurrences.sum() == 100


def test_the_id_is_on_the_disk_before_the_answer_is_awaited(ibm: IBM) -> None:
    seen: list[tuple[str, str | None]] = []

    def look(method: str, path: str) -> None:
        if path == "/jobs/job-0":
            seen.append((records()[0]["state"], records()[0]["job_id"]))

    ibm.after = look
    solve(iterations=1)
    assert seen[0] == ("submitted", "job-0")


@pytest.mark.parametrize("when", [("POST", "/jobs"), ("GET", "/jobs/job-1/results")])
def test_a_killed_search_goes_on_where_it_was(ibm: IBM, when: tuple[str, str]) -> None:
    """Killed by the system while its second job is accepted, and while it is fetched."""
    program = (
        "from tests.backends.qaoa.paid import solve\n"
        "print('ready', flush=True)\nsolve(session='none')"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], cwd=Path(__file__).parents[3], stdout=subprocess.PIPE
    )

    def kill(method: str, path: str) -> int | None:
        if (method, path) == when and len(ibm.jobs) == 2:
            process.send_signal(signal.SIGKILL)
            process.wait()
        return None

    ibm.after = kill
    process.communicate(timeout=120)
    assert process.returncode == -signal.SIGKILL
    assert len(ibm.jobs) == 2
    ibm.after = lambda method, path: None
    found = solve()
    assert len(ibm.jobs) == 3
    assert found.raw["jobs"] == ["job-0", "job-1", "job-2"]
    assert found.raw["from_journal"] == ["job-0"]
    assert found.timings.access == 4.0  # of the two that were awaited now
    assert found.raw["spent_s"] == ibm.charged == 6.0


def test_answers_are_taken_from_the_journal_unless_new_ones_are_wanted(
    ibm: IBM, caplog: pytest.LogCaptureFixture
) -> None:
    first = solve()
    again = solve()
    assert len(ibm.jobs) == 3
    assert again.timings.access == 0.0
    assert again.samples == first.samples
    assert again.raw["values"] == first.raw["values"]
    (note,) = again.raw["notes"]
    assert note.startswith("3 of 3 answers are from the journal (job job-2), not charged")
    assert note in caplog.text
    longer = solve(iterations=5)
    assert longer.raw["values"][:3] == first.raw["values"]
    assert (len(ibm.jobs), longer.timings.access) == (5, 4.0)
    solve(again=True)
    assert len(ibm.jobs) == 8


@pytest.mark.parametrize("other", [{"shots": 101}, {"reps": 2}, {"xy_pairs": "complete"}])
def test_another_circuit_is_another_job(ibm: IBM, other: dict[str, Any]) -> None:
    solve(iterations=1)
    solve(iterations=1, **other)
    assert len(ibm.jobs) == 2


class TestBudget:
    def test_it_ends_the_search_with_what_is_there(self, ibm: IBM) -> None:
        found = solve(max_charge_s=5.0)
        assert found.stopped is Stopped.BUDGET
        assert found.status is Status.FEASIBLE
        assert found.samples.first.energy == pytest.approx(least_energy(PROBLEM))
        assert len(ibm.jobs) == 2
        assert ibm.charged <= 5.0
        assert [job.cap for job in ibm.jobs.values()] == [5, 3]

    def test_it_holds_over_processes_and_what_is_raised_goes_on(self, ibm: IBM) -> None:
        solve(max_charge_s=5.0)
        assert solve(max_charge_s=5.0).stopped is Stopped.BUDGET
        assert len(ibm.jobs) == 2
        found = solve(max_charge_s=7.0)
        assert found.stopped is Stopped.COMPLETED
        assert (len(ibm.jobs), found.timings.access) == (3, 2.0)

    def test_it_holds_over_the_problems_of_one_search(self, ibm: IBM) -> None:
        backend = QAOADevice()
        solve(backend, max_charge_s=7.0)
        with pytest.raises(BackendBudgetSpent, match="6 s for earlier ones"):
            run(backend, random_problem(3, seed=2, ones=1), OPTIONS | {"max_charge_s": 7.0})
        assert len(ibm.jobs) == 3
        solve(backend, max_charge_s=7.0)  # counted once, however often it is taken

    def test_the_first_run_has_one_that_nobody_gave(self, ibm: IBM) -> None:
        asked = {n: v for n, v in OPTIONS.items() if n != "max_charge_s"} | {"iterations": 50}
        assert run(QAOADevice, PROBLEM, asked).stopped is Stopped.BUDGET
        assert ibm.charged <= 10.0

    def test_less_than_a_job_is_refused_and_nothing_is_opened(self, ibm: IBM) -> None:
        with pytest.raises(BackendUnsuitable, match="one job, and `max_charge_s` is 1 s"):
            solve(max_charge_s=1.0, session="session")
        options = QAOADevice.make_options(OPTIONS | {"max_charge_s": 2.0251, "session": "session"})
        with pytest.raises(BackendBudgetSpent, match="it was not sent"):
            QAOADevice().solve(PROBLEM, options)
        assert ibm.sent(*JOBS) == ibm.sent(*SESSIONS) == 0

    def test_what_is_not_known_yet_counts_as_expected_and_is_asked_for_again(
        self, ibm: IBM
    ) -> None:
        ibm.pending = 1
        found = solve(max_charge_s=5.0)
        assert len(ibm.jobs) == 2
        assert found.timings.access == 4.0
        assert [record["extra"]["charged_s"] for record in records()] == [2.0, 2.0]

    def test_a_job_that_costs_more_than_expected_leaves_less(self, ibm: IBM) -> None:
        ibm.usage = 4.0
        assert solve(max_charge_s=8.0).stopped is Stopped.BUDGET
        assert len(ibm.jobs) == 2

    def test_jobs_that_failed_count_too(self, ibm: IBM) -> None:
        ibm.fail_job = {0: "Failed"}
        with pytest.raises(BackendFailed):
            solve()
        assert solve(max_charge_s=5.0).raw["spent_s"] == 4.0
        assert len(ibm.jobs) == 2

    def test_the_service_is_not_asked_for_what_costs_nothing(self, ibm: IBM) -> None:
        told = QAOADevice().applicability(PROBLEM, QAOADevice.make_options(OPTIONS))
        assert told.charge_seconds == pytest.approx(3 * 2.025)
        assert ibm.requests == []


def test_a_dry_run_tells_what_it_would_take_and_sends_nothing(ibm: IBM) -> None:
    found = solve(dry_run=True, session="session")
    estimate = found.raw["estimate"]
    assert estimate["jobs"] == 3
    assert estimate["job_s"] == pytest.approx(2.0 + 100 * 2.5e-4, abs=0.01)
    assert estimate["charge_s"] == pytest.approx(3 * estimate["job_s"])
    assert estimate["two_qubit_gates"] > 0
    assert estimate["depth"] > 10
    for said in ("ibm:ibm_loop", "3 of 5", "at most 3, each of 100 shots", "60 s", "pauses too"):
        assert said in found.raw["text"]
    assert found.timings.access == 0.0
    assert ibm.sent(*JOBS) == ibm.sent(*SESSIONS) == 0
    sent = solve(iterations=1)
    assert sent.raw["depth"] == estimate["depth"]
    assert sent.raw["two_qubit_gates"] == estimate["two_qubit_gates"]
