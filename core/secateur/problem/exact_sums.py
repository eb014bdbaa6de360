"""Sums whose terms cancel, added up without rounding."""

from __future__ import annotations

import math
from collections.abc import Sequence

CANCELLED = 1e-5
"""A sum below this share of its terms has lost digits that matter."""


def nearest_and_below(terms: Sequence[float]) -> tuple[float, float]:
    """The number nearest to the exact sum, and the largest that is not above it."""
    nearest = math.fsum(terms)
    above = math.fsum([*terms, -nearest]) < 0
    return nearest, math.nextafter(nearest, -math.inf) if above else nearest
