"""The best that is known of an instance, who knows it, and whether it is proven."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from secateur.study.row import Row, State
from secateur.study.statistics.gaps import CLOSED, relative_gap, same, size_of
from secateur.study.statistics.summaries import InstanceSummary


def energy_of(row: Row | None) -> float | None:
    """Of the answer; None where there is none: not done, no row, or no finite energy."""
    if row is None or row.state is not State.DONE or row.energy is None:
        return None
    return row.energy if math.isfinite(row.energy) else None


def describe(name: str, rows: Sequence[Row]) -> InstanceSummary:
    """What is known of an instance from all its rows.

    The best is the least of the runs' energies and of what the study's file says. A proven bound
    stands for it only where nobody has an energy. A bound above a known energy is untrue, or the
    energy is: neither is chosen, the bound is not used, and ``conflict`` says so.

    Arguments:
        name: of the instance.
        rows: of all methods, at least one.
    """
    found = [(energy, row.method) for row in rows if (energy := energy_of(row)) is not None]
    stated = [row.best_known for row in rows if row.best_known is not None]
    bounds = [(row.bound, row.method) for row in rows if row.bound is not None]
    size = size_of([*(energy for energy, _ in found), *stated])
    best, source = _best([energy for energy, _ in found], stated, size)
    bound: float | None = None
    conflict = ""
    if bounds:
        bound, prover = max(bounds)
        if best is None:
            best, source = bound, "bound"
        elif bound > best and relative_gap(bound, best, size) > CLOSED:
            owner = min(found)[1] if source == "run" else "the study's file"
            conflict = (
                f"{prover} claims the bound {bound:.9g}, and {owner} has the energy {best:.9g}"
            )
            bound = None
    near = best is not None and bound is not None and relative_gap(best, bound, size) <= CLOSED
    first = min(rows, key=lambda row: row.key)
    return InstanceSummary(
        name=name,
        family=first.family,
        sha256=first.instance_sha256,
        variables=first.variables,
        couplings=first.couplings,
        count=first.count,
        best=best,
        source=source,
        bound=bound,
        proven=near and source != "bound",
        size=size,
        conflict=conflict,
    )


def _best(
    found: Sequence[float], stated: Sequence[float], size: float
) -> tuple[float | None, Literal["", "run", "study", "bound"]]:
    """The least, and who has it; the study's file where both have the same."""
    if not found and not stated:
        return None, ""
    least = min([*found, *stated])
    if stated and same(min(stated), least, size):
        return least, "study"
    return least, "run"
