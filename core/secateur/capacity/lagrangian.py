"""The offset search: a reward μ for every one, bisected until the count is met.

Minimising ``E(z) - μ·Σz`` leaves the couplings as they are, where a penalty ``P(Σz - K)²`` would
drown them. An offset reaches only the counts on the lower convex hull of
``φ(k) = min_{|z|=k} E(z)``, and with a heuristic backend the count is not even monotone in μ; so
every answer is brought to exactly K by exchange moves, and the best of all is kept. If the backend
proves its answers, ``min (E - μΣz) + μK`` bounds ``φ(K)`` from below for every μ.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from secateur.backends import Problem, Solution, Status, Stopped
from secateur.backends.problem import Bits
from secateur.capacity.exchange import greedy, swap_descent, to_count
from secateur.errors import BackendBudgetSpent

Solve = Callable[[Problem], Solution]

REPAIRED_ROWS = 4
"""So many of the best rows of each answer are brought to the count; more rarely helped."""


@dataclass
class Search:
    """What an offset search found.

    Attributes:
        best: the best feasible bits, shape ``(n,)``.
        energy: of ``best``.
        before_swaps: the energy of the answer that became ``best``, before the swap descent.
        bound: the best proven lower bound, or None.
        offsets: every μ tried, with the count that it gave.
        last: the backend's last solution.
        stopped: why the search itself ended early, or None.
    """

    best: Bits
    energy: float = np.inf
    before_swaps: float = np.inf
    bound: float | None = None
    offsets: list[tuple[float, int]] = field(default_factory=list)
    last: Solution | None = None
    stopped: Stopped | None = None


def offset_search(problem: Problem, solve: Solve, *, most_calls: int = 16) -> Search:
    """Search the offset until the backend gives the wanted count or the bracket is closed.

    Arguments:
        problem: with ``ones``.
        solve: one verified call of the backend on a problem without a count.
        most_calls: of the backend.
    """
    assert problem.ones is not None
    search = Search(best=np.zeros(problem.n, dtype=np.int8))
    low, high = _offset_range(problem)
    reward, step = _first_offset(problem), 0.02 * (high - low)
    below = above = False  # has a count at most K, at least K been seen?
    while len(search.offsets) < most_calls:
        reward = float(np.clip(reward, low, high))
        try:
            count = _try(search, problem, reward, solve)
        except BackendBudgetSpent:
            if search.last is None:
                raise
            search.stopped = Stopped.BUDGET  # what was paid for is not thrown away
            break
        if count == problem.ones:
            break
        if count < problem.ones:
            low, below = reward, True
        else:
            high, above = reward, True
        if high - low <= 1e-9 * max(1.0, abs(low), abs(high)):
            break
        if below and above:
            reward = 0.5 * (low + high)
        else:
            reward += step if count < problem.ones else -step
            step *= 3.0
    return search


def _try(search: Search, problem: Problem, reward: float, solve: Solve) -> int:
    """One call of the backend; updates the search and returns the count of the best answer."""
    warm = search.best[None] if np.isfinite(search.energy) else None
    bqm = problem.bqm.copy()
    bqm.add_linear_from(dict.fromkeys(problem.variables, -reward))
    relaxed = replace(problem, bqm=bqm, ones=None, limits=(), start=warm)
    solution = solve(relaxed)
    rows = sample_bits(problem, solution)
    rows = rows[np.argsort(relaxed.energies(rows), kind="stable")]
    count = int(rows[0].sum(dtype=np.int64))
    search.offsets.append((reward, count))
    search.last = solution
    if solution.status is Status.OPTIMAL and solution.bound is not None:
        dual = solution.bound + reward * (problem.ones or 0)
        search.bound = dual if search.bound is None else max(search.bound, dual)
    for row in rows[:REPAIRED_ROWS]:
        repaired = to_count(problem, row)
        polished = swap_descent(problem, repaired)
        energy = float(problem.energies(polished)[0])
        if energy < search.energy:
            search.best, search.energy = polished, energy
            search.before_swaps = float(problem.energies(repaired)[0])
    return count


def sample_bits(problem: Problem, solution: Solution) -> Bits:
    """The rows of a solution in the problem's order of variables, without repeats."""
    samples = solution.samples
    order = [samples.variables.index(label) for label in problem.variables]
    return np.unique(np.asarray(samples.record.sample, dtype=np.int8)[:, order], axis=0)


def _offset_range(problem: Problem) -> tuple[float, float]:
    """Below the first reward all zeros are optimal, above the second all ones are."""
    negative = np.minimum(problem.couplings, 0.0).sum(axis=1)
    positive = np.maximum(problem.couplings, 0.0).sum(axis=1)
    low = float((problem.linear + negative).min(initial=0.0))
    high = float((problem.linear + positive).max(initial=0.0))
    margin = 1e-6 * max(1.0, high - low)
    return low - margin, high + margin


def _first_offset(problem: Problem) -> float:
    """Between what the dearest one of the greedy answer costs and what the next would."""
    bits = greedy(problem)
    marginal = problem.linear + problem.couplings @ bits
    prices = [marginal[bits == 1].max(initial=-np.inf), marginal[bits == 0].min(initial=np.inf)]
    finite = [float(price) for price in prices if np.isfinite(price)]
    return sum(finite) / len(finite) if finite else 0.0
