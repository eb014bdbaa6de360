"""Through the library's one way to call a backend, which takes nothing on trust."""

from __future__ import annotations

from pathlib import Path

import pytest

from secateur.backends.call import run
from secateur.errors import BackendOptionError, BackendUnavailable, BackendUnsuitable
from secateur.problem import Problem
from secateur_backends.leap import Leap, LeapBQM
from secateur_backends.leap_qpu import LeapQPU

from .client import make_problem
from .conftest import best_energy, limited_problem
from .server import TOKEN, LeapServer

FREE = make_problem(n=5)


@pytest.mark.parametrize(
    ("backend", "problem"),
    [
        (Leap, FREE),
        (Leap, make_problem(ones=3)),
        (Leap, make_problem(ones=0)),
        (Leap, make_problem(ones=6)),
        (Leap, limited_problem()),
        (LeapBQM, FREE),
        (LeapQPU, FREE),
    ],
)
def test_what_comes_back_is_verified(
    backend: type[Leap],
    problem: Problem,
    server: LeapServer,
    journal: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DWAVE_API_TOKEN", TOKEN)
    options = {"endpoint": server.endpoint, "journal": str(journal), "backoff": 0.01}
    found = run(backend, problem, options)
    assert found.samples.first.energy == pytest.approx(best_energy(problem))
    order = [list(found.samples.variables).index(v) for v in problem.variables]
    assert problem.feasible(found.samples.record.sample[:, order]).all()
    assert len(server.accepted) == 1
    assert server.charged == pytest.approx(found.timings.access)
    assert found.options["journal"] == str(journal)
    assert backend.capabilities.metered


def test_no_token_and_no_seed(server: LeapServer) -> None:
    with pytest.raises(BackendUnavailable, match="DWAVE_API_TOKEN"):
        run(Leap, FREE, {"endpoint": server.endpoint})
    with pytest.raises(BackendOptionError, match="takes no seed"):
        run(Leap, FREE, seed=1)
    with pytest.raises(BackendOptionError, match="did you mean 'time_limit'"):
        run(Leap, FREE, {"time_limt": 3})
    assert server.steps == []


def test_a_known_charge_over_the_budget_needs_no_network(
    server: LeapServer, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DWAVE_API_TOKEN", TOKEN)
    options = {"endpoint": server.endpoint, "journal": str(journal)}
    run(Leap, FREE, options | {"dry_run": True})
    asked = len(server.steps)
    with pytest.raises(BackendUnsuitable, match="would be charged"):
        run(Leap, FREE, options | {"max_charge_s": 1})
    assert len(server.steps) == asked
