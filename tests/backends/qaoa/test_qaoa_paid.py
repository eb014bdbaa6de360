"""Jobs on a real device: real HTTP to a service on the loopback, which counts what it charges."""

from __future__ import annotations

import _thread
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, ClassVar

import pytest

import secateur
from secateur.backends import Solution, Status, Stopped
from secateur.backends.call import run
from secateur.errors import (
    BackendBudgetSpent,
    BackendError,
    BackendFailed,
    BackendOptionError,
    BackendUnavailable,
    BackendUnsuitable,
)
from secateur.solving import quote
from secateur_backends.leap_jobs import Job
from secateur_backends.qaoa_device import QAOADevice, charges
from secateur_backends.qaoa_journal import Runs
from secateur_backends.qaoa_session import Hold

from .ibm_server import CRN, DEVICE, IBM, TOKEN
from .problems import least_energy, random_problem

PROBLEM = random_problem(3, seed=1, ones=1)
OPTIONS = {"device": f"ibm:{DEVICE}", "shots": 100, "iterations": 3, "reps": 1, "max_charge_s": 60}
JOBS, SESSIONS = ("POST", "/jobs"), ("POST", "/sessions")


def solve(backend: Any = QAOADevice, **options: Any) -> Solution:
    return run(backend, PROBLEM, OPTIONS | options)


def records() -> list[dict[str, Any]]:
    folder = Path(os.environ["XDG_STATE_HOME"]) / "secateur" / "ibm"
    found = [json.loads(path.read_text()) for path in folder.glob("*.json")]
    return sorted(found, key=lambda record: record["created"])


def states() -> list[str]:
    return [record["state"] for record in records()]


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
        "from tests.backends.qaoa.test_qaoa_paid import solve\n"
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


class TestSession:
    def test_it_is_opened_once_held_to_the_budget_closed_and_charged(self, ibm: IBM) -> None:
        found = solve(session="session", max_charge_s=60.0)
        (session,) = ibm.sessions.values()
        assert (session["mode"], session["max_ttl"], session["open"]) == ("dedicated", 60, False)
        assert {job.session for job in ibm.jobs.values()} == {"session-0"}
        assert found.raw["session"] == "session-0"
        assert found.timings.access == ibm.session_usage == found.raw["spent_s"]

    def test_what_it_was_charged_is_there_after_a_restart(self, ibm: IBM) -> None:
        solve(session="session")
        found = solve(iterations=9, max_charge_s=33.0)
        assert found.stopped is Stopped.BUDGET
        assert found.raw["spent_s"] == 32.0
        assert len(ibm.jobs) == 4

    def test_a_batch_is_charged_by_its_jobs(self, ibm: IBM) -> None:
        found = solve(session="batch")
        (session,) = ibm.sessions.values()
        assert (session["mode"], session["open"]) == ("batch", False)
        assert found.timings.access == 6.0

    def test_it_is_not_opened_for_what_is_in_the_journal(self, ibm: IBM) -> None:
        solve()
        solve(session="session")
        assert ibm.sent(*SESSIONS) == 0

    @pytest.mark.parametrize("state", ["Failed", "Cancelled"])
    def test_it_is_closed_whatever_happens(self, ibm: IBM, state: str) -> None:
        ibm.fail_job = {1: state}
        with pytest.raises(BackendFailed):
            solve(session="session")
        assert not ibm.sessions["session-0"]["open"]

    def test_one_that_a_killed_run_left_open_is_closed(
        self, ibm: IBM, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as patched:
            patched.setattr(Hold, "close", lambda self: None)  # as if it had been killed
            solve(session="session")
        assert ibm.sessions["session-0"]["open"]
        found = solve()
        assert not ibm.sessions["session-0"]["open"]
        assert found.raw["spent_s"] == 30.0

    def test_a_plan_without_sessions_is_told(self, ibm: IBM) -> None:
        ibm.fault = lambda method, path: 400 if (method, path) == SESSIONS else None
        with pytest.raises(BackendUnavailable, match="opens no session") as caught:
            solve(session="session")
        assert "batch" in str(caught.value.remedy)
        assert ibm.sent(*JOBS) == 0


class TestFaults:
    @pytest.mark.parametrize("state", ["Failed", "Cancelled"])
    def test_a_job_that_ends_without_an_answer(self, ibm: IBM, state: str) -> None:
        ibm.fail_job = {1: state}
        word = "was cancelled" if state == "Cancelled" else "failed: .*asleep"
        with pytest.raises(BackendFailed, match=f"job-1 {word}"):
            solve()
        assert states() == ["answered", state.lower()]
        found = solve()  # only what is missing is sent again
        assert found.raw["jobs"] == ["job-0", "job-2", "job-3"]

    def test_ctrl_c_in_the_queue_leaves_the_job_and_says_so(self, ibm: IBM) -> None:
        solve(iterations=1, device=f"ibm:{DEVICE}")
        ibm.hold = True
        ibm.after = self.interrupt("/jobs/job-1")
        began = time.monotonic()
        with pytest.raises(KeyboardInterrupt) as caught:
            solve(session="session")
        assert time.monotonic() - began < 20
        (note,) = caught.value.__notes__
        assert "job job-1 goes on and may be charged" in note
        assert ibm.jobs["job-1"].state == "Queued"
        assert not ibm.sessions["session-0"]["open"]
        ibm.hold, ibm.after = False, lambda method, path: None
        assert solve().raw["jobs"] == ["job-0", "job-1", "job-2"]
        assert len(ibm.jobs) == 3

    def test_ctrl_c_cancels_where_that_is_wanted(self, ibm: IBM) -> None:
        ibm.hold = True
        ibm.after = self.interrupt("/jobs/job-0")
        with pytest.raises(KeyboardInterrupt) as caught:
            solve(cancel_on_interrupt=True)
        assert "was cancelled" in caught.value.__notes__[0]
        assert ibm.jobs["job-0"].state == "Cancelled"
        assert states() == ["cancelled"]

    def test_ctrl_c_while_sending_says_that_it_may_have_been_accepted(
        self, ibm: IBM, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from secateur_backends import qaoa_service

        real = qaoa_service.IBM.send

        def send(*arguments: Any) -> Any:
            real(*arguments)
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr(qaoa_service.IBM, "send", send)
            with pytest.raises(KeyboardInterrupt) as caught:
                solve()
        (tag,) = ibm.jobs["job-0"].tags
        assert f"the tag {tag!r} may have been accepted" in caught.value.__notes__[0]
        assert states() == ["submitting"]
        assert solve().raw["jobs"] == ["job-0", "job-1", "job-2"]

    @staticmethod
    def interrupt(path: str) -> Any:
        fired = threading.Event()

        def hook(method: str, asked: str) -> None:
            if asked == path and not fired.is_set():
                fired.set()
                _thread.interrupt_main()

        return hook

    def test_a_queue_that_is_too_long(self, ibm: IBM) -> None:
        ibm.hold = True
        with pytest.raises(BackendFailed, match=r"job-0 has no answer after 0.2 s; it goes on"):
            solve(wait=0.2)
        ibm.hold = False
        assert solve().raw["jobs"][0] == "job-0"
        assert len(ibm.jobs) == 3

    def test_a_job_that_the_service_no_longer_knows(self, ibm: IBM) -> None:
        ibm.hold = True
        with pytest.raises(BackendFailed):
            solve(wait=0.1)
        ibm.hold = False
        del ibm.jobs["job-0"]
        with pytest.raises(BackendFailed, match="does not know job job-0") as caught:
            solve()
        assert "resubmit" in str(caught.value.remedy)
        assert ibm.sent(*JOBS) == 1
        solve(resubmit=True)
        assert ibm.sent(*JOBS) == 4
        assert states().count("abandoned") == 1

    def test_a_token_that_is_refused(self, ibm: IBM) -> None:
        ibm.fault = lambda method, path: None if path.startswith("/iam") else 401
        with pytest.raises(BackendUnavailable, match=r"refuses the token.*401"):
            solve()
        assert ibm.sent(*JOBS) == 0

    def test_a_job_that_is_refused_is_not_charged_and_not_looked_for(self, ibm: IBM) -> None:
        ibm.fault = lambda method, path: 401 if (method, path) == JOBS else None
        with pytest.raises(BackendFailed, match="refuses the job, and nothing is charged"):
            solve()
        assert states() == ["refused"]
        ibm.fault = lambda method, path: None
        assert solve().raw["spent_s"] == 6.0

    def test_a_job_that_the_client_sends_twice_is_charged_once(self, ibm: IBM) -> None:
        """IBM's client repeats a POST that a server answers with 500, accepted or not."""

        def fail_once(method: str, path: str) -> int | None:
            return 500 if (method, path) == JOBS and len(ibm.jobs) == 1 else None

        ibm.after = fail_once
        ibm.hold = True
        threading.Timer(3.0, setattr, (ibm, "hold", False)).start()
        solve(iterations=1)
        assert [job.state for job in ibm.jobs.values()].count("Completed") == 1
        assert [job.state for job in ibm.jobs.values()].count("Cancelled") == 1
        assert ibm.charged == 2.0

    def test_a_job_that_may_have_been_accepted_is_not_sent_again(
        self, ibm: IBM, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from secateur_backends import qaoa_service

        def broken(*_: Any) -> Any:
            import requests

            raise requests.ConnectionError("reset by peer")

        with monkeypatch.context() as patched:
            patched.setattr(qaoa_service.IBM, "send", broken)
            with pytest.raises(BackendFailed, match="not known whether"):
                solve()
        assert states() == ["submitting"]
        with pytest.raises(BackendFailed, match="an earlier run ended while sending it"):
            solve()
        assert ibm.sent(*JOBS) == 0
        solve(resubmit=True)
        assert ibm.sent(*JOBS) == 3

    def test_an_answer_that_cannot_be_read_is_not_lost(self, ibm: IBM) -> None:
        ibm.mangle = True
        with pytest.raises(BackendFailed, match="job-0"):
            solve()
        assert states() == ["submitted"]
        ibm.mangle = False
        assert solve().raw["jobs"] == ["job-0", "job-1", "job-2"]

    def test_a_journal_that_cannot_be_written_before_a_job_is_sent(
        self, ibm: IBM, tmp_path: Path
    ) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(BackendFailed):
            solve(journal=str(tmp_path / "file"))
        assert ibm.sent(*JOBS) == 0

    @pytest.mark.parametrize("last", ["submitting", "submitted"])
    def test_a_journal_that_cannot_be_written_any_more_costs_no_answer(
        self, ibm: IBM, monkeypatch: pytest.MonkeyPatch, last: str
    ) -> None:
        real, full = Runs.update, threading.Event()

        def update(self: Runs, job: Job, **changes: Any) -> Job:
            if job.state == last:
                full.set()
            if full.is_set():
                raise OSError("no space left on device")
            return real(self, job, **changes)

        with monkeypatch.context() as patched:
            patched.setattr(Runs, "update", update)
            found = solve(iterations=1)
        assert found.samples.first.energy == pytest.approx(least_energy(PROBLEM))
        assert "no space left" in found.raw["notes"][0]
        assert states() == [last]
        assert solve(iterations=1).raw["jobs"] == ["job-0"]
        assert len(ibm.jobs) == 1
        assert states() == ["answered"]

    def test_a_record_that_was_changed_is_told(self, ibm: IBM) -> None:
        solve()
        folder = Path(os.environ["XDG_STATE_HOME"]) / "secateur" / "ibm"
        path = min(folder.glob("*.json"), key=lambda p: json.loads(p.read_text())["created"])
        record = json.loads(path.read_text())
        for answer in ({}, {"bits": ["012"], "counts": [1]}, {"bits": ["01"], "counts": [1]}):
            path.write_text(json.dumps(record | {"answer": answer}))
            with pytest.raises(BackendFailed, match="cannot read the answer to job job-0"):
                solve()

    def test_a_device_that_there_is_not(self, ibm: IBM) -> None:
        with pytest.raises(BackendOptionError, match="no device 'ibm_lop'") as caught:
            solve(device="ibm:ibm_lop")
        assert "ibm:ibm_loop" in str(caught.value.remedy)

    def test_more_shots_than_the_device_takes(self, ibm: IBM) -> None:
        ibm.max_shots = 50
        with pytest.raises(BackendUnsuitable, match="at most 50"):
            solve()
        with pytest.raises(BackendOptionError, match="shots"):
            solve(shots=100_001)
        assert ibm.sent(*JOBS) == 0

    @pytest.mark.parametrize("variable", ["QISKIT_IBM_URL", "IAM_URL"])
    def test_the_token_is_not_sent_in_plain_text(
        self, ibm: IBM, monkeypatch: pytest.MonkeyPatch, variable: str
    ) -> None:
        monkeypatch.setenv(variable, "http://quantum.example.com/experimental")
        with pytest.raises(BackendUnavailable, match=rf"{variable} names quantum.example.com"):
            solve()
        assert ibm.requests == []


def test_secrets_stay_where_they_are(
    ibm: IBM, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.DEBUG, logger="secateur")
    caplog.set_level(logging.DEBUG, logger="secateur_backends")
    texts = [repr(solve()), json.dumps(solve(session="session", iterations=4).raw)]
    for fault in (JOBS, ("GET", "/jobs/job-4"), ("GET", "/backends")):
        ibm.fault = lambda method, path, at=fault: 403 if (method, path) == at else None
        ibm.error = f"not for {TOKEN} of {CRN}"
        with pytest.raises(BackendError) as caught:
            solve(again=True)
        error: BaseException | None = caught.value
        texts += [str(error), repr(error), str(caught.value.remedy)]
        assert error is not None
        assert error.__context__ is None or error.__suppress_context__
    texts += [record.getMessage() for record in caplog.records if "secateur" in record.name]
    texts += [path.read_text() for path in (tmp_path / "state").rglob("*.json")]
    assert len(texts) > 10
    for text in texts:
        assert TOKEN not in text
        assert CRN not in text
        assert "0a1b2c3d4e5f" not in text


def test_a_sampler_on_a_real_device_is_paid_for_however_it_is_given(ibm: IBM) -> None:
    from qiskit.transpiler import generate_preset_pass_manager
    from qiskit_ibm_runtime import QiskitRuntimeService
    from qiskit_ibm_runtime.executor_sampler import Sampler

    device = QiskitRuntimeService().backend(DEVICE)
    sampler = Sampler(mode=device, options={"environment": {"job_tags": ["mine"]}})
    manager = generate_preset_pass_manager(1, backend=device, seed_transpiler=0)
    given = {"device": None, "sampler": sampler, "pass_manager": manager}
    assert charges(QAOADevice.make_options({n: v for n, v in given.items() if v is not None}))
    asked = {n: v for n, v in (OPTIONS | given).items() if v is not None}
    found = run(QAOADevice, PROBLEM, asked | {"max_charge_s": 5.0})
    assert found.stopped is Stopped.BUDGET
    assert len(ibm.jobs) == 2
    assert all("mine" in job.tags and len(job.tags) == 2 for job in ibm.jobs.values())
    assert sampler.options.environment.job_tags == ["mine"]
    assert sampler.options.max_execution_time is None
    run(QAOADevice, PROBLEM, asked | {"max_charge_s": 5.0})
    assert len(ibm.jobs) == 2
    with pytest.raises(BackendOptionError, match="mode of its own"):
        run(QAOADevice, PROBLEM, asked | {"session": "batch"})


class TestFake:
    @pytest.mark.parametrize("session", ["none", "session", "batch"])
    def test_a_fake_device_takes_every_mode_and_charges_nothing(
        self, session: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
        options = OPTIONS | {"device": "fake:FakeManilaV2", "session": session, "max_charge_s": 0.0}
        found = run(QAOADevice, PROBLEM, options | {"classical_seed": 1})
        assert found.samples.first.energy == pytest.approx(least_energy(PROBLEM))
        assert found.timings.access == 0.0
        told = QAOADevice().applicability(PROBLEM, QAOADevice.make_options(options))
        assert told.charge_seconds == 0.0
        assert not list(tmp_path.rglob("*.json"))

    def test_a_dry_run_of_a_fake_device_tells_what_a_real_one_would_charge(self) -> None:
        found = run(QAOADevice, PROBLEM, OPTIONS | {"device": "fake:FakeManilaV2", "dry_run": True})
        assert found.raw["estimate"]["charge_s"] == 0.0
        assert "charged       nothing" in found.raw["text"]
        assert "a real device would charge about 6.0" in found.raw["text"]

    def test_it_is_not_metered_in_what_is_asked_and_told(self) -> None:
        options = {n: v for n, v in OPTIONS.items() if n != "max_charge_s"}
        options |= {"device": "fake:FakeManilaV2", "classical_seed": 1}
        told = quote(PROBLEM, backend=QAOADevice, options=options)
        assert (told.metered, told.charge_s, told.allowed) == (False, 0.0, "nothing is charged")
        found = secateur.solve(PROBLEM, backend=QAOADevice, options=options, seed=None)
        assert "charged" not in found.provenance
        real = options | {"device": f"ibm:{DEVICE}"}
        told = quote(PROBLEM, backend=QAOADevice, options=real)
        assert told.metered
        assert "at most 10 s" in told.allowed


class TestCharge:
    """One rule for all that is paid for."""

    ASKED: ClassVar[dict[str, Any]] = {
        name: value for name, value in OPTIONS.items() if name != "max_charge_s"
    } | {"iterations": 7}

    @pytest.mark.parametrize("session", ["none", "session"])
    def test_it_lifts_the_default_budget_and_no_other(self, ibm: IBM, session: str) -> None:
        asked = self.ASKED | {"session": session}
        told = quote(PROBLEM, backend=QAOADevice, options=asked, charge=True)
        assert told.charge_s == pytest.approx(7 * 2.025)
        assert told.allowed == "any charge (--charge)"
        found = run(QAOADevice, PROBLEM, asked, charge=True)
        assert len(ibm.jobs) > 4  # as many as 10 s allow
        assert found.stopped is Stopped.COMPLETED
        before = len(ibm.jobs)
        given = asked | {"again": True, "max_charge_s": 5.0, "session": "none"}
        with pytest.raises(BackendBudgetSpent, match="`max_charge_s` is 5 s"):
            run(QAOADevice, PROBLEM, given, charge=True)
        assert len(ibm.jobs) == before

    def test_new_measurements_are_within_the_same_budget(self, ibm: IBM) -> None:
        solve(max_charge_s=9.0)
        with pytest.raises(BackendBudgetSpent, match="--charge"):
            run(QAOADevice, PROBLEM, self.ASKED | {"again": True, "max_charge_s": 7.0})
        assert len(ibm.jobs) == 3

    def test_the_budget_is_for_all_calls_of_a_search_and_of_its_restarts(self, ibm: IBM) -> None:
        """Two circuits of one problem, in two processes: of other repetitions."""
        solve(max_charge_s=7.0)
        with pytest.raises(BackendBudgetSpent, match="after 6 s"):
            solve(QAOADevice(), max_charge_s=7.0, reps=2)
        assert len(ibm.jobs) == 3
