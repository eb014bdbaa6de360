"""The ridge of the fit: a number, or the best of a few on the selection split."""

from __future__ import annotations

from typing import Literal

RIDGES = (1e-3, 1e-2, 3e-2)
"""What ``ridge="auto"`` chooses among; candidates and searches are fitted with the first.

More is wanted where data are few; 0.1 is worse in all that was measured (benchmarks/fit.py --few).
"""

Ridge = float | Literal["auto"]
