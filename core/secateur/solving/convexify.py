"""Where a block is convexified: the diagonal of its tree, and first points of linearisation."""

from __future__ import annotations

import contextlib
import itertools

import numpy as np

from secateur.problem.parts import Block, Floats
from secateur.solving.bounds import wide_start
from secateur.solving.control import Control
from secateur.solving.mixing import mixing_diagonal
from secateur.solving.sdp import positive, scaled, sdp_diagonal

WIDE = 128
"""Up to here an interior point method is the fastest; then the mixing method is."""
SWEEPS = 512
"""Of the mixing method where there is time for all blocks, at most."""
FEW_SWEEPS = 96
"""And where there is not: the last tenth of a bound takes most of the sweeps."""
WIDEST = 512
"""A wider block is improved further at its number of ones, where there is time."""
_NEAR = 1.05
"""A diagonal that need not grow by more than this to be feasible is as good as solved for."""


def seconds(width: int) -> float:
    """About what a thorough start of a block takes on a slow core: measured."""
    return 1.5e-4 * width**1.5


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
    linear = block.linear[used] - slope
    if len(used) <= WIDE:
        found, mean = sdp_diagonal(linear, pairs, tolerance=gap, control=control)
        found = positive(found, pairs)
    else:
        further = thorough and len(used) > WIDEST
        first, mean = mixing_diagonal(
            linear,
            pairs,
            tolerance=gap,
            control=control.part(0.5) if further else control,
            sweeps=SWEEPS if thorough and not further else FEW_SWEEPS,
        )
        found = positive(first, pairs)
        if found.sum() > _NEAR * first.sum():
            other = _by_linear(block.linear[used], pairs)
            # what each loses at the relaxation's solution
            open_ = mean - mean * mean
            found = min((found, other), key=lambda d: float(d @ open_))
    diagonal[used] = found
    if len(used) > WIDEST:
        points = np.zeros((1, block.size))
        points[0, used] = mean
        if thorough:
            diagonal, better = wide_start(block, [wanted], control=control, start=diagonal)
            points = np.concatenate([points, better.astype(np.float64)])
        return diagonal, points
    near = [mean]
    # the least of the convex form: its gradient is the slope at every variable
    with contextlib.suppress(np.linalg.LinAlgError):
        least = np.linalg.solve(pairs + np.diag(found), found / 2 - linear)
        near.append(np.asarray(least, dtype=np.float64))
    near = [point for point in near if np.isfinite(point).all()]
    whole = np.zeros((len(near), block.size))
    whole[:, used] = near
    return diagonal, whole


def _by_linear(linear: Floats, pairs: Floats) -> Floats:
    """A diagonal like the linear terms: all but best where J and h are of one matrix."""
    rows = np.sqrt(np.einsum("ij,ij->i", pairs, pairs))
    shape = np.maximum(2 * np.abs(linear), 1e-6 * rows)
    smallest = float(np.linalg.eigvalsh(scaled(pairs, 1 / np.sqrt(shape)))[0]) - 1
    return positive(shape * max(-smallest, 0.0), pairs)


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
