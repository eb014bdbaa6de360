"""From rows to an analysis."""

from __future__ import annotations

from collections.abc import Iterable

from secateur.study.row import Row
from secateur.study.statistics.analysis import Analysis


def analyse(
    rows: Iterable[Row],
    *,
    confidence: float = 0.95,
    threshold: float = 0.0,
    seed: int = 0,
    resamples: int = 2000,
    expected: Iterable[tuple[str, str, int, int]] = (),
) -> Analysis:
    """Everything that rows say of methods, with intervals.

    Arguments:
        rows: of one study, in any order.
        confidence: of every interval, between 0 and 1.
        threshold: a run succeeds if its relative gap to the best known is at most this.
        seed: of every bootstrap.
        resamples: of every bootstrap.
        expected: method, instance, seed and repetition of each cell that the study has; those
            without a row are absent. Without it, what a method lacks beside the others is.

    Raises:
        DataError: there are no rows.
        OptionError: a number is out of its range.
    """
    raise NotImplementedError
