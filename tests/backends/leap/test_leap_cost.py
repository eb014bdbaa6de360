"""What it costs is told, and refused, before anything of the problem is sent; recorded answers."""

from __future__ import annotations

import json
import shutil
from dataclasses import fields
from pathlib import Path
from typing import Any

import dimod
import pytest

import secateur
from secateur.backends import Status, Stopped
from secateur.backends.call import run
from secateur.errors import BackendFailed, BackendMisbehaved, BackendUnsuitable
from secateur.problem import Problem
from secateur.solving import Selection
from secateur.solving.decomposition import decompose
from secateur_backends.leap import Leap, LeapBQM, constrained
from secateur_backends.leap_cost import count_biases, minimum_time

from .client import attracting_problem, make_problem
from .conftest import Solve, best_energy, limited_problem, options_for
from .server import LeapServer

FREE = {"list"}


def test_a_dry_run_lists_the_solver_and_sends_nothing(solve: Solve, server: LeapServer) -> None:
    found = solve(make_problem(ones=3), dry_run=True)
    assert (found.status, found.stopped, len(found.samples)) == (
        Status.NONE,
        Stopped.BUDGET,
        0,
    )
    estimate = found.raw["estimate"]
    assert estimate["charge_s"] == estimate["minimum_s"] == 3.0
    assert (estimate["n"], estimate["interactions"], estimate["density"]) == (6, 15, 1.0)
    assert "charged       3 s" in found.raw["text"]
    assert found.timings.access == 0.0
    assert set(server.steps) == FREE


def test_the_budget_is_kept_before_anything_is_sent(solve: Solve, server: LeapServer) -> None:
    with pytest.raises(BackendUnsuitable, match=r"3 s would be charged for 6 variables") as caught:
        solve(make_problem(ones=3), max_charge_s=2.9)
    assert "nothing was sent" in str(caught.value)
    assert "at least 3 s" in str(caught.value)
    assert set(server.steps) == FREE
    solve(make_problem(ones=3), max_charge_s=3.0)
    assert server.charged == 3.0


def test_a_job_that_is_paid_for_is_fetched_whatever_the_budget(
    solve: Solve, server: LeapServer
) -> None:
    server.release.clear()
    with pytest.raises(BackendFailed):
        solve(make_problem(ones=3), wait=0.2)
    server.release.set()
    assert solve(make_problem(ones=3), max_charge_s=0).raw["resumed"] is True


def test_a_time_limit_below_the_minimum(solve: Solve, server: LeapServer) -> None:
    with pytest.raises(BackendUnsuitable, match="`time_limit` is 1 s, and hybrid_cqm_test takes"):
        solve(make_problem(ones=3), time_limit=1.0)
    assert set(server.steps) == FREE


def test_the_estimate_is_unknown_until_the_solver_was_listed(
    solve: Solve, server: LeapServer, journal: Path
) -> None:
    backend, problem = Leap(), make_problem(ones=3)
    options = options_for(backend, server, journal)
    before = backend.applicability(problem, options)
    assert before.applicable
    assert before.charge_seconds is None
    assert "not listed yet" in str(before.reason)
    assert not journal.exists()
    solve(problem, dry_run=True)
    sent = len(server.steps)
    after = backend.applicability(problem, options)
    assert after.charge_seconds == after.seconds == 3.0
    poor = backend.applicability(problem, options_for(backend, server, journal, max_charge_s=1))
    assert not poor.applicable
    assert "3 s would be charged" in str(poor.reason)
    short = backend.applicability(problem, options_for(backend, server, journal, time_limit=1))
    assert not short.applicable
    assert len(server.steps) == sent  # all that without the network


def test_applicability_needs_no_options_and_knows_the_limits() -> None:
    assert Leap().applicability(make_problem()).applicable
    bqm = Leap.make_options({"solver": "bqm"})
    assert not Leap().applicability(make_problem(ones=1), bqm).applicable


@pytest.mark.parametrize("problem", [make_problem(n=9), make_problem(ones=2), limited_problem()])
def test_the_minimum_is_that_of_the_vendors_sampler(server: LeapServer, problem: Problem) -> None:
    from dwave.system import LeapHybridCQMSampler, LeapHybridSampler

    config: dict[str, Any] = {"endpoint": server.endpoint, "token": server.token}
    config |= {"config_file": False, "cache_enabled": False}
    solvers = {s["identity"]["name"]: s["properties"] for s in server.solvers()}
    with LeapHybridSampler(solver="hybrid_bqm_test", **config) as bqm:
        theirs = bqm.min_time_limit(problem.bqm)
    assert minimum_time(problem, "bqm", solvers["hybrid_bqm_test"]) == pytest.approx(theirs)
    properties = solvers["hybrid_cqm_test"] | {"minimum_time_limit_s": 0.0}
    with LeapHybridCQMSampler(solver="hybrid_cqm_test", **config) as cqm:
        cqm.properties["minimum_time_limit_s"] = 0.0
        theirs = cqm.min_time_limit(constrained(problem))
    assert minimum_time(problem, "cqm", properties) == pytest.approx(theirs)


@pytest.mark.parametrize("problem", [make_problem(n=9), make_problem(ones=2), limited_problem()])
def test_biases_are_counted_as_in_the_file_that_is_sent(problem: Problem) -> None:
    with constrained(problem).to_file() as file:
        prefix = dimod.constrained.CQM_MAGIC_PREFIX
        header = dimod.serialization.fileview.read_header(file, prefix)
    assert count_biases(problem, "cqm") == header.data["num_biases"]


# --- recorded answers


@pytest.fixture
def recorded(server: LeapServer, solve: Solve) -> Problem:
    problem = make_problem(ones=3)
    solve(problem)
    server.token = "changed"  # from here on, nothing could be sent
    server.steps.clear()
    return problem


def replay(problem: Problem, journal: Path, server: LeapServer, **given: Any) -> Any:
    options = options_for(Leap(), server, journal, **({"token": None} | given))
    return Leap().solve(problem, options)


def test_a_recorded_answer_is_replayed_offline_without_a_token(
    recorded: Problem, server: LeapServer, journal: Path
) -> None:
    found = replay(recorded, journal, server, replay=True)
    assert found.samples.first.energy == pytest.approx(best_energy(recorded))
    assert found.raw["replayed"] is True
    assert found.job_id == server.accepted[0].id
    assert (found.timings.access, found.timings.queue) == (0.0, 0.0)
    assert found.raw["recorded"]["access"] == 3.0
    assert server.steps == []


def test_a_replay_from_a_copied_folder_or_a_single_file(
    recorded: Problem, server: LeapServer, journal: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(journal, tmp_path / "copy")
    shutil.rmtree(journal)
    file = next(folder.glob("*-*.json"))
    for place in (folder, file):
        assert replay(recorded, journal, server, replay=str(place)).raw["replayed"] is True
    assert server.steps == []


@pytest.mark.parametrize("given", [{"time_limit": 9.0}, {"solver": "cqm", "solver_name": "other"}])
def test_no_recorded_answer_to_these_options(
    recorded: Problem, server: LeapServer, journal: Path, given: Any
) -> None:
    with pytest.raises(BackendFailed, match="no recorded answer to this problem"):
        replay(recorded, journal, server, replay="true", **given)


def test_a_recorded_answer_that_was_changed_is_not_believed(
    recorded: Problem, server: LeapServer, journal: Path
) -> None:
    file = next(journal.glob("*-*.json"))
    record = json.loads(file.read_text())
    energies = record["answer"]["vectors"]["energy"]["data"]
    energies[0] -= 5
    file.write_text(json.dumps(record))
    with pytest.raises(BackendMisbehaved, match="states an energy"):
        replay(recorded, journal, server, replay=True)


def test_a_record_that_cannot_be_read_is_not_passed_over(
    solve: Solve, server: LeapServer, journal: Path
) -> None:
    problem = make_problem(ones=3)
    server.release.clear()
    with pytest.raises(BackendFailed):
        solve(problem, wait=0.2)
    server.release.set()
    file = next(journal.glob("*-*.json"))
    file.write_text(file.read_text()[:50])
    with pytest.raises(BackendFailed, match="cannot read the record") as caught:
        solve(problem)
    assert str(file) in str(caught.value)
    assert len(server.accepted) == 1


def test_the_budget_is_for_all_calls_of_a_search(server: LeapServer, journal: Path) -> None:
    """The capacity search over the BQM solver calls again and again: 3 s each."""
    options = as_mapping(options_for(LeapBQM(), server, journal, max_charge_s=7.0))
    problem = attracting_problem()
    found = search(problem, options)
    assert found.stopped is Stopped.BUDGET
    assert 6.0 <= server.charged <= 7.0
    assert found.count == problem.count
    assert found.calls == 2


def test_a_budget_below_one_call_is_an_error(server: LeapServer, journal: Path) -> None:
    options = as_mapping(options_for(LeapBQM(), server, journal, max_charge_s=2.0))
    with pytest.raises(BackendUnsuitable, match=r"3\.\d+ s would be charged"):
        search(attracting_problem(), options)
    assert server.charged == 0


def test_the_budget_is_for_all_parts_of_a_decomposition(
    server: LeapServer, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = options_for(LeapBQM(), server, journal, max_charge_s=7.0)
    inner = as_mapping(given)
    solution = run(
        decompose(LeapBQM), make_problem(n=12), {"size": 4, "inner": inner, "max_calls": 5}, seed=1
    )
    assert 0 < server.charged <= 7.0
    assert len(solution.samples)


def as_mapping(options: Any) -> dict[str, Any]:
    return {f.name: getattr(options, f.name) for f in fields(options)}


def search(problem: Problem, options: dict[str, Any]) -> Selection:
    """By the service alone: a proof of ours would hide how the search ended."""
    return secateur.solve(problem, backend=LeapBQM(), options=options, seed=None, proof=False)
