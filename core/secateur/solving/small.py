"""Lower curves that need no search: blocks without couplings, and blocks of a few variables."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from functools import lru_cache

import numpy as np

from secateur.problem.parts import Block, Floats
from secateur.solving.curve import Curve
from secateur.solving.demands import Bits, Demands
from secateur.solving.exactly_summed import all_below
from secateur.solving.node_bounds import UNIT, sums_exactly
from secateur.solving.record import Node, Record
from secateur.solving.sdp import dominant_diagonal

FEW = 10
"""A block of so many variables is enumerated."""


def uncoupled(block: Block, curve: Curve, slack: float) -> Floats:
    """The sums of the k smallest linear terms, for every k; improves the upper curve.

    Arguments:
        block: without couplings and inner demands.
        curve: improved in place.
        slack: subtracted from the curve.

    Returns:
        the lower curve, shape ``(w + 1,)``.
    """
    order = np.argsort(block.linear, kind="stable")
    terms = block.linear[order].astype(np.longdouble)
    sums = np.concatenate([[0], np.cumsum(terms)])
    sizes = np.concatenate([[0], np.cumsum(np.abs(terms))])
    unit = (block.size + 1) * float(np.finfo(np.longdouble).eps) + 2 * UNIT
    unit = 0.0 if sums_exactly(block) else unit
    lower = np.asarray(sums - unit * sizes - slack, dtype=float)
    energy = np.asarray(sums, dtype=float)
    curve.offer_order(order, np.where(block.allowed, energy, np.inf))
    return np.where(block.allowed, lower, np.inf)


def enumerated(block: Block, demands: Demands, curve: Curve, slack: float) -> Floats:
    """The least energy for every k among all choices; makes the upper curve exact.

    Arguments:
        block: of at most ``FEW`` variables.
        demands: of the block.
        curve: improved in place.
        slack: subtracted from the curve.

    Returns:
        the lower curve, shape ``(w + 1,)``.
    """
    bits = _all_choices(block.size)
    keeps = block.allowed[bits.sum(1)]
    if demands:
        keeps &= np.array([demands.complete(choice) < 0 for choice in bits])
    bits = bits[keeps]
    chosen, ones = bits.astype(float), bits.sum(1)
    energy, size = chosen @ block.linear, chosen @ np.abs(block.linear)
    if block.couplings is not None:
        energy += 0.5 * ((chosen @ block.couplings) * chosen).sum(1)
        size += 0.5 * ((chosen @ np.abs(block.couplings)) * chosen).sum(1)
    unit = 0.0 if sums_exactly(block) else 2 * (block.size + 8) * UNIT
    lower = np.full(block.size + 1, np.inf)
    below = energy - unit * size
    if unit:
        # the least of each count exactly: what other blocks add may cancel all but its rounding
        least = np.full(block.size + 1, np.inf)
        np.minimum.at(least, ones, energy + unit * size)
        rows = below <= least[ones]
        below[rows] = all_below(block.linear, block.couplings, bits[rows])
    np.minimum.at(lower, ones, below - slack)
    order = np.lexsort((energy, ones))
    order = order[np.unique(ones[order], return_index=True)[1]]
    for i in order[energy[order] < curve.energy[ones[order]]]:
        curve.offer(bits[i], float(energy[i]))
    return np.minimum(lower, np.where(np.isinf(lower), np.inf, curve.energy - slack))


def uncoupled_record() -> Record:
    """One leaf, bounded at the zero vector."""
    return Record(None, [Node(points=(0,))])


def enumerated_record(block: Block, demands: Demands) -> Record:
    """A tree whose leaves have one free variable, both of whose values are exact.

    With demands its leaves have none: each choice is exact, or breaks a demand.
    """
    pairs = block.couplings
    diagonal = None if pairs is None else dominant_diagonal(pairs)
    if not demands:
        return Record(diagonal, _halves(block.size, max(block.size - 1, 0)))
    # the nodes of a tree of its own: its leaves bear names
    nodes = list(map(copy, _halves(block.size, block.size)))
    last = len(nodes) - 2**block.size
    for i, choice in enumerate(_all_choices(block.size)):
        broken = demands.complete(choice)
        if broken >= 0:
            nodes[last + i].infeasible = demands.names[broken]
    return Record(diagonal, nodes)


@lru_cache(maxsize=64)
def _halves(size: int, depth: int) -> list[Node]:
    """The tree that branches on the last variable, the one before it, …, level by level.

    So the leaves of a whole tree are all choices in the order of the numbers that they spell.
    """
    nodes = [Node()]
    for level in range(depth):
        first = len(nodes) - 2**level
        for i in range(2**level):
            node = nodes[first + i]
            node.branch = size - 1 - level
            node.children = (len(nodes), len(nodes) + 1)
            nodes += [Node(), Node()]
    return nodes


def scaled(block: Block, factor: float) -> Block:
    """A block whose energy is multiplied by a power of two."""
    if factor == 1.0:
        return block
    pairs = None if block.couplings is None else block.couplings * factor
    return replace(block, linear=block.linear * factor, couplings=pairs)


def _all_choices(size: int) -> Bits:
    numbers = np.arange(2**size)[:, None] >> np.arange(size)
    return (numbers & 1).astype(np.int8)
