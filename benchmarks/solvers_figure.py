"""The picture of the study of all installed solvers, from its table of methods.

    python benchmarks/solvers_figure.py

Writes ``docs/images/solvers.svg`` and ``solvers.png`` from ``results/solvers/methods.md``, which
``secateur study report benchmarks/solvers.toml`` writes.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
INK, DOT = "#7d7d7d", "#0f9d6b"
"""At least three to one against white and near-black."""
PANELS = (
    ("success %", "runs that found the best\nenergy known (%), 95 % interval"),
    ("rank", "mean rank over the instances,\n1 is best"),
)


def main() -> None:
    given = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    table = ROOT / "benchmarks/results/solvers/methods.md"
    given.add_argument("--table", type=Path, default=table)
    given.add_argument("--output", type=Path, default=ROOT / "docs/images/solvers")
    given.add_argument("--quick", action="store_true", help="it is always quick")
    asked = given.parse_args()
    asked.output.parent.mkdir(parents=True, exist_ok=True)
    draw(methods(asked.table.read_text()), asked.output)


def methods(text: str) -> list[dict[str, str]]:
    """The rows of the first table of a Markdown file, by its headings."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[one.strip() for one in line.strip("|").split("|")] for line in lines]
    return [dict(zip(cells[0], row, strict=True)) for row in cells[2:]]


def parts(cell: str) -> tuple[float, float, float]:
    """A value with the ends of its interval, which are the value where it has none."""
    found = [float(one) for one in re.findall(r"[\d.]+", cell)]
    return (found[0], found[1], found[2]) if len(found) == 3 else (found[0], found[0], found[0])


def draw(rows: list[dict[str, str]], output: Path) -> None:
    """A line a method, the best rank at the top."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    colours = ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color")
    settings: Any = {"svg.hashsalt": "secateur", **dict.fromkeys(colours, INK)}
    with matplotlib.rc_context(settings):
        figure = Figure(figsize=(9, 0.6 + 0.3 * len(rows)), layout="constrained")
        FigureCanvasAgg(figure)
        for panel, (column, label) in zip(
            figure.subplots(1, len(PANELS), sharey=True), PANELS, strict=True
        ):
            for line, row in enumerate(rows):
                value, low, high = parts(row[column])
                panel.plot([low, high], [line, line], color=DOT, linewidth=2.5, alpha=0.6)
                panel.plot([value], [line], "o", color=DOT, markersize=6)
            panel.set_facecolor("none")
            panel.set_xlabel(label)
            panel.set_yticks(range(len(rows)), [row["method"] for row in rows])
            panel.grid(color=INK, alpha=0.25, linewidth=0.6)
            for side in ("top", "right"):
                panel.spines[side].set_visible(False)
        panel.invert_yaxis()
        for ending, about in ((".png", None), (".svg", {"Date": None})):
            figure.savefig(output.with_suffix(ending), dpi=120, transparent=True, metadata=about)


if __name__ == "__main__":
    main()
