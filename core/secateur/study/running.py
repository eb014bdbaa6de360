"""A study, run: what is not done yet, each cell once, stored as it ends.

Several runs of one study may be at work in one store; each takes cells that no other holds. A run
that is killed at any moment leaves rows of what ended, and nothing else: the same run goes on.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from secateur.errors import BackendBudgetSpent
from secateur.progress import Step, track
from secateur.study.cell import Cell, Study
from secateur.study.engine import Engine, Pool, Task
from secateur.study.executing import machine, row_of
from secateur.study.paying import Purse, Waiting
from secateur.study.reads import Reads
from secateur.study.row import Row, State
from secateur.study.store import Store
from secateur.study.stored import Member

logger = logging.getLogger("secateur")

POLL = 0.5
"""Seconds between two looks at cells that another run holds."""
NOT_ALLOWED = "it may charge, and that was not allowed: --charge"


@dataclass
class Ran:
    """How a run ended.

    Attributes:
        title: of the study.
        store: where its rows are, as people read it.
        cells: that the study has.
        new: rows that this run wrote.
        states: of all its rows: how many ended how.
        waiting: cells that were not run, and why.
        charged: seconds that the metered cells were charged, all runs together; None: not known.
        budget_s: that these may be charged; None: no budget.
        seconds: that this run took.
    """

    title: str
    store: str
    cells: int
    new: int = 0
    states: dict[str, int] = field(default_factory=dict)
    waiting: list[Waiting] = field(default_factory=list)
    charged: float | None = 0.0
    budget_s: float | None = None
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "study": self.title,
            "store": self.store,
            "cells": self.cells,
            "new": self.new,
            **self.states,
            "waiting": len(self.waiting),
            "waiting_for": sorted({one.reason for one in self.waiting}),
            "charged_s": self.charged,
            "budget_s": self.budget_s,
            "seconds": self.seconds,
        }


def run_study(
    study: Study,
    store: Store,
    engine: Engine,
    *,
    charge: bool = False,
    again: Collection[State] = (),
) -> Ran:
    """Run the cells of a study that have no row yet.

    Arguments:
        study: to be run.
        store: that the rows go into.
        engine: that runs the cells that are not metered. Metered ones are run one after another by
            a process of this machine, where token and journal are.
        charge: metered cells are run too.
        again: rows of these states are forgotten first, and run again.

    Raises:
        StoreError: the store cannot be written; the rows that it has stay.
        SecateurError: the engine was lost.
        KeyboardInterrupt: what ended is stored; the notes say how to go on.
    """
    return _Run(study, store, engine, charge).go(again)


class _Run:
    def __init__(self, study: Study, store: Store, engine: Engine, charge: bool) -> None:
        self.study, self.store, self.engine, self.charge = study, store, engine, charge
        self.cells = list({cell.key: cell for cell in study.cells}.values())
        self.purse = Purse(study, store)
        self.ran = Ran(study.title, str(store), len(self.cells), budget_s=study.budget_s)
        self.clock = _Clock()
        self.step: Step | None = None
        self.held: list[Cell] = []

    def go(self, again: Collection[State]) -> Ran:
        began = time.monotonic()
        self._write_down()
        if again:
            rows = self.store.rows(self.study.title)
            self.store.forget(row.key for row in rows if row.state in again)
        ended = self.store.keys(cell.key for cell in self.cells)
        todo = [cell for cell in self.cells if cell.key not in ended]
        impossible = [cell for cell in todo if cell.cannot or cell.method.cannot]
        for cell in impossible:
            self.store.add(*_cannot(cell, self.study.title))
        self.ran.new += len(impossible)
        todo = [cell for cell in todo if not (cell.cannot or cell.method.cannot)]
        metered = [cell for cell in todo if cell.method.metered]
        if metered and not self.charge:
            self.ran.waiting += [Waiting(cell, NOT_ALLOWED) for cell in metered]
            metered = []
        free = [cell for cell in todo if not cell.method.metered]
        self.clock.begin([*free, *metered], self.engine.workers)
        try:
            with track(f"running {len(free) + len(metered)} cells", len(free) + len(metered)) as s:
                self.step = s
                self._free(free)
                self._metered(metered)
        except KeyboardInterrupt as interrupt:
            interrupt.add_note(self._so_far())
            raise
        self._sum(began)
        return self.ran

    def _write_down(self) -> None:
        text = self.study.text
        for secret in self.store.secrets:
            text = text.replace(secret, "…")
        self.store.begin(
            self.study.title,
            sha256=self.study.sha256,
            toml=text,
            cells=[
                Member(
                    key=cell.key,
                    instance=cell.instance.name,
                    method=cell.method.name,
                    family=cell.instance.family,
                    tuned=cell.method.tuned,
                    best_known=cell.instance.best_known,
                    known_optimal=_optimal(cell),
                    seed=cell.seed,
                    repetition=cell.repetition,
                )
                for cell in self.cells
            ],
        )

    def _free(self, cells: Iterable[Cell]) -> None:
        """Run cells by the engine; those that another run holds are waited for."""
        todo = deque(cells)
        while todo:
            self.held = []
            for task, outcome in self.engine.run(partial(self._next, todo)):
                try:
                    if isinstance(outcome, BaseException):
                        raise outcome
                    self._add(task.cell, *outcome)
                finally:
                    self.store.claims.release(task.cell.key)
            todo = self._left()

    def _next(self, todo: deque[Cell]) -> Task | None:
        """The next cell that nobody has run or runs."""
        while todo:
            cell = todo.popleft()
            if not self.store.claims.take(cell.key):
                self.held.append(cell)
                continue
            if self.store.keys([cell.key]):  # another run has ended it meanwhile
                self.store.claims.release(cell.key)
                self._advance(cell)
                continue
            return Task(cell, self.study.title)
        return None

    def _left(self) -> deque[Cell]:
        """Of the cells that another run held, those that it has let go without a row."""
        held = self.held
        while held:
            ended = self.store.keys(cell.key for cell in held)
            for cell in held:
                if cell.key in ended:
                    self._advance(cell)
            held = [cell for cell in held if cell.key not in ended]
            for cell in held:
                if self.store.claims.take(cell.key):
                    self.store.claims.release(cell.key)
                    return deque(held)
            if held:
                time.sleep(POLL)
        return deque()

    def _metered(self, cells: list[Cell]) -> None:
        """Run metered cells one after another, whoever runs the study."""
        if not cells:
            return
        mine = f"metered cells of {self.study.title}"
        while not self.store.claims.take(mine):  # never two at once over one budget
            time.sleep(POLL)
        try:
            self.purse.catch_up()
            with Pool(1) as pool:
                todo = deque(cells)
                for task, outcome in pool.run(partial(self._next_metered, todo)):
                    self._paid(task.cell, outcome)
        finally:
            self.store.claims.release(mine)

    def _next_metered(self, todo: deque[Cell]) -> Task | None:
        while todo:
            cell = todo.popleft()
            if self.store.keys([cell.key]):
                self._advance(cell)
                continue
            found = self.purse.task(cell)
            if isinstance(found, Task):
                return found
            if isinstance(found, Waiting):
                self.ran.waiting.append(found)
                self._advance(cell)
            else:
                task = Task(cell, self.study.title)
                self._add(cell, *task.failed(found))
        return None

    def _paid(self, cell: Cell, outcome: tuple[Row, Reads] | BaseException) -> None:
        if isinstance(outcome, BackendBudgetSpent):
            self.purse.refused(cell)
            self.ran.waiting.append(Waiting(cell, outcome.message))
            self._advance(cell)
            return
        if isinstance(outcome, BaseException):
            raise outcome
        row, reads = outcome
        # first the row: what was paid for is not lost, and a killed run settles it by the journal
        self._add(cell, row, reads)
        self.purse.settle(cell, row)

    def _add(self, cell: Cell, row: Row, reads: Reads) -> None:
        self.ran.new += self.store.add(row, reads)
        if row.state is not State.DONE:
            logger.warning(
                "%s on %s, seed %d: %s: %s",
                row.method,
                row.instance,
                row.seed,
                row.state,
                row.reason,
            )
        self.clock.ended(cell, row)
        self._advance(cell)

    def _advance(self, cell: Cell) -> None:
        self.clock.gone(cell)
        if self.step is not None:
            self.step.advance(note=self.clock.told())

    def _so_far(self) -> str:
        ended = len(self.store.keys(cell.key for cell in self.cells))
        return (
            f"{ended} of {len(self.cells)} cells of {self.study.title!r} are in {self.store}; the "
            "same command goes on from there"
        )

    def _sum(self, began: float) -> None:
        rows = self.store.rows(self.study.title)
        self.ran.states = {str(state): sum(row.state is state for row in rows) for state in State}
        self.ran.charged = self.purse.spent()
        self.ran.seconds = time.monotonic() - began


def _optimal(cell: Cell) -> bool | None:
    return None if cell.instance.best_known is None else cell.instance.known_optimal


def _cannot(cell: Cell, title: str) -> tuple[Row, Reads]:
    """The row of a cell of which it was known before that it cannot be run."""
    row = replace(row_of(cell, title), machine=machine(), started=datetime.now(UTC).isoformat())
    reason = cell.cannot or cell.method.cannot
    return replace(row, reason=reason), Reads.none(cell.instance.variables)


class _Clock:
    """When a run is expected to end: by what its methods took so far, and by their limits."""

    def __init__(self) -> None:
        self._left: dict[str, Cell] = {}
        self._workers = 1
        self._took: dict[str, list[float]] = {}

    def begin(self, cells: Iterable[Cell], workers: int) -> None:
        self._left = {cell.key: cell for cell in cells}
        self._workers = max(1, workers)

    def ended(self, cell: Cell, row: Row) -> None:
        self._took.setdefault(cell.method.name, []).append(row.wall or 0.0)

    def gone(self, cell: Cell) -> None:
        self._left.pop(cell.key, None)

    def told(self) -> str:
        if not self._left:
            return ""
        every = [seconds for took in self._took.values() for seconds in took]
        usual = sum(every) / len(every) if every else 0.0
        free = metered = 0.0
        for cell in self._left.values():
            took = self._took.get(cell.method.name)
            guess = sum(took) / len(took) if took else (cell.time_limit or usual)
            if cell.method.metered:
                metered += guess
            else:
                free += guess
        return f"about {_duration(free / self._workers + metered)} left"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
