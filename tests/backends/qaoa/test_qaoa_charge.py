"""Sessions, samplers, fake devices and `charge`: who is charged for what."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest

import secateur
from secateur.backends import Stopped
from secateur.backends.call import run
from secateur.errors import (
    BackendBudgetSpent,
    BackendFailed,
    BackendOptionError,
    BackendUnavailable,
)
from secateur.solving import quote
from secateur_backends.qaoa_device import QAOADevice, charges
from secateur_backends.qaoa_session import Hold

from .ibm_server import DEVICE, IBM
from .paid import JOBS, OPTIONS, PROBLEM, SESSIONS, solve
from .problems import least_energy


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
