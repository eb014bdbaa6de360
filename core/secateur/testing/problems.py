"""Small problems with known answers."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Sequence

import dimod
import numpy as np
from numpy.typing import NDArray

from secateur.problem import Cardinality, Problem, count


def random_problem(
    n: int,
    seed: int,
    *,
    ones: int | None = None,
    scale: float = 1.0,
    offset: float = 0.0,
    labels: Sequence[Hashable] | None = None,
    limits: tuple[Cardinality, ...] = (),
) -> Problem:
    """Signed biases on every variable and pair, in an order of labels that is not sorted.

    Its optimum without a count is neither all zeros nor all ones for n of 3 or more.

    Arguments:
        n: variables.
        seed: of all biases.
        ones: exactly so many; None: any number.
        scale: all biases are multiplied by it.
        offset: of the energy.
        labels: of the variables; v0, v1, … unless given.
        limits: further demands.
    """
    rng = np.random.default_rng(seed)
    names = list(labels) if labels is not None else [f"v{k}" for k in reversed(range(n))]
    linear = rng.normal(size=n) - 0.3
    pairs = list(itertools.combinations(range(n), 2))
    couplings = rng.normal(size=len(pairs))
    if n >= 3:  # one that is on in any optimum, and one that is off
        linear[0] = -2.0 - sum(abs(c) for c, p in zip(couplings, pairs, strict=True) if 0 in p)
        linear[1] = 2.0 + sum(abs(c) for c, p in zip(couplings, pairs, strict=True) if 1 in p)
    bqm = dimod.BinaryQuadraticModel(
        {names[i]: scale * float(v) for i, v in enumerate(linear)},
        {
            (names[i], names[j]): scale * float(c)
            for (i, j), c in zip(pairs, couplings, strict=True)
        },
        offset,
        "BINARY",
    )
    return Problem(bqm, limits if ones is None else (count(ones), *limits))


def balanced_problem(n: int) -> Problem:
    """``(sum z - n/2)²``: every vector with n/2 ones is optimal, so that chance shows.

    Arguments:
        n: variables.
    """
    half = n // 2
    names = [f"b{k}" for k in range(n)]
    linear = dict.fromkeys(names, 1.0 - 2.0 * half)
    couplings = dict.fromkeys(itertools.combinations(names, 2), 2.0)
    return Problem(dimod.BinaryQuadraticModel(linear, couplings, float(half**2), "BINARY"))


def brute_force(problem: Problem) -> tuple[float, NDArray[np.int8]]:
    """The lowest energy over all feasible vectors, and one that has it; at most 20 variables.

    Arguments:
        problem: of at most 20 variables.

    Raises:
        ValueError: more variables.
    """
    if problem.n > 20:
        raise ValueError(f"{problem.n} variables are too many to try all vectors")
    states = np.arange(2**problem.n)[:, None] >> np.arange(problem.n)[None, :]
    bits = (states & 1).astype(np.int8)
    bits = bits[problem.feasible(bits)]
    energies = problem.energies(bits)
    best = int(np.argmin(energies))
    return float(energies[best]), bits[best]
