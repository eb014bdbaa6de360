"""The plots of a report, from an analysis to specifications of Vega-Lite."""

from __future__ import annotations

from collections.abc import Sequence

from secateur.study.report.charts import curves, instances, ranks, selections, times
from secateur.study.report.charts.plot import Plot
from secateur.study.report.looks import Look
from secateur.study.row import Row
from secateur.study.statistics import Analysis

__all__ = ["Plot", "plots"]


def plots(analysis: Analysis, rows: Sequence[Row], look: Look) -> dict[str, Plot]:
    """Every plot that the rows give something for, by name, in the order of the page."""
    made = [
        curves.gap_curve(analysis, look),
        instances.gaps(analysis, look),
        instances.successes(analysis, look),
        curves.target_curve(analysis, look),
        curves.profile(analysis, look),
        curves.anytime(analysis, look),
        times.times(analysis, look),
        ranks.critical_difference(analysis, look),
        ranks.differences(analysis, look),
        ranks.virtual_best(analysis, look),
        selections.agreement(analysis, look),
        *selections.quality(analysis, rows, look),
    ]
    return {plot.name: plot for plot in made if plot is not None}
