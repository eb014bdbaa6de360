"""One refinement: the search is called, and what it leaves is measured again, never trusted."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from secateur.errors import OptionError, SecateurError, StageFailed
from secateur.options import owner_of
from secateur.problem.model import Bits, Problem
from secateur.progress import track
from secateur.refine.base import Refiner
from secateur.refine.many import fulls, quicks
from secateur.refine.registry import RefinerLike, resolve_refiner
from secateur.refine.search import Search
from secateur.stages import REFINERS, origin

if TYPE_CHECKING:
    from secateur.refine.races import Metric


@dataclass(frozen=True)
class Confirmed:
    """Start and best as they are made in the end, not as a search saw them; more is better.

    Arguments:
        start: the metric of the start on the whole selection split.
        value: that of the best.
        held_start: that of the start on what the search never saw.
        held_value: that of the best there.
        held: so many samples; with none the whole split stands for them.
    """

    start: float
    value: float
    held_start: float
    held_value: float
    held: int

    @property
    def kept(self) -> bool:
        """The gain is none of the search's alone."""
        return self.value > self.start and self.held_value > self.held_start

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return {**asdict(self), "kept": self.kept}


@dataclass(frozen=True, eq=False)
class Refined:
    """What a refinement found; never worse than its start on what it searched on.

    Arguments:
        bits: exactly K ones, shape ``(n,)``.
        start: the metric of the start as the search saw it, more is better.
        value: that of the best it found.
        evaluations: spent, in units of the whole split, rounded up.
        history: evaluations spent and best metric, at every improvement.
        wins: improvements by who proposed them.
        repaired: proposals that broke a limit and were mended.
        method: the refiner with its options.
        seconds: wall time.
        state: in which masks were looked at: "masked", "compensated quickly", "compensated".
        confirmed: start and best, compared truly; ``bits`` is the start where that was not kept.
    """

    bits: Bits
    start: float
    value: float
    evaluations: int
    history: tuple[tuple[float, float], ...]
    wins: dict[str, int]
    repaired: int
    method: Refiner
    seconds: float
    state: str = ""
    confirmed: Confirmed | None = None

    def told(self) -> str:
        """The gains in words."""
        text = f"{self.value - self.start:+.3g} in the search"
        if self.confirmed is None:
            return text
        one = self.confirmed
        text += f", {one.value - one.start:+.3g} on the selection split"
        if one.held:
            text += f", {one.held_value - one.held_start:+.3g} on what was held back of it"
        return text + (": kept" if one.kept else ": not kept, the start is")

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
            "state": self.state,
            "confirmed": None if self.confirmed is None else self.confirmed.to_json(),
        }


def refine(
    metric: Metric, problem: Problem, start: Bits, method: RefinerLike, *, seed: int = 0
) -> Refined:
    """Search better masks on the true metric, with exactly the same number of ones.

    Arguments:
        metric: ``Races``, or anything like it.
        problem: its QUBO guides, its count and limits hold.
        start: feasible, shape ``(n,)``.
        method: as for ``resolve_refiner``.
        seed: of the proposals.

    Raises:
        OptionError: the start is not feasible, or there is no such refiner.
        MetricError: the metric is not finite.
        StageFailed: the refiner raised, spent more than its budget, or left a mask that is not
            feasible or worse than the start.
    """
    refiner = resolve_refiner(method)
    if not bool(problem.feasible(start)[0]):
        raise OptionError(
            f"the start has {int(start.sum(dtype='int64'))} ones or breaks a limit",
            remedy="start from a Selection of the same problem",
        )
    started = time.monotonic()
    budget = refiner.evaluations
    with track(f"refining ({refiner.name})", budget) as step:
        watched = _Watched(metric)
        state = Search(problem.apart(), watched, budget, step, start.astype("int8"))
        state.begin()
        before = state.value
        _search(refiner, state, seed)
    bits = _feasible(refiner, problem, getattr(state, "bits", None))
    spent = watched.spent
    if spent > budget + 1e-9:
        raise _fault(refiner, f"spent {spent:g} evaluations, and has {budget}")
    value = float(metric.full(bits))
    if not value >= before:
        raise _fault(refiner, f"left a mask of {value:g}, and started from {before:g}")
    history, wins = _record(refiner, state, (0.0, before), (spent, value))
    return Refined(
        bits=bits,
        start=before,
        value=value,
        evaluations=int(-(-(spent - 1e-9) // 1)),
        history=history,
        wins=wins,
        repaired=state.repaired,
        method=refiner,
        seconds=time.monotonic() - started,
    )


class _Watched:
    """The metric as a refiner sees it: what was spent is counted where it cannot be changed."""

    def __init__(self, metric: Metric) -> None:
        self._metric = metric
        self._before = metric.spent

    @property
    def spent(self) -> float:
        return self._metric.spent - self._before

    @property
    def quick_cost(self) -> float:
        return self._metric.quick_cost

    def full(self, bits: Bits) -> float:
        return self._metric.full(bits.copy())

    def quick(self, bits: Bits) -> float:
        return self._metric.quick(bits.copy())

    def fulls(self, rows: Sequence[Bits]) -> list[float]:
        return fulls(self._metric, [bits.copy() for bits in rows])

    def quicks(self, rows: Sequence[Bits]) -> list[float]:
        return quicks(self._metric, [bits.copy() for bits in rows])


def _search(refiner: Refiner, state: Search, seed: int) -> None:
    try:
        refiner.search(state, seed)
    except (SecateurError, KeyboardInterrupt):
        raise
    except BaseException as error:  # a plugin's own code
        raise _fault(refiner, f"raised {type(error).__name__}: {error}") from error


def _feasible(refiner: Refiner, problem: Problem, left: object) -> Bits:
    """The mask that a search left, if it is one."""
    given = np.asarray(left)
    if given.shape != (problem.n,) or not np.isin(given, (0, 1)).all():
        raise _fault(refiner, f"left no mask of {problem.n} zeros and ones")
    bits: Bits = given.astype(np.int8)
    broken = problem.broken(bits)
    if broken:
        raise _fault(refiner, f"left {broken[0]}")
    return bits


def _record(
    refiner: Refiner, state: Search, first: tuple[float, float], last: tuple[float, float]
) -> tuple[tuple[tuple[float, float], ...], dict[str, int]]:
    """History and wins, with the end as it was measured here."""
    try:
        points = [(float(spent), float(value)) for spent, value in state.history]
        wins = {str(source): int(number) for source, number in state.wins.items()}
        int(state.repaired)
    except (AttributeError, TypeError, ValueError) as error:
        raise _fault(refiner, f"left a state that cannot be read: {error}") from error
    if not points or points[0][1] != first[1]:
        points = [first, *points]
    if points[-1][1] != last[1]:
        points.append(last)
    if any(one[1] > two[1] for one, two in pairwise(points)):
        raise _fault(refiner, "left a history in which the best metric gets worse")
    return tuple(points), wins


def _fault(refiner: Refiner, what: str) -> StageFailed:
    return StageFailed(
        f"{owner_of(type(refiner))} {what}",
        remedy=f"report it to {origin(REFINERS, refiner.name, type(refiner))}, and refine without",
    )
