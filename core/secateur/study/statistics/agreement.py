"""How much the selections of two methods overlap."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import combinations, combinations_with_replacement

from secateur.study.statistics.analysis import Agreement
from secateur.study.statistics.runs import Run, Runs


def jaccard(one: Iterable[int], other: Iterable[int]) -> float:
    """What both hold over what either holds; 1 where both hold nothing.

    Source: Jaccard, *The distribution of the flora in the alpine zone*, New Phytologist 11 (1912).
    """
    first, second = set(one), set(other)
    either = len(first | second)
    return len(first & second) / either if either else 1.0


def agreements(runs: Runs) -> tuple[Agreement, ...]:
    """Every two methods, and each with itself.

    Two methods are compared on runs of the same seed and repetition; a method with itself on every
    two of its runs, which says how much the seed decides. Runs without an answer hold no selection.
    """
    return tuple(
        _agreement(runs, first, second)
        for first, second in combinations_with_replacement(runs.methods, 2)
    )


def _agreement(runs: Runs, first: str, second: str) -> Agreement:
    means = []
    pairs = 0
    for name in runs.names:
        one, other = (_ones(runs.of[method, name]) for method in (first, second))
        if first == second:
            found = [jaccard(a, b) for a, b in combinations(one.values(), 2)]
        else:
            found = [jaccard(one[place], other[place]) for place in one if place in other]
        pairs += len(found)
        if found:
            means.append(math.fsum(found) / len(found))
    return Agreement(
        first=first,
        second=second,
        jaccard=math.fsum(means) / len(means) if means else None,
        least=min(means, default=None),
        pairs=pairs,
        instances=len(means),
    )


def _ones(runs: Iterable[Run]) -> dict[tuple[int, int, int], tuple[int, ...]]:
    return {run.place: run.row.ones for run in runs if run.row is not None and run.answered}
