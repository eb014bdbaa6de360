"""The selection of a method: of its objective, or of the best of a few on the selection split."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from secateur.errors import SecateurError
from secateur.methods.resolved import Resolved, percent
from secateur.objectives import Auto
from secateur.problem import Problem
from secateur.pruning.finishing import Body
from secateur.pruning.planning import Planner
from secateur.pruning.rounds import in_rounds
from secateur.solving import Selection
from secateur.statistics import ChannelStatistics

logger = logging.getLogger("secateur")


FLOOR_SECONDS = 5.0
"""A round of a selection under a floor, where no limit is given: it is one of many searches."""


@dataclass(frozen=True, eq=False)
class Picked:
    """A selection, and the problem that it is of.

    Arguments:
        method: with the objective that made it.
        problem: of that objective.
        selection: that keeps what is wanted.
        notes: of rounds and of the objectives that were not taken.
        floor: share of every layer that was demanded besides; 0: none.
    """

    method: Resolved
    problem: Problem
    selection: Selection
    notes: tuple[str, ...] = ()
    floor: float = 0.0

    def beside(self, method: Resolved) -> Picked:
        """The same for a method that differs in what comes after the selection."""
        if not method.candidates:
            return replace(self, method=method)
        return replace(self, method=method.candidate(self.method.objective, self.floor))


@dataclass(frozen=True, eq=False)
class _Trial:
    """A candidate's selection and its worth; or its fault, which is worth nothing.

    Arguments:
        method: with the objective.
        worth: the more, the better.
        value: of the metric, or what went wrong.
    """

    method: Resolved
    worth: float
    value: float | str
    picked: Picked | None = None
    fault: SecateurError | None = None

    @property
    def name(self) -> str:
        """Of the objective."""
        return self.method.objective.name


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
    if not isinstance(method.objective, Auto):
        return Picked(method, *in_rounds(planner, statistics, method, body))
    started = time.monotonic()
    shared = method.shared(method.searches)
    free = [_tried(planner, statistics, one, body) for one in shared.candidates]
    best = _best(free)
    assert best.picked is not None
    keep = best.picked.selection.bits == 0
    floor = two_digits(method.objective.floor * float(keep.mean()))
    floored = planner.floored(floor, keep)
    tried: list[_Trial] = []
    if floored is not None:
        for one in (best, *(other for other in free if other is not best)):
            tried.append(_under(floored, floor, statistics, shared, one, body))
            if tried[0].worth <= best.worth:
                break  # what is worth nothing to the best is not tried with the others
    return _named(method, free, tried, floor, body, time.monotonic() - started)


def _under(
    planner: Planner,
    floor: float,
    statistics: ChannelStatistics,
    shared: Resolved,
    free: _Trial,
    body: Body,
) -> _Trial:
    """A candidate under a floor; as it is, where it keeps that by itself."""
    if free.picked is not None:
        keep = free.picked.selection.bits == 0
        if planner.floored(floor, keep) is None:
            return free
    candidate = _quick(shared.candidate(free.method.objective, floor))
    return _tried(planner, statistics, candidate, body, floor)


def two_digits(share: float) -> float:
    """Rounded, so that what is told of a floor is what is demanded."""
    return float(f"{share:.2g}")


def _quick(method: Resolved) -> Resolved:
    """With a limit of time, if it has none."""
    own = method.method
    if own.time_limit is not None or "time_limit" in (own.options or {}):
        return method
    return replace(method, method=replace(own, time_limit=FLOOR_SECONDS * own.rounds))


def _tried(
    planner: Planner,
    statistics: ChannelStatistics,
    method: Resolved,
    body: Body,
    floor: float = 0.0,
) -> _Trial:
    """A candidate's selection, measured on the selection split."""
    try:
        picked = Picked(method, *in_rounds(planner, statistics, method, body), floor)
        keep = picked.selection.bits == 0
        value = body.worth(keep, compensated=method.method.compensated)
    except SecateurError as error:
        return _Trial(method, -math.inf, f"failed: {error.message}", fault=error)
    sign = 1.0 if body.subject.task.higher_is_better else -1.0
    return _Trial(method, sign * value, value, picked)


def _best(trials: Sequence[_Trial]) -> _Trial:
    """The first of the best.

    Raises:
        SecateurError: there is none; what went wrong first.
    """
    faults = [one.fault for one in trials if one.fault is not None]
    if len(faults) < len(trials) or len({str(fault) for fault in faults}) > 1:
        for one in trials:
            if one.fault is not None:
                logger.warning("%s failed: %s", one.method.name, one.fault)
    if len(faults) == len(trials):
        raise faults[0]  # one fault of all is told once
    return _first_best(trials)


def _first_best(trials: Iterable[_Trial]) -> _Trial:
    """Of those that were made, one at least."""
    return max((one for one in trials if one.picked is not None), key=lambda one: one.worth)


def _named(
    method: Resolved,
    free: Sequence[_Trial],
    floored: Sequence[_Trial],
    floor: float,
    body: Body,
    seconds: float,
) -> Picked:
    """The best of all with what is said of it."""
    best = _first_best((*free, *floored)).picked
    assert best is not None
    name = best.method.objective.name
    state = "compensated" if method.method.compensated else "masked"
    metric = body.subject.task.metric_name
    taken = f"{name} with {percent(best.floor)} of every layer" if best.floor else name
    note = f"{method.name}: {taken} is the best of {_values(free)}"
    if floored:
        note += f"; with {percent(floor)} of every layer at least: {_values(floored)}"
    told: dict[str, Any] = {
        "chosen": name,
        "split": "selection",
        "metric": metric,
        "state": state,
        "candidates": {one.name: one.value for one in free},
    }
    if floored:
        told |= {
            "floor": floor,
            "floored": {one.name: one.value for one in floored},
            "under_floor": best.floor > 0,
        }
    selection = replace(
        best.selection,
        timings={**best.selection.timings, "total": seconds},
        provenance={**best.selection.provenance, "auto": told},
    )
    own = method.candidate(best.method.objective, best.floor)
    notes = (*best.notes, f"{note} ({metric} on the selection split, {state})")
    return Picked(own, best.problem, selection, notes, best.floor)


def _values(trials: Sequence[_Trial]) -> str:
    return ", ".join(
        f"{one.name} {one.value:.3f}" if isinstance(one.value, float) else f"{one.name} {one.value}"
        for one in trials
    )
