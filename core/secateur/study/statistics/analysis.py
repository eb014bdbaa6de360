"""What the rows of a study say: estimates with their intervals, curves and tests, as plain data.

``analyse`` makes it. Seconds are without waiting at a service unless something else is said; a
number that is infinite is what it says: not reached by any run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from secateur.study.statistics.summaries import (
    CellSummary,
    Estimate,
    InstanceSummary,
    MethodSummary,
    MethodTimes,
)


@dataclass(frozen=True)
class Steps:
    """A share that grows in steps: of what lies at or below each position.

    Arguments:
        method: whose.
        at: positions, increasing; before the first the share is 0.
        share: from there on, at most 1; what never comes is why it may stay below.
    """

    method: str
    at: tuple[float, ...]
    share: tuple[float, ...]


@dataclass(frozen=True)
class TargetCurve:
    """The share of (instance, target, run) that was reached by a time.

    Arguments:
        method: whose.
        targets: relative gaps that have to be reached.
        at: seconds, increasing; before the first both shares are 0.
        share: reached by then for sure.
        most: the same if each run that its limit stopped had reached its targets right then: the
            truth without limits lies between the two.
        stopped_from: seconds at which the first run was stopped before a target; up to there the
            two are equal. None if none was.
    """

    method: str
    targets: tuple[float, ...]
    at: tuple[float, ...]
    share: tuple[float, ...]
    most: tuple[float, ...]
    stopped_from: float | None


@dataclass(frozen=True)
class AnytimeCurve:
    """The gap of the best selection so far, over the runs of a method.

    Arguments:
        method: whose.
        at: seconds, increasing, the same for all methods.
        low: the lower quartile of the gap.
        median: of the gap.
        high: the upper quartile of the gap.
        share: of runs that hold a selection at all; the others count as a gap of 1.
    """

    method: str
    at: tuple[float, ...]
    low: tuple[float, ...]
    median: tuple[float, ...]
    high: tuple[float, ...]
    share: tuple[float, ...]


@dataclass(frozen=True)
class PairComparison:
    """Two methods on the runs that both have: the same instance, seed and repetition.

    Arguments:
        first: a method.
        second: another.
        pairs: runs that were compared.
        instances: that they are of.
        unpaired: runs of either without a partner; they are not compared.
        difference: the gap of the first less that of the second, mean over instances of the mean
            over pairs; below 0 the first is better. Interval: bootstrap over instances, then pairs.
        superiority: how probable it is that the first is better, ties count half; interval
            likewise.
        p: of Wilcoxon's signed-rank test over the instances; None where it cannot be done.
        p_holm: corrected for all pairs of the study.
        p_nemenyi: of the Nemenyi test behind Friedman's; None with two methods.
        note: why something is missing or weak.
    """

    first: str
    second: str
    pairs: int
    instances: int
    unpaired: int
    difference: Estimate
    superiority: Estimate
    p: float | None
    p_holm: float | None
    p_nemenyi: float | None
    note: str = ""


@dataclass(frozen=True)
class Ranks:
    """Ranks over instances, Friedman's test, and who cannot be told apart (Nemenyi).

    Arguments:
        methods: by their rank, the best first.
        ranks: the mean over instances, ties averaged.
        instances: that were ranked.
        test: what ``p`` is of.
        statistic: of the test.
        p: that ranks differ so much by chance; None where nothing can be tested.
        iman_davenport: the statistic F of Iman and Davenport, less conservative; None if undefined.
        p_iman_davenport: of it.
        critical_difference: of mean ranks, at the level ``1 - confidence``; None where there is no
            Nemenyi test.
        groups: methods that are not told apart, each group as large as can be, of two or more.
        note: why something is missing or weak.
    """

    methods: tuple[str, ...]
    ranks: tuple[float, ...]
    instances: int
    test: Literal["", "Friedman", "Wilcoxon"]
    statistic: float | None
    p: float | None
    iman_davenport: float | None
    p_iman_davenport: float | None
    critical_difference: float | None
    groups: tuple[tuple[str, ...], ...]
    note: str = ""


@dataclass(frozen=True)
class Contribution:
    """What a method adds to the others.

    Arguments:
        method: whose.
        best_on: instances on which no method is better.
        alone_on: instances on which it is better than all others.
        only_solver: instances that it alone solves.
        gap: how much the gap of the virtual best solver grows without it.
        solved: how many fewer instances the virtual best solver solves without it.
    """

    method: str
    best_on: int
    alone_on: int
    only_solver: int
    gap: float
    solved: int


@dataclass(frozen=True)
class VirtualBest:
    """The best method of each instance, chosen after the fact by the means over its runs.

    Arguments:
        gap: mean over instances.
        solved: instances that any method solves.
        expected: median over instances of the least expected time to the target.
        single_best: the method with the least mean gap, the first by name of equals.
        single_gap: its gap; the distance is what choosing could win at most.
        contributions: of each method.
    """

    gap: float
    solved: int
    expected: float
    single_best: str
    single_gap: float
    contributions: tuple[Contribution, ...]


@dataclass(frozen=True)
class Agreement:
    """How much the selections of two methods overlap: Jaccard's index, 1 is the same.

    Arguments:
        first: a method.
        second: another; the same one: over pairs of its own runs.
        jaccard: mean over instances of the mean over pairs of runs; None without a pair.
        least: of an instance.
        pairs: of runs.
        instances: that they are of.
    """

    first: str
    second: str
    jaccard: float | None
    least: float | None
    pairs: int
    instances: int


@dataclass(frozen=True)
class EnergyQuality:
    """Whether a better energy is a better network, on one instance.

    Both correlations are positive if it is. Each different selection counts once, however often
    it was found.

    Arguments:
        instance: its name.
        rows: with an energy and a metric.
        selections: different ones among them.
        kendall: tau-b; interval: bootstrap over selections.
        spearman: rho; interval likewise.
        best_energy_metric: the compensated metric of the selection with the least energy.
        best_metric: the best compensated metric of any selection.
        higher_is_better: of the metric.
        dense: the metric before pruning.
        note: why something is missing.
    """

    instance: str
    rows: int
    selections: int
    kendall: Estimate
    spearman: Estimate
    best_energy_metric: float
    best_metric: float
    higher_is_better: bool
    dense: float | None
    note: str = ""


@dataclass(frozen=True)
class Analysis:
    """What the rows of a study say.

    Arguments:
        confidence: of every interval.
        threshold: the relative gap up to which a run succeeds.
        targets: of the curves of targets.
        resamples: of every bootstrap.
        seed: of every bootstrap.
        methods: by name.
        instances: by size, then name.
        cells: every method on every instance, in the order of both.
        gap_curves: share of runs at or below a gap (fixed time); each instance counts the same.
        target_curves: share of targets reached by a time (fixed targets).
        profiles: share of instances on which the expected time to the target is within a factor
            of the best method's.
        anytime: the gap over time.
        pairs: every two methods.
        ranks: of methods over instances.
        virtual_best: and what each method adds to it.
        agreement: of selections, every two methods and each with itself.
        quality: of instances of a network; empty without any.
        times: of each method.
        limitations: of the comparison, each a sentence.
    """

    confidence: float
    threshold: float
    targets: tuple[float, ...]
    resamples: int
    seed: int
    methods: tuple[MethodSummary, ...]
    instances: tuple[InstanceSummary, ...]
    cells: tuple[CellSummary, ...]
    gap_curves: tuple[Steps, ...]
    target_curves: tuple[TargetCurve, ...]
    profiles: tuple[Steps, ...]
    anytime: tuple[AnytimeCurve, ...]
    pairs: tuple[PairComparison, ...]
    ranks: Ranks
    virtual_best: VirtualBest
    agreement: tuple[Agreement, ...]
    quality: tuple[EnergyQuality, ...]
    times: tuple[MethodTimes, ...]
    limitations: tuple[str, ...]
