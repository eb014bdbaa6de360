"""The backend keeps the contract; every algorithm answers, repeats itself and has its limit."""

from typing import ClassVar

import numpy as np
import pytest
from secateur.backends.call import run
from secateur.errors import BackendUnsuitable
from secateur.testing import BackendConformance, balanced_problem, brute_force, random_problem
from secateur_qiskit_optimization import LARGEST, QiskitOptimization

QUICK = {"iterations": 6, "shots": 256, "value_qubits": 4}


class TestQiskitOptimization(BackendConformance):
    options: ClassVar = QUICK

    @pytest.fixture
    def backend(self):
        return "qiskit-optimization"


@pytest.mark.parametrize("algorithm", sorted(LARGEST))
@pytest.mark.parametrize("n", [1, 3])
def test_every_algorithm_answers_and_a_seed_repeats_it(algorithm, n):
    for number in range(2):
        problem = random_problem(n, number)
        given = {"algorithm": algorithm, **QUICK}
        one, same = (run(QiskitOptimization(), problem, given, seed=3) for _ in range(2))
        assert np.array_equal(one.samples.record.sample, same.samples.record.sample)
        optimum = brute_force(problem)[0]
        assert one.samples.first.energy >= optimum - 1e-9
        if algorithm in ("exact", "qaoa", "warm-start"):
            assert one.samples.first.energy == pytest.approx(optimum)


@pytest.mark.parametrize("algorithm", sorted(LARGEST))
def test_the_global_states_stay(algorithm):
    from qiskit_optimization.utils import algorithm_globals

    algorithm_globals.random_seed = 5
    algorithm_globals.random.random(3)
    before = algorithm_globals.random.bit_generator.state
    numbers = repr(np.random.get_state())
    run(QiskitOptimization(), random_problem(3, 0), {"algorithm": algorithm, **QUICK}, seed=1)
    assert algorithm_globals.random_seed == 5
    assert algorithm_globals.random.bit_generator.state == before
    assert repr(np.random.get_state()) == numbers


@pytest.mark.parametrize("optimizer", ["cobyla", "nelder-mead"])
def test_no_more_evaluations_than_were_asked_for(optimizer):
    given = {"optimizer": optimizer, "iterations": 9, "shots": 64, "reps": 2}
    found = run(QiskitOptimization(), random_problem(5, 0), given, seed=0)
    assert 1 <= found.raw["evaluations"] <= 9


def test_recursion_solves_exactly_what_is_left():
    problem = random_problem(5, 1)
    given = {"algorithm": "recursive", "smallest": 5}
    found = run(QiskitOptimization(), problem, given, seed=0)
    assert found.samples.first.energy == pytest.approx(brute_force(problem)[0])
    assert found.raw["evaluations"] == 0


@pytest.mark.parametrize("algorithm", ["qaoa", "recursive", "warm-start"])
def test_fields_that_cancel_are_no_angles_of_rounding(algorithm):
    """(sum z - n/2)² has no field in the Ising form, up to 1e-16: Qiskit 2.6 cannot hash that."""
    problem = balanced_problem(8)
    found = run(QiskitOptimization(), problem, {"algorithm": algorithm, **QUICK}, seed=0)
    assert found.samples.first.energy >= 0
    if algorithm != "recursive":
        assert found.samples.first.energy == pytest.approx(0)


@pytest.mark.parametrize("algorithm", sorted(LARGEST))
def test_each_algorithm_has_its_limit(algorithm):
    most = LARGEST[algorithm]
    with pytest.raises(BackendUnsuitable, match=f"takes at most {most} ") as caught:
        run(QiskitOptimization(), random_problem(most + 1, 0), {"algorithm": algorithm})
    assert "decompose:qiskit-optimization" in caught.value.remedy
