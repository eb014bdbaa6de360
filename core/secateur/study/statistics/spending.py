"""Where the time of a method went: wall, queue, access and processors apart, and what was paid."""

from __future__ import annotations

import math
from collections.abc import Iterable

from secateur.study.statistics.bootstrap import median
from secateur.study.statistics.runs import Runs
from secateur.study.statistics.summaries import MethodTimes, Spent


def times_of(runs: Runs, method: str) -> MethodTimes:
    """All that the rows of a method tell, those of failed runs too."""
    rows = [row for row in runs.rows if row.method == method]
    return MethodTimes(
        method=method,
        rows=len(rows),
        wall=_spent(row.wall for row in rows),
        queue=_spent(row.queue for row in rows),
        access=_spent(row.access for row in rows),
        cpu=_spent(row.cpu for row in rows),
        charged=_spent(row.charged for row in rows),
    )


def _spent(values: Iterable[float | None]) -> Spent:
    told = [value for value in values if value is not None]
    return Spent(len(told), math.fsum(told), median(told)) if told else Spent(0, None, None)
