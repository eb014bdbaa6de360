"""The picture of a curve, readable on a light and on a dark page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from secateur.report.curve.points import LINES, Curve

INK = "#7d7d7d"
"""Of text and axes; like all colours here at least three to one against white and near-black."""
STYLES = {
    "greedy Taylor, masked": ("#7d7d7d", ":", "x"),
    "greedy Taylor, compensated": ("#c2710c", "--", "s"),
    "hybrid, compensated": ("#a855f7", "-.", "^"),
    "ours, compensated": ("#3b82f6", "-", "o"),
    "ours, recovered": ("#0f9d6b", "-", "D"),
}
"""Colour, dashes and marker of each line: no two share any one of colour and marker."""


def draw_curve(curve: Curve, title: str, *paths: Path) -> None:
    """The metric against the channels that are left; the same curve gives the same bytes.

    Arguments:
        curve: with one point or more.
        title: above it.
        paths: of files; the ending says which kind.
    """
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    settings: Any = {
        "svg.hashsalt": "secateur",
        "text.color": INK,
        "axes.labelcolor": INK,
        "axes.edgecolor": INK,
        "xtick.color": INK,
        "ytick.color": INK,
    }
    with matplotlib.rc_context(settings):
        figure = Figure(figsize=(8, 4.6), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot(facecolor="none")
        channels = curve.dense.channels
        axes.axhline(curve.dense.metric, color=INK, linewidth=0.8)
        axes.annotate(
            "dense", (1.0, curve.dense.metric), xycoords=("axes fraction", "data"),
            xytext=(-4, -4), textcoords="offset points", ha="right", va="top", fontsize=9,
        )  # fmt: skip
        for line in LINES:
            points = {
                100.0 * (1 - count / channels): value
                for count in curve.counts
                if (value := curve.value(line, count)) is not None
            }
            colour, dashes, marker = STYLES[line.name]
            if points:
                axes.plot(
                    list(points), list(points.values()), color=colour, linestyle=dashes,
                    marker=marker, markersize=5, linewidth=1.8, label=line.name,
                )  # fmt: skip
        axes.invert_xaxis()
        axes.set_xlabel("channels left (%)")
        axes.set_ylabel(f"{curve.metric} ({curve.unit})" if curve.unit else curve.metric)
        axes.set_title(title, fontsize=11)
        axes.grid(color=INK, alpha=0.25, linewidth=0.6)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        axes.legend(frameon=False, fontsize=9, loc="lower left")
        for path in paths:
            # a date would make every drawing another one
            about = {"Date": None} if path.suffix == ".svg" else None
            figure.savefig(path, dpi=120, transparent=True, metadata=about)
