"""The picture of the claims: what is left after recovery, against what went."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from claims_methods import CONTROL_ROW, JUDGED
from claims_pairs import best_peer, mean

LINES = (("random", "0.7"), (CONTROL_ROW, "tab:blue"), ("hybrid", "tab:green"), (JUDGED, "tab:red"))


def draw(content: Mapping[str, Any], output: Path) -> None:
    """One panel a network: compensated dashed, recovered in full, the dense network dotted.

    Arguments:
        content: of the JSON file.
        output: a PNG.
    """
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    names, runs = list(content["networks"]), content["runs"]
    figure, panels = pyplot.subplots(1, len(names), figsize=(5.2 * len(names), 3.8), squeeze=False)
    for name, panel in zip(names, panels[0], strict=True):
        unit, scale = content["networks"][name]
        amounts = list(dict.fromkeys(r["amount"] for r in runs if r["network"] == name))
        shares = {a: float(a.rstrip("%")) for a in amounts if a != "0%"}
        dense = mean(runs, name, "0%", "dense", "masked")
        if dense is not None:
            panel.axhline(scale * dense, color="black", linestyle=":", label="dense")
        for stage, style in (("compensated", "--"), ("recovered", "-")):
            for method, colour in (*LINES, ("the best peer", "tab:orange")):
                rows = {a: best_peer(runs, name, a, stage) for a in shares}
                found = {
                    share: mean(runs, name, a, rows[a] or "", stage)
                    if method == "the best peer"
                    else mean(runs, name, a, method, stage)
                    for a, share in shares.items()
                }
                points = sorted((x, scale * y) for x, y in found.items() if y is not None)
                if points:
                    label = method if stage == "recovered" else None
                    panel.plot(*zip(*points, strict=True), style, color=colour, label=label)
        panel.set(title=name, xlabel="channels that went, %", ylabel=unit)
        if panel.lines:  # of a network that there are rows of
            panel.legend(fontsize=8)
    figure.tight_layout()
    output.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(output, dpi=120, metadata={"Software": None})
    pyplot.close(figure)
