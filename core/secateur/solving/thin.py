"""Wide blocks with few couplings, which are never written out as a matrix.

What is dense is searched by trees; for these a greedy path and the moves of the whole problem give
the upper curve, and the linear bound the lower one.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from secateur.problem.parts import Block, Floats
from secateur.solving.curve import Curve
from secateur.solving.record import Node, Record

WRITTEN_OUT = 4096
"""Blocks up to this width are searched as dense ones: 128 MiB a block."""
_LONGEST = 200_000
"""Beyond so many variables the path is that of the sorted costs, not of updated ones."""


def is_thin(block: Block) -> bool:
    """Whether its couplings are held sparsely."""
    return block.couplings is not None and not isinstance(block.couplings, np.ndarray)


def written_out(block: Block) -> Block:
    """The block with a dense matrix, if it is narrow enough."""
    matrix = block.couplings
    if matrix is None or isinstance(matrix, np.ndarray) or block.size > WRITTEN_OUT:
        return block
    return replace(block, couplings=matrix.toarray())


def thin_curve(block: Block) -> Curve:
    """The choices along a greedy path, for every number of ones that is allowed.

    A block with demands of its own gets no path: it would break them.
    """
    curve = Curve.empty(block.size)
    if block.counts or block.sums:
        return curve
    matrix = block.couplings
    assert matrix is not None
    assert not isinstance(matrix, np.ndarray)
    size = block.size
    if size > _LONGEST:
        order = np.argsort(block.linear, kind="stable")
    else:
        order = np.empty(size, dtype=np.intp)
        costs = np.array(block.linear)
        for step in range(size):
            i = int(np.argmin(costs))
            order[step] = i
            part = slice(matrix.indptr[i], matrix.indptr[i + 1])
            costs[matrix.indices[part]] += matrix.data[part]
            costs[i] = np.inf
    place = np.empty(size, dtype=np.intp)
    place[order] = np.arange(size)
    # each coupling counts from where the second of its two variables has come
    coo = matrix.tocoo()
    later = np.maximum(place[coo.coords[0]], place[coo.coords[1]])
    added = block.linear[order] + 0.5 * np.bincount(later, coo.data, minlength=size)
    energy = np.concatenate([[0.0], np.cumsum(added)])
    curve.offer_order(order, np.where(block.allowed, energy, np.inf))
    return curve


def thin_lower(block: Block, slack: float) -> Floats:
    """A bound for every number of ones: half of each variable's negative couplings, then sorted.

    It is never above the Gilmore–Lawler bound of the whole block, which a certificate states.

    Arguments:
        block: held sparsely.
        slack: subtracted from the curve.

    Returns:
        the lower curve, shape ``(w + 1,)``; infinity where the number is not allowed.
    """
    matrix = block.couplings
    assert matrix is not None
    assert not isinstance(matrix, np.ndarray)
    rows = np.repeat(np.arange(block.size), np.diff(matrix.indptr))
    negative = np.bincount(rows, np.minimum(matrix.data, 0.0), minlength=block.size)
    least = np.sort(block.linear + 0.5 * negative)
    sums = np.concatenate([[0.0], np.cumsum(least.astype(np.longdouble))])
    size = np.abs(block.linear).sum() + np.abs(matrix.data).sum()
    widest = int(np.diff(matrix.indptr).max(initial=0))
    off = 4.0 * (widest + 4) * float(np.finfo(float).eps) * float(size)
    lower = np.asarray(sums, dtype=float) - off - slack
    return np.where(block.allowed, lower, np.inf)


def thin_record() -> Record:
    """One leaf, bounded by Gilmore–Lawler."""
    return Record(None, [Node(gl=True)])
