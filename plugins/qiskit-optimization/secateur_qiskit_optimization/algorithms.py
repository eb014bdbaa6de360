"""The problem as a QuadraticProgram, and one run of one algorithm."""

from __future__ import annotations

import random
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.primitives import StatevectorSampler
from qiskit.quantum_info import SparsePauliOp
from qiskit_optimization import QuadraticProgram
from qiskit_optimization.algorithms import (
    GroverOptimizer,
    MinimumEigenOptimizer,
    RecursiveMinimumEigenOptimizer,
    SlsqpOptimizer,
    WarmStartQAOAOptimizer,
)
from qiskit_optimization.minimum_eigensolvers import QAOA, NumPyMinimumEigensolver
from qiskit_optimization.optimizers import COBYLA, NELDER_MEAD
from qiskit_optimization.utils import algorithm_globals
from scipy.sparse import SparseEfficiencyWarning
from secateur.problem import Problem
from secateur_qiskit_optimization import QiskitOptimizationOptions

Bits = NDArray[np.int8]
NOISE = 1e-12
"""Terms of the Ising form below this, beside a largest bias of 1, are rounding."""


class CleanQAOA(QAOA):  # type: ignore[misc]
    """Its QAOA, without terms that are rounding: Qiskit 2.6 cannot hash an angle of -1e-16."""

    def compute_minimum_eigenvalue(self, operator: Any, aux_operators: Any = None) -> Any:
        """The same, of the operator without them."""
        clean = operator.simplify(atol=NOISE)
        if not np.abs(clean.coeffs).any():  # nothing is left, and a circuit needs something
            clean = SparsePauliOp.from_sparse_list([("Z", [0], NOISE)], operator.num_qubits)
        return super().compute_minimum_eigenvalue(clean, aux_operators)


def run_algorithm(
    problem: Problem, options: QiskitOptimizationOptions, seed: int, *, count: bool = False
) -> tuple[Bits, dict[str, Any]]:
    """The samples of one run, as often as they were measured, and what it said.

    Arguments:
        problem: with at least one bias; its constraints are left to the library.
        options: of the backend.
        seed: of everything random.
        count: with the count as its penalty, as its users have it.
    """
    program = quadratic_program(problem, bound=_grover_bound(options), count=count)
    evaluations: list[float] = []
    with _apart(seed):
        solver = make_algorithm(options, seed, evaluations)
        result = solver.solve(program)
    return rows_of(result, options), {
        "algorithm": type(solver).__name__,
        "evaluations": len(evaluations),
        "status": result.status.name,
    }


def quadratic_program(
    problem: Problem, *, bound: int | None = None, count: bool = False
) -> QuadraticProgram:
    """The problem in its words, with biases of at most 1: its angles are made for such.

    Arguments:
        problem: whose offset is left out.
        bound: integers instead, the sum of whose absolute values is at most this.
        count: with the count as a constraint, which its algorithms make a penalty.
    """
    linear = problem.linear
    row, col, bias = problem.quadratic
    if bound is None:
        largest = max(np.abs(linear).max(initial=0.0), np.abs(bias).max(initial=0.0))
        linear, bias = linear / largest, bias / largest
    else:
        largest = float(np.abs(linear).sum() + np.abs(bias).sum())
        linear, bias = np.rint(linear * bound / largest), np.rint(bias * bound / largest)
    program = QuadraticProgram("secateur")
    for k in range(problem.n):
        program.binary_var(f"z{k}")
    pairs = zip(row.tolist(), col.tolist(), bias.tolist(), strict=True)
    program.minimize(linear=linear.tolist(), quadratic={(i, j): b for i, j, b in pairs})
    if count:
        program.linear_constraint([1] * problem.n, "==", problem.count, "count")
    return program


def make_algorithm(options: QiskitOptimizationOptions, seed: int, evaluations: list[float]) -> Any:
    """The algorithm that the options name.

    Arguments:
        options: of the backend.
        seed: of the sampler.
        evaluations: gets the value of every evaluation of a circuit.
    """
    sampler = StatevectorSampler(seed=seed, default_shots=options.shots)
    if options.algorithm == "grover":
        return GroverOptimizer(
            options.value_qubits, num_iterations=options.iterations, sampler=sampler
        )
    if options.algorithm == "exact":
        return MinimumEigenOptimizer(NumPyMinimumEigensolver())
    optimizer: Any = NELDER_MEAD(maxiter=options.iterations, maxfev=options.iterations)
    if options.optimizer == "cobyla":
        optimizer = COBYLA(maxiter=options.iterations)
    qaoa = CleanQAOA(
        sampler,
        optimizer,
        reps=options.reps,
        aggregation=None if options.cvar == 1.0 else options.cvar,
        callback=lambda number, point, value, about: evaluations.append(float(np.real(value))),
    )
    if options.algorithm == "warm-start":
        return WarmStartQAOAOptimizer(SlsqpOptimizer(), True, qaoa, epsilon=options.epsilon)
    plain = MinimumEigenOptimizer(qaoa)
    if options.algorithm == "recursive":
        return RecursiveMinimumEigenOptimizer(plain, min_num_vars=options.smallest)
    return plain


def rows_of(result: Any, options: QiskitOptimizationOptions) -> Bits:
    """Its samples, each as often as it was measured, and the answer that it settled on.

    Grover's samples are of the even superposition that it begins with: its answer alone is its own.
    """
    rows = [np.asarray(result.x)]
    if options.algorithm != "grover":
        for sample in result.samples or ():
            often = max(1, round(sample.probability * options.shots))
            rows += [np.asarray(sample.x)] * often
    bits: Bits = np.rint(np.array(rows)).astype(np.int8)
    return bits


def _grover_bound(options: QiskitOptimizationOptions) -> int | None:
    """The sum of absolute biases whose energies, less any threshold, do not overflow."""
    return 2 ** (options.value_qubits - 2) if options.algorithm == "grover" else None


@contextmanager
def _apart(seed: int) -> Iterator[None]:
    """Its own generator seeded, and all global ones put back; its old circuits without complaint.

    WarmStartQAOAOptimizer and GroverOptimizer of 0.7 are made of circuits that Qiskit 2 deprecates.
    """
    theirs, ours, python = _its_state(), np.random.get_state(), random.getstate()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            warnings.simplefilter("ignore", PendingDeprecationWarning)
            warnings.simplefilter("ignore", SparseEfficiencyWarning)
            algorithm_globals.random_seed = seed
            yield
    finally:
        algorithm_globals.random_seed = theirs[0]
        algorithm_globals.random.bit_generator.state = theirs[1]
        np.random.set_state(ours)
        random.setstate(python)


def _its_state() -> tuple[Any, Any]:
    return algorithm_globals.random_seed, algorithm_globals.random.bit_generator.state
