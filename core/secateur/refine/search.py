"""What both refinements share: the budget, the races, the incumbent that never gets worse."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from secateur.problem.model import Bits, Problem
from secateur.problem.moves import Moves
from secateur.progress import Step
from secateur.refine.many import fulls, quicks

if TYPE_CHECKING:
    from secateur.refine.races import Metric


T = TypeVar("T")


@dataclass
class Candidate:
    """A mask that was raced.

    Attributes:
        bits: exactly K ones, within the limits.
        quick: its metric in the race.
        source: who proposed it.
    """

    bits: Bits
    quick: float
    source: str


@dataclass
class Search:
    """The state of one refinement.

    Attributes:
        problem: count, limits, and the QUBO that guides.
        metric: what is maximised.
        budget: in evaluations of the whole split.
        bits: the incumbent.
        value: its metric on the whole split.
        history: evaluations spent and the incumbent's metric, at every improvement.
        wins: improvements by who proposed them.
        base: the incumbent's metric in the last race, before it.
    """

    problem: Problem
    metric: Metric
    budget: int
    step: Step
    bits: Bits
    value: float = -np.inf
    history: list[tuple[float, float]] = field(default_factory=list)
    wins: dict[str, int] = field(default_factory=dict)
    seen: set[bytes] = field(default_factory=set)
    repaired: int = 0
    base: float = -np.inf
    _spent_before: float = 0.0

    def __post_init__(self) -> None:
        self._moves = Moves(self.problem)

    def begin(self) -> None:
        """Evaluate the start."""
        self._spent_before = self.metric.spent
        self.value = self.metric.full(self.bits)
        self.seen.add(self.bits.tobytes())
        self.history.append((self.spent, self.value))

    @property
    def spent(self) -> float:
        """Evaluations spent by this search."""
        return self.metric.spent - self._spent_before

    def affords(self, cost: float) -> bool:
        """Whether the budget has room for this much more."""
        return self.spent + cost <= self.budget + 1e-9

    def fresh(self, rows: Iterable[tuple[Bits, str]]) -> list[tuple[Bits, str]]:
        """Proposals made feasible, without those that were seen before."""
        new = []
        for bits, source in rows:
            if not self.problem.feasible(bits)[0]:
                repaired = self._moves.repair(bits)
                if repaired is None:
                    continue
                bits = repaired
                self.repaired += 1
            key = bits.astype(np.int8).tobytes()
            if key not in self.seen:
                self.seen.add(key)
                new.append((bits.astype(np.int8), source))
        return new

    def race(self, proposals: list[tuple[Bits, str]], confirm: int) -> list[Candidate]:
        """Race proposals on a part of the samples and confirm the best on all of them.

        Arguments:
            proposals: from ``fresh``; as many as the budget affords are raced.
            confirm: at most so many that beat the incumbent's own race are evaluated fully.
        """
        self.base = base = self.metric.quick(self.bits)
        raced: list[Candidate] = []
        while some := self._afforded(proposals[len(raced) :], self.metric.quick_cost):
            values = quicks(self.metric, [bits for bits, _ in some])
            raced += [
                Candidate(bits, value, source)
                for (bits, source), value in zip(some, values, strict=True)
            ]
        raced.sort(key=lambda candidate: -candidate.quick)
        better = [candidate for candidate in raced[:confirm] if candidate.quick > base]
        self._confirm(better)
        self.step.advance(round(self.spent) - self.step.done, note=f"{self.value:.3f}")
        return raced

    def _confirm(self, candidates: list[Candidate]) -> None:
        """Evaluate candidates fully, as far as the budget goes, and take what is better."""
        rest = 1.0 - self.metric.quick_cost
        done = 0
        while some := self._afforded(candidates[done:], rest):
            done += len(some)
            before = self.spent
            values = fulls(self.metric, [candidate.bits for candidate in some])
            each = (self.spent - before) / len(some)
            for number, (candidate, value) in enumerate(zip(some, values, strict=True), 1):
                if value > self.value:
                    self.bits, self.value = candidate.bits, value
                    spent = self.spent if number == len(some) else before + number * each
                    self.history.append((spent, value))
                    self.wins[candidate.source] = self.wins.get(candidate.source, 0) + 1

    def _afforded(self, rows: list[T], cost: float) -> list[T]:
        """The first of them, as many as the budget has room for if each costs this much."""
        number = 0
        while number < len(rows) and self.affords((number + 1) * cost):
            number += 1
        return rows[:number]
