"""Answers of the service that are not true are never passed on, and are paid for once."""

from __future__ import annotations

from typing import Any

import dimod
import pytest

from secateur.errors import BackendMisbehaved
from secateur.problem import Problem

from .conftest import Solve, make_problem
from .faulty import paid_once, problem, refused
from .server import Fault, LeapServer

__all__ = ["problem"]  # a fixture

pytestmark = pytest.mark.usefixtures("fast_uploads")


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
