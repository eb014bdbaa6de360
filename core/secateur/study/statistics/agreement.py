"""How much the selections of two methods overlap."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations, combinations_with_replacement

import numpy as np
from numpy.typing import NDArray

from secateur.study.statistics.analysis import Agreement
from secateur.study.statistics.runs import Place, Runs

Floats = NDArray[np.float64]
Pair = tuple[str, str]


def agreements(runs: Runs) -> tuple[Agreement, ...]:
    """Every two methods, and each with itself.

    Two methods are compared on runs of the same seed and repetition; a method with itself on every
    two of its runs, which says how much the seed decides. Runs without an answer hold no selection.
    """
    found: dict[Pair, list[list[float]]] = defaultdict(list)
    for name in runs.names:
        for pair, values in _of_instance(runs, name).items():
            found[pair].append(values)
    made = []
    for first, second in combinations_with_replacement(runs.methods, 2):
        of = found[first, second]
        means = [math.fsum(values) / len(values) for values in of]
        made.append(
            Agreement(
                first=first,
                second=second,
                jaccard=math.fsum(means) / len(means) if means else None,
                least=min(means, default=None),
                pairs=sum(map(len, of)),
                instances=len(means),
            )
        )
    return tuple(made)


def _of_instance(runs: Runs, name: str) -> dict[Pair, list[float]]:
    """The indices of every two methods that have runs to be compared."""
    rows: list[Sequence[int]] = []
    places: dict[str, dict[Place, int]] = {method: {} for method in runs.methods}
    for method in runs.methods:
        for run in runs.of[method, name]:
            if run.row is not None and run.answered:
                places[method][run.place] = len(rows)
                rows.append(run.row.ones)
    if not rows:
        return {}
    table = jaccard(rows)
    made: dict[Pair, list[float]] = {}
    for first, second in combinations_with_replacement(runs.methods, 2):
        one, other = places[first], places[second]
        if first == second:
            pairs = list(combinations(one.values(), 2))
        else:
            pairs = [(one[place], other[place]) for place in one if place in other]
        if pairs:
            made[first, second] = [float(table[pair]) for pair in pairs]
    return made


def jaccard(selections: Sequence[Sequence[int]]) -> Floats:
    """What two hold both, over what either holds; 1 where both hold nothing.

    Source: Jaccard, *The distribution of the flora in the alpine zone*, New Phytologist 11 (1912).

    Arguments:
        selections: positions of ones, each once.

    Returns:
        of every two, shape ``(n, n)``.
    """
    from scipy.sparse import csr_array

    sizes = np.array([len(ones) for ones in selections])
    positions = np.concatenate([np.asarray(ones, dtype=np.int64) for ones in selections])
    distinct, columns = np.unique(positions, return_inverse=True)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    shape = (len(sizes), max(1, len(distinct)))
    table = csr_array((np.ones(len(columns)), columns, starts), shape=shape)
    both = (table @ table.T).toarray()
    either = sizes[:, None] + sizes[None, :] - both
    return np.where(either > 0, both / np.maximum(either, 1), 1.0)
