"""Shares with Wilson's interval, and the time until a success is nearly sure."""

from __future__ import annotations

import math
from statistics import NormalDist

from secateur.study.statistics.summaries import Estimate

SURE = 0.99
"""The time to solution is that until one success is as probable as this."""


def wilson(successes: float, runs: int, confidence: float) -> Estimate:
    """A share and its interval by the score test.

    Where none or all succeed it is as long as it has to be: with n runs and none, the upper end is
    ``z² / (n + z²)``. Source: Wilson, *Probable inference, the law of succession, and statistical
    inference*, JASA 22 (1927).

    Arguments:
        successes: from 0 to ``runs``; no whole number where a share was averaged.
        runs: independent of each other; 0 tells nothing.
        confidence: of the interval, two-sided.
    """
    if runs == 0:
        return Estimate()
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share = successes / runs
    middle = share + z * z / (2 * runs)
    half = z * math.sqrt(share * (1 - share) / runs + z * z / (4 * runs * runs))
    whole = 1 + z * z / runs
    # at the two ends the formula is exact but for rounding
    low = 0.0 if successes == 0 else (middle - half) / whole
    high = 1.0 if successes == runs else (middle + half) / whole
    return Estimate(share, low, high)


def time_to_solution(seconds: float | None, success: Estimate) -> Estimate:
    """Seconds until one success of repeated independent runs is 99 % sure.

    ``t ln(1 - 0.99) / ln(1 - p)``, but at least one run: t at p = 1, and where p is above 99 %.
    Infinite at p = 0; its lower end comes from the upper end of the share even there. Ends of the
    interval are those of p; that t varies is left out. Source: Rønnow and others, *Defining and
    detecting quantum speedup*, Science 345 (2014).

    Arguments:
        seconds: of a run, mean; None tells nothing unless nothing succeeded.
        success: the share of successes with its interval.
    """
    if success.value is None or success.low is None or success.high is None:
        return Estimate()
    if seconds is None:
        return Estimate(math.inf, None, math.inf) if success.value == 0 else Estimate()
    return Estimate(
        seconds * _repeats(success.value),
        seconds * _repeats(success.high),
        seconds * _repeats(success.low),
    )


def _repeats(share: float) -> float:
    """How many runs; not rounded, so that a parallel half of a run counts as half."""
    if share <= 0:
        return math.inf
    if share >= SURE:
        return 1.0
    return math.log(1 - SURE) / math.log1p(-share)
