"""Whether `auto` should keep greedy Taylor unless another leads it by a margin.

On the rows of the claims, with the splits as they are, and with their parts exchanged: chosen on
the test photographs, judged on the selection crops. A margin that is right helps both ways.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from operator import itemgetter
from typing import Any

import numpy as np
from claims_methods import CONTROL_ROW, JUDGED

from secateur.report.columns import Column
from secateur.report.table import markdown

MARGINS = (0.0, 0.02, 0.05, 0.1, 0.2, 0.3)
Values = Mapping[str, float]


def choices(content: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], Values, Values]]:
    """Network and amount of each choice, and its candidates on the selection and test splits."""
    runs = content["runs"]
    test = {
        (run["network"], run["seed"], run["amount"], run["method"]): run.get("compensated")
        for run in runs
    }
    for run in runs:
        if run["method"] != JUDGED or "auto" not in run:
            continue
        where = run["network"], run["seed"], run["amount"]
        if content["networks"][run["network"]][0] == "dB" and CONTROL_ROW in run["auto"]:
            found = {name: test.get((*where, name)) for name in run["auto"]}
            if None not in found.values():
                yield (run["network"], run["amount"]), run["auto"], found


def chosen(values: Values, margin: float) -> str:
    """The best, or greedy Taylor where the best does not lead it by so much."""
    best = max(values, key=values.__getitem__)
    return best if values[best] - values[CONTROL_ROW] >= margin else CONTROL_ROW


def leads(content: Mapping[str, Any], margin: float, *, exchanged: bool) -> dict[Any, float]:
    """Over greedy Taylor, mean over seeds, by network and amount."""
    found: dict[Any, list[float]] = {}
    for cell, selection, test in choices(content):
        seen, judged = (test, selection) if exchanged else (selection, test)
        lead = judged[chosen(seen, margin)] - judged[CONTROL_ROW]
        found.setdefault(cell, []).append(lead)
    return {cell: float(np.mean(values)) for cell, values in found.items()}


def margins(content: Mapping[str, Any]) -> list[str]:
    """A section of the tables; nothing where no choice was made."""
    rows = []
    for margin in MARGINS:
        told = [f"{margin:g}"]
        for exchanged in (False, True):
            found = list(leads(content, margin, exchanged=exchanged).values())
            if not found:
                return []
            told += [f"{np.mean(found):+.3f}", f"{min(found):+.3f}"]
        rows.append(told)
    titles = ("margin", "chosen on selection, lead on test", "least", "exchanged", "least")
    columns = [Column(title, itemgetter(k)) for k, title in enumerate(titles)]
    return [
        f"## Greedy Taylor, unless another leads by a margin on what `{JUDGED}` chooses by",
        "",
        "dB over greedy Taylor, compensated, mean over networks and amounts, and the least of "
        "them; without floors. Exchanged: chosen on the test split, judged on the selection split.",
        "",
        markdown(columns, rows),
        "",
    ]
