"""Draws the way of the data through the rooms of the house.

    python docs/house.py

Writes ``docs/images/house.svg``. A test holds every room against the folders of the library.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
INK, LINE, SIDE = "#7d7d7d", "#3b82f6", "#a855f7"
"""At least three to one against white and near-black."""

WAY = (
    (("methods", "loading"), "what is asked,\nchecked first", "a network, a task, what is wanted"),
    (("network", "operators"), "run once: channels,\nties, reads, costs", "Channels"),
    (("statistics", "measured"), "sums over the\ncalibration data", "Measured"),
    (("objectives",), "what pruning costs", "a dimod BQM"),
    (("problem", "budgets"), "what must be kept", "Problem"),
    (("solving",), "exactly, and proven", "Selection"),
    (("surgery", "recover"), "cut, compensated,\nheld against the mask", "a smaller network"),
    (("report", "result"), "one declaration\nof each column", "table, folder, figure"),
)
"""Rooms, what happens in them, and what leaves them."""
SIDES = (
    (("backends",), "secateur_backends, plugins:\nfound by entry point", 5),
    (("certify",), "checks the proof,\nshares no code", 5),
    (("refine", "evaluator"), "searches on the\ntrue metric", 6),
    (("study",), "many of these,\nstored, compared", 7),
)
"""Rooms beside the way, and which stop of it they open on."""
AROUND = {
    "backends", "certify", "cli", "evaluator", "files", "pruning", "refine", "study", "tasks",
    "schemas", "testing", "zoo",
}  # fmt: skip
"""Rooms that data do not pass through, or only beside the way."""


def rooms() -> set[str]:
    """Every room that is drawn or named."""
    return {room for names, *_ in (*WAY, *SIDES) for room in names} | AROUND


def main() -> None:
    given = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    given.add_argument("--output", type=Path, default=ROOT / "docs/images/house.svg")
    draw(given.parse_args().output)


def draw(output: Path) -> None:
    """The way from top to bottom, and what opens on it at the right."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    settings: Any = {"svg.hashsalt": "secateur", "text.color": INK, "svg.fonttype": "none"}
    with matplotlib.rc_context(settings):
        figure = Figure(figsize=(8.2, 9.3))
        FigureCanvasAgg(figure)
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, 8.2), ylim=(9.3, 0))
        axes.axis("off")
        for stop, (names, text, leaves) in enumerate(WAY):
            y = 0.5 + 1.15 * stop
            box(axes, 0.3, y, names, text, LINE)
            axes.annotate(
                "",
                (1.9, y + 1.15 - 0.36),
                (1.9, y + 0.36),
                arrowprops={"arrowstyle": "-|>", "color": INK},
            )
            axes.text(2.05, y + 0.57, leaves, fontsize=9, va="center", style="italic")
        rows = {5: [4.35, 5.5], 6: [6.65], 7: [8.0]}
        taken: dict[int, int] = {}
        for names, text, stop in SIDES:
            y = rows[stop][taken.setdefault(stop, 0)] + 0.6
            taken[stop] += 1
            box(axes, 4.7, y, names, text, SIDE)
            axes.annotate(
                "",
                (3.55, 0.5 + 1.15 * stop),
                (4.65, y),
                arrowprops={"arrowstyle": "<|-|>", "color": SIDE},
            )
        figure.savefig(output, transparent=True, metadata={"Date": None})


def box(axes: Any, x: float, y: float, names: tuple[str, ...], text: str, colour: str) -> None:
    """A room: its names, and what happens in it."""
    from matplotlib.patches import FancyBboxPatch

    axes.add_patch(
        FancyBboxPatch(
            (x, y - 0.33), 3.2, 0.66, boxstyle="round,pad=0.02", facecolor="none", edgecolor=colour
        )
    )
    axes.text(
        x + 0.12,
        y,
        "\n".join(names),
        fontsize=10,
        va="center",
        weight="bold",
    )
    axes.text(x + 1.35, y, text, fontsize=9, va="center")


if __name__ == "__main__":
    main()
