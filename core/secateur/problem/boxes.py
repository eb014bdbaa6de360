"""The very best share under budgets: what the Lagrangian leaves open is tried.

A bound through every number of ones of every part shuts most of them out, as soon as it passes the
best share known; the few that are left are all tried. Where too many are left, one part's numbers
are split in two and each half is bounded again, the lowest first.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from secateur.problem.counting import Counting
from secateur.problem.dual import Dual

Floats = NDArray[np.float64]
Counts = NDArray[np.intp]

MOST = 400
"""Boxes that are bounded, at most."""
CLOSE = 1e-12
"""What is below the best by less than this share cannot be told from it."""


@dataclass(frozen=True, eq=False)
class Settled:
    """What a search over boxes found.

    Attributes:
        value: of the best share; infinity if there is none.
        counts: of the parts.
        bound: below every share.
    """

    value: float
    counts: Counts
    bound: float


def settle(
    counting: Counting,
    dual: Dual,
    curves: Sequence[Floats],
    known: tuple[float, Counts],
    *,
    late: Callable[[], bool] = lambda: False,
) -> Settled:
    """The best share, and a bound that meets it if the boxes are enough.

    Arguments:
        counting: with budgets.
        dual: of the same.
        curves: of the parts; infinity where impossible.
        known: value and counts of a share to start from.
        late: asked before each box; True ends the search.
    """
    value, counts = known
    root = counting.choices(curves)
    if not counting.possible(curves):
        return Settled(math.inf, counts, math.inf)
    first = dual.below(curves)
    bound = first.value
    waiting: list[tuple[float, int, list[Counts]]] = [(first.value, 0, root)]
    done, closed = 0, math.inf  # the least of what was tried or given up
    while waiting and done < MOST and not late():
        low, _, box = heapq.heappop(waiting)
        if low >= value - CLOSE * abs(value):
            closed = min(closed, low)
            break
        made = first if done == 0 else dual.within(curves, box)
        done += 1
        box = [
            some[curve[some] + others[some] < value]
            for some, curve, others in zip(box, curves, made.others, strict=True)
        ]
        if any(len(some) == 0 for some in box):
            continue
        if counting.few(box):
            rows = counting.everything(box)
            if len(rows):
                best, row, certain = counting.lowest(curves, rows)
                closed = min(closed, certain)
                if best < value:
                    value, counts = best, row
            continue
        widest = int(np.argmax([len(some) for some in box]))
        middle = len(box[widest]) // 2
        for half in (box[widest][:middle], box[widest][middle:]):
            part = [half if i == widest else some for i, some in enumerate(box)]
            heapq.heappush(waiting, (max(low, made.value), len(waiting) + 2 * done, part))
    opened = min((low for low, _, _ in waiting), default=math.inf)
    # what was shut out is above the value that was known then; the value is a sum, rounded
    own = counting.lowest(curves, counts[None])[2] if math.isfinite(value) else math.inf
    return Settled(value, counts, max(bound, min(own, opened, closed)))
