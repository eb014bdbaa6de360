"""Every step until a job is accepted, broken in every way: what is seen, and what is on the bill.

The proof is the same each time: after the fault is mended, the same call gives the optimum, and the
service has accepted and charged exactly one job.
"""

from __future__ import annotations

import pytest

from secateur.errors import BackendFailed, BackendUnavailable
from secateur.problem import Problem

from .conftest import Solve
from .faulty import paid_once, problem, refused
from .server import Fault, LeapServer

__all__ = ["problem"]  # a fixture

UPLOAD = ("upload", "upload-status", "part", "combine")
BEFORE_SUBMIT = ("list", *UPLOAD)

pytestmark = pytest.mark.usefixtures("fast_uploads")


# --- before anything is sent


def test_bad_token(solve: Solve, server: LeapServer, problem: Problem) -> None:
    error = refused(solve, problem, BackendUnavailable, token="wrong-token-123")
    assert "refused the token from the option `token`" in str(error)
    assert "wrong-token-123" not in str(error)
    assert server.accepted == []
    paid_once(server, problem, solve(problem))


def test_no_solver_says_what_there_is(solve: Solve, server: LeapServer, problem: Problem) -> None:
    server.hidden = {"hybrid_cqm_test"}
    error = refused(solve, problem, BackendUnavailable)
    assert "no solver online for problems of the kind 'cqm'" in str(error)
    assert "it offers: hybrid_bqm_test" in str(error)
    assert server.accepted == []


def test_an_unknown_solver_name(solve: Solve, server: LeapServer, problem: Problem) -> None:
    error = refused(solve, problem, BackendUnavailable, solver_name="nope")
    assert "nope" in str(error)


def test_nobody_listens(solve: Solve, problem: Problem) -> None:
    error = refused(
        solve, problem, BackendUnavailable, endpoint="http://127.0.0.1:9/sapi/v2/", retries=0
    )
    assert "could not be reached while listing the solvers" in str(error)
    assert "127.0.0.1:9" in str(error)


@pytest.mark.parametrize("code", [429, 500, 503])
@pytest.mark.parametrize("step", BEFORE_SUBMIT)
def test_trouble_before_the_job_is_sent_charges_nothing(
    solve: Solve, server: LeapServer, problem: Problem, step: str, code: int
) -> None:
    server.always[step] = Fault(status=code, message="come back later")
    error = refused(solve, problem, BackendFailed)
    assert "nothing was charged" in str(error)
    assert "come back later" in str(error) or step in UPLOAD
    assert server.accepted == []
    server.always.clear()
    paid_once(server, problem, solve(problem))


@pytest.mark.parametrize("code", [429, 500, 503])
@pytest.mark.parametrize("step", BEFORE_SUBMIT)
def test_one_failure_before_the_job_is_sent_is_not_noticed(
    solve: Solve, server: LeapServer, problem: Problem, step: str, code: int
) -> None:
    server.faults[step].append(Fault(status=code))
    paid_once(server, problem, solve(problem))


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", BEFORE_SUBMIT)
def test_a_connection_dropped_before_the_job_is_sent(
    solve: Solve, server: LeapServer, problem: Problem, step: str, when: str
) -> None:
    server.faults[step].append(Fault(drop=when))
    paid_once(server, problem, solve(problem))


def test_junk_instead_of_a_list(solve: Solve, server: LeapServer, problem: Problem) -> None:
    server.always["list"] = Fault(junk=b"<html>maintenance</html>")
    refused(solve, problem, BackendFailed)
    assert server.accepted == []


# --- while the job is sent


@pytest.mark.parametrize("code", [429, 503])
def test_a_refusal_for_now_is_repeated_in_sight(
    solve: Solve, server: LeapServer, problem: Problem, code: int, caplog: pytest.LogCaptureFixture
) -> None:
    server.faults["submit"].append(Fault(status=code, message="too many"))
    paid_once(server, problem, solve(problem))
    assert server.count("submit") == 2
    assert "sending the job failed" in caplog.text
    assert "again in 0.01 s" in caplog.text


@pytest.mark.parametrize("code", [429, 503])
def test_a_refusal_that_lasts(
    solve: Solve, server: LeapServer, problem: Problem, code: int
) -> None:
    server.always["submit"] = Fault(status=code, message="too many")
    error = refused(solve, problem, BackendFailed)
    assert "too many" in str(error)
    assert "nothing was charged" in str(error)
    assert server.count("submit") == 3  # once, and `retries`
    server.always.clear()
    paid_once(server, problem, solve(problem))


@pytest.mark.parametrize("code", [400, 403, 404])
def test_a_refusal_for_good_is_not_repeated(
    solve: Solve, server: LeapServer, problem: Problem, code: int
) -> None:
    server.always["submit"] = Fault(status=code, message="quota exceeded")
    assert "quota exceeded" in str(refused(solve, problem, BackendFailed))
    assert server.count("submit") == 1
    server.always.clear()
    paid_once(server, problem, solve(problem))


@pytest.mark.parametrize(
    "fault", [Fault(drop="after"), Fault(junk=b"\x00\xff"), Fault(junk=b'[{"no": "id"}]')]
)
def test_a_job_that_was_accepted_without_our_hearing_of_it_is_found_by_its_label(
    solve: Solve,
    server: LeapServer,
    problem: Problem,
    fault: Fault,
    caplog: pytest.LogCaptureFixture,
) -> None:
    server.faults["submit"].append(fault)
    paid_once(server, problem, solve(problem))
    assert server.count("submit") == 1
    assert "it was not sent again" in caplog.text


@pytest.mark.parametrize("fault", [Fault(drop="before"), Fault(status=500)])
def test_a_job_of_unknown_fate_is_not_sent_again_unasked(
    solve: Solve, server: LeapServer, problem: Problem, fault: Fault
) -> None:
    server.faults["submit"].append(fault)
    error = refused(solve, problem, BackendFailed)
    assert "it is not known whether" in str(error)
    assert "`resubmit=True`" in str(error)
    assert "secateur-" in str(error)  # the label to look for
    assert server.count("find") == 3
    # a second run looks again, and still does not guess
    assert "it is not known whether" in str(refused(solve, problem, BackendFailed))
    assert server.accepted == []
    paid_once(server, problem, solve(problem, resubmit=True))
    # and that is settled: the next run is a new job, as it was asked for
    assert solve(problem).raw["resumed"] is False


def test_a_job_of_unknown_fate_that_turns_up_later_is_resumed(
    solve: Solve, server: LeapServer, problem: Problem
) -> None:
    server.faults["submit"].append(Fault(drop="after"))
    server.always["find"] = Fault(status=500)
    refused(solve, problem, BackendFailed)
    server.always.clear()
    # even when another one was allowed: it is there, so it is taken
    found = solve(problem, resubmit=True)
    paid_once(server, problem, found)
    assert found.raw["resumed"] is True
