"""Where a block is convexified: the diagonal of its tree, and first points of linearisation."""

from __future__ import annotations

import contextlib
import itertools

import numpy as np

from secateur.problem.parts import Block, Floats
from secateur.solving.bounds import wide_start
from secateur.solving.control import Control
from secateur.solving.mixing import mixing_diagonal
from secateur.solving.sdp import positive, sdp_diagonal

WIDE = 128
"""The semidefinite relaxation of a wider block is solved by the mixing method."""
WIDEST = 512
"""A wider block is relaxed at its number of ones, in as many steps as time allows."""
NARROW = 64
"""Up to here it takes no time at all."""


def seconds(width: int) -> float:
    """About what the semidefinite relaxation of a block takes on a slow core."""
    return 1.5e-7 * width**3 if width <= WIDE else 0.0


def convexify(
    block: Block,
    wanted: int,
    slope: float,
    gap: float,
    control: Control,
    *,
    thorough: bool = True,
) -> tuple[Floats | None, Floats]:
    """A diagonal d with ``J + diag(d)`` certainly positive semidefinite, and points to start from.

    Arguments:
        block: scaled so that the largest number is about 1.
        wanted: the number of ones where the bound should be tight.
        slope: what one more costs elsewhere: the relaxation is solved for ``h - slope``.
        gap: of the relaxation, to stop at.
        control: its own clock.
        thorough: False saves time on blocks that are not narrow.

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
    if len(used) > WIDEST:
        found, first = wide_start(block, [wanted], control=control)
        return found, first.astype(np.float64)
    linear = block.linear[used] - slope
    relax = sdp_diagonal if len(used) <= (WIDE if thorough else NARROW) else mixing_diagonal
    found, mean = relax(linear, pairs, tolerance=gap, control=control)
    diagonal[used] = found = positive(found, pairs)
    points = [mean]
    # the least of the convex form: its gradient is the slope at every variable
    with contextlib.suppress(np.linalg.LinAlgError):
        least = np.linalg.solve(pairs + np.diag(found), found / 2 - linear)
        points.append(np.asarray(least, dtype=np.float64))
    points = [point for point in points if np.isfinite(point).all()]
    whole = np.zeros((len(points), block.size))
    whole[:, used] = points
    return diagonal, whole


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
    for a, b in itertools.pairwise(hull):
        slope = float((curve[b] - curve[a]) / (b - a))
        if b <= k or a < k:
            low = slope
        if b > k:
            high = slope
            break
    return low, high
