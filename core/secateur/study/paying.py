"""What metered cells may be charged: one budget for a study, and no cell paid twice.

Before a cell is run, that it is about to be is in the store. A backend that keeps a journal is
asked again under the cell's key and gives its recorded answer; of one that keeps none, nobody knows
whether a call that was cut off was charged, so it is not called again unless that is asked for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from secateur.backends.metering import one_run
from secateur.errors import SecateurError
from secateur.solving import quote
from secateur.solving.chosen import Chosen, choose
from secateur.study.cell import Cell, Study
from secateur.study.engine import Task
from secateur.study.executing import (
    budget_option,
    charged_so_far,
    options_of,
    problem_of,
)
from secateur.study.row import Row
from secateur.study.store import Store
from secateur.study.stored import Payment

CUT_OFF = (
    "an earlier run ended while this cell could be charged, and its backend keeps no journal of "
    "what was answered; `--again failed` runs it, and may pay for it, once more"
)


@dataclass(frozen=True)
class Waiting:
    """A metered cell that is not run.

    Arguments:
        cell: of the study.
        reason: why.
    """

    cell: Cell
    reason: str


class Purse:
    """The money of a study.

    Arguments:
        study: whose metered cells are charged together.
        store: where that is written down.
    """

    def __init__(self, study: Study, store: Store) -> None:
        self._study, self._store = study, store
        self._keys = [cell.key for cell in study.cells if cell.method.metered]

    def spent(self) -> float | None:
        """Seconds that all metered cells were, or may have been, charged; None: not known.

        Those of the study's tuning are among them.
        """
        return _sum(list(self._known().values()))

    def _known(self) -> dict[str, Payment]:
        """What is known of every charge that the budget is for, by cell."""
        others = self._store.paid_by(self._study.paid_with)
        return others | self._store.payments(self._keys)

    def task(self, cell: Cell) -> Task | Waiting | str:
        """A metered cell that may be run; why not; or the reason for which it has failed.

        That it is about to be run is in the store afterwards.
        """
        known = self._known()
        own = known.pop(cell.key, None)
        try:
            problem = problem_of(cell.instance)
            chosen = choose(cell.method.backend, options_of(cell.method, None))
        except SecateurError:  # running it says the same, as a row
            return Task(cell, self._study.title, charge=True, most_s=0.0, again=False)
        keeps = chosen.solver is not None and chosen.solver.keeps_journal
        if not keeps and own is not None and not own.ended:
            self._store.paid(cell.key, own.charged)
            return CUT_OFF
        with one_run(cell.key):
            before = (charged_so_far(chosen, problem) if keeps else None) or 0.0
            if not keeps and own is not None:
                before = own.spent if own.spent is not None else math.nan
            price = self._price(cell, chosen)
        return self._allowed(cell, list(known.values()), before, price, keeps)

    def _price(self, cell: Cell, chosen: Chosen) -> float | None:
        """Seconds that it would be charged, at most; None: not known."""
        try:
            return quote(
                problem_of(cell.instance),
                backend=chosen,
                seed=cell.seed,
                time_limit=cell.time_limit,
                proof=cell.method.proof,
                max_calls=cell.method.max_calls,
                charge=True,
            ).charge_s
        except SecateurError:  # running it says the same, as a row, before anything is sent
            return None

    def _allowed(
        self,
        cell: Cell,
        others: list[Payment],
        before: float,
        price: float | None,
        keeps: bool,
    ) -> Task | Waiting:
        budget, spent = self._study.budget_s, _sum(others)
        most = None
        if budget is not None:
            if spent is None or math.isnan(before):
                return Waiting(cell, f"what was charged before is not known, of {budget:g} s")
            left = budget - spent - before
            if price is None and budget_option(cell.method) is None:
                return Waiting(cell, f"what it would be charged is not known, of {left:g} s left")
            if price is not None and price > left + 1e-9 * budget:
                return Waiting(cell, f"{price:g} s would be charged, and {left:g} s are left")
            # a journal's budget is of all tries of the cell
            most = max(0.0, left + (before if keeps else 0.0))
        expected = None if price is None or math.isnan(before) else before + price
        if expected is None and most is not None:
            expected = most
        self._store.pay(cell.key, self._study.title, expected)
        return Task(cell, self._study.title, charge=True, most_s=most, again=keeps)

    def catch_up(self) -> None:
        """Settle what has a row and is not settled: a run was killed between the two."""
        known = self._store.payments(self._keys)
        rows = {row.key: row for row in self._store.rows(self._study.title)}
        for cell in self._study.cells:
            own = known.get(cell.key)
            if own is not None and not own.ended and cell.key in rows:
                self.settle(cell, rows[cell.key])

    def settle(self, cell: Cell, row: Row) -> None:
        """Write down what a cell was charged, by its row."""
        own = self._store.payments([cell.key]).get(cell.key)
        charged = row.charged
        if not keeps_journal(cell) and own is not None and own.charged is not None:
            charged = None if charged is None else own.charged + charged
        self._store.paid(cell.key, charged)

    def refused(self, cell: Cell) -> None:
        """Write down that a cell was not run after all: it was charged no more than before."""
        charged: float | None = 0.0
        if keeps_journal(cell):
            chosen = choose(cell.method.backend, options_of(cell.method, None))
            with one_run(cell.key):
                charged = charged_so_far(chosen, problem_of(cell.instance))
        else:
            own = self._store.payments([cell.key]).get(cell.key)
            charged = 0.0 if own is None or own.charged is None else own.charged
        self._store.paid(cell.key, charged)


def keeps_journal(cell: Cell) -> bool:
    """Whether the backend of a cell takes an answer again that was paid for."""
    try:
        solver = choose(cell.method.backend, options_of(cell.method, None)).solver
    except SecateurError:
        return False
    return solver is not None and solver.keeps_journal


def _sum(payments: list[Payment]) -> float | None:
    every = [payment.spent for payment in payments]
    return None if None in every else math.fsum(one or 0.0 for one in every)
