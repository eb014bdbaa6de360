"""How far an energy is from another: relative, from 0 to 1, and right at 0.

The gap is the primal gap of Berthold (*Measuring the impact of primal heuristics*, Operations
Research Letters 41, 2013): ``|energy - best| / max(|energy|, |best|)``, and 1 where the signs
differ or there is no selection at all. Where the best is below 0 and the energy is not above 0 it
is the common ``(energy - best) / |best|``. It is 0 only at the best and never above 1, whatever the
scale; at a best of exactly 0 each other energy has a gap of 1, since no unit is left to measure it
by. But for rounding it depends on no other run: a bad method changes nobody's gap.
"""

from __future__ import annotations

from collections.abc import Iterable

NOTHING = 1.0
"""The gap that stands in means for a run without an answer; in ranks and shares it is worse."""
SAME = 1e-9
"""Energies that differ by less, relative to the greater of the two, are the same."""
ROUNDED = 1e-12
"""So are those that differ by less relative to the greatest energy of the instance: where large
terms cancel, sums that should be 0 are not."""
CLOSED = 1e-6
"""A bound this near, relatively, proves an energy; the proofs of ``secateur.solving`` close so."""

DIGITS = 12
"""Of a gap; what differs behind them differs by the order of a sum."""


def size_of(energies: Iterable[float]) -> float:
    """The greatest energy without its sign; 0 without any."""
    return max((abs(energy) for energy in energies), default=0.0)


def same(one: float, other: float, size: float = 0.0) -> bool:
    """Whether two energies differ by rounding only.

    Arguments:
        one: an energy.
        other: another.
        size: the greatest energy of the instance.
    """
    return abs(one - other) <= max(SAME * max(abs(one), abs(other)), ROUNDED * size)


def relative_gap(energy: float, best: float, size: float = 0.0) -> float:
    """How much worse an energy is than the best: from 0 to 1.

    Arguments:
        energy: of a selection; one below the best has a gap of 0.
        best: the least that is known, or a bound.
        size: the greatest energy of the instance.
    """
    if energy <= best or same(energy, best, size):
        return 0.0
    return min(NOTHING, (energy - best) / max(abs(energy), abs(best)))
