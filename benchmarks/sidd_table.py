"""The tables of ``sidd.py``."""

from __future__ import annotations

from operator import itemgetter
from typing import Any

import numpy as np

from secateur.report.columns import Column
from secateur.report.table import markdown

STATES = {"masked": "psnr", "compensated": "psnr_compensated", "recovered": "psnr_recovered"}
NOTE = (
    "Network, training, coefficients and crops are ours; nothing here is a number of arXiv "
    "2604.05856, of which only the claims are known. What a method is worth is its difference to "
    "greedy Taylor and to the controls of this table."
)


def table(content: dict[str, Any]) -> str:
    """Mean over seeds, and the paired difference to greedy Taylor in the same state."""
    about, runs = content["network"], content["runs"]
    seeds = sorted({run["seed"] for run in runs})
    lines = [
        "# SIDD, the reference's setting",
        "",
        f"A Half-UNet of {about['parameters']:,} parameters, trained here for "
        f"{about['recipe']['steps']} steps on {about['photographs']}: "
        f"{about['psnr_noisy']:.2f} ⇒ {about['psnr']:.2f} dB. PSNR in dB of the test, mean over "
        f"{len(seeds)} calibration seeds; in brackets the mean paired difference to greedy Taylor, "
        "its smallest and largest value.",
        "",
        NOTE,
    ]
    for part in dict.fromkeys(run["part"] for run in runs):
        own = [run for run in runs if run["part"] == part]
        states = {k: v for k, v in STATES.items() if any(run.get(v) is not None for run in own)}
        rows = [
            [name, *(_cell(own, name, key) for key in states.values())]
            for name in dict.fromkeys(run["name"] for run in own)
        ]
        columns = [
            Column(header, itemgetter(k), left=True) for k, header in enumerate(["method", *states])
        ]
        first = own[0]
        lines += [
            "",
            f"## {part.capitalize()}",
            "",
            f"{first['pruned']} of {first['dense']['channels']} filters go.",
            "",
            markdown(columns, rows),
        ]
    return "\n".join(lines)


def _cell(runs: list[dict[str, Any]], name: str, key: str) -> str | None:
    """``34.81 (+0.26 [+0.20, +0.31])``, or None where there is nothing."""
    value, taylor = (
        {run["seed"]: run.get(key) for run in runs if run["name"] == which}
        for which in (name, "taylor")
    )
    if any(one is None for one in value.values()):
        return None
    mean = f"{np.mean(list(value.values())):.2f}"
    both = [seed for seed in value if taylor.get(seed) is not None]
    if name == "taylor" or not both:
        return mean
    gain = np.array([value[seed] - taylor[seed] for seed in both])
    return f"{mean} ({gain.mean():+.2f} [{gain.min():+.2f}, {gain.max():+.2f}])"
