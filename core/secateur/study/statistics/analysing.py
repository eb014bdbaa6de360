"""From rows to an analysis."""

from __future__ import annotations

from collections.abc import Iterable

from secateur.errors import DataError, OptionError
from secateur.progress import track
from secateur.study.row import Row
from secateur.study.statistics.agreement import agreements
from secateur.study.statistics.analysis import Analysis
from secateur.study.statistics.bootstrap import Bootstrap
from secateur.study.statistics.curves import (
    TARGETS,
    anytime_curve,
    gap_curve,
    moments,
    profiles,
    target_curve,
)
from secateur.study.statistics.limitations import limitations
from secateur.study.statistics.pairs import compare_pairs
from secateur.study.statistics.portfolio import score_of, virtual_best
from secateur.study.statistics.quality import energies_and_networks
from secateur.study.statistics.ranks import rank_methods
from secateur.study.statistics.runs import Cell, Runs, collect
from secateur.study.statistics.spending import times_of
from secateur.study.statistics.summarising import summarise_cell, summarise_methods


def analyse(
    rows: Iterable[Row],
    *,
    confidence: float = 0.95,
    threshold: float = 0.0,
    seed: int = 0,
    resamples: int = 2000,
    expected: Iterable[Cell] = (),
) -> Analysis:
    """Everything that rows say of methods, with intervals.

    Arguments:
        rows: of one study, in any order.
        confidence: of every interval, between 0 and 1.
        threshold: a run succeeds if its relative gap to the best known is at most this; from 0,
            below 1.
        seed: of every bootstrap.
        resamples: of every bootstrap.
        expected: method, instance, seed and repetition of each cell that the study has; those
            without a row are absent. Without it, what a method lacks beside the others is.

    Raises:
        DataError: there are no rows.
        OptionError: a number is out of its range.
    """
    _check(confidence, threshold, seed, resamples)
    runs = collect(rows, expected)
    if not runs.rows:
        raise DataError(
            "there are no rows to be analysed.",
            remedy="run the study first: `secateur study run study.toml`",
        )
    with track("comparing the methods"):
        return _analyse(runs, Bootstrap(confidence, resamples, seed), threshold)


def _analyse(runs: Runs, bootstrap: Bootstrap, threshold: float) -> Analysis:
    confidence = bootstrap.confidence
    cells = {
        (method, instance.name): summarise_cell(
            method,
            instance,
            runs.of[method, instance.name],
            threshold=threshold,
            confidence=confidence,
        )
        for method in runs.methods
        for instance in runs.instances
    }
    scores = {
        method: [score_of(cells[method, name]) for name in runs.names] for method in runs.methods
    }
    ranks = rank_methods(scores, confidence, instances=len(runs.names))
    targets = tuple(sorted({*TARGETS, threshold}, reverse=True))
    at = moments(runs)
    return Analysis(
        confidence=confidence,
        threshold=threshold,
        targets=targets,
        resamples=bootstrap.resamples,
        seed=bootstrap.seed,
        methods=summarise_methods(runs, cells, ranks, bootstrap),
        instances=runs.instances,
        cells=tuple(cells.values()),
        gap_curves=tuple(gap_curve(runs, method) for method in runs.methods),
        target_curves=tuple(target_curve(runs, method, targets) for method in runs.methods),
        profiles=profiles(
            {key: cell.expected for key, cell in cells.items()}, runs.methods, runs.names
        ),
        anytime=tuple(anytime_curve(runs, method, at) for method in runs.methods),
        pairs=compare_pairs(runs, scores, ranks, bootstrap),
        ranks=ranks,
        virtual_best=virtual_best(cells, runs.methods, runs.names),
        agreement=agreements(runs),
        quality=energies_and_networks(runs, bootstrap),
        times=tuple(times_of(runs, method) for method in runs.methods),
        limitations=limitations(runs, confidence=confidence),
    )


def _check(confidence: float, threshold: float, seed: int, resamples: int) -> None:
    if not 0 < confidence < 1:
        raise OptionError(
            f"confidence is {confidence:g}.", remedy="give a number between 0 and 1, such as 0.95"
        )
    if not 0 <= threshold < 1:
        raise OptionError(
            f"threshold is {threshold:g}.",
            remedy="give a relative gap from 0 (only the best known succeeds) to below 1",
        )
    if resamples < 1:
        raise OptionError(f"resamples is {resamples}.", remedy="give 1 or more; 2000 is usual")
    if seed < 0:
        raise OptionError(f"seed is {seed}.", remedy="give 0 or a positive number")
