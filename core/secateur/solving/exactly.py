"""Exactly what was asked, from any backend.

What a backend takes natively it is handed; every other demand gets a price (``prices``). Whatever
comes back is verified, closed to the demands by moves, and the best of all is kept.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secateur.backends.base import Backend, BackendOptions, Solution, Status, Stopped
from secateur.backends.call import resolve_options, run
from secateur.backends.guard import applicability_of
from secateur.backends.metered import is_metered
from secateur.backends.metering import Bill, keeps_budget, open_bill
from secateur.errors import BackendBudgetSpent, BackendFailed
from secateur.problem.model import Bits, Problem
from secateur.problem.moves import Moves
from secateur.progress import Step, track
from secateur.solving.control import Control
from secateur.solving.prices import Prices

logger = logging.getLogger("secateur")

REPAIRED_ROWS = 4
"""So many of the best rows of each answer are brought to the demands; more rarely helped."""
CALLS = 16
"""Calls of a backend, at most, where a demand has to be priced."""
START_SHARE = 0.1
"""Of the time is given to the good vector that the first price is read from."""
SHARED = 8
"""A call gets this part of the time that is left, so that as many fit."""


@dataclass
class Found:
    """What a search over one backend found.

    Attributes:
        bits: the best choice that keeps every demand, shape ``(n,)``; None if there is none yet.
        energy: of ``bits``.
        backend_energy: the best energy of the backend's answers, closed but not improved.
        bound: the best bound that its answers prove, or None.
        proven: the backend proved that ``bits`` is optimal.
        prices: every price tried, with the form that it gave.
        rows: all reads, and how often each occurred.
        last: the backend's last solution.
        stopped: why the search ended early, or None.
        calls: of the backend.
        bill: calls and seconds that metered backends charged, and their notes; None: there were
            none.
        incumbents: (seconds since the search's start, energy) of every improvement, those that the
            backend tells among them.
        seconds: in the backend, and in moves.
    """

    bits: Bits | None = None
    energy: float = np.inf
    backend_energy: float = np.inf
    bound: float | None = None
    proven: bool = False
    prices: list[dict[str, list[float]]] = field(default_factory=list)
    rows: list[tuple[Bits, NDArray[np.int64]]] = field(default_factory=list)
    last: Solution | None = None
    stopped: Stopped | None = None
    calls: int = 0
    bill: Bill | None = None
    incumbents: list[tuple[float, float]] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=lambda: {"backend": 0.0, "moves": 0.0})

    def charged(self) -> dict[str, Any]:
        """What metered backends were paid, and what is to be told of it, for the provenance."""
        about: dict[str, Any] = {}
        if self.bill is not None and self.bill.calls:
            about["charged"] = self.bill.to_json() | {"text": self.bill.told()}
            about["notes"] = list(dict.fromkeys(self.bill.notes))
        if self.last is not None and "repaired" in self.last.raw:
            about["repaired"] = self.last.raw["repaired"]
        return about


class Search:
    """The calls of one backend on one problem.

    Arguments:
        problem: with its demands.
        solver: the backend.
        options: of the backend.
        seed: given to the backend if it takes one.
        control: the clock of the whole search.
        most_calls: of the backend; None: as many as a search needs, and one of a metered backend
            that keeps no budget.
        charge: a metered backend may charge without a budget.
    """

    def __init__(
        self,
        problem: Problem,
        solver: Backend,
        *,
        options: Mapping[str, Any] | None = None,
        seed: int | None = 0,
        control: Control | None = None,
        most_calls: int | None = None,
        charge: bool = False,
    ) -> None:
        self.problem = problem
        self.solver = solver
        self.options = dict(options or {})
        self.seed = seed if solver.capabilities.takes_seed else None
        self.control = control or Control()
        self.moves = Moves(problem)
        self.native = solver.capabilities.native
        self.found = Found()
        self.last_seconds = 0.0
        self.charge = charge
        self.metered = is_metered(solver, resolve_options(solver, self.options))
        priced = problem.kinds - self.native
        if not priced:
            self.most_calls = 1
        elif most_calls is not None:
            self.most_calls = most_calls
        else:
            # with the count kept by the backend the rest is nearly always kept by the way
            self.most_calls = CALLS if "count" in priced or "count" not in problem.kinds else 4
            if self.metered and ("count" not in priced or not self._budgeted()):
                self.most_calls = 1

    def first_call(self) -> tuple[Problem, BackendOptions]:
        """What the backend would be handed first, and its options; it is not called."""
        priced = [d for d in self.problem.demands if d.kind not in self.native]
        relaxed = Prices(self.problem, priced, self._start()).relaxed()
        chosen = resolve_options(self.solver, self._options(relaxed))
        return relaxed.only(self.native), chosen

    def _budgeted(self) -> bool:
        """A wrapper says itself how often it may call."""
        if hasattr(self.solver, "inner"):
            return True
        return keeps_budget(self.solver, resolve_options(self.solver, self.options))

    def go(self) -> Found:
        """Call until the demands are met at prices that need not change.

        Raises:
            BackendError: the backend cannot be used, failed, or returned something untrue.
            KeyboardInterrupt: it was interrupted.
        """
        found = self.found
        with (
            open_bill(self.problem, charge=self.charge) as bill,
            track(f"solving with {self.solver.name}") as step,
        ):
            if self.metered:
                found.bill = bill
            try:
                self._search(step)
            finally:  # also of a search that was interrupted
                if bill.calls and bill.problem is self.problem:
                    logger.info("%s: charged %s", self.solver.name, bill.told())
        return found

    def _search(self, step: Step) -> None:
        """Call, and move the prices."""
        found = self.found
        first = self._start()
        priced = [d for d in self.problem.demands if d.kind not in self.native]
        prices = Prices(self.problem, priced, first)
        while found.calls < self.most_calls:
            try:
                answer = self._call(prices, step)
            except BackendBudgetSpent:
                if found.last is None:
                    raise
                found.stopped = Stopped.BUDGET  # what was paid for is not thrown away
                break
            if not prices.list or prices.kept(answer):
                break
            prices.learn(answer)
            if prices.closed:
                break
            if self.control.left() <= self.last_seconds:  # another one would not fit
                found.stopped = Stopped.TIME_LIMIT
                break

    def _start(self) -> Bits | None:
        """A good vector, from which the first prices of a count and of budgets are read."""
        if not {"count", "budget", "staircase"} & (self.problem.kinds - self.native):
            return None
        start = self.moves.greedy()
        if start is None:
            return None
        if self.metered:  # not by the clock: the same search asks, and pays, for the same again
            return self.moves.descend(start)
        clock = self.control.part(START_SHARE)
        return self.moves.descend(start, late=lambda: clock.late)

    def _tired(self) -> bool:
        return not self.metered and self.control.late  # not by the clock: see `_start`

    def _call(self, prices: Prices, step: Step) -> Bits:
        """One call; updates what was found and returns the best answer, as it came."""
        found = self.found
        whole = time.monotonic()
        relaxed = prices.relaxed()
        if found.bits is not None:
            relaxed = relaxed.with_start(found.bits[None])
        began, since = time.monotonic(), self.control.since_origin()
        solution = run(self.solver, relaxed, self._options(relaxed))
        found.seconds["backend"] += time.monotonic() - began
        found.calls += 1
        found.last = solution
        step.advance(note=f"call {step.done + 1}")
        if solution.stopped is Stopped.INTERRUPTED:
            raise KeyboardInterrupt
        if len(solution.samples) == 0:
            self._none(solution)
        for seconds, row in solution.incumbents:
            if self.problem.feasible(row)[0]:  # of this problem, not of the relaxed one
                self._keep(row, since + seconds)
        rows, occurrences = self._rows(solution)
        found.rows.append((rows, occurrences))
        energies = relaxed.energies(rows)
        order = np.argsort(energies, kind="stable")
        best = rows[order[0]]
        found.prices.append({p.demand.name: [p.value, p.form(best)] for p in prices.list})
        if solution.bound is not None and prices.bounding:
            dual = _less(solution.bound, prices)
            found.bound = dual if found.bound is None else max(found.bound, dual)
        began = time.monotonic()
        proven = solution.status is Status.OPTIMAL and not prices.list
        for row in rows[order[:REPAIRED_ROWS]]:
            self._close(row, polish=not proven)
        found.proven = found.proven or proven
        found.seconds["moves"] += time.monotonic() - began
        self.last_seconds = time.monotonic() - whole
        return np.asarray(best)

    def _options(self, asked: Problem) -> dict[str, Any]:
        """The backend's options for one call: the seed, and its part of the time that is left.

        A backend that says that it cannot do anything in its part gets more, up to all of it.
        """
        options = dict(self.options)
        if self.seed is not None:
            options.setdefault("seed", self.seed)
        if not self.solver.capabilities.takes_time_limit or self.control.seconds is None:
            return options
        left = self.control.left()
        if self.metered:  # not by the clock: see `_start`
            share = (self.control.asked or 0.0) / self.most_calls
        else:
            share = left / max(min(self.most_calls - self.found.calls, SHARED), 1)
        share = max(share, 0.01)
        given = options.get("time_limit")
        asked = asked.only(self.native).apart()
        while True:
            options["time_limit"] = share if given is None else min(float(given), share)
            if self.metered or share >= left:
                return options
            chosen = resolve_options(self.solver, options)
            if applicability_of(self.solver, asked, chosen).applicable:
                return options
            share = min(2.0 * share, left)

    def _none(self, solution: Solution) -> None:
        if solution.status is Status.INFEASIBLE:
            from secateur.errors import ConstraintError

            raise ConstraintError(
                f"backend {self.solver.name!r} proves that no choice keeps all demands",
                remedy="relax one of them: "
                + ", ".join(repr(c.name) for c in self.problem.constraints[:5]),
            )
        raise BackendFailed(
            f"backend {self.solver.name!r} found no solution ({solution.status}, stopped: "
            f"{solution.stopped})",
            backend=self.solver.name,
            remedy="give it more time, or choose another backend",
        )

    def _rows(self, solution: Solution) -> tuple[Bits, NDArray[np.int64]]:
        """The reads in the problem's order of variables, each once, and how often it occurred."""
        record = solution.samples.record
        rows = np.asarray(record.sample, dtype=np.int8)
        how_often = np.asarray(record.num_occurrences, dtype=np.int64)
        packed = np.ascontiguousarray(np.packbits(rows.astype(bool), axis=1))
        if packed.shape[1] == 0:
            return rows[:1], np.array([how_often.sum()])
        keys = packed.view([("", np.void, packed.shape[1])]).ravel()
        _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
        return rows[first], np.bincount(inverse, how_often, len(first)).astype(np.int64)

    def _close(self, row: Bits, *, polish: bool) -> None:
        """Bring one answer to the demands, and improve it."""
        found = self.found
        closed = self.moves.repair(row)
        if closed is None:
            return
        found.backend_energy = min(found.backend_energy, float(self.problem.energies(closed)[0]))
        best = self.moves.descend(closed, late=self._tired) if polish else closed
        self._keep(best, self.control.since_origin())

    def _keep(self, bits: Bits, seconds: float) -> None:
        """Remember a choice that keeps every demand, if it is the best so far.

        Arguments:
            bits: the choice.
            seconds: since the search's start, when it was first had.
        """
        found = self.found
        energy = float(self.problem.energies(bits)[0])
        if energy < found.energy:
            found.bits, found.energy = bits, energy
            found.incumbents.append((seconds, energy))


def _less(bound: float, prices: Prices) -> float:
    """A bound of the relaxed problem without the demands' credit, rounded down."""
    slack = prices.slack()
    if not slack or not np.isfinite(bound):
        return bound
    exact = Fraction(bound) - prices.credit() - Fraction(slack)
    return float(np.nextafter(float(exact), -np.inf))
