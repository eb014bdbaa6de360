"""Many masks at once: a metric that can share them out is given them together.

A metric has ``full`` and ``quick``; one that has ``fulls`` or ``quicks`` too, with a list of masks
each, is asked by these instead. What is paid, and in which order, is the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from secateur.problem.model import Bits
    from secateur.refine.races import Metric


def quicks(metric: Metric, rows: Sequence[Bits]) -> list[float]:
    """The metric of masks on the part that races are run on."""
    together = getattr(metric, "quicks", None)
    return list(together(rows)) if callable(together) else [metric.quick(bits) for bits in rows]


def fulls(metric: Metric, rows: Sequence[Bits]) -> list[float]:
    """The metric of masks on the whole split."""
    together = getattr(metric, "fulls", None)
    return list(together(rows)) if callable(together) else [metric.full(bits) for bits in rows]
