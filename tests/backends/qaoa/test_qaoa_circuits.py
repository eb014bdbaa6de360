"""Our numpy simulation, our Qiskit circuits and qiskit_optimization say the same."""

from __future__ import annotations

import warnings
from math import comb

import numpy as np
import pytest
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import Operator, Statevector

from secateur.problem import Problem
from secateur_backends.qaoa_ansatz import Ansatz, Ising, make_ansatz
from secateur_backends.qaoa_circuits import circuit, dicke
from secateur_backends.qaoa_simulation import Simulation, ising_energies, to_bits

from .problems import all_bits, random_problem


def ansatz_of(problem: Problem, mixer: str, pairs: str = "ring", reps: int = 2) -> Ansatz:
    return make_ansatz(problem, reps=reps, mixer=mixer, xy_pairs=pairs, warm_start=True)


def bound(ansatz: Ansatz, angles: np.ndarray) -> QuantumCircuit:
    plain = circuit(ansatz, measure=False)
    named = {"gamma": angles[: ansatz.reps], "beta": angles[ansatz.reps :]}
    return plain.assign_parameters({p: named[p.vector.name][p.index] for p in plain.parameters})


def test_ising_is_qiskit_optimizations_with_its_offset() -> None:
    from qiskit_optimization import QuadraticProgram

    problem = random_problem(6)
    row, col, bias = problem.quadratic
    program = QuadraticProgram()
    for _ in range(6):
        program.binary_var()
    program.minimize(
        constant=float(problem.bqm.offset),
        linear=problem.linear,
        quadratic={(int(i), int(j)): float(b) for i, j, b in zip(row, col, bias, strict=True)},
    )
    operator, offset = program.to_ising()
    ising = Ising.of(problem)
    assert ising.offset == pytest.approx(offset, abs=1e-12)
    theirs = {
        tuple(np.flatnonzero(p.z)): c.real
        for p, c in zip(operator.paulis, operator.coeffs, strict=True)
    }
    ours = {(i,): h for i, h in enumerate(ising.h)} | {
        tuple(sorted((int(i), int(j)))): b
        for i, j, b in zip(ising.row, ising.col, ising.J, strict=True)
    }
    assert theirs.keys() == ours.keys()
    assert all(theirs[k] == pytest.approx(ours[k], abs=1e-12) for k in ours)


def test_energies_of_all_states_are_the_problems() -> None:
    problem = random_problem(7)
    energies = ising_energies(ansatz_of(problem, "x"))
    bits = to_bits(np.arange(2**7), 7)
    np.testing.assert_allclose(energies, problem.energies(bits), atol=1e-12)


@pytest.mark.parametrize("n", [1, 2, 3, 5])
@pytest.mark.parametrize("started", [False, True])
@pytest.mark.parametrize(("mixer", "pairs"), [("x", "ring"), ("xy", "ring"), ("xy", "complete")])
def test_simulation_and_qiskit_statevector_agree(
    n: int, started: bool, mixer: str, pairs: str
) -> None:
    ones = (1 if started else n // 2) if mixer == "xy" else None
    start = np.eye(n, dtype=np.int8)[-1:] if started else None
    ansatz = ansatz_of(random_problem(n, seed=n, ones=ones, start=start), mixer, pairs)
    angles = np.random.default_rng(n).normal(size=4)
    theirs = Statevector(bound(ansatz, angles)).probabilities()
    ours = np.abs(Simulation(ansatz).state(angles)) ** 2
    np.testing.assert_allclose(ours, theirs, atol=1e-10)


@pytest.mark.parametrize(("n", "ones"), [(n, k) for n in range(1, 7) for k in range(n + 1)])
def test_dicke_state_is_exact(n: int, ones: int) -> None:
    state = Statevector(dicke(n, ones)).data
    expected = (np.bitwise_count(np.arange(2**n)) == ones) * comb(n, ones) ** -0.5
    np.testing.assert_allclose(state, expected, atol=1e-12)


@pytest.mark.parametrize("pairs", ["ring", "complete"])
def test_xy_mixer_preserves_every_count(pairs: str) -> None:
    n = 5
    ansatz = ansatz_of(random_problem(n, ones=2), "xy", pairs, reps=1)
    whole = bound(ansatz, np.array([0.0, 0.7]))
    # without the preparation: what is left is the mixer
    mixer = Operator(dicke(n, 2)).adjoint().compose(Operator(whole)).data
    count = np.bitwise_count(np.arange(2**n))
    assert np.abs(mixer[count[:, None] != count[None, :]]).max() < 1e-12
    assert np.abs(mixer - np.eye(2**n)).max() > 0.1


def test_zero_angles_leave_a_warm_start_alone() -> None:
    start = np.array([[1, 0, 0, 1, 0], [1, 0, 1, 1, 0]], dtype=np.int8)
    problem = random_problem(5, start=start)
    simulation = Simulation(ansatz_of(problem, "x", reps=1))
    share = np.clip(start.mean(axis=0), 0.25, 0.75)
    bits = to_bits(simulation.support, 5)
    expected = np.where(bits == 1, share, 1 - share).prod(axis=1)
    np.testing.assert_allclose(simulation.probabilities(np.zeros(2)), expected, atol=1e-12)
    # any β alone: the start is the mixer's eigenstate (Egger et al. 2021)
    np.testing.assert_allclose(simulation.probabilities(np.array([0.0, 0.8])), expected, atol=1e-12)


def test_a_warm_start_with_the_count_is_the_best_row_that_has_it() -> None:
    rows = all_bits(5)
    problem = random_problem(5, ones=2, start=rows)
    ansatz = ansatz_of(problem, "xy", reps=1)
    assert ansatz.basis is not None
    fitting = rows[rows.sum(axis=1) == 2]
    assert ansatz.basis.sum() == 2
    assert problem.energies(ansatz.basis)[0] == problem.energies(fitting).min()


def test_the_ramp_lowers_the_mean_energy() -> None:
    for seed in range(5):
        for mixer, ones, pairs in (("x", None, "ring"), ("xy", 4, "ring"), ("xy", 4, "complete")):
            problem = random_problem(8, seed=seed, ones=ones)
            ansatz = ansatz_of(problem, mixer, pairs)
            simulation = Simulation(ansatz)
            mean = simulation.probabilities(ansatz.ramp()) @ simulation.energies
            assert mean < simulation.energies.mean() - 0.5 * simulation.energies.std()


def test_qiskit_optimizations_qaoa_has_the_same_distribution() -> None:
    """Its circuit for the same operator and angles; its mixer is +X, ours is -X."""
    from qiskit.circuit.library import qaoa_ansatz as qiskit_ansatz
    from qiskit.quantum_info import SparsePauliOp

    problem = random_problem(4, seed=3)
    ansatz = ansatz_of(problem, "x")
    ising = ansatz.ising
    terms = [("Z", [i], h / ansatz.scale) for i, h in enumerate(ising.h)]
    terms += [
        ("ZZ", [int(i), int(j)], b / ansatz.scale)
        for i, j, b in zip(ising.row, ising.col, ising.J, strict=True)
    ]
    cost = SparsePauliOp.from_sparse_list(terms, num_qubits=4)
    with warnings.catch_warnings():
        # its own use of what Qiskit deprecates is not ours to mend
        warnings.simplefilter("ignore", DeprecationWarning)
        theirs = qiskit_ansatz(cost, reps=2).decompose(reps=3)
    angles = np.array([0.3, 0.5, 0.4, 0.2])
    values = {
        p: (-angles[2 + p.index] if p.name.startswith("β") else angles[p.index])
        for p in theirs.parameters
    }
    state = Statevector(theirs.assign_parameters(values))
    ours = np.abs(Simulation(ansatz).state(angles)) ** 2
    np.testing.assert_allclose(ours, state.probabilities(), atol=1e-10)
