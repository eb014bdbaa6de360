"""Convex curves merged by their slopes: O(a + b), where any two curves take O(a·b).

The min-plus sum of two convex curves has the slopes of both in ascending order (Rockafellar,
Convex Analysis, 1970, §16). A curve of sums of floats is convex only within their rounding, so the
merged curve's value at each total is that of a split that is best within that rounding.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def convex(curve: Floats) -> bool:
    """The curve is finite on one interval and convex there, within the rounding of its own sums.

    Arguments:
        curve: shape ``(w + 1,)``.
    """
    first, last = _interval(curve)
    if last < first:
        return False
    values = curve[first : last + 1]
    if not np.isfinite(values).all():
        return False
    slopes = np.diff(values)
    # the convex curve below this one that has the same slopes, the small ones first
    lower = values[0] + np.concatenate([[0.0], np.cumsum(np.sort(slopes))])
    rounding = len(values) * np.finfo(np.float64).eps * np.abs(values).max()
    return bool((values - lower).max() <= rounding)


def merge_slopes(first: Floats, second: Floats, top: int) -> Floats:
    """The min-plus sum of two convex curves, shape ``(top + 1,)``.

    Arguments:
        first: convex.
        second: convex.
        top: the largest total that is wanted.
    """
    out = np.full(top + 1, np.inf)
    low_a, high_a = _interval(first)
    low_b, high_b = _interval(second)
    slopes_a = np.diff(first[low_a : high_a + 1])
    slopes_b = np.diff(second[low_b : high_b + 1])
    order = np.argsort(np.concatenate([np.sort(slopes_a), np.sort(slopes_b)]), kind="stable")
    from_a = np.concatenate([[0], np.cumsum(order < len(slopes_a))])
    from_b = np.arange(len(order) + 1) - from_a
    totals = low_a + low_b + np.arange(len(order) + 1)
    kept = totals <= top
    out[totals[kept]] = (first[low_a + from_a] + second[low_b + from_b])[kept]
    return out


def _interval(curve: Floats) -> tuple[int, int]:
    finite = np.flatnonzero(np.isfinite(curve))
    return (int(finite[0]), int(finite[-1])) if len(finite) else (0, -1)
