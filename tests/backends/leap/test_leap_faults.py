"""Every step of the protocol, broken in every way: what the user sees, and what is on the bill.

The proof is the same each time: after the fault is mended, the same call gives the optimum, and the
service has accepted and charged exactly one job.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import dimod
import pytest

from secateur.backends import Solution
from secateur.errors import (
    BackendError,
    BackendFailed,
    BackendMisbehaved,
    BackendUnavailable,
)
from secateur.problem import Problem

from .conftest import Solve, best_energy, make_problem
from .server import Fault, LeapServer

UPLOAD = ("upload", "upload-status", "part", "combine")
BEFORE_SUBMIT = ("list", *UPLOAD)
AFTER_SUBMIT = ("poll", "answer")

pytestmark = pytest.mark.usefixtures("fast_uploads")


@pytest.fixture
def problem() -> Problem:
    return make_problem(ones=3)


def paid_once(server: LeapServer, problem: Problem, found: Solution) -> None:
    assert found.samples.first.energy == pytest.approx(best_energy(problem))
    assert len(server.accepted) == 1
    assert server.charged == pytest.approx(3.0, abs=0.1)
    assert found.timings.access == pytest.approx(server.charged)


def refused(solve: Solve, problem: Problem, kind: type[BackendError], **given: Any) -> BackendError:
    with pytest.raises(kind) as caught:
        solve(problem, **given)
    assert "'leap'" in str(caught.value)
    assert caught.value.backend == "leap"
    assert caught.value.remedy
    # the client's errors may quote the token, and must not be printed below ours
    assert caught.value.__cause__ is None
    return caught.value


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


# --- once the job is paid for


@pytest.mark.parametrize("code", [429, 500, 503])
@pytest.mark.parametrize("step", AFTER_SUBMIT)
def test_one_failure_after_the_job_was_sent_loses_nothing(
    solve: Solve, server: LeapServer, problem: Problem, step: str, code: int
) -> None:
    server.faults[step].append(Fault(status=code))
    paid_once(server, problem, solve(problem))


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", AFTER_SUBMIT)
def test_a_connection_dropped_after_the_job_was_sent_loses_nothing(
    solve: Solve, server: LeapServer, problem: Problem, step: str, when: str
) -> None:
    server.faults[step].append(Fault(drop=when))
    paid_once(server, problem, solve(problem))


@pytest.mark.parametrize("code", [401, 429, 500, 503])
def test_an_answer_that_cannot_be_downloaded_is_fetched_by_the_next_run(
    solve: Solve, server: LeapServer, problem: Problem, code: int
) -> None:
    server.always["answer"] = Fault(status=code, message="storage is down")
    error = refused(solve, problem, BackendError)
    assert f"job {server.accepted[0].id} stays with the service" in str(error)
    server.always.clear()
    found = solve(problem)
    paid_once(server, problem, found)
    assert found.raw["resumed"] is True
    assert found.job_id == server.accepted[0].id


@pytest.mark.parametrize("code", [500, 503])
def test_polls_that_fail_for_ever_end_with_the_deadline(
    solve: Solve, server: LeapServer, problem: Problem, code: int
) -> None:
    server.always["poll"] = Fault(status=code)
    error = refused(solve, problem, BackendFailed, wait=0.7)
    assert "was not there in time" in str(error)
    assert server.count("poll") < 30  # the client, left alone, asks 400 times a second
    server.always.clear()
    paid_once(server, problem, solve(problem))


def test_a_slow_answer_ends_with_the_id_and_how_to_resume(
    solve: Solve, server: LeapServer, problem: Problem
) -> None:
    server.release.clear()
    error = refused(solve, problem, BackendFailed, wait=0.5)
    assert server.accepted[0].id in str(error)
    assert "run the same again to fetch its answer, which is not charged again" in str(error)
    server.release.set()
    found = solve(problem)
    paid_once(server, problem, found)
    assert found.raw["resumed"] is True


def test_a_failed_problem(solve: Solve, server: LeapServer, problem: Problem) -> None:
    server.ending = "FAILED"
    error = refused(solve, problem, BackendFailed)
    assert f"job {server.accepted[0].id} failed" in str(error)
    assert "the solver gave up" in str(error)
    assert server.charged == 0
    server.ending = "COMPLETED"
    found = solve(problem)  # a new job, as the old one is over
    assert found.samples.first.energy == pytest.approx(best_energy(problem))
    assert server.charged == 3.0


def test_a_cancelled_problem(solve: Solve, server: LeapServer, problem: Problem) -> None:
    server.ending = "CANCELLED"
    error = refused(solve, problem, BackendFailed)
    assert f"job {server.accepted[0].id} was cancelled" in str(error)
    assert server.charged == 0
    server.ending = "COMPLETED"
    solve(problem)
    assert server.charged == 3.0


def test_a_job_that_the_service_has_forgotten(
    solve: Solve, server: LeapServer, problem: Problem
) -> None:
    server.release.clear()
    refused(solve, problem, BackendFailed, wait=0.3)
    server.release.set()
    forgotten = server.accepted.pop()
    error = refused(solve, problem, BackendFailed)
    assert f"does not know job {forgotten.id}" in str(error)
    assert server.count("submit") == 1
    paid_once(server, problem, solve(problem, resubmit=True))


# --- answers that are not true


def tampered(change: Any) -> Any:
    def tamper(answer: dict[str, Any]) -> dict[str, Any]:
        samples = dimod.SampleSet.from_serializable(answer["data"])
        changed = change(samples)
        changed.info.update(samples.info)
        return {"format": "bq", "data": changed.to_serializable()}

    return tamper


def wrong_labels(samples: dimod.SampleSet) -> dimod.SampleSet:
    return samples.relabel_variables({0: 17}, inplace=False)


def missing_label(samples: dimod.SampleSet) -> dimod.SampleSet:
    return dimod.SampleSet.from_samples(
        (samples.record.sample[:, 1:], list(samples.variables)[1:]),
        "BINARY",
        energy=samples.record.energy,
    )


def not_binary(samples: dimod.SampleSet) -> dimod.SampleSet:
    rows = samples.record.sample.copy()
    rows[0, 0] = 2
    return dimod.SampleSet.from_samples(
        (rows, list(samples.variables)), "INTEGER", energy=samples.record.energy
    )


def false_energy(samples: dimod.SampleSet) -> dimod.SampleSet:
    return dimod.SampleSet.from_samples(
        (samples.record.sample, list(samples.variables)),
        "BINARY",
        energy=samples.record.energy - 1.0,
    )


def no_rows(samples: dimod.SampleSet) -> dimod.SampleSet:
    return samples.slice(0)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (wrong_labels, "not over the variables that were sent"),
        (missing_label, "not over the variables that were sent"),
        (not_binary, "the value 2"),
        (false_energy, "it states an energy of"),
        (no_rows, "it has no samples"),
    ],
)
def test_an_answer_that_is_not_true_is_never_passed_on(
    solve: Solve, server: LeapServer, change: Any, said: str
) -> None:
    problem = make_problem()
    server.tamper = tampered(change)
    error = refused(solve, problem, BackendMisbehaved)
    assert said in str(error)
    assert server.accepted[0].id in str(error)
    # it was a matter of the download: fetched again, it is right, and not charged again
    _mend(server)
    found = solve(problem)
    paid_once(server, problem, found)
    assert found.raw["resumed"] is True


def _mend(server: LeapServer) -> None:
    server.tamper = lambda answer: answer
    for job in server.accepted:
        job.status, job.answer, job.solved = "PENDING", None, None


@pytest.mark.parametrize(
    "junk", [b"\x89PNG\r\n", b"{}", b'{"status": "COMPLETED"}', b"[1, 2", b'"text"']
)
def test_junk_instead_of_an_answer(
    solve: Solve, server: LeapServer, problem: Problem, junk: bytes
) -> None:
    server.always["answer"] = Fault(junk=junk)
    error = refused(solve, problem, BackendMisbehaved)
    assert server.accepted[0].id in str(error)
    server.always.clear()
    paid_once(server, problem, solve(problem))


def test_an_answer_in_an_unknown_form(solve: Solve, server: LeapServer, problem: Problem) -> None:
    server.tamper = lambda answer: {"format": "qp"} | answer | {"format": "bq", "data": {"a": 1}}
    refused(solve, problem, BackendMisbehaved)
    _mend(server)
    paid_once(server, problem, solve(problem))


def test_a_wrong_answer_can_be_given_up_explicitly(solve: Solve, server: LeapServer) -> None:
    problem = make_problem()
    server.tamper = tampered(false_energy)
    refused(solve, problem, BackendMisbehaved)
    refused(solve, problem, BackendMisbehaved)
    assert len(server.accepted) == 1
    server.tamper = lambda answer: answer
    solve(problem, resubmit=True)
    assert len(server.accepted) == 2  # that was asked for


def test_the_solver_disappears_before_the_answer_is_fetched(
    solve: Solve, server: LeapServer, problem: Problem
) -> None:
    server.release.clear()
    refused(solve, problem, BackendFailed, wait=0.3)
    server.release.set()
    server.hidden = {"hybrid_cqm_test"}
    error = refused(solve, problem, BackendUnavailable)
    assert server.accepted[0].id in str(error)
    server.hidden = set()
    paid_once(server, problem, solve(problem))


def test_warnings_are_logged_once_and_not_printed(
    solve: Solve, server: LeapServer, problem: Problem, capfd: pytest.CaptureFixture[str]
) -> None:
    logging.getLogger("secateur_backends").addHandler(logging.NullHandler())
    server.faults["answer"].append(Fault(status=500))
    solve(problem)
    assert capfd.readouterr().out == ""


def test_the_journal_is_where_it_was_asked_for(
    solve: Solve, server: LeapServer, problem: Problem, journal: Path
) -> None:
    solve(problem)
    assert len(list(journal.glob("*-*.json"))) == 1
