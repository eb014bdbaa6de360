"""The backend scip keeps the contract, and its proofs are true."""

import numpy as np
import pytest
from secateur.problem import Problem
from secateur.backends.call import run
from secateur.testing import BackendConformance, brute_force, random_problem
from secateur_scip import SCIP


class TestSCIP(BackendConformance):
    large = 40

    @pytest.fixture
    def backend(self):
        return SCIP


@pytest.mark.parametrize("count", [False, True])
def test_it_agrees_with_brute_force_on_random_problems(count):
    random = np.random.default_rng(0)
    for seed in range(50):
        n = int(random.integers(2, 11))
        problem = random_problem(n, seed, ones=int(random.integers(0, n + 1)) if count else None)
        solution = run(SCIP(), problem)
        assert solution.status == "optimal"
        assert solution.samples.first.energy == pytest.approx(brute_force(problem)[0])


def test_a_time_limit_leaves_an_honest_bound():
    problem = random_problem(45, 1, ones=20)
    solution = run(SCIP(), problem, {"time_limit": 1.0})
    if solution.status != "optimal":
        assert solution.stopped == "time limit"
    if len(solution.samples) and solution.bound is not None:
        assert solution.bound <= solution.samples.first.energy + 1e-6


def test_the_start_is_kept_when_there_is_no_time():
    free = random_problem(45, 1)
    start = np.zeros((1, 45), dtype=np.int8)
    start[0, :20] = 1
    problem = Problem(free.bqm, 20, start=start)
    solution = run(SCIP(), problem, {"time_limit": 0.0})
    assert solution.samples.first.energy <= problem.energies(start)[0] + 1e-9
