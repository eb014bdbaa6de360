"""What goes right: the answers, what is reported of them, and what is sent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from secateur.backends import Status, Stopped
from secateur.errors import BackendUnsuitable
from secateur.problem import Problem
from secateur_backends.leap import Leap, LeapBQM

from .conftest import Solve, best_energy, limited_problem, make_problem
from .server import LeapServer


def bits(problem: Problem, samples: object) -> np.ndarray:
    order = [list(samples.variables).index(v) for v in problem.variables]  # type: ignore[attr-defined]
    return samples.record.sample[:, order]  # type: ignore[attr-defined]


@pytest.mark.parametrize("problem", [make_problem(), make_problem(ones=3), limited_problem()])
def test_the_optimum_comes_back_with_its_energy(solve: Solve, problem: Problem) -> None:
    found = solve(problem)
    rows = bits(problem, found.samples)
    assert found.samples.first.energy == pytest.approx(best_energy(problem))
    assert found.samples.record.energy == pytest.approx(problem.energies(rows))
    assert problem.feasible(rows).all()
    assert found.status is Status.FEASIBLE
    assert found.stopped is Stopped.TIME_LIMIT


def test_auto_takes_the_cqm_solver_for_constraints_only(solve: Solve, server: LeapServer) -> None:
    solve(make_problem())
    solve(make_problem(ones=2))
    solve(make_problem(seed=1), solver="cqm")
    solve(make_problem(ones=2), backend=LeapBQM())
    assert [job.type for job in server.accepted] == ["bqm", "cqm", "cqm", "bqm"]


def test_charged_and_queue_time_apart_in_seconds(solve: Solve, server: LeapServer) -> None:
    found = solve(make_problem(), time_limit=5.0)
    assert found.timings.access == pytest.approx(5.0)
    assert found.timings.solve == pytest.approx(4.5)
    assert found.timings.queue is not None
    assert 0 <= found.timings.queue < 5
    assert found.job_id == server.accepted[0].id
    assert server.charged == 5.0


def test_names_of_layers_are_not_sent(solve: Solve, server: LeapServer) -> None:
    solve(make_problem())
    solve(make_problem(ones=3))
    assert not any(b"conv" in body for body in server.bodies)


def test_an_empty_problem_is_answered_without_the_service(solve: Solve, server: LeapServer) -> None:
    found = solve(make_problem(n=0))
    assert found.samples.first.energy == 1.5
    assert server.steps == []


def test_the_bqm_solver_refuses_a_count(solve: Solve, server: LeapServer) -> None:
    with pytest.raises(BackendUnsuitable, match=r"exactly 3 ones.*\n.*leap-bqm"):
        solve(make_problem(ones=3), solver="bqm")
    assert server.steps == []


def test_more_variables_than_the_solver_takes(solve: Solve, server: LeapServer) -> None:
    with pytest.raises(BackendUnsuitable, match="101 variables, and hybrid_bqm_test takes at most"):
        solve(make_problem(n=101))
    assert set(server.steps) == {"list"}


def test_a_named_solver(solve: Solve, server: LeapServer) -> None:
    assert solve(make_problem(), solver_name="hybrid_bqm_test").raw["solver"] == "hybrid_bqm_test"


def test_an_answer_that_misses_the_count_is_repaired(
    solve: Solve, server: LeapServer, journal: Path
) -> None:
    def all_zero(answer: dict) -> dict:
        import dimod

        samples = dimod.SampleSet.from_serializable(answer["data"])
        zero = np.zeros((1, 6), np.int8)
        wrong = dimod.SampleSet.from_samples((zero, list(range(6))), "BINARY", energy=[1.5])
        wrong.info.update(samples.info)
        return {"format": "bq", "data": wrong.to_serializable()}

    server.tamper = all_zero
    found = solve(make_problem(ones=3))
    assert found.status is Status.FEASIBLE
    assert bits(make_problem(ones=3), found.samples).sum(axis=1).tolist() == [3]
    assert found.raw["infeasible_rows"] == 1
    assert found.raw["repaired"] == {
        "rows": 1,
        "most_bits": 3,
        "broken": "0 ones in 'count', where 3 are allowed",
    }
    assert "repaired: the paid answer had 0 ones" in found.raw["notes"][0]
    assert found.timings.access == server.charged == 3.0


def test_the_options_have_no_secret_in_them() -> None:
    given = Leap.make_options({"token": "secret-token"})
    assert "secret-token" not in repr(given)
    assert "token" not in given.public()


def test_citations() -> None:
    assert Leap.cite().startswith("@techreport")


def test_more_charged_than_expected_is_said(
    solve: Solve, server: LeapServer, caplog: pytest.LogCaptureFixture
) -> None:
    def dear(answer: dict) -> dict:
        answer["data"]["info"]["charge_time"] = 9e6
        return answer

    server.tamper = dear
    assert solve(make_problem(ones=3)).timings.access == 9.0
    assert "was charged 9 s, and 3 s were expected" in caplog.text
