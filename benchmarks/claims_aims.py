"""The aims, met or missed, from the rows alone; a missed one with its cause."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from claims_methods import CONTROL_ROW, JUDGED, LONG, OURS
from claims_pairs import Difference, best_peer, difference, mean

LOST = (("halfunet", "75%", 0.4), ("halfunet", "85%", 1.0), ("chain", "50%", 1.0))
"""Network, share, and how far below the dense network the recovered one may be, in dB."""
WON = ("chain", "50%", 1.0)
"""Where the compensated network is to be so far above greedy Taylor."""
TIE = 0.05
"""dB that nobody notices."""


def aims(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each aim with what was found; only those that there are rows for."""
    return [
        *_lost(content),
        *_won(content),
        *_never_below(content),
        *_ahead(content),
        *_kept(content),
    ]


def _denoisers(content: Mapping[str, Any]) -> Iterator[str]:
    yield from (name for name, (unit, _) in content["networks"].items() if unit == "dB")


def _cells(content: Mapping[str, Any], stage: str) -> Iterator[tuple[str, str]]:
    """Networks and shares where the judged method is."""
    for name in _denoisers(content):
        for amount in dict.fromkeys(run["amount"] for run in content["runs"]):
            if mean(content["runs"], name, amount, JUDGED, stage) is not None:
                yield name, amount


def _aim(text: str, met: bool, found: str, cause: str = "") -> dict[str, Any]:
    return {"aim": text, "met": bool(met), "found": found, "cause": "" if met else cause}


def _lost(content: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    runs = content["runs"]
    for name, amount, most in LOST:
        dense = mean(runs, name, "0%", "dense", "masked")
        fit = mean(runs, name, amount, JUDGED, "compensated")
        found = {
            row: mean(runs, name, amount, row, "recovered") for row in (JUDGED, *LONG.values())
        }
        there = {row: dense - value for row, value in found.items() if dense and value is not None}
        if dense is None or fit is None or not there:
            continue
        fitted, recovered = dense - fit, list(there.values())[-1]
        yield _aim(
            f"{name}, {amount}: at most {most} dB below dense, recovered",
            recovered <= most,
            ", ".join(f"{value:.2f} dB below ({one})" for one, value in there.items()),
            f"compensation leaves {fitted:.2f} dB and recovery takes {fitted - recovered:.2f} of "
            "them back",
        )


def _won(content: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    runs, (name, amount, least) = content["runs"], WON
    found = difference(runs, name, amount, (JUDGED, CONTROL_ROW), "compensated")
    if found is None:
        return
    yield _aim(
        f"{name}, {amount}: at least {least:+} dB over greedy Taylor, compensated",
        found.mean >= least,
        f"{found} dB",
        in_hindsight(content, name, amount, "compensated"),
    )


def in_hindsight(content: Mapping[str, Any], name: str, amount: str, stage: str) -> str:
    """What the best of ours would have given, were it known: choice or objective."""
    runs = content["runs"]
    found: dict[str, Difference] = {}
    for row in OURS:
        against = difference(runs, name, amount, (row, CONTROL_ROW), stage)
        if against is not None:
            found[row] = against
    best = max(found, key=lambda row: found[row].mean)
    if best == JUDGED:
        return "no objective of ours does better, in hindsight either"
    lost = found[best].mean - found[JUDGED].mean
    return f"in hindsight {best} is best with {found[best]} dB: the choice costs {lost:.2f} dB"


def _never_below(content: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    runs = content["runs"]
    for stage in ("compensated", "recovered"):
        found = {
            cell: difference(runs, *cell, (JUDGED, CONTROL_ROW), stage)
            for cell in _cells(content, stage)
        }
        there = {cell: one for cell, one in found.items() if one is not None}
        if not there:
            continue
        below = [cell for cell, one in there.items() if one.mean < -TIE]
        worst = min(there, key=lambda cell: there[cell].mean)
        yield _aim(
            f"{stage}: nowhere more than {TIE} dB below greedy Taylor",
            not below,
            f"least: {' '.join(worst)}, {there[worst]} dB",
            "; ".join(f"{' '.join(cell)}: {in_hindsight(content, *cell, stage)}" for cell in below),
        )


def _ahead(content: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    runs = content["runs"]
    found: dict[str, Difference] = {}
    for cell in _cells(content, "recovered"):
        peer = best_peer(runs, *cell, "recovered")
        against = difference(runs, *cell, (JUDGED, peer), "recovered") if peer else None
        if against is not None:
            found[f"{' '.join(cell)} ({peer})"] = against
    if not found:
        return
    behind = {cell: one for cell, one in found.items() if one.mean <= 0}
    yield _aim(
        "recovered: ahead of every peer in every cell",
        not behind,
        f"ahead in {len(found) - len(behind)} of {len(found)} cells",
        "; ".join(f"{cell} {one} dB" for cell, one in behind.items()),
    )


def _kept(content: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Where it leads after recovery, it leads after fine-tuning."""
    runs = content["runs"]
    leads, lost = 0, []
    for cell in _cells(content, "tuned"):
        before, after = (
            difference(runs, *cell, (JUDGED, CONTROL_ROW), stage)
            for stage in ("recovered", "tuned")
        )
        if before is None or after is None or before.mean <= TIE:
            continue
        leads += 1
        if after.mean <= 0:
            lost.append(f"{' '.join(cell)}: {before} ⇒ {after} dB")
    if leads:
        yield _aim(
            f"a lead of more than {TIE} dB over greedy Taylor is kept after fine-tuning",
            not lost,
            f"in {leads - len(lost)} of {leads} cells",
            "; ".join(lost),
        )


def harmless(content: Mapping[str, Any]) -> list[str]:
    """What recovery and fine-tuning do to the dense network."""
    lines = []
    for name, (unit, scale) in content["networks"].items():
        stages = [mean(content["runs"], name, "0%", "dense", s) for s in ("masked", "tuned")]
        again = mean(content["runs"], name, "0%", "dense", "recovered")
        if again is None or None in stages:
            continue
        dense, tuned = (scale * float(value) for value in stages if value is not None)
        lines.append(
            f"{name}: dense {dense:.2f} {unit}, recovered {scale * again - dense:+.2f}, fine-tuned "
            f"{tuned - dense:+.2f}"
        )
    return lines


def seeds_of(content: Mapping[str, Any], name: str) -> int:
    """How many calibration seeds a network has rows of."""
    return len(np.unique([run["seed"] for run in content["runs"] if run["network"] == name]))
