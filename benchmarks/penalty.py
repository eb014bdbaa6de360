"""The count as a quadratic penalty, P(Σz - K)², on the sampler of the default backend.

What nearly everybody does, held against the search under prices with the same sampler, the same
number of sweeps and the same processor time.
"""

from __future__ import annotations

import math
import time
from typing import Any

import dimod
import numpy as np

from secateur.problem import Problem
from secateur.problem.moves import Moves

REPAIRED = 4
"""So many of the reads nearest to the count, the best of them first, are repaired."""
SWEEPS = 1000


def strengths(problem: Problem) -> dict[str, float]:
    """Five strengths, from the one that is certainly enough to less than a channel costs."""
    safe = float((np.abs(problem.linear) + np.abs(problem.couplings).sum(axis=1)).max())
    # what one channel more costs at the count: the least at which it can be right at all
    greedy = Moves(problem).greedy()
    assert greedy is not None
    field = problem.field(greedy)
    price = max(float(field[greedy == 1].max()), float(np.median(np.abs(problem.linear))))
    return {
        "the largest row, safe": safe,
        "1/100 of it": 0.01 * safe,
        "the price of a channel": price,
        "1/10 of the price": 0.1 * price,
        "1/100 of the price": 0.01 * price,
    }


def penalised(problem: Problem, strength: float, seconds: float, seed: int = 0) -> dict[str, Any]:
    """Anneal the penalised QUBO one read at a time for so many seconds of the processor."""
    from dwave.samplers import SimulatedAnnealingSampler

    n, wanted = problem.n, problem.count
    assert wanted is not None
    linear = problem.linear + strength * (1 - 2 * wanted)
    pairs = problem.couplings.toarray() + 2 * strength
    upper = np.triu_indices(n, 1)
    bqm = dimod.BinaryQuadraticModel.from_numpy_vectors(
        linear, (*upper, pairs[upper]), strength * wanted**2, "BINARY"
    )
    # hot: the largest change is made every other time; cold: the smallest is not made any more
    largest = float((np.abs(linear) + np.abs(pairs).sum(axis=1)).max())
    sizes = np.abs(np.concatenate([problem.linear, problem.quadratic[2]]))
    smallest = float(sizes[sizes > 1e-9 * largest].min(initial=largest))
    hot = math.log(2) / largest
    sampler = SimulatedAnnealingSampler()
    rows: list[np.ndarray] = []
    began = time.process_time()
    while not rows or time.process_time() - began < seconds:
        found = sampler.sample(
            bqm,
            num_reads=1,
            num_sweeps=SWEEPS,
            beta_range=[hot, max(math.log(100) / smallest, 2 * hot)],
            seed=seed + len(rows),
        )
        rows.append(found.record.sample[0])
    bits = np.array(rows, dtype=np.int8)
    counts = bits.sum(axis=1, dtype=int)
    feasible = problem.feasible(bits)
    best = float(problem.energies(bits[feasible]).min()) if feasible.any() else None
    moves, repaired = Moves(problem), []
    order = np.lexsort((problem.energies(bits), np.abs(counts - wanted)))
    for row in bits[order[:REPAIRED]]:
        closed = moves.repair(row)
        if closed is not None:
            repaired.append(float(problem.energies(moves.descend(closed))[0]))
    return {
        "strength": strength,
        "reads": len(rows),
        "feasible": float(feasible.mean()),
        "counts": [int(counts.min()), int(counts.max())],
        "energy": best,
        "repaired": min(repaired, default=None),
        "cpu": time.process_time() - began,
    }
