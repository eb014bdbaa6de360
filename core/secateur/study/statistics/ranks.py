"""Who is better over instances: Friedman's test, Nemenyi's groups, Wilcoxon's test, Holm.

Source: Demšar, *Statistical comparisons of classifiers over multiple data sets*, Journal of Machine
Learning Research 7 (2006). An instance is a block, and what is ranked on it is the mean gap of a
method's runs: runs on one instance are no independent blocks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from secateur.study.statistics.analysis import Ranks
from secateur.study.statistics.gaps import DIGITS

Floats = NDArray[np.float64]
FEW = 10
"""With fewer instances the distributions of the tests are rough (Demšar, section 3.2.2)."""


def rank_methods(
    scores: Mapping[str, Sequence[float]], confidence: float, *, instances: int
) -> Ranks:
    """Mean ranks, whether they differ at all, and who is not told apart.

    Arguments:
        scores: of each method, one for each instance; less is better, infinite is worst.
        confidence: groups are at the level ``1 - confidence``.
        instances: how many there are, at least one.
    """
    names = sorted(scores)
    table = np.array([scores[name] for name in names], dtype=np.float64).T
    means = rank_rows(table).mean(axis=0)
    order = sorted(range(len(names)), key=lambda k: (means[k], names[k]))
    methods = tuple(names[k] for k in order)
    ranks = tuple(float(means[k]) for k in order)
    made = Ranks(methods, ranks, instances, "", None, None, None, None, None, ())
    if len(names) == 1:
        return _noted(made, "one method alone has nobody to be compared with")
    if instances == 1:
        return _noted(made, "one instance alone says nothing of others: no test can be made")
    if len(names) == 2:
        apart, p_apart, note = signed_ranks(table[:, 0], table[:, 1])
        return Ranks(
            methods, ranks, instances, "Wilcoxon", apart, p_apart, None, None, None, (), note
        )
    statistic, p, second, second_p, note = friedman(table)
    difference = critical_difference(len(names), instances, 1 - confidence)
    if not note and instances < FEW:
        note = f"with fewer than {FEW} instances the p-value is rough"
    return Ranks(
        methods,
        ranks,
        instances,
        "Friedman",
        statistic,
        p,
        second,
        second_p,
        difference,
        groups(methods, ranks, difference),
        note,
    )


def _noted(ranks: Ranks, note: str) -> Ranks:
    return Ranks(**{**vars(ranks), "note": note})


def rank_rows(table: Floats) -> Floats:
    """The rank of each method on each instance, 1 is least; ties get the mean of their ranks.

    Arguments:
        table: scores, shape ``(instances, methods)``.
    """
    from scipy.stats import rankdata

    return np.asarray(rankdata(table, axis=1), dtype=np.float64)


def friedman(
    table: Floats,
) -> tuple[float | None, float | None, float | None, float | None, str]:
    """Friedman's chi-square, corrected for ties, its p; F of Iman and Davenport, its p; a note.

    Where all methods are tied everywhere nothing can be tested: p is 1. Where every instance ranks
    all methods the same, F is infinite and is left out.

    Arguments:
        table: scores, shape ``(instances, methods)``, at least 2 by 3.
    """
    from scipy.stats import chi2, f

    ranks = rank_rows(table)
    count, k = ranks.shape
    middle = (k + 1) / 2
    spread = float(((ranks - middle) ** 2).sum()) / (count * (k - 1))
    if spread == 0:
        return 0.0, 1.0, None, None, "all methods are tied on every instance"
    statistic = count * float(((ranks.mean(axis=0) - middle) ** 2).sum()) / spread
    p = float(chi2.sf(statistic, k - 1))
    left = count * (k - 1) - statistic
    if left <= 1e-9 * statistic:
        return statistic, p, None, None, "every instance ranks all methods the same"
    second = (count - 1) * statistic / left
    return statistic, p, second, float(f.sf(second, k - 1, (k - 1) * (count - 1))), ""


def critical_difference(methods: int, instances: int, level: float) -> float:
    """How far mean ranks have to lie apart for Nemenyi's test to tell two methods apart.

    ``q / √2 · √(k (k + 1) / 6N)`` with the studentized range q of infinite degrees of freedom.
    """
    from scipy.stats import studentized_range

    q = float(studentized_range.ppf(1 - level, methods, math.inf))
    return q / math.sqrt(2) * _unit(methods, instances)


def nemenyi(first: float, second: float, methods: int, instances: int) -> float:
    """The p-value of two mean ranks, corrected for all pairs."""
    from scipy.stats import studentized_range

    apart = abs(first - second) * math.sqrt(2) / _unit(methods, instances)
    return float(min(1.0, studentized_range.sf(apart, methods, math.inf)))


def _unit(methods: int, instances: int) -> float:
    return math.sqrt(methods * (methods + 1) / (6 * instances))


def groups(
    methods: Sequence[str], ranks: Sequence[float], difference: float
) -> tuple[tuple[str, ...], ...]:
    """The largest sets of methods of which no two are told apart, of two or more.

    Arguments:
        methods: by their rank.
        ranks: in that order.
        difference: two that are nearer are not told apart.
    """
    found: list[tuple[int, int]] = []
    for start, low in enumerate(ranks):
        end = max(k for k, rank in enumerate(ranks) if rank - low < difference)
        if end > start and (not found or end > found[-1][1]):
            found.append((start, end))
    return tuple(tuple(methods[start : end + 1]) for start, end in found)


def signed_ranks(
    first: Sequence[float] | Floats, second: Sequence[float] | Floats
) -> tuple[float | None, float, str]:
    """Wilcoxon's signed-rank test of two methods: statistic, p on both sides, a note.

    Instances on which both are equal are left out, as Wilcoxon did; ties of the differences have
    the mean of their ranks. The p-value is exact, over all signs. All equal: p is 1. Source:
    Wilcoxon, *Individual comparisons by ranking methods*, Biometrics Bulletin 1 (1945).

    Arguments:
        first: a score for each instance; infinite is worst.
        second: the same of the other.
    """
    from scipy.stats import rankdata

    # a score is at most 1, so 2 is worse than all of them
    one, other = (np.minimum(np.asarray(s, dtype=np.float64), 2.0) for s in (first, second))
    apart = np.round(one - other, DIGITS)
    apart = apart[apart != 0]
    if not len(apart):
        return None, 1.0, "both are equal on every instance"
    # twice the rank is whole, with ties too
    twice = np.rint(2 * rankdata(np.abs(apart))).astype(np.intp)
    least = min(int(twice[apart > 0].sum()), int(twice[apart < 0].sum()))
    p = min(1.0, 2 * float(_sums(twice)[: least + 1].sum()))
    smallest = 2.0 ** (1 - len(apart))
    note = ""
    if smallest > 0.05:
        note = f"only {len(apart)} instances differ: p cannot be below {smallest:.3g}"
    return least / 2, p, note


def _sums(numbers: NDArray[np.intp]) -> Floats:
    """How probable each sum is when each number is taken or not by the throw of a coin."""
    made = np.zeros(int(numbers.sum()) + 1)
    made[0] = 1.0
    for number in numbers:
        taken = np.zeros_like(made)
        taken[number:] = made[: len(made) - number]
        made = (made + taken) / 2
    return made


def holm(values: Sequence[float | None]) -> list[float | None]:
    """P-values corrected for their number, step down; None stays, and counts as no test.

    Source: Holm, *A simple sequentially rejective multiple test procedure*, Scandinavian Journal of
    Statistics 6 (1979).
    """
    told = sorted((p, k) for k, p in enumerate(values) if p is not None)
    made: list[float | None] = [None] * len(values)
    reached = 0.0
    for place, (p, k) in enumerate(told):
        reached = max(reached, min(1.0, p * (len(told) - place)))
        made[k] = reached
    return made
