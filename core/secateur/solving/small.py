"""Lower curves that need no search: blocks without couplings, and blocks of a few variables."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from secateur.problem.parts import Block, Floats
from secateur.solving.curve import Curve
from secateur.solving.demands import Bits, Demands
from secateur.solving.node_bounds import UNIT, sums_exactly
from secateur.solving.record import Node, Record
from secateur.solving.sdp import dominant_diagonal

FEW = 8
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
    np.minimum.at(lower, ones, energy - unit * size - slack)
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
    pairs = np.zeros((block.size,) * 2) if block.couplings is None else block.couplings
    record = Record(None if block.couplings is None else dominant_diagonal(pairs))
    last = block.size - (0 if demands else 1)
    record.nodes.append(Node())
    level = [np.full(block.size, -1, dtype=np.int8)]
    start = 0
    for depth in range(max(last, 0)):
        below: list[Bits] = []
        first = start + len(level)
        for i, choice in enumerate(level):
            node = record.nodes[start + i]
            node.branch, node.children = depth, (first + 2 * i, first + 2 * i + 1)
            for value in (0, 1):
                child = choice.copy()
                child[depth] = value
                below.append(child)
                record.nodes.append(Node())
        start, level = first, below
    if demands:
        for i, choice in enumerate(level):
            broken = demands.complete(choice)
            if broken >= 0:
                record.nodes[start + i].infeasible = demands.names[broken]
    return record


def scaled(block: Block, factor: float) -> Block:
    """A block whose energy is multiplied by a power of two."""
    if factor == 1.0:
        return block
    pairs = None if block.couplings is None else block.couplings * factor
    return replace(block, linear=block.linear * factor, couplings=pairs)


def _all_choices(size: int) -> Bits:
    numbers = np.arange(2**size)[:, None] >> np.arange(size)
    return (numbers & 1).astype(np.int8)
