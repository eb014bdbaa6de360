"""The picture of networks.json: accuracy without any training, against measured speed.

    python benchmarks/networks_figure.py

Writes ``docs/images/networks.svg`` and ``networks.png`` from the committed results; ``networks.py``
measures them anew.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

ROOT = Path(__file__).parents[1]
INK = "#7d7d7d"
"""Of text and axes; like all colours here at least three to one against white and near-black."""
STYLES = {
    "secateur, fisher": ("secateur", "#0f9d6b", "-", "o"),
    "Torch-Pruning, global": ("Torch-Pruning 1.6.1, global", "#c2710c", "--", "s"),
    "Torch-Pruning, each layer": ("Torch-Pruning 1.6.1, each layer", "#a855f7", "-.", "^"),
}
"""Method: its name in the legend, colour, dashes and marker."""


def main() -> None:
    given = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    given.add_argument("--results", type=Path, default=ROOT / "benchmarks/results/networks.json")
    given.add_argument("--output", type=Path, default=ROOT / "docs/images/networks")
    given.add_argument("--quick", action="store_true", help="it is always quick")
    asked = given.parse_args()
    asked.output.parent.mkdir(parents=True, exist_ok=True)
    draw(json.loads(asked.results.read_text()), asked.output)


def points(
    rows: Iterable[Mapping[str, Any]], network: str, method: str
) -> list[tuple[float, float]]:
    """(times as fast in onnxruntime, accuracy in %), dense first; means over the seeds."""
    of = [row for row in rows if row["network"] == network]
    dense = {row["seed"]: row for row in of if row["method"] == "dense"}
    found = [(1.0, 100 * fmean(row["accuracy"] for row in dense.values()))]
    mine = [row for row in of if row["method"] == method]
    for share in sorted({row["share"] for row in mine}, reverse=True):
        there = [row for row in mine if row["share"] == share]
        ratios = (dense[r["seed"]]["onnxruntime_ms"] / r["onnxruntime_ms"] for r in there)
        speed = math.exp(fmean(map(math.log, ratios)))
        found.append((speed, 100 * fmean(row["accuracy"] for row in there)))
    return found


def draw(content: Mapping[str, Any], output: Path) -> None:
    """One panel a network."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = content["rows"]
    names = list(dict.fromkeys(row["network"] for row in rows))
    colours = ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color")
    settings: Any = {"svg.hashsalt": "secateur", **dict.fromkeys(colours, INK)}
    with matplotlib.rc_context(settings):
        figure = Figure(figsize=(2.2 * len(names), 3.3), layout="constrained")
        FigureCanvasAgg(figure)
        panels = figure.subplots(1, len(names), sharey=True)
        for name, panel in zip(names, panels, strict=True):
            for method, (label, colour, dashes, marker) in STYLES.items():
                panel.plot(
                    *zip(*points(rows, name, method), strict=True), color=colour, marker=marker,
                    linestyle=dashes, markersize=5, linewidth=1.8, label=label,
                )  # fmt: skip
            panel.set_facecolor("none")
            panel.set_title(name, fontsize=11)
            panel.set_ylim(0, 103)
            panel.grid(color=INK, alpha=0.25, linewidth=0.6)
            for side in ("top", "right"):
                panel.spines[side].set_visible(False)
        panels[0].set_ylabel("accuracy, nothing trained afterwards (%)")
        figure.supxlabel("times as fast as the dense network, measured in onnxruntime", fontsize=10)
        figure.legend(
            *panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=3,
            frameon=False, fontsize=9,
        )  # fmt: skip
        for ending, about in ((".png", None), (".svg", {"Date": None})):
            figure.savefig(output.with_suffix(ending), dpi=120, transparent=True, metadata=about)


if __name__ == "__main__":
    main()
