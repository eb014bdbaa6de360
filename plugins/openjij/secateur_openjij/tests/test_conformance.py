"""The backends openjij and openjij-sqa keep the contract."""

import numpy as np
import pytest
from secateur.backends.call import run
from secateur.testing import BackendConformance, balanced_problem, brute_force, random_problem
from secateur_openjij import OpenJij, OpenJijSQA


class TestOpenJij(BackendConformance):
    @pytest.fixture
    def backend(self):
        return "openjij"


class TestOpenJijSQA(BackendConformance):
    @pytest.fixture
    def backend(self):
        return "openjij-sqa"


def test_the_reads_of_one_call_are_not_all_alike():
    rows = run(OpenJij(), balanced_problem(12), seed=1).samples.record.sample
    assert len(np.unique(rows, axis=0)) > 1


def reached(**given):
    """Of ten problems of 14 variables, how many optima the best of 5 reads has."""
    found = 0
    for seed in range(10):
        problem = random_problem(14, seed)
        best = run(OpenJijSQA(), problem, {"reads": 5, **given}, seed=0).samples.first.energy
        found += best <= brute_force(problem)[0] + 1e-6 * problem.scale
    return found


def test_the_defaults_of_quantum_annealing_reach_easy_optima():
    assert reached() >= 9
    assert reached(beta=5.0, trotter=4) <= 4, "OpenJij's own are good now: leave them"
