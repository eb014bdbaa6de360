"""Moves that keep the count: best flips towards it, best swaps at it.

They close the last gap of the offset search, and with ``greedy`` they are the plainest solver of
all: control 1, next to which every backend is shown.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from secateur.backends import Problem
from secateur.backends.problem import Bits

_TINY = 1e-12


class _Room:
    """How many more ones each limit allows; variables without a limit have room for all."""

    def __init__(self, problem: Problem) -> None:
        self.owner = np.full(problem.n, len(problem.limits), dtype=np.intp)
        for number, limit in enumerate(problem.limits):
            self.owner[problem.positions(limit.variables)] = number
        self.most = np.array([limit.at_most for limit in problem.limits] + [problem.n])

    def left(self, bits: Bits) -> NDArray[np.int64]:
        used = np.bincount(self.owner, weights=bits, minlength=len(self.most)).astype(np.int64)
        return self.most - used


def to_count(problem: Problem, bits: Bits) -> Bits:
    """``bits`` with the wanted count and within the limits, by the best flip each time.

    Each step costs O(n): the marginals are updated, not recomputed.
    """
    assert problem.ones is not None
    z = np.array(bits, dtype=np.int8)
    room = _Room(problem)
    field = problem.linear + problem.couplings @ z

    def flip(i: int) -> None:
        nonlocal field
        field = field + (1 - 2 * int(z[i])) * problem.couplings[i]
        z[i] = 1 - z[i]

    left = room.left(z)
    while (left < 0).any():  # a limit is broken: the cheapest of its ones leaves first
        over = (left[room.owner] < 0) & (z == 1)
        flip(_best(-field, over))
        left = room.left(z)
    count = int(z.sum(dtype=np.int64))
    while count > problem.ones:
        flip(_best(-field, z == 1))
        count -= 1
    while count < problem.ones:
        flip(_best(field, (z == 0) & (room.left(z)[room.owner] > 0)))
        count += 1
    return z


def _best(cost: NDArray[np.float64], allowed: NDArray[np.bool_]) -> int:
    return int(np.argmin(np.where(allowed, cost, np.inf)))


def swap_descent(problem: Problem, bits: Bits, *, most_swaps: int | None = None) -> Bits:
    """``bits`` improved by best swaps (one in, one out) until none helps.

    Arguments:
        problem: its limits are kept.
        bits: within the limits, shape ``(n,)``.
        most_swaps: stop after so many; 20·n unless given.
    """
    z = np.array(bits, dtype=np.int8)
    room = _Room(problem)
    couplings = problem.couplings
    field = problem.linear + couplings @ z
    for _ in range(20 * problem.n if most_swaps is None else most_swaps):
        leaving, entering = np.flatnonzero(z == 1), np.flatnonzero(z == 0)
        if len(leaving) == 0 or len(entering) == 0:
            break
        gain = swap_gains(problem, field, leaving, entering)
        full = room.left(z) <= 0
        blocked = full[room.owner[entering]][None, :] & (
            room.owner[leaving][:, None] != room.owner[entering][None, :]
        )
        gain[blocked] = np.inf
        best = np.unravel_index(int(np.argmin(gain)), gain.shape)
        if not gain[best] < -_TINY * max(1.0, float(np.abs(field).max())):
            break
        out, new = int(leaving[best[0]]), int(entering[best[1]])
        z[out], z[new] = 0, 1
        field = field - couplings[out] + couplings[new]
    return z


def swap_gains(
    problem: Problem,
    field: NDArray[np.float64],
    leaving: NDArray[np.intp],
    entering: NDArray[np.intp],
) -> NDArray[np.float64]:
    """The change of energy of every swap, shape ``(len(leaving), len(entering))``.

    Arguments:
        problem: the QUBO.
        field: ``linear + couplings @ z`` at the current bits.
        leaving: positions of ones that become 0.
        entering: positions of zeros that become 1.
    """
    return (
        field[entering][None, :]
        - field[leaving][:, None]
        - problem.couplings[np.ix_(leaving, entering)]
    )


def greedy(problem: Problem, *, swaps: bool = True) -> Bits:
    """Control 1: add the cheapest one with updated marginals K times, then descend by swaps.

    Deterministic; ties go to the first variable. For a QUBO without couplings it is exact.
    """
    bits = to_count(problem, np.zeros(problem.n, dtype=np.int8))
    return swap_descent(problem, bits) if swaps else bits
