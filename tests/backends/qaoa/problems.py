from __future__ import annotations

from itertools import product

import dimod
import numpy as np
from numpy.typing import NDArray

from secateur.problem import Problem


def random_problem(
    n: int, seed: int = 0, ones: int | None = None, start: NDArray[np.int8] | None = None
) -> Problem:
    random = np.random.default_rng(seed)
    bqm = dimod.BinaryQuadraticModel(np.triu(random.normal(size=(n, n))), "BINARY")
    bqm.offset = float(random.normal())
    labels = {i: f"layer.{n - i}:{i}" for i in range(n)}  # not in lexical order
    return Problem(
        bqm.relabel_variables(labels, inplace=False), () if ones is None else ones, start=start
    )


def all_bits(n: int) -> NDArray[np.int8]:
    return np.array(list(product((0, 1), repeat=n)), dtype=np.int8).reshape(-1, n)


def least_energy(problem: Problem) -> float:
    bits = all_bits(problem.n)
    return float(problem.energies(bits[problem.feasible(bits)]).min())
