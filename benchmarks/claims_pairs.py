"""Differences of two methods on the same calibration data, and what they may be by chance."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from claims_methods import PEERS
from numpy.typing import NDArray
from scipy import stats

RESAMPLES = 9999
Runs = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Difference:
    """The mean of paired differences.

    Arguments:
        mean: of them.
        low: of the 95 % bootstrap interval of the mean; None of one pair alone.
        high: of it.
        how: "BCa", or "percentile" where that cannot be had, or "" without an interval.
        pairs: seeds that have both.
    """

    mean: float
    low: float | None
    high: float | None
    how: str
    pairs: int

    def __str__(self) -> str:
        if self.low is None or self.high is None:
            return f"{self.mean:+.2f}"
        mark = "" if self.how == "BCa" else "*"
        return f"{self.mean:+.2f} [{self.low:+.2f}, {self.high:+.2f}]{mark}"


def values(runs: Runs, network: str, amount: str, method: str, stage: str) -> dict[int, float]:
    """By calibration seed, where there are any."""
    return {
        run["seed"]: run[stage]
        for run in runs
        if (run["network"], run["amount"], run["method"]) == (network, amount, method)
        and run.get(stage) is not None
    }


def mean(runs: Runs, network: str, amount: str, method: str, stage: str) -> float | None:
    """Over the seeds; None without any."""
    found = values(runs, network, amount, method, stage)
    return float(np.mean(list(found.values()))) if found else None


def difference(
    runs: Runs, network: str, amount: str, methods: tuple[str, str], stage: str, scale: float = 1.0
) -> Difference | None:
    """The first method less the second; None where no seed has both.

    Arguments:
        scale: from the metric to the unit of the table.
    """
    first, second = (values(runs, network, amount, method, stage) for method in methods)
    both = sorted(first.keys() & second.keys())
    if not both:
        return None
    return summed(np.array([scale * (first[seed] - second[seed]) for seed in both]))


def summed(differences: NDArray[np.float64]) -> Difference:
    """The mean and its interval."""
    center, pairs = float(differences.mean()), len(differences)
    if pairs < 2:
        return Difference(center, None, None, "", pairs)
    if np.ptp(differences) == 0:
        return Difference(center, center, center, "percentile", pairs)
    for how in ("BCa", "percentile"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", stats.DegenerateDataWarning)
            found = stats.bootstrap(
                (differences,),
                np.mean,
                n_resamples=RESAMPLES,
                method=how,
                rng=np.random.default_rng(0),
            ).confidence_interval
        if np.isfinite([found.low, found.high]).all():
            return Difference(center, float(found.low), float(found.high), how, pairs)
    raise AssertionError("a percentile is finite")


def best_peer(runs: Runs, network: str, amount: str, stage: str) -> str | None:
    """The peer with the highest mean, None where there is none."""
    found = {peer: mean(runs, network, amount, peer, stage) for peer in PEERS}
    there = {peer: value for peer, value in found.items() if value is not None}
    return max(there, key=there.__getitem__) if there else None
