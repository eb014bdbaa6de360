"""Where cells are run: in processes of this machine, one numerical thread each.

Every process is an executor of its own, so that one that dies takes nothing with it but its cell.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any, Protocol

from secateur.errors import OptionError
from secateur.study.cell import Cell
from secateur.study.executing import execute, failed
from secateur.study.reads import Reads
from secateur.study.row import Row, State
from secateur.study.worker import begin, context, one_thread

DIED = "the process that ran it died twice: it crashed, was killed, or memory ran out"
LATE_FACTOR, LATE_SECONDS = 10.0, 120.0
"""A cell is given up so many times its time limit and so many seconds later."""
TICK = 0.5
"""Seconds between two looks at the clock."""
PATIENCE = 10.0
"""Seconds that a worker has to say what becomes of a paid job when it is interrupted."""


@dataclass(frozen=True)
class Task:
    """A cell that is to be run.

    Arguments:
        cell: of a study.
        study: its title.
        charge: a metered backend may be called.
        most_s: the cell may be charged no more; None: any number of seconds.
        again: it may be run once more where its process died.
    """

    cell: Cell
    study: str
    charge: bool = False
    most_s: float | None = None
    again: bool = True

    def run(self) -> tuple[Row, Reads]:
        """Run it, in the process that calls this."""
        return execute(self.cell, study_title=self.study, charge=self.charge, most_s=self.most_s)

    def failed(self, reason: str) -> tuple[Row, Reads]:
        """What is left of it where nothing came back."""
        nothing = Reads.none(self.cell.instance.variables)
        return failed(self.cell, self.study, reason), nothing


Taken = Callable[[], Task | None]
"""The next cell, or None if there is none now."""
Ended = tuple[Task, tuple[Row, Reads] | BaseException]
"""A cell, and what came out; or what ``execute`` raised."""


class Engine(Protocol):
    """Runs cells, several at a time. Used in a ``with`` statement, which ends what runs.

    Attributes:
        workers: cells that run at the same time.
    """

    workers: int

    def run(self, take: Taken) -> Iterator[Ended]:
        """Run cells until there are none; each as it ends."""
        ...

    def __enter__(self) -> Engine: ...

    def __exit__(self, *exc: object) -> None: ...


class Pool:
    """Processes of this machine.

    Arguments:
        workers: how many; None: one for each processor that this process may use.

    Raises:
        OptionError: that is no number of processes.
    """

    def __init__(self, workers: int | None = None) -> None:
        if workers is not None and workers < 1:
            raise OptionError(f"workers is {workers}", remedy="use a whole number from 1")
        self.workers = workers or _processors()
        self._seats: list[_Seat] = []

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *exc: object) -> None:
        for seat in self._seats:
            seat.end()
        self._seats = []

    def run(self, take: Taken) -> Iterator[Ended]:
        """Run cells until there are none; each as it ends.

        Raises:
            KeyboardInterrupt: with what is to be said of paid jobs that go on.
        """
        self._seats = self._seats or [_Seat() for _ in range(self.workers)]
        try:
            while True:
                for seat in self._seats:
                    task = take() if seat.task is None else None
                    if task is not None:
                        seat.begin(task)
                busy = [seat.future for seat in self._seats if seat.future is not None]
                if not busy:
                    return
                wait(busy, timeout=TICK, return_when=FIRST_COMPLETED)
                for seat in self._seats:
                    ended = seat.ended()
                    if ended is not None:
                        yield ended
        except KeyboardInterrupt as interrupt:
            for seat in self._seats:
                for note in seat.interrupted():
                    interrupt.add_note(note)
            raise


class _Seat:
    """One process at a time, and the cell that it runs."""

    def __init__(self) -> None:
        self.task: Task | None = None
        self.future: Future[tuple[Row, Reads]] | None = None
        self._executor: ProcessPoolExecutor | None = None
        self._tries = 0
        self._until: float | None = None

    def begin(self, task: Task) -> None:
        """Run a cell."""
        self.task, self._tries = task, 0
        self._submit(task)

    def _submit(self, task: Task) -> None:
        self._tries += 1
        self._until = _until(task.cell)
        with one_thread():  # processes are started when there is something to do
            if self._executor is None:
                self._executor = ProcessPoolExecutor(
                    1, mp_context=context(), initializer=begin, initargs=(dict(os.environ),)
                )
            self.future = self._executor.submit(Task.run, task)

    def ended(self) -> Ended | None:
        """The cell with what came out, if it has ended."""
        task, future = self.task, self.future
        if task is None or future is None:
            return None
        if not future.done():
            if self._until is None or time.monotonic() < self._until:
                return None
            self.end()
            limit = task.cell.time_limit
            return task, task.failed(f"it did not end, long after its time limit of {limit:g} s")
        try:
            outcome: tuple[Row, Reads] | BaseException = future.result()
        except BrokenProcessPool:
            self.end(keep=True)
            if self._tries == 1 and task.again:
                self._submit(task)
                return None
            outcome = task.failed(DIED if self._tries > 1 else DIED.replace(" twice", ""))
        except BaseException as error:
            outcome = error
        if isinstance(outcome, BaseException) or outcome[0].state is State.FAILED:
            self.end()  # a solver that hangs may still be at work there
        self.task = self.future = None
        return task, outcome

    def interrupted(self) -> list[str]:
        """End the process, but not before it has said what becomes of a paid job."""
        notes: list[str] = []
        if self.task is not None and self.task.charge and self.future is not None:
            for process in self._processes():
                with contextlib.suppress(OSError, TypeError):
                    os.kill(process.pid, signal.SIGTERM)  # heard as Ctrl-C
            try:
                self.future.result(timeout=PATIENCE)
            except BaseException as error:
                notes += getattr(error, "__notes__", [])
        self.end()
        return notes

    def _processes(self) -> list[Any]:
        return list((getattr(self._executor, "_processes", None) or {}).values())

    def end(self, *, keep: bool = False) -> None:
        """End the process; ``keep``: the cell is still to be run."""
        processes = self._processes()
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)
            self._executor = None
        for process in processes:
            with contextlib.suppress(Exception):
                process.kill()
                process.join(PATIENCE)
        if not keep:
            self.task = self.future = None


def _until(cell: Cell) -> float | None:
    """When a cell is given up; None: never, as where a network is measured first."""
    if cell.time_limit is None or cell.instance.judging or cell.method.metered:
        return None
    return time.monotonic() + LATE_FACTOR * cell.time_limit + LATE_SECONDS


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
