"""Runs that ask for the same: each pays for its own answer once, whatever interrupts it."""

from __future__ import annotations

from pathlib import Path

import pytest

import secateur
from secateur.backends.metering import one_run
from secateur.errors import BackendBudgetSpent
from secateur_backends.leap import Leap, LeapBQM

from .client import attracting_problem, make_problem
from .conftest import Solve, options_for
from .server import LeapServer
from .test_leap_cost import as_mapping


def test_each_run_asks_once(solve: Solve, server: LeapServer) -> None:
    problem = make_problem(ones=3)
    for name, accepted in (("a", 1), ("b", 2), ("a", 2), ("b", 2), ("c", 3)):
        with one_run(name):
            found = solve(problem)
        assert len(server.accepted) == accepted
        assert found.raw["reused"] is (name in "ab" and accepted == 2 and found.timings.access == 0)
    solve(problem)  # of no run: none of these answers is its own
    assert len(server.accepted) == 4
    solve(problem)
    assert len(server.accepted) == 4


def test_a_budget_is_of_one_run(solve: Solve, server: LeapServer) -> None:
    problem = make_problem(ones=3)
    for name in ("a", "b"):
        with one_run(name):
            solve(problem, max_charge_s=3.0)
            with pytest.raises(BackendBudgetSpent):
                solve(problem, max_charge_s=5.0, again=True)
    assert server.charged == 6.0


def test_what_a_run_was_charged_is_known_afterwards(server: LeapServer, journal: Path) -> None:
    problem = make_problem(ones=3)
    options = options_for(Leap(), server, journal)
    for name in ("a", "b"):
        with one_run(name):
            assert Leap().spent(problem, options) == 0.0
            given = as_mapping(options)
            asked = {"backend": Leap(), "options": given, "seed": None, "proof": False}
            first = secateur.solve(problem, **asked).provenance["charged"]
            assert (first["seconds"], first["recorded"]["seconds"]) == (3.0, 0.0)
            again = secateur.solve(problem, **asked).provenance["charged"]
            assert (again["seconds"], again["recorded"]["seconds"]) == (0.0, 3.0)
            assert first["queued"] == again["recorded"]["queued"]
            assert Leap().spent(problem, options) == 3.0
    assert server.charged == 6.0


def test_a_search_of_many_calls_is_one_run(server: LeapServer, journal: Path) -> None:
    problem = attracting_problem()
    options = options_for(LeapBQM(), server, journal)
    asked = {"backend": LeapBQM(), "options": as_mapping(options), "seed": None, "charge": True}
    charged = []
    for name in ("a", "b", "a"):
        with one_run(name):
            secateur.solve(problem, proof=False, **asked)
            charged.append(LeapBQM().spent(problem, options))
    assert charged[0] > 3.0
    assert charged == pytest.approx([charged[0]] * 3)
    assert server.charged == pytest.approx(2 * charged[0])
