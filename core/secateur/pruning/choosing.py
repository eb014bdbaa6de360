"""The selection of a method: of its objective, or of the best of a few on the selection split."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from secateur.errors import SecateurError
from secateur.methods.resolved import Resolved
from secateur.problem import Problem
from secateur.pruning.finishing import Body
from secateur.pruning.planning import Planner
from secateur.pruning.rounds import in_rounds
from secateur.solving import Selection
from secateur.statistics import ChannelStatistics

logger = logging.getLogger("secateur")


@dataclass(frozen=True, eq=False)
class Picked:
    """A selection, and the problem that it is of.

    Arguments:
        method: with the objective that made it.
        problem: of that objective.
        selection: that keeps what is wanted.
        notes: of rounds and of the objectives that were not taken.
    """

    method: Resolved
    problem: Problem
    selection: Selection
    notes: tuple[str, ...] = ()

    def beside(self, method: Resolved) -> Picked:
        """The same for a method that differs in what comes after the selection."""
        own = self.method.objective
        same = next((one for one in method.candidates if one.objective == own), method)
        return replace(self, method=same)


def pick(planner: Planner, statistics: ChannelStatistics, method: Resolved, body: Body) -> Picked:
    """The selection of a method.

    Arguments:
        planner: of what is wanted.
        statistics: of the dense network.
        method: with its objective, or one that chooses among several.
        body: where candidates are measured.

    Raises:
        SecateurError: it cannot be made; of several objectives, none could.
    """
    if not method.candidates:
        return Picked(method, *in_rounds(planner, statistics, method, body))
    started = time.monotonic()
    made: list[tuple[float, Picked]] = []
    told: dict[str, Any] = {}
    failed: list[tuple[str, SecateurError]] = []
    for candidate in method.shared(len(method.candidates)).candidates:
        try:
            picked = Picked(candidate, *in_rounds(planner, statistics, candidate, body))
            keep = picked.selection.bits == 0
            value = body.worth(keep, compensated=method.method.compensated)
        except SecateurError as error:
            failed.append((candidate.name, error))
            told[candidate.objective.name] = f"failed: {error.message}"
            continue
        made.append((value, picked))
        told[candidate.objective.name] = value
    if not made and len({str(fault) for _, fault in failed}) == 1:
        raise failed[0][1]  # once is enough
    for name, fault in failed:
        logger.warning("%s failed: %s", name, fault)
    if not made:
        raise failed[0][1]
    sign = 1.0 if body.subject.task.higher_is_better else -1.0
    _, best = max(made, key=lambda one: sign * one[0])
    return _named(method, best, told, body, time.monotonic() - started)


def _named(
    method: Resolved, best: Picked, told: Mapping[str, Any], body: Body, seconds: float
) -> Picked:
    """The best with what is said of it."""
    objective = best.method.objective
    own = next(one for one in method.candidates if one.objective == objective)
    state = "compensated" if method.method.compensated else "masked"
    metric = body.subject.task.metric_name
    values = ", ".join(
        f"{name} {value:.3f}" if isinstance(value, float) else f"{name} {value}"
        for name, value in told.items()
    )
    note = f"{method.name}: {objective.name} is the best of {values} ({metric} on the selection "
    selection = replace(
        best.selection,
        timings={**best.selection.timings, "total": seconds},
        provenance={
            **best.selection.provenance,
            "auto": {
                "chosen": objective.name,
                "split": "selection",
                "metric": metric,
                "state": state,
                "candidates": dict(told),
            },
        },
    )
    return Picked(own, best.problem, selection, (*best.notes, f"{note}split, {state})"))
