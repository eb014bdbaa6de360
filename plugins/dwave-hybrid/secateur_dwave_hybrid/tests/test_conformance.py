"""The backends keep the contract, every workflow does what it says, and a limit is a limit."""

import time
from typing import ClassVar

import numpy as np
import pytest
from secateur.backends.call import run
from secateur.problem import Problem
from secateur.solving import solve
from secateur.testing import BackendConformance, brute_force, random_problem
from secateur_dwave_hybrid import DWaveHybrid, DWaveHybridTempering


class TestDWaveHybrid(BackendConformance):
    options: ClassVar = {"tabu_timeout": 20, "sweeps": 100}

    @pytest.fixture
    def backend(self):
        return "dwave-hybrid"


class TestDWaveHybridTempering(BackendConformance):
    options: ClassVar = {"sweeps": 50, "replicas": 4}

    @pytest.fixture
    def backend(self):
        return "dwave-hybrid-tempering"


@pytest.mark.parametrize("subsolver", ["annealing", "tabu"])
@pytest.mark.parametrize("workflow", ["race", "qbsolv", "kerberos"])
def test_every_workflow_solves_a_problem_larger_than_its_subproblems(workflow, subsolver):
    problem = random_problem(16, 1)
    given = {"workflow": workflow, "subsolver": subsolver, "subproblem": 5, "tabu_timeout": 20}
    found = run(DWaveHybrid(), problem, given)
    assert found.samples.first.energy == pytest.approx(brute_force(problem)[0])


@pytest.mark.parametrize("traversal", ["energy", "bfs", "pfs"])
def test_every_way_to_choose_a_subproblem(traversal):
    problem = random_problem(16, 2)
    found = run(DWaveHybrid(), problem, {"traversal": traversal, "subproblem": 4})
    assert found.samples.first.energy == pytest.approx(brute_force(problem)[0])


@pytest.mark.parametrize("backend", [DWaveHybrid, DWaveHybridTempering])
def test_a_hundred_variables_are_as_good_as_annealing(backend):
    problem = random_problem(100, 3)
    annealed = solve(problem, backend="annealing", seed=0, proof=False).energy
    found = run(backend(), problem, {"reads": 2})
    assert found.samples.first.energy <= annealed + 1e-3 * abs(annealed)


@pytest.mark.parametrize("backend", [DWaveHybrid, DWaveHybridTempering])
def test_a_limit_of_time_holds_over_all_reads(backend):
    problem = random_problem(60, 4)
    run(backend(), random_problem(4, 0))  # what is loaded at the first call takes its time
    started = time.monotonic()
    found = run(backend(), problem, {"reads": 1000, "iterations": 1000, "time_limit": 0.5})
    assert found.stopped == "time limit"
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("backend", [DWaveHybrid, DWaveHybridTempering])
def test_it_begins_at_what_is_given(backend):
    free = random_problem(14, 5)
    optimum, bits = brute_force(free)
    problem = Problem(free.bqm, start=np.array([bits]))
    found = run(backend(), problem, {"reads": 1, "iterations": 1, "sweeps": 1})
    assert found.samples.first.energy == pytest.approx(optimum)


def test_a_seed_repeats_parallel_tempering_also_beside_other_draws():
    problem = random_problem(40, 6)
    given = {"sweeps": 2, "iterations": 3, "replicas": 4}
    one = run(DWaveHybridTempering(), problem, given, seed=5).samples.record.sample
    np.random.random(7)
    same = run(DWaveHybridTempering(), problem, given, seed=5).samples.record.sample
    other = run(DWaveHybridTempering(), problem, given, seed=6).samples.record.sample
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
