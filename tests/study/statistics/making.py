"""One row in few words."""

from __future__ import annotations

from typing import Any

from secateur.study import Row, State
from secateur.study.statistics.runs import Run, Runs, collect


def row(
    method: str, instance: str = "a", seed: int = 0, energy: float | None = None, **other: Any
) -> Row:
    """Done if there is an energy, else failed."""
    given: dict[str, Any] = {
        "key": f"{method}/{instance}/{seed}/{other.get('repetition', 0)}",
        "study": "Made by hand",
        "instance_sha256": f"hash of {instance}",
        "variables": 10,
        "couplings": 20,
        "backend": method,
        "state": State.FAILED if energy is None else State.DONE,
        "wall": 1.0,
        "stopped": "completed",
    }
    return Row(method=method, instance=instance, seed=seed, energy=energy, **{**given, **other})


def runs_of(*rows: Row) -> Runs:
    return collect(rows)


def run(gap: float, path: tuple[tuple[float, float], ...] = (), end: float = 1.0) -> Run:
    """A run that completed; its row says nothing else."""
    answer = row("m", energy=-1.0) if gap < float("inf") else row("m")
    return Run((0, 0, 0), answer, gap, path, end)
