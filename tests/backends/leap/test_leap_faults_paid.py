"""Every step once a job is paid for, broken in every way: nothing is lost, nothing paid twice."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from secateur.errors import BackendError, BackendFailed, BackendUnavailable
from secateur.problem import Problem

from .conftest import Solve, best_energy
from .faulty import paid_once, problem, refused
from .server import Fault, LeapServer

__all__ = ["problem"]  # a fixture

pytestmark = pytest.mark.usefixtures("fast_uploads")
AFTER_SUBMIT = ("poll", "answer")


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
