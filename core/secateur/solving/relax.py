"""The convex relaxation of a block at a number of ones, by accelerated projected gradients.

Minimise q·y + ½ y'Qy over 0 <= y <= 1, Σ y = k, in the metric of the diagonal (Beck and Teboulle
2009, with the restart of O'Donoghue and Candès 2015). Products of wide blocks are taken in single
precision: any point is as good as another for a bound that is computed from it afterwards.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from secateur.solving.control import Control

Floats = NDArray[np.float64]


_DOUBLE = 512  # up to here products in double precision cost little more


def working(couplings: Floats) -> NDArray[np.floating]:
    """J in the precision that the search for points takes products in."""
    return couplings if len(couplings) <= _DOUBLE else couplings.astype(np.float32)


def relaxed_point(
    linear: Floats,
    couplings: NDArray[np.floating],
    diagonal: Floats,
    count: float | None,
    start: Floats,
    control: Control,
    *,
    steps: int,
    least: int = 0,
) -> Floats:
    """A point close to the least of the relaxation, shape ``(w,)``.

    Arguments:
        linear: h, shape ``(w,)``.
        couplings: J, symmetric with a zero diagonal.
        diagonal: d > 0 with ``J + diag(d)`` positive semidefinite.
        count: Σ y; None: free.
        start: a first point.
        control: when it is late the last point is returned.
        steps: most of them.
        least: so many are made even when it is late.
    """
    weight = diagonal * _largest(couplings, diagonal)
    shifted = linear - 0.5 * diagonal
    y = project(start, weight, count)
    x, t = y, 1.0
    for step in range(steps):
        gradient = couplings @ x.astype(couplings.dtype) + diagonal * x + shifted
        new = project(x - gradient / weight, weight, count)
        ahead = 0.5 * (1 + np.sqrt(1 + 4 * t * t))
        if ((x - new) * (new - y) * weight).sum() > 0:
            x, ahead = new, 1.0
        else:
            x = new + (t - 1) / ahead * (new - y)
        moved = float(np.abs(new - y).max(initial=0.0))
        y, t = new, ahead
        if (step > 10 and moved < 1e-7) or (step + 1 >= least and control.late):
            break
    return y


def project(point: Floats, weight: Floats, count: float | None) -> Floats:
    """The nearest point, in the metric of ``weight``, of the box with the sum ``count``.

    By bisection on the multiplier; the sum is met to about 1e-9.
    """
    if count is None:
        return np.clip(point, 0.0, 1.0)
    low = float((-point * weight).min(initial=0.0))
    high = float(((1 - point) * weight).max(initial=0.0))
    inverse = 1.0 / weight
    for _ in range(50):
        middle = 0.5 * (low + high)
        if np.clip(point + middle * inverse, 0.0, 1.0).sum() < count:
            low = middle
        else:
            high = middle
    return np.clip(point + high * inverse, 0.0, 1.0)


def bound_at(
    linear: Floats,
    couplings: NDArray[np.floating],
    diagonal: Floats,
    count: float | None,
    y: Floats,
) -> float:
    """About the bound that the linearisation at a point gives; rounding is not looked at."""
    product = couplings @ y.astype(couplings.dtype) + diagonal * y
    gradient = linear - 0.5 * diagonal + product
    inner = np.minimum(gradient, 0.0) if count is None else np.sort(gradient)[: round(count)]
    return float(inner.sum() - 0.5 * (y @ product))


def _largest(couplings: NDArray[np.floating], diagonal: Floats) -> float:
    """Somewhat above the largest eigenvalue of Q in the metric of the diagonal."""
    scale = (1.0 / np.sqrt(diagonal)).astype(couplings.dtype)
    vector = np.ones(len(diagonal), couplings.dtype)
    size = float(np.linalg.norm(vector))
    for _ in range(20):
        vector = scale * (couplings @ (scale * vector)) + vector
        size = float(np.linalg.norm(vector))
        if not size > 0:
            return 1.0
        vector /= size
    return 1.05 * max(size, 1.0)
