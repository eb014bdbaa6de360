"""Every two methods on the runs that both have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

from secateur.study.statistics.analysis import PairComparison, Ranks
from secateur.study.statistics.bootstrap import Bootstrap
from secateur.study.statistics.gaps import DIGITS, NOTHING
from secateur.study.statistics.ranks import holm, nemenyi, signed_ranks
from secateur.study.statistics.runs import Run, Runs

Pair = tuple[str, str]


def compare_pairs(
    runs: Runs, scores: Mapping[str, Sequence[float]], ranks: Ranks, bootstrap: Bootstrap
) -> tuple[PairComparison, ...]:
    """Differences with intervals, and p-values corrected for their number.

    Arguments:
        runs: of all methods.
        scores: of each method, one for each instance.
        ranks: of the methods.
        bootstrap: of the intervals.
    """
    pairs = list(combinations(runs.methods, 2))
    matched = {pair: _matched(runs, *pair) for pair in pairs}
    differences = bootstrap.means(
        {
            pair: [[_counted(a) - _counted(b) for a, b in of] for of in found]
            for pair, found in matched.items()
        }
    )
    superior = bootstrap.means(
        {pair: [[_beats(a, b) for a, b in of] for of in found] for pair, found in matched.items()}
    )
    tests = [signed_ranks(scores[first], scores[second]) for first, second in pairs]
    several = len(runs.names) > 1
    told = [p if several else None for _, p, _ in tests]
    mean = dict(zip(ranks.methods, ranks.ranks, strict=True))
    made = []
    for pair, (_, _, note), p, corrected in zip(pairs, tests, told, holm(told), strict=True):
        first, second = pair
        count = sum(map(len, matched[pair]))
        every = sum(len(runs.of[method, name]) for method in pair for name in runs.names)
        posthoc = several and len(runs.methods) > 2
        made.append(
            PairComparison(
                first=first,
                second=second,
                pairs=count,
                instances=len(matched[pair]),
                unpaired=every - 2 * count,
                difference=differences[pair],
                superiority=superior[pair],
                p=p,
                p_holm=corrected,
                p_nemenyi=nemenyi(mean[first], mean[second], len(mean), len(runs.names))
                if posthoc
                else None,
                note=note if several else "one instance alone says nothing of others",
            )
        )
    return tuple(made)


def _matched(runs: Runs, first: str, second: str) -> list[list[tuple[Run, Run]]]:
    """The pairs of each instance that has any."""
    found = []
    for name in runs.names:
        others = {run.place: run for run in runs.of[second, name]}
        pairs = [(run, others[run.place]) for run in runs.of[first, name] if run.place in others]
        if pairs:
            found.append(pairs)
    return found


def _counted(run: Run) -> float:
    """The gap of a run in a mean."""
    return min(run.gap, NOTHING)


def _beats(one: Run, other: Run) -> float:
    """1: better, 0: worse, 1/2: the same; an answer is better than none."""
    mine, yours = round(one.gap, DIGITS), round(other.gap, DIGITS)
    return 0.5 if mine == yours else float(mine < yours)
