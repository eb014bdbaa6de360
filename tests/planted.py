"""Problems with a known optimum, of any size: planted solutions."""

from __future__ import annotations

import dimod
import numpy as np
from numpy.typing import NDArray


def planted(n: int, seed: int, terms: int = 6) -> tuple[dimod.BinaryQuadraticModel, float]:
    """A QUBO that is a sum of small ones, each minimised by one hidden vector; and its optimum.

    Each term is a random QUBO over four variables whose biases are changed until the hidden bits
    are its lowest state. So the hidden vector minimises the sum, and its energy is the optimum.
    """
    rng = np.random.default_rng(seed)
    hidden = rng.integers(0, 2, n)
    states = (np.arange(16)[:, None] >> np.arange(4)) & 1
    linear, couplings = np.zeros(n), np.zeros((n, n))
    for _ in range(terms * n):
        chosen = rng.choice(n, 4, replace=False)
        upper = np.triu(rng.normal(size=(4, 4)))
        energies = np.einsum("si,ij,sj->s", states, upper, states)
        upper = _moved(upper, states[int(energies.argmin())], hidden[chosen])
        linear[chosen] += np.diag(upper)
        couplings[np.ix_(chosen, chosen)] += np.triu(upper, 1)
    couplings = np.triu(couplings + couplings.T, 1)
    bqm = dimod.BinaryQuadraticModel(np.diag(linear) + couplings, "BINARY")
    return bqm, float(bqm.energy(dict(enumerate(hidden))))


def _moved(
    upper: NDArray[np.float64], lowest: NDArray[np.int_], wanted: NDArray[np.int_]
) -> NDArray[np.float64]:
    """The same QUBO with bits complemented, so that ``wanted`` is its lowest state; no offset."""
    flip = lowest != wanted
    sign = np.where(flip, -1.0, 1.0)
    linear, pairs = np.diag(upper).copy(), np.triu(upper, 1)
    pairs = pairs + pairs.T
    moved_linear = sign * (linear + pairs @ flip)
    moved = np.triu(pairs * np.outer(sign, sign), 1)
    return np.diag(moved_linear) + moved
