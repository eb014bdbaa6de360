"""The nonlinear hybrid solver: its model, its price, its states, over the wire."""

from __future__ import annotations

import gc
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import dimod
import numpy as np
import pytest

import secateur
from secateur.backends import Status, Stopped
from secateur.errors import (
    BackendBudgetSpent,
    BackendError,
    BackendFailed,
    BackendMisbehaved,
    BackendUnsuitable,
)
from secateur.problem import Problem, at_least, at_most, count
from secateur_backends.leap_cost import minimum_time, model_size
from secateur_backends.leap_nonlinear import nonlinear
from secateur_backends.leap_stride import LeapStride
from tests.clocks import FOREVER

from .client import make_problem
from .conftest import Solve, best_energy, limited_problem
from .server import TOKEN, Fault, LeapServer
from .test_leap_home import Stranger, stranger  # noqa: F401  a fixture


def problems() -> dict[str, Problem]:
    plain = make_problem(n=7)
    names = plain.variables
    alone = Problem(dimod.BinaryQuadraticModel({"a": -1.0}, {}, "BINARY"))
    return {
        "plain": plain,
        "count": make_problem(n=7, ones=4),
        "limits": limited_problem(),
        "one value twice": make_problem(
            n=7, ones=2, limits=[at_most(2, names[:4], name="a"), at_most(2, names[3:], name="b")]
        ),
        "one set twice": make_problem(
            n=7, limits=[at_most(3, names[:4], name="a"), at_least(2, names[:4], name="b")]
        ),
        "no coupling": Problem(
            dimod.BinaryQuadraticModel(dict.fromkeys("abc", -1.0), {}, "BINARY"), [count(2)]
        ),
        "one variable": alone,
    }


CASES = problems()


def every(n: int) -> np.ndarray:
    return (np.arange(2**n)[:, None] >> np.arange(n)) & 1


@pytest.mark.parametrize("case", CASES)
def test_the_model_is_the_problem(case: str) -> None:
    """For every choice: the objective is our energy, and its constraints are our demands."""
    problem = CASES[case]
    model = nonlinear(problem)
    (x,) = model.iter_decisions()
    rows = every(problem.n)
    with model.lock():
        model.states.resize(1)
        for row, energy, good in zip(
            rows, problem.energies(rows), problem.feasible(rows), strict=True
        ):
            x.set_state(0, row)
            assert float(model.objective.state(0)) == pytest.approx(energy - problem.offset)
            assert all(bool(c.state(0)) for c in model.iter_constraints()) == good


@pytest.mark.parametrize("case", CASES)
def test_the_size_is_known_without_the_model(case: str) -> None:
    model = nonlinear(CASES[case])
    assert model_size(CASES[case]) == (model.num_nodes(), model.state_size())


@pytest.mark.parametrize("case", CASES)
def test_the_minimum_is_the_vendors(case: str, server: LeapServer) -> None:
    from dwave.system import LeapHybridNLSampler

    config: dict[str, Any] = {"endpoint": server.endpoint, "token": TOKEN, "config_file": False}
    with LeapHybridNLSampler(cache_enabled=False, **config) as sampler:
        properties = sampler.properties
        theirs = sampler.estimated_min_time_limit(nonlinear(CASES[case]))
        ours = minimum_time(CASES[case], "nl", properties)
        assert ours == pytest.approx(theirs, rel=1e-12)
        # where the formula and not the constant counts
        steep = {"num_nodes_multiplier": 1.5, "state_size_multiplier": 0.01, "offset": 3.0}
        sampler._properties = properties | steep
        theirs = sampler.estimated_min_time_limit(nonlinear(CASES[case]))
        assert minimum_time(CASES[case], "nl", properties | steep) == pytest.approx(theirs)
        assert theirs > server.minimum


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # files that it leaves open
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_stand_in_serves_the_vendors_own_sampler(server: LeapServer) -> None:
    from dwave.system import LeapHybridNLSampler

    problem = make_problem(ones=3)
    model = nonlinear(problem)
    config: dict[str, Any] = {"endpoint": server.endpoint, "token": TOKEN, "config_file": False}
    with LeapHybridNLSampler(cache_enabled=False, **config) as sampler:
        result = sampler.sample(model, label="theirs").result()
        with model.lock():
            best = float(model.objective.state(0)) + problem.offset
    assert best == pytest.approx(best_energy(problem))
    assert result.info["timing"]["charge_time"] == 3e6
    del model, result, sampler
    gc.collect()
    assert server.accepted[0].label == "theirs"


@pytest.mark.parametrize("case", CASES)
def test_it_solves(case: str, solve: Solve, server: LeapServer) -> None:
    problem = CASES[case]
    found = solve(problem, backend=LeapStride())
    assert (found.status, found.stopped) == (Status.FEASIBLE, Stopped.TIME_LIMIT)
    assert found.samples.first.energy == pytest.approx(best_energy(problem))
    assert list(found.samples.variables) == list(problem.variables)
    assert problem.feasible(found.samples.record.sample).all()
    (job,) = server.accepted
    assert (job.type, job.params) == ("nl", {"time_limit": 3.0})
    assert found.timings.access == server.charged == 3.0
    assert found.timings.solve == pytest.approx(2.7)
    assert found.job_id == job.id
    assert found.raw["info"]["problem_id"] == job.id


def test_what_is_sent_has_no_names_of_layers(solve: Solve, server: LeapServer) -> None:
    solve(make_problem(ones=3), backend=LeapStride())
    assert not any(b"conv." in body for body in [*server.bodies, *server.problems.values()])


def test_a_search_needs_one_call(server: LeapServer, journal: Path) -> None:
    options = {"token": TOKEN, "endpoint": server.endpoint, "journal": str(journal)}
    found = secateur.solve(
        make_problem(n=10), count=4, backend=LeapStride, options=options, proof=True
    )
    assert len(server.accepted) == 1
    assert found.energy == pytest.approx(found.bound)
    assert sum(found.bits) == 4


def test_a_dry_run_tells_the_price_and_sends_nothing(
    solve: Solve, server: LeapServer, journal: Path
) -> None:
    backend = LeapStride()
    problem = make_problem(ones=3)
    options = backend.make_options({"journal": str(journal), "endpoint": server.endpoint})
    assert backend.estimate(problem, options).charge_s is None
    found = solve(problem, backend=backend, dry_run=True)
    assert found.raw["estimate"]["charge_s"] == 3.0
    assert found.raw["estimate"]["constraints"] == 1
    assert set(server.steps) == {"list"}
    # from now on it is known without the network
    assert backend.estimate(problem, options).charge_s == 3.0
    assert backend.applicability(problem, options).charge_seconds == 3.0


def test_the_budget(solve: Solve, server: LeapServer) -> None:
    with pytest.raises(BackendBudgetSpent, match="3 s would be charged"):
        solve(make_problem(ones=3), backend=LeapStride(), max_charge_s=2)
    assert set(server.steps) == {"list"}


def test_too_short_a_time(solve: Solve, server: LeapServer) -> None:
    with pytest.raises(BackendUnsuitable, match="takes at least 3 s for 6 variables"):
        solve(make_problem(), backend=LeapStride(), time_limit=1)
    assert set(server.steps) == {"list"}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("maximum_number_of_nodes", "5 nodes"),
        ("maximum_state_size", "80 bytes of state"),
        ("maximum_decision_state_size", "48 bytes of decisions"),
    ],
)
def test_too_large(
    name: str, said: str, solve: Solve, server: LeapServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = server.solvers()
    for solver in listed:
        if solver["identity"]["name"] == "hybrid_nl_test":
            solver["properties"][name] = 4
    monkeypatch.setattr(server, "solvers", lambda: listed)
    with pytest.raises(BackendUnsuitable, match=f"{said}, and hybrid_nl_test takes at most 4"):
        solve(make_problem(ones=3), backend=LeapStride())
    assert server.accepted == []


def test_an_answer_late_is_fetched_and_replayed(solve: Solve, server: LeapServer) -> None:
    problem = make_problem(ones=3)
    server.release.clear()
    with pytest.raises(BackendFailed, match="was not there in time"):
        solve(problem, backend=LeapStride(), wait=0.3)
    server.release.set()
    found = solve(problem, backend=LeapStride())
    assert found.raw["resumed"] is True
    assert found.samples.first.energy == pytest.approx(best_energy(problem))
    assert len(server.accepted) == 1
    again = solve(problem, backend=LeapStride(), replay=True, token=None)
    assert again.samples == found.samples
    assert again.timings.access == 0.0
    assert server.charged == 3.0


KILLED = """
import json, sys
from secateur_backends.leap_stride import LeapStride
from tests.backends.leap.client import make_problem
backend = LeapStride()
found = backend.solve(make_problem(ones=3), backend.make_options(json.loads(sys.argv[1])))
print(json.dumps({"energy": float(found.samples.first.energy), "resumed": found.raw["resumed"]}))
"""


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_killed_while_waiting_and_resumed_by_another_process(
    server: LeapServer, journal: Path
) -> None:
    options = {"endpoint": server.endpoint, "journal": str(journal), "token": TOKEN}
    root = str(Path(__file__).parents[3])
    paths = os.pathsep.join(p for p in [root, *sys.path] if p)

    def start() -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", KILLED, json.dumps(options)],
            env=os.environ | {"PYTHONPATH": paths},
            stdout=subprocess.PIPE,
            text=True,
        )

    server.release.clear()
    first = start()
    deadline = time.monotonic() + FOREVER
    while not server.count("poll"):
        assert time.monotonic() < deadline
        assert first.poll() is None
        time.sleep(0.01)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    server.release.set()
    out, _ = start().communicate(timeout=60)
    found = json.loads(out)
    assert found["resumed"] is True
    assert found["energy"] == pytest.approx(best_energy(make_problem(ones=3)))
    assert len(server.accepted) == 1
    assert server.charged == 3.0


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=500),
        Fault(junk=b"no states"),
        Fault(junk=b"DWNL" + bytes(100)),
        Fault(drop="before"),
    ],
)
def test_states_that_do_not_arrive_are_fetched_again(
    fault: Fault, solve: Solve, server: LeapServer
) -> None:
    problem = make_problem(ones=3)
    server.faults["answer-data"].append(fault)
    found = solve(problem, backend=LeapStride())
    assert found.samples.first.energy == pytest.approx(best_energy(problem))
    assert server.count("answer-data") >= 2
    assert len(server.accepted) == 1


@pytest.mark.parametrize("case", ["other size", "not binary", "none"])
def test_wrong_states_are_not_believed_and_can_be_fetched_later(
    case: str, solve: Solve, server: LeapServer
) -> None:
    from dwave.optimization import Model

    model = Model()
    x = model.binary(5) if case == "other size" else model.integer(6, lower_bound=0, upper_bound=9)
    model.minimize(x.sum())
    with model.lock():
        model.states.resize(0 if case == "none" else 1)
        if case != "none":
            x.set_state(0, np.full(x.size(), 1 if case == "other size" else 7))
        with model.states.to_file() as file:
            states = file.read()
    server.always["answer-data"] = Fault(junk=states)
    problem = make_problem(ones=3)
    with pytest.raises(BackendMisbehaved):
        solve(problem, backend=LeapStride(), retries=1)
    del server.always["answer-data"]
    found = solve(problem, backend=LeapStride())
    assert found.samples.first.energy == pytest.approx(best_energy(problem))
    assert len(server.accepted) == 1


def test_the_address_of_an_answer_does_not_lead_the_token_away(
    solve: Solve,
    server: LeapServer,
    stranger: Stranger,  # noqa: F811
) -> None:
    server.tamper = lambda answer: answer | {"url": f"{stranger.near}states"}
    with pytest.raises(BackendError, match="it was not followed"):
        solve(make_problem(), backend=LeapStride(), retries=0)
    assert not stranger.heard


def test_no_solver_of_this_kind(solve: Solve, server: LeapServer) -> None:
    server.hidden.add("hybrid_nl_test")
    with pytest.raises(BackendError, match="no solver online for problems of the kind 'nl'"):
        solve(make_problem(), backend=LeapStride())


def test_the_upload_is_a_model_file() -> None:
    from dwave.optimization import Model

    with nonlinear(make_problem(ones=3)).to_file(max_num_states=0) as file:
        data = file.read()
    assert Model.from_file(io.BytesIO(data)).num_nodes() == 5
