"""Nested choices of a block: greedy orders with updated marginals, and sorted ones.

An order of the variables stands for a choice at every count: its first k.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from secateur.problem.parts import Block
from secateur.solving.control import Control

Floats = NDArray[np.float64]
Order = NDArray[np.intp]


def forward(block: Block, control: Control) -> Order:
    """From zeros: the variable that costs least now is the next one; O(w²).

    Arguments:
        block: of w variables.
        control: when it is late the rest follows sorted.
    """
    if block.couplings is None:
        return np.argsort(block.linear, kind="stable")
    marginal = block.linear.copy()
    order = np.empty(block.size, np.intp)
    for step in range(block.size):
        if control.late:
            order[step:] = np.argsort(marginal, kind="stable")[: block.size - step]
            break
        chosen = int(marginal.argmin())
        order[step] = chosen
        marginal += block.couplings[chosen]
        marginal[chosen] = np.inf
    return order


def backward(block: Block, control: Control) -> Order:
    """From ones: the variable whose removal saves most goes first, to the end; O(w²)."""
    if block.couplings is None:
        return np.argsort(block.linear, kind="stable")
    marginal = block.linear + block.couplings.sum(axis=1)
    order = np.empty(block.size, np.intp)
    for step in range(block.size - 1, -1, -1):
        if control.late:
            order[: step + 1] = np.argsort(marginal, kind="stable")[-(step + 1) :]
            break
        removed = int(marginal.argmax())
        order[step] = removed
        marginal -= block.couplings[removed]
        marginal[removed] = -np.inf
    return order


def prefix_energies(block: Block, order: Order) -> Floats:
    """The energy of the first k variables of an order for every k, shape ``(w + 1,)``.

    Summed from zero ones upwards, so that small energies keep their digits.
    """
    marginal = block.linear[order]
    if block.couplings is not None:
        rows = max(1, (1 << 20) // max(block.size, 1))
        marginal = marginal.copy()
        for start in range(0, block.size, rows):
            some = order[start : start + rows]
            inner = block.couplings[some[:, None], order[: start + len(some)]]
            marginal[start : start + len(some)] += np.tril(inner, start - 1).sum(axis=1)
    return np.concatenate([[0.0], np.cumsum(marginal)])


def prefixes(order: Order, counts: NDArray[np.intp]) -> NDArray[np.int8]:
    """The choices of an order with these numbers of ones, shape ``(counts, w)``."""
    rank = np.empty(len(order), np.intp)
    rank[order] = np.arange(len(order))
    return (rank < counts[:, None]).astype(np.int8)
