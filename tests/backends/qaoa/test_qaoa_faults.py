"""What goes wrong with jobs on a real device loses no answer and pays for nothing twice."""

from __future__ import annotations

import _thread
import json
import logging
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from secateur.errors import (
    BackendError,
    BackendFailed,
    BackendOptionError,
    BackendUnavailable,
    BackendUnsuitable,
)
from secateur_backends.leap_jobs import Job
from secateur_backends.qaoa_journal import Runs
from tests.clocks import FOREVER

from .ibm_server import CRN, DEVICE, IBM, TOKEN
from .paid import JOBS, PROBLEM, solve, states
from .problems import least_energy


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
        assert time.monotonic() - began < FOREVER
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
