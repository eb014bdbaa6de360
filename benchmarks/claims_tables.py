"""The tables of the claims, as Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from claims_aims import harmless, seeds_of
from claims_margin import margins
from claims_methods import CONTROL_ROW, JUDGED, OURS
from claims_pairs import best_peer, difference, mean

from secateur.report.columns import Column
from secateur.report.table import markdown

STAGES = ("masked", "compensated", "recovered", "tuned")


def tables(content: Mapping[str, Any]) -> str:
    """What was found: the aims first, then every network."""
    recipe = content["recipe"]
    lines = [
        "# Claims",
        "",
        "The same number of channels goes by every method. Channels removed ⇒ compensated ⇒ "
        f"recovered without labels ({recipe['steps']} steps of Adam) ⇒ fine-tuned with labels "
        f"({recipe['tuning']} steps), the same for all; on the test split. Differences are paired "
        "by calibration seed, with the 95 % bootstrap interval of their mean (BCa; * percentile, "
        "where BCa cannot be had). "
        + (
            "Filters that are added up leave together."
            if recipe["tied"]
            else "Every filter goes by itself."
        )
        + (
            " The calibration crops have the colours of their photographs."
            if recipe.get("plain_colours")
            else ""
        ),
        "",
        "## Aims",
        "",
    ]
    for aim in content["aims"]:
        cause = f" Cause: {aim['cause']}." if aim["cause"] else ""
        lines.append(
            f"- {'met' if aim['met'] else '**missed**'}: {aim['aim']}: {aim['found']}.{cause}"
        )
    lines += ["", *(f"- {line}" for line in harmless(content)), ""]
    for name in content["networks"]:
        lines += _network(content, name)
    return "\n".join([*lines, *margins(content)])


def leads(content: Mapping[str, Any], method: str = JUDGED, stage: str = "compensated") -> str:
    """The table of the explanation: what a method is above greedy Taylor, by network and share."""
    runs = content["runs"]
    amounts = [a for a in dict.fromkeys(run["amount"] for run in runs) if a != "0%"]

    def cell(name: str, amount: str) -> str:
        scale = content["networks"][name][1]
        found = difference(runs, name, amount, (method, CONTROL_ROW), stage, scale)
        return "" if found is None else str(found)

    columns = [Column("network", itemgetter(0), left=True)]
    columns += [Column(a, itemgetter(k + 1), left=True) for k, a in enumerate(amounts)]
    return markdown(columns, [[n, *(cell(n, a) for a in amounts)] for n in content["networks"]])


def _network(content: Mapping[str, Any], name: str) -> list[str]:
    runs, (unit, scale) = content["runs"], content["networks"][name]
    own = [run for run in runs if run["network"] == name and run["amount"] != "0%"]
    amounts = list(dict.fromkeys(run["amount"] for run in own))
    methods = list(dict.fromkeys(run["method"] for run in own))

    def cell(method: str, amount: str) -> str:
        found = [mean(runs, name, amount, method, stage) for stage in STAGES]
        return " ⇒ ".join(f"{scale * value:.2f}" for value in found if value is not None)

    def against(method: str, other: Callable[[str, str], str | None]) -> Callable[[str], str]:
        def told(amount: str) -> str:
            parts = []
            for stage in STAGES[1:]:
                rival = other(amount, stage)
                if rival is not None:
                    found = difference(runs, name, amount, (method, rival), stage, scale)
                    parts += [] if found is None else [str(found)]
            return " ⇒ ".join(parts)

        return told

    def taylor(amount: str, stage: str) -> str | None:
        return CONTROL_ROW

    def peer(amount: str, stage: str) -> str | None:
        return best_peer(runs, name, amount, stage)

    lines = [f"## {name}, {unit}, {seeds_of(content, name)} calibration seeds", ""]
    lines += _table(amounts, [(m, lambda a, m=m: cell(m, a)) for m in methods])
    lines += ["", f"Compensated ⇒ recovered ⇒ fine-tuned, less greedy Taylor ({unit}):", ""]
    others = [method for method in methods if method != CONTROL_ROW]
    lines += _table(amounts, [(m, against(m, taylor)) for m in others])
    if any(peer(amount, "recovered") for amount in amounts):
        lines += ["", "The same, less the best peer of each cell:", ""]
        shown = [m for m in methods if m in (*OURS, CONTROL_ROW)]
        rows = [(m, against(m, peer)) for m in shown]
        rows.append(("(the best peer, recovered)", lambda a: peer(a, "recovered") or ""))
        lines += _table(amounts, rows)
    chosen = [
        (
            a,
            Counter(
                run["chosen"] + (" under a floor" if run.get("under_floor") else "")
                for run in own
                if run["amount"] == a and "chosen" in run and run["method"] == JUDGED
            ),
        )
        for a in amounts
    ]
    if any(counted for _, counted in chosen):
        told = "; ".join(
            f"{amount}: " + ", ".join(f"{one} {number}" for one, number in counted.most_common())
            for amount, counted in chosen
        )
        lines += ["", f"What `{JUDGED}` chose, and how often: {told}."]
    return [*lines, ""]


def _table(amounts: Sequence[str], rows: Sequence[tuple[str, Callable[[str], str]]]) -> list[str]:
    columns = [
        Column(title, itemgetter(k), left=True) for k, title in enumerate(["method", *amounts])
    ]
    made = [[name, *(told(amount) for amount in amounts)] for name, told in rows]
    kept = [row for row in made if any(row[1:])]
    return [markdown(columns, kept)]
