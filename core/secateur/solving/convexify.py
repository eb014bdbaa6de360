"""Where a block is convexified: the diagonal of its tree, and first points of linearisation."""

from __future__ import annotations

import contextlib

import numpy as np

from secateur.problem.parts import Block, Floats
from secateur.solving.control import Control
from secateur.solving.mixing import mixing_diagonal
from secateur.solving.node_bounds import NodeBounds
from secateur.solving.sdp import cheap_diagonal, positive, sdp_diagonal

WIDE = 128
"""Wider blocks are relaxed by the mixing method, others by an interior point method."""
SHARE = 0.6
"""Of its time goes into the relaxation of a wide block; the rest is for eigenvalues and bounds."""
_LOOK = 60
"""Iterations that compare two diagonals."""
_NEAR = 1.02
"""A diagonal that need not grow by more than this to be feasible is as good as solved for."""
_SOLVED = 512
"""In a wider block the free minimum of the convex form costs more than it brings."""


def convexify(
    block: Block, wanted: int, slope: float, gap: float, control: Control
) -> tuple[Floats | None, Floats]:
    """A diagonal d with ``J + diag(d)`` certainly positive semidefinite, and points to start from.

    Arguments:
        block: scaled so that the largest number is about 1.
        wanted: the number of ones where the bound should be tight.
        slope: what one more costs elsewhere: the relaxation is solved for ``h - slope``.
        gap: of the relaxation, to stop at.
        control: its own clock.

    Returns:
        d, shape ``(w,)``, or None without couplings; points of shape ``(P, w)``.
    """
    pairs = block.couplings
    if pairs is None:
        return None, np.zeros((0, block.size))
    # a variable that nothing couples needs no convexification
    used = np.flatnonzero(pairs.any(axis=1))
    diagonal = np.zeros(block.size)
    if not len(used):
        return diagonal, np.zeros((0, block.size))
    if len(used) < block.size:
        pairs = pairs[np.ix_(used, used)]
    linear = block.linear[used] - slope
    if block.size <= WIDE:
        found, mean = sdp_diagonal(linear, pairs, tolerance=gap, control=control)
        found = positive(found, pairs)
    else:
        found, mean = _of_wide(block.linear[used], slope, pairs, wanted, gap, control)
    diagonal[used] = found
    points = [mean]
    # the least of the convex form: its gradient is the slope at every variable
    if len(used) <= _SOLVED:
        with contextlib.suppress(np.linalg.LinAlgError):
            points.append(np.linalg.solve(pairs + np.diag(found), found / 2 - linear))
    points = [point for point in points if np.isfinite(point).all()]
    whole = np.zeros((len(points), block.size))
    whole[:, used] = points
    return diagonal, whole


def _of_wide(
    linear: Floats, slope: float, pairs: Floats, wanted: int, gap: float, control: Control
) -> tuple[Floats, Floats]:
    """The better of the mixing method's diagonal and one that costs an eigenvalue."""
    first, mean = mixing_diagonal(
        linear - slope, pairs, tolerance=gap, control=control.part(SHARE)
    )
    found = positive(first, pairs)
    if found.sum() <= _NEAR * first.sum() or np.abs(linear).max() == 0.0:
        return found, mean
    other = positive(cheap_diagonal(pairs, 2 * np.abs(linear)), pairs)
    part = Block(np.arange(len(linear)), linear, pairs, np.ones(len(linear) + 1, dtype=bool))
    wanted = min(wanted, part.size)
    better = max((found, other), key=lambda diagonal: _bound(part, diagonal, wanted))
    return better, mean


def _bound(block: Block, diagonal: Floats, wanted: int) -> float:
    """About the bound at so many ones that a diagonal gives."""
    bounds = NodeBounds(block, diagonal)
    free = np.full((1, block.size), -1, dtype=np.int8)
    start = np.full((1, block.size), wanted / block.size) * bounds.root
    values, _ = bounds.relax(free, np.array([wanted]), (start, np.zeros_like(start)), _LOOK)
    point = (values * bounds.inverse_root).astype(np.float32).astype(float)
    return float(bounds.sort(bounds.slopes(point), free).lower[0, wanted])


def slope_at(own: Floats, others: Floats, k: int) -> float:
    """A slope common to the hull of a curve at k and of what everything else costs then.

    Arguments:
        own: a block's curve, shape ``(w + 1,)``.
        others: the least that all else costs when the block has each number, shape ``(w + 1,)``.
        k: the number of ones of the best split.
    """
    low, high = _subgradient(own, k)
    other_low, other_high = _subgradient(others, k)
    ends = [x for x in (max(low, -other_high), min(high, -other_low)) if np.isfinite(x)]
    return float(np.mean(ends)) if ends else 0.0


def _subgradient(curve: Floats, k: int) -> tuple[float, float]:
    """The slopes of the convex hull of a curve left and right of k."""
    at = np.flatnonzero(np.isfinite(curve))
    hull: list[int] = []
    for i in at.tolist():
        while len(hull) > 1:
            a, b = hull[-2], hull[-1]
            if (curve[b] - curve[a]) * (i - a) < (curve[i] - curve[a]) * (b - a):
                break
            hull.pop()
        hull.append(i)
    low, high = -np.inf, np.inf
    for a, b in zip(hull, hull[1:], strict=False):
        slope = float((curve[b] - curve[a]) / (b - a))
        if b <= k or a < k:
            low = slope
        if b > k:
            high = slope
            break
    return low, high
