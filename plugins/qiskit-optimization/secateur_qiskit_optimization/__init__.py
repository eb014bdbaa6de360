"""The backend qiskit-optimization: its algorithms, as they are, on a simulator."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

import numpy as np
from secateur.backends import (
    Applicability,
    Availability,
    Backend,
    BackendOptions,
    Capabilities,
    Solution,
    option,
)
from secateur.problem import Problem

LARGEST_SEED = 2**31 - 1
LARGEST = {"qaoa": 14, "recursive": 10, "warm-start": 10, "grover": 6, "exact": 14}
"""Variables that each algorithm takes: a minute on one core, measured."""
MOST = max(LARGEST.values())


@dataclass(frozen=True)
class QiskitOptimizationOptions(BackendOptions):
    """Options of qiskit-optimization."""

    algorithm: str = option(
        "qaoa",
        "qaoa: MinimumEigenOptimizer with its own QAOA; recursive: RecursiveMinimumEigenOptimizer; "
        "warm-start: WarmStartQAOAOptimizer; grover: GroverOptimizer; exact: "
        "NumPyMinimumEigensolver",
        choices=tuple(LARGEST),
    )
    reps: int = option(1, "layers of the circuit", least=1, most=100)
    optimizer: str = option(
        "cobyla", "method that finds the angles", choices=("cobyla", "nelder-mead")
    )
    iterations: int = option(
        50,
        "most evaluations of the circuit by the optimizer; of Grover's algorithm: measurements "
        "without a better energy",
        least=1,
        most=1_000_000,
        why="a call would take weeks",
    )
    shots: int = option(
        1024,
        "measurements of one evaluation",
        least=1,
        most=1_000_000,
        why="every one is held in memory",
    )
    cvar: float = option(
        1.0, "share of best samples whose mean is minimised; 1: all", least=0.001, most=1.0
    )
    smallest: int = option(
        3, "recursive: what is left with so many variables is solved exactly", least=2, most=MOST
    )
    epsilon: float = option(
        0.25, "warm-start: distance that is kept from 0 and 1", least=0.0, most=0.5
    )
    value_qubits: int = option(
        6,
        "grover: qubits of the energy, which is rounded to integers of that size",
        least=4,
        most=10,
        why="each doubles the state",
    )
    seed: int | None = option(None, "random seed", least=0, most=LARGEST_SEED)


class QiskitOptimization(Backend):
    """Any of its algorithms. It keeps no count: it makes a constraint a penalty, so none is handed.

    The library keeps the count instead, by a search over prices on the variables.
    """

    name = "qiskit-optimization"
    capabilities = Capabilities(max_variables=MOST, stochastic=True, takes_seed=True)
    Options = QiskitOptimizationOptions
    citation = """
@article{farhi2014quantum,
  author  = {Farhi, Edward and Goldstone, Jeffrey and Gutmann, Sam},
  title   = {A Quantum Approximate Optimization Algorithm},
  journal = {arXiv:1411.4028}, year = {2014}
}
@article{bravyi2020obstacles,
  author  = {Bravyi, Sergey and Kliesch, Alexander and Koenig, Robert and Tang, Eugene},
  title   = {Obstacles to Variational Quantum Optimization from Symmetry Protection},
  journal = {Physical Review Letters}, volume = {125}, pages = {260505}, year = {2020},
  doi     = {10.1103/PhysRevLett.125.260505}
}
@article{egger2021warm,
  author  = {Egger, Daniel J. and Mare{\\v{c}}ek, Jakub and Woerner, Stefan},
  title   = {Warm-starting quantum optimization},
  journal = {Quantum}, volume = {5}, pages = {479}, year = {2021}, doi = {10.22331/q-2021-06-17-479}
}
@article{gilliam2021grover,
  author  = {Gilliam, Austin and Woerner, Stefan and Gonciulea, Constantin},
  title   = {Grover Adaptive Search for Constrained Polynomial Binary Optimization},
  journal = {Quantum}, volume = {5}, pages = {428}, year = {2021}, doi = {10.22331/q-2021-04-08-428}
}
@misc{qiskitoptimization,
  author = {{Qiskit Optimization contributors}},
  title  = {{Qiskit Optimization}},
  url    = {https://github.com/qiskit-community/qiskit-optimization}
}
"""

    @classmethod
    def availability(cls) -> Availability:
        """Whether qiskit-optimization is installed."""
        try:
            found = f"qiskit-optimization {version('qiskit-optimization')}"
            return Availability(True, detail=f"{found}, qiskit {version('qiskit')}")
        except PackageNotFoundError as error:
            return Availability(
                False,
                detail=f"{error.name or 'qiskit-optimization'} is missing",
                remedy="pip install qiskit-optimization",
            )

    def applicability(
        self, problem: Problem, options: BackendOptions | None = None
    ) -> Applicability:
        """Limited by what its algorithm simulates in about a minute."""
        given = options if isinstance(options, self.Options) else self.Options()
        most = LARGEST[given.algorithm]
        if problem.n <= most:
            return Applicability(True)
        others = [name for name, size in LARGEST.items() if size >= problem.n]
        remedy = f"use decompose:{self.name} with parts of at most {most}"
        if others:
            remedy = f"use algorithm={others[0]}, which takes {LARGEST[others[0]]}, or {remedy[4:]}"
        return Applicability(
            False,
            reason=f"{problem.n} variables, and {self.name} takes at most {most} with "
            f"algorithm={given.algorithm}",
            remedy=remedy,
        )

    def solve(self, problem: Problem, options: BackendOptions) -> Solution:
        """Run the algorithm; its samples are the answer."""
        assert isinstance(options, QiskitOptimizationOptions)
        started = time.monotonic()
        seed = secrets.randbelow(LARGEST_SEED) if options.seed is None else options.seed
        if not (problem.linear.any() or problem.quadratic[2].any()):  # an operator of zeros
            bits = np.random.default_rng(seed).integers(0, 2, (1, problem.n))
            raw = {"evaluations": 0}
        else:
            from secateur_qiskit_optimization.algorithms import run_algorithm

            bits, raw = run_algorithm(problem, options, seed)
        names = ("qiskit-optimization", "qiskit")
        return Solution.from_bits(
            problem,
            bits,
            options,
            time.monotonic() - started,
            seed=seed,
            versions={name: version(name) for name in names},
            raw=raw,
        )
