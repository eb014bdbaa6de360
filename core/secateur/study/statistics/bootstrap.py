"""Resampling: instances first, then the runs of each instance that was drawn.

A study is a sample twice over: of instances, and of runs on each. Drawing runs alone would say how
well a method does on these instances and call it a general truth. Source: Efron and Tibshirani,
*An introduction to the bootstrap* (1993), sections 8.3 and 13.3 (percentile interval).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from secateur.study.statistics.gaps import DIGITS
from secateur.study.statistics.summaries import Estimate

Floats = NDArray[np.float64]
Key = TypeVar("Key", bound=Hashable)
_AT_ONCE = 1_000_000
"""Numbers that are held at once: a few arrays of so many fit in the memory of any machine."""


@dataclass(frozen=True)
class Bootstrap:
    """How intervals are drawn; the same for all methods, so that two are compared on one draw.

    Arguments:
        confidence: of the interval.
        resamples: how many are drawn.
        seed: of the draws.
    """

    confidence: float
    resamples: int
    seed: int

    def means(self, values: Mapping[Key, Sequence[Sequence[float]]]) -> dict[Key, Estimate]:
        """The mean over instances of the mean over runs, with its interval, to 12 digits.

        Arguments:
            values: under each key, for each instance, one or more; nothing at all tells nothing.
        """
        alike: dict[tuple[int, ...], list[Key]] = defaultdict(list)
        for key, table in values.items():
            alike[tuple(len(of) for of in table)].append(key)
        made = {key: Estimate() for key in values}
        for counts, keys in alike.items():
            if not counts:
                continue
            columns = np.array([[x for of in values[key] for x in of] for key in keys]).T
            each = np.concatenate([[1 / (len(counts) * count)] * count for count in counts])
            draws = np.concatenate([drawn @ columns for drawn in self._weights(counts)])
            for number, key in enumerate(keys):
                ends = self.interval(draws[:, number])
                whole = float(each @ columns[:, number])
                made[key] = Estimate(*(round(x, DIGITS) for x in (whole, *ends)))
        return made

    def median(self, values: Sequence[float]) -> Estimate:
        """The median over instances; only these are drawn.

        Arguments:
            values: one for each instance; they may be infinite.
        """
        if not values:
            return Estimate()
        given = np.asarray(values, dtype=np.float64)
        rng = np.random.default_rng(self.seed)
        drawn = given[rng.integers(len(given), size=(self.resamples, len(given)))]
        return Estimate(median(values), *self.interval(_medians(drawn)))

    def interval(self, draws: Floats) -> tuple[float, float]:
        """Percentiles of the draws; each end is one of them, so that infinite ones are right."""
        tail = (1 - self.confidence) / 2
        low, high = np.quantile(draws, [tail, 1 - tail], method="inverted_cdf")
        return float(low), float(high)

    def _weights(self, counts: tuple[int, ...]) -> Iterator[Floats]:
        """What each value weighs in the mean of each resample; shapes ``(some, values)``."""
        rng = np.random.default_rng(self.seed)
        sizes = np.asarray(counts)
        first = np.cumsum(sizes) - sizes
        widest, cells = int(sizes.max()), int(sizes.sum())
        block = max(1, _AT_ONCE // (len(sizes) * widest))
        for start in range(0, self.resamples, block):
            some = min(block, self.resamples - start)
            instances = rng.integers(len(sizes), size=(some, len(sizes), 1))
            size = sizes[instances]
            runs = (rng.random((some, len(sizes), widest)) * size).astype(np.intp)
            share = np.where(np.arange(widest) < size, 1 / (size * len(sizes)), 0.0)
            where = np.arange(some)[:, None, None] * cells + first[instances] + runs
            weights = np.bincount(where.ravel(), share.ravel(), minlength=some * cells)
            yield weights.astype(np.float64).reshape(some, cells)


def median(values: Sequence[float]) -> float:
    """The median; of an even number with an infinite middle, infinite."""
    return float(_medians(np.asarray(values, dtype=np.float64)[None])[0])


def _medians(rows: Floats) -> Floats:
    """Of each row; infinite where a middle is."""
    ordered = np.sort(rows, axis=1)
    count = rows.shape[1]
    return (ordered[:, (count - 1) // 2] + ordered[:, count // 2]) / 2
