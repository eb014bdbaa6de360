"""Refinement on the true metric, from the QUBO's answer; gradient-free, exact in the count."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from secateur.errors import OptionError
from secateur.problem.model import Bits, Problem
from secateur.progress import track
from secateur.refine.exchange import Exchange
from secateur.refine.races import Metric, Races
from secateur.refine.search import Search
from secateur.refine.tensor_train import TensorTrain

__all__ = ["Exchange", "Metric", "Races", "Refined", "Refinement", "TensorTrain", "refine"]

Refinement = TensorTrain | Exchange


@dataclass(frozen=True, eq=False)
class Refined:
    """What a refinement found; never worse than its start on the selection split.

    Arguments:
        bits: exactly K ones, shape ``(n,)``.
        start: the metric of the start on the selection split, more is better.
        value: the metric of ``bits`` there.
        evaluations: spent, in units of the whole split, rounded up.
        history: evaluations spent and best metric, at every improvement.
        wins: improvements by who proposed them.
        repaired: proposals that broke a limit and were mended.
        method: the settings.
        seconds: wall time.
    """

    bits: Bits
    start: float
    value: float
    evaluations: int
    history: tuple[tuple[float, float], ...]
    wins: dict[str, int]
    repaired: int
    method: Refinement
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """All but the bits, as plain data."""
        return {
            "method": self.method.name,
            "settings": self.method.public(),
            "start": self.start,
            "value": self.value,
            "evaluations": self.evaluations,
            "history": [list(point) for point in self.history],
            "wins": dict(self.wins),
            "repaired": self.repaired,
            "seconds": self.seconds,
        }


def refine(
    metric: Metric, problem: Problem, start: Bits, method: Refinement, *, seed: int = 0
) -> Refined:
    """Search better masks on the true metric, with exactly the same number of ones.

    Arguments:
        metric: ``Races``, or anything like it.
        problem: its QUBO guides, its count and limits hold.
        start: feasible, shape ``(n,)``.
        method: ``TensorTrain`` or ``Exchange``.
        seed: of the proposals.

    Raises:
        OptionError: the start is not feasible.
        MetricError: the metric is not finite.
    """
    if not bool(problem.feasible(start)[0]):
        raise OptionError(
            f"the start has {int(start.sum(dtype='int64'))} ones or breaks a limit",
            remedy="start from a Selection of the same problem",
        )
    started = time.monotonic()
    with track(f"refining ({method.name})", method.evaluations) as step:
        state = Search(problem, metric, method.evaluations, step, start.astype("int8"))
        state.begin()
        method.search(state, seed)
    return Refined(
        bits=state.bits,
        start=state.history[0][1],
        value=state.value,
        evaluations=int(-(-(state.spent - 1e-9) // 1)),
        history=tuple(state.history),
        wins=state.wins,
        repaired=state.repaired,
        method=method,
        seconds=time.monotonic() - started,
    )
