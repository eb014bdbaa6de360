"""Whatever goes wrong, in whatever order: one job, one charge, and the answer in the end."""

from __future__ import annotations

import os
import signal
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from secateur.errors import BackendError
from secateur_backends.leap import Leap
from tests.clocks import FOREVER

from .client import make_problem
from .conftest import Solve, best_energy, options_for
from .server import STEPS, Fault, LeapServer

PROBLEM = make_problem(ones=3)

FAULTS = {
    "429": Fault(status=429),
    "500": Fault(status=500),
    "503": Fault(status=503),
    "lost on the way there": Fault(drop="before"),
    "lost on the way back": Fault(drop="after"),
    "junk": Fault(junk=b"<html>"),
}

scripts = st.dictionaries(
    st.sampled_from([s for s in STEPS if s != "cancel"]),
    st.lists(st.sampled_from(sorted(FAULTS)), min_size=1, max_size=4),
    max_size=4,
)


@pytest.mark.usefixtures("fast_uploads")
@settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(script=scripts)
@example(script={"submit": ["lost on the way back"], "find": ["junk"], "answer": ["500"] * 4})
@example(script={"submit": ["500"], "find": ["429"] * 4})
def test_one_job_and_one_charge_whatever_goes_wrong(script: dict[str, list[str]]) -> None:
    with tempfile.TemporaryDirectory() as folder, LeapServer() as server:
        for step, names in script.items():
            server.faults[step].extend(FAULTS[name] for name in names)
        backend = Leap()
        given: dict[str, Any] = {"backoff": 0.001, "retries": 1, "wait": 5.0}
        found, remedies = None, []
        for run in range(20):
            # only when it is certain that nothing was accepted, as a user sees in the dashboard
            given["resubmit"] = run > 3 and not server.accepted
            try:
                options = options_for(backend, server, Path(folder), **given)
                found = backend.solve(PROBLEM, options)
                break
            except BackendError as error:
                remedies.append(error.remedy)  # never another class, never without a remedy
            assert len(server.accepted) <= 1
        assert all(remedies)
        assert found is not None
        assert found.samples.first.energy == pytest.approx(best_energy(PROBLEM))
        assert len(server.accepted) == 1
        assert server.charged == found.timings.access == 3.0


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_a_job_that_cannot_be_looked_for_is_neither_lost_nor_sent_again(
    solve: Solve, server: LeapServer, fault: str
) -> None:
    server.faults["submit"].append(Fault(drop="after"))
    server.always["find"] = FAULTS[fault]
    for resubmit in (False, True):
        with pytest.raises(BackendError):
            solve(PROBLEM, resubmit=resubmit)
    server.always.clear()
    assert solve(PROBLEM).raw["resumed"] is True
    assert len(server.accepted) == server.count("submit") == 1
    assert server.charged == 3.0


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_a_cancellation_that_fails_leaves_the_job_resumable(
    solve: Solve, server: LeapServer, fault: str
) -> None:
    server.always["cancel"] = FAULTS[fault]
    server.release.clear()

    def interrupt_once_accepted() -> None:
        deadline = time.monotonic() + FOREVER
        while not server.accepted and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.3)  # the answer to the submission has arrived by then
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Thread(target=interrupt_once_accepted)
    timer.start()
    with pytest.raises(KeyboardInterrupt) as caught:
        solve(PROBLEM, cancel_on_interrupt=True)
    timer.join()
    server.release.set()
    job = server.accepted[0]
    assert job.id in caught.value.__notes__[0]
    if job.status == "CANCELLED":  # the request arrived, and only its answer was lost
        with pytest.raises(BackendError, match="was cancelled"):
            solve(PROBLEM)
        assert server.charged == 0
    else:
        assert "goes on and may be charged" in caught.value.__notes__[0]
        assert solve(PROBLEM).job_id == job.id
        assert server.charged == 3.0
