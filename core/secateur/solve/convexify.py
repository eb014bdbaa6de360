"""Where a block is convexified: the diagonal of its tree, and first points of linearisation."""

from __future__ import annotations

import numpy as np

from secateur.problem.parts import Block, Floats
from secateur.solve.control import Control
from secateur.solve.sdp import cheap_diagonal, positive, sdp_diagonal

WIDE = 512
"""The semidefinite relaxation of a wider block takes too long."""


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
    nothing = np.zeros((0, block.size))
    if block.couplings is None:
        return None, nothing
    if block.size > WIDE:
        return positive(cheap_diagonal(block.couplings), block.couplings), nothing
    linear = block.linear - slope
    diagonal, mean = sdp_diagonal(linear, block.couplings, tolerance=gap, control=control)
    diagonal = positive(diagonal, block.couplings)
    points = [mean]
    try:
        # the least of the convex form: its gradient is the slope at every variable
        points.append(
            np.linalg.solve(block.couplings + np.diag(diagonal), diagonal / 2 - linear)
        )
    except np.linalg.LinAlgError:
        pass
    return diagonal, np.array([p for p in points if np.isfinite(p).all()])


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
