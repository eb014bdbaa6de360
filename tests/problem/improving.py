"""Whether a move would improve a vector, by enumeration of all moves."""

from __future__ import annotations

import itertools

import numpy as np

from secateur.problem import Problem
from tests.random_problems import energies

SCALES = (1.0, 1e-12, 1e12)


def neighbours(bits: np.ndarray) -> np.ndarray:
    """All vectors one flip or one swap away."""
    rows = [bits]
    for i in range(len(bits)):
        row = bits.copy()
        row[i] = 1 - row[i]
        rows.append(row)
    for i, j in itertools.product(np.flatnonzero(bits == 1), np.flatnonzero(bits == 0)):
        row = bits.copy()
        row[i], row[j] = 0, 1
        rows.append(row)
    return np.array(rows)


def nothing_improves(problem: Problem, bits: np.ndarray) -> bool:
    """No feasible flip or swap has less energy, by dimod's and by the whole field."""
    rows = neighbours(bits)
    rows = rows[problem.feasible(rows)]
    room = 1e-11 * max(
        np.abs(problem.linear).max(initial=0), np.abs(problem.quadratic[2]).max(initial=0)
    )
    return bool((energies(problem, rows) >= energies(problem, bits[None])[0] - room).all())
