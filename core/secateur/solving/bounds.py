"""Lower bounds of a wide block for every number of ones at once.

With Q = J + diag(d) positive semidefinite and q = h - d/2 a block's energy on 0/1 vectors is the
convex f(z) = q·z + ½ z'Qz, so at any point y with g = Qy + q

    f(z) >= -½ y'Qy + g·z,

and for k ones the k smallest g make a bound. Gilmore and Lawler's bound (Gilmore 1962, Lawler 1963)
needs no convexity: it gives every chosen variable the k - 1 couplings that are cheapest for it. All
rounding is bounded a priori (Higham, Accuracy and Stability of Numerical Algorithms, 2002, §3.1)
and taken off.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from secateur.problem.parts import Block
from secateur.solving.control import Control
from secateur.solving.diagonal import better_diagonal, certain, scaled_start
from secateur.solving.relax import relaxed_point, working

Floats = NDArray[np.float64]
Points = NDArray[np.float32]

_UNIT = 2.0**-53


def wide_start(
    block: Block,
    counts: Sequence[int],
    *,
    control: Control,
    price: float = 0.0,
    start: Floats | None = None,
) -> tuple[Floats, Points]:
    """A diagonal that certainly makes a block convex, and points where to linearise.

    Arguments:
        block: of w variables.
        counts: numbers of ones where the bound should be tight; the diagonal is made for the one
            in the middle. None of them: points for a free number of ones at ``price`` each.
        control: when it is late, the best so far is returned, after the test of convexity.
        price: subtracted for each one, where ``counts`` is empty.
        start: a diagonal to improve, shape ``(w,)``; None: one that costs little.

    Returns:
        d, shape ``(w,)``, not negative; points, shape ``(counts, w)``, between 0 and 1.
    """
    size = block.size
    diagonal = np.zeros(size)
    wanted: list[float | None] = [float(k) for k in counts] or [None]
    points = np.zeros((len(wanted), size))
    linear = block.linear - (0.0 if counts else price)
    pairs = block.couplings
    used = np.flatnonzero(pairs.any(axis=1)) if pairs is not None else np.zeros(0, np.intp)
    for row, count in zip(points, wanted, strict=True):
        # without couplings every point has the same gradient; this one is the best choice
        row[np.argsort(linear, kind="stable")[: _ones(linear, count)]] = 1.0
    if pairs is None or not len(used):
        return diagonal, points.astype(np.float32)
    middle = sorted(wanted, key=lambda k: k or 0.0)[len(wanted) // 2]
    whole = len(used) == size
    inner = pairs if whole else pairs[np.ix_(used, used)]
    d = scaled_start(linear[used], inner) if start is None else start[used]
    mean = points[:, used].mean(axis=0)
    # the variables that nothing couples take their share of a count by their sorted costs: the
    # relaxation sees them with a diagonal of zero
    share = _share(linear, used, middle)
    d, mean = better_diagonal(linear[used], inner, d, share, mean, control.part(0.8))
    d = certain(inner, d)
    diagonal[used] = d
    single = working(inner)
    for row, count in zip(points, wanted, strict=True):
        row[used] = mean = _point(
            linear[used], single, d, _share(linear, used, count), mean, control
        )
    return diagonal, points.astype(np.float32)


def more_points(
    block: Block, diagonal: Floats, counts: Sequence[int], near: Points, *, control: Control
) -> Points:
    """Points where to linearise for further numbers of ones, with a diagonal that is known.

    Arguments:
        block: of w variables.
        diagonal: of ``wide_start``.
        counts: numbers of ones.
        near: points to start from, shape ``(P, w)`` with P >= 1; of each the last.
        control: when it is late few steps are made.

    Returns:
        Shape ``(counts, w)``.
    """
    points = np.zeros((len(counts), block.size))
    order = np.argsort(block.linear, kind="stable")
    used = np.flatnonzero(diagonal > 0)
    mean = near[-1].astype(np.float64)[used]
    pairs = block.couplings
    inner = pairs if pairs is None or len(used) == block.size else pairs[np.ix_(used, used)]
    single = None if inner is None else working(inner)
    for row, count in zip(points, counts, strict=True):
        row[order[:count]] = 1.0
        if single is not None and len(used):
            share = _share(block.linear, used, count)
            linear = block.linear[used]
            row[used] = mean = _point(linear, single, diagonal[used], share, mean, control)
    return points.astype(np.float32)


def _point(
    linear: Floats,
    couplings: NDArray[np.floating],
    diagonal: Floats,
    count: float | None,
    start: Floats,
    control: Control,
) -> Floats:
    return relaxed_point(linear, couplings, diagonal, count, start, control, steps=300, least=40)


def lower_curve(
    block: Block, diagonal: Floats, points: Points, gilmore_lawler: bool = False
) -> Floats:
    """For every number of ones a number that is certainly not above the block's energy.

    Arguments:
        block: of w variables; its inner demands are not used.
        diagonal: d with ``J + diag(d)`` positive semidefinite, shape ``(w,)``.
        points: of linearisation, shape ``(P, w)``.
        gilmore_lawler: use that bound too; it is good where couplings are not negative.

    Returns:
        Shape ``(w + 1,)``; infinity where the block's own number of ones is not allowed.
    """
    size = block.size
    lower = np.full(size + 1, -np.inf)
    for point in points.astype(np.float64):
        np.maximum(lower, _linearised(block, diagonal, point), out=lower)
    if gilmore_lawler:
        np.maximum(lower, _gilmore_lawler(block), out=lower)
    lower[0] = 0.0
    if size:
        total = abs_total = block.linear.sum()
        abs_total = np.abs(block.linear).sum()
        if block.couplings is not None:
            total = total + 0.5 * block.couplings.sum()
            abs_total = abs_total + 0.5 * np.abs(block.couplings).sum()
        lower[size] = max(lower[size], total - _room(size * size) * abs_total)
    return np.where(block.allowed, lower, np.inf)


def _linearised(block: Block, diagonal: Floats, point: Floats) -> Floats:
    """``-½ y'Qy`` and the smallest gradients, below the exact ones."""
    size = block.size
    room = _room(size)
    above = np.abs(point)
    product = diagonal * point
    absolute = np.abs(diagonal) * above
    if block.couplings is not None:
        product = product + block.couplings @ point
        absolute = absolute + _absolute_product(block.couplings, above)
    constant = -0.5 * float(point @ product) - room * float(above @ absolute)
    gradient = block.linear - 0.5 * diagonal + product
    gradient = gradient - room * (np.abs(block.linear) + 0.5 * np.abs(diagonal) + absolute)
    return constant + _smallest_sums(gradient) - 2 * _UNIT * abs(constant)


def _gilmore_lawler(block: Block) -> Floats:
    """For k ones: the k smallest of ``h_i + ½ (the k - 1 smallest couplings of i)``."""
    size = block.size
    if block.couplings is None:
        return _smallest_sums(block.linear)
    lower = np.full(size + 1, -np.inf)
    lower[0] = 0.0
    # by number of ones, then by variable, so that a number's values lie together
    half = np.zeros((size, size))
    half_abs = np.zeros((size, size))
    step = max(1, (1 << 20) // max(size, 1))
    for start in range(0, size, step):
        some = np.arange(start, min(size, start + step))
        rows = block.couplings[some].copy()
        rows[np.arange(len(some)), some] = np.inf
        rows = np.sort(rows, axis=1)[:, :-1]
        half[1:, some] = 0.5 * np.cumsum(rows, axis=1).T
        half_abs[1:, some] = 0.5 * np.cumsum(np.abs(rows), axis=1).T
    room = _room(size)
    for ones in range(1, size + 1):
        values = block.linear + half[ones - 1]
        values = values - room * (np.abs(block.linear) + half_abs[ones - 1])
        chosen = np.partition(values, ones - 1)[:ones]
        lower[ones] = chosen.sum() - room * np.abs(chosen).sum()
    return lower


def _smallest_sums(values: Floats) -> Floats:
    """The sums of the k smallest for every k, lowered by their rounding; shape ``(w + 1,)``."""
    values = np.sort(values)
    sums = np.concatenate([[0.0], np.cumsum(values)])
    absolute = np.concatenate([[0.0], np.cumsum(np.abs(values))])
    return np.asarray(sums - _room(len(values)) * absolute)


def _absolute_product(couplings: Floats, vector: Floats) -> Floats:
    """``|J| v`` without a second array of J's size."""
    step = max(1, (1 << 20) // max(len(vector), 1))
    out = np.empty(len(vector))
    for start in range(0, len(vector), step):
        out[start : start + step] = np.abs(couplings[start : start + step]) @ vector
    return out


def _room(terms: int) -> float:
    """Twice the relative rounding of a sum of products of so many terms."""
    return 2.0 * (terms + 10) * _UNIT


def _ones(linear: Floats, count: float | None) -> int:
    return int(np.count_nonzero(linear < 0)) if count is None else int(count)


def _share(linear: Floats, used: NDArray[np.intp], count: float | None) -> float | None:
    """The number of ones that the coupled variables get if all are sorted by their own cost."""
    if count is None:
        return None
    chosen = np.argsort(linear, kind="stable")[: int(count)]
    return float(np.isin(chosen, used).sum())
