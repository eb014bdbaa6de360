"""Quantum computers: a rehearsal on Ocean's stand-in, and the same over the wire."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dimod
import pytest

from secateur.backends import Status, Stopped
from secateur.errors import BackendFailed, BackendMisbehaved, BackendUnsuitable
from secateur.problem import Problem
from secateur_backends.leap_qpu import LeapQPU

from .client import make_problem
from .conftest import Solve, best_energy
from .server import Fault, LeapServer


def rehearse(problem: Problem, sampler: Any, **given: Any) -> Any:
    return LeapQPU(sampler).solve(problem, LeapQPU.make_options(given))


@pytest.fixture(scope="module")
def mock() -> Any:
    from dwave.system.testing import MockDWaveSampler

    return MockDWaveSampler(topology_type="pegasus", topology_shape=[3])


def sparse_problem() -> Problem:
    ring = {(f"v{i}", f"v{(i + 1) % 12}"): (-1.0) ** i for i in range(12)}
    return Problem(dimod.BinaryQuadraticModel({"v0": -0.5, "alone": 1.0}, ring, "BINARY"))


@pytest.mark.parametrize("problem", [make_problem(n=6), sparse_problem()])
def test_a_rehearsal_needs_no_token_and_charges_nothing(problem: Problem, mock: Any) -> None:
    found = rehearse(problem, mock, num_reads=50)
    assert found.samples.first.energy == pytest.approx(best_energy(problem))
    assert set(found.samples.variables) == set(problem.variables)
    assert (found.status, found.stopped) == (Status.FEASIBLE, Stopped.COMPLETED)
    assert found.timings.access == 0.0
    assert 0 <= found.raw["info"]["chain_break_fraction"] <= 1


def test_weak_chains_break_and_it_is_said(mock: Any) -> None:
    found = rehearse(make_problem(n=8), mock, num_reads=50, chain_strength=0.01)
    assert found.raw["info"]["chain_break_fraction"] > 0


def test_too_large_to_embed(mock: Any) -> None:
    chain = {(i, i + 1): 1.0 for i in range(150)}
    bqm = dimod.BinaryQuadraticModel({}, chain, "BINARY")
    assert not LeapQPU().applicability(Problem(bqm)).applicable
    with pytest.raises(BackendUnsuitable, match="151 variables"):
        rehearse(Problem(bqm), mock)
    bqm.add_variable("alone")
    with pytest.raises(BackendUnsuitable, match="a block of 151"):
        rehearse(Problem(bqm), mock)


def test_no_embedding_on_this_chip() -> None:
    from dwave.system.testing import MockDWaveSampler

    small = MockDWaveSampler(topology_type="chimera", topology_shape=[1, 1, 4])
    with pytest.raises(BackendUnsuitable, match="no embedding of 12 variables with 66 couplings"):
        rehearse(make_problem(n=12), small, embedding_timeout=1)


def test_over_the_wire(solve: Solve, server: LeapServer) -> None:
    problem = make_problem(n=5)
    found = solve(problem, backend=LeapQPU(), num_reads=20)
    assert found.samples.first.energy == pytest.approx(best_energy(problem))
    assert found.timings.access == pytest.approx(0.017)  # 15 ms and 20 reads of 100 µs
    assert found.timings.solve == pytest.approx(0.002)
    assert found.samples.record.num_occurrences.sum() == 20
    assert len(server.accepted) == 1
    assert server.accepted[0].params == {"num_reads": 20}
    assert server.charged == pytest.approx(found.timings.access)


def test_a_dry_run_embeds_and_sends_nothing(solve: Solve, server: LeapServer) -> None:
    found = solve(make_problem(n=5), backend=LeapQPU(), dry_run=True)
    estimate = found.raw["estimate"]
    assert estimate["qubits"] > 5
    assert 0.001 < estimate["charge_s"] < 1
    assert set(server.steps) == {"list"}


def test_the_budget(solve: Solve, server: LeapServer) -> None:
    with pytest.raises(BackendUnsuitable, match=r"`max_charge_s` is 0\.001 s; nothing was sent"):
        solve(make_problem(n=5), backend=LeapQPU(), max_charge_s=0.001)
    assert set(server.steps) == {"list"}


@pytest.mark.parametrize("given", [{"num_reads": 5}, {"annealing_time": 5000.0}])
def test_ranges_of_the_solver(solve: Solve, server: LeapServer, given: Any) -> None:
    server.solvers()
    assert server._qpu is not None
    server._qpu["properties"] |= {"num_reads_range": [10, 20], "annealing_time_range": [1, 100]}
    with pytest.raises(BackendUnsuitable, match="and chimera_72q_mock takes"):
        solve(make_problem(n=4), backend=LeapQPU(), **{"num_reads": 10} | given)
    assert server.accepted == []


def test_an_answer_is_fetched_later_and_read_by_the_recorded_embedding(
    solve: Solve, server: LeapServer, journal: Path
) -> None:
    problem = make_problem(n=5)
    server.release.clear()
    with pytest.raises(BackendFailed, match="was not there in time"):
        solve(problem, backend=LeapQPU(), wait=0.3)
    server.release.set()
    # another seed would embed otherwise: it is the recorded embedding that counts
    found = solve(problem, backend=LeapQPU(), embedding_seed=99)
    assert found.raw["resumed"] is True
    assert found.samples.first.energy == pytest.approx(best_energy(problem))
    assert len(server.accepted) == 1
    again = solve(problem, backend=LeapQPU(), replay=True, token=None)
    assert again.samples == found.samples
    assert again.timings.access == 0.0


def test_a_false_energy_over_the_qubits(solve: Solve, server: LeapServer) -> None:
    import base64

    import numpy as np

    lie = base64.b64encode(np.full(3, -99.0).tobytes()).decode()
    server.tamper = lambda answer: answer | {"energies": lie}
    with pytest.raises(BackendMisbehaved, match="it states an energy of -99"):
        solve(make_problem(n=5), backend=LeapQPU())


def test_a_broken_connection_while_sending(solve: Solve, server: LeapServer) -> None:
    server.faults["submit"].append(Fault(drop="after"))
    problem = make_problem(n=5)
    found = solve(problem, backend=LeapQPU())
    assert found.samples.first.energy == pytest.approx(best_energy(problem))
    assert len(server.accepted) == server.count("submit") == 1


def test_applicability_says_what_is_not_known() -> None:
    assert "once the problem is embedded" in str(LeapQPU().applicability(make_problem()).reason)


def test_citation() -> None:
    assert "johnson2011quantum" in LeapQPU.cite()
