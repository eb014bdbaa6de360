"""Worker processes that keep what they work on: a block is sent once, its curve comes back often.

Processes are spawned, not forked, so that threads of the numerical libraries do no harm. Ctrl-C
and exceptions end all of them.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection, wait
from types import TracebackType
from typing import Any, Protocol

from secateur.errors import SecateurError
from secateur.solving.control import Control


class Bench(Protocol):
    """What a worker holds: items with numbers, and a call that works on some of them."""

    numbers: tuple[int, ...]

    def call(self, tasks: dict[int, int | None], control: Control) -> dict[int, Any]:
        """The results by number."""
        ...


class Team:
    """Processes, each with a bench of its own. Used in a ``with`` statement, which ends them.

    Arguments:
        benches: one a process; they can be pickled.
    """

    def __init__(self, benches: Sequence[Bench]) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipes: list[Connection] = []
        self._processes: list[Any] = []
        self._numbers = [frozenset(bench.numbers) for bench in benches]
        try:
            for bench in benches:
                ours, theirs = context.Pipe()
                process = context.Process(target=_serve, args=(theirs,), daemon=True)
                process.start()
                theirs.close()
                self._pipes.append(ours)
                self._processes.append(process)
                ours.send(bench)
        except BaseException:
            self._end()
            raise

    def __enter__(self) -> Team:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def _end(self) -> None:
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            process.terminate()
            process.join()

    def call(self, tasks: Mapping[int, int | None], control: Control) -> dict[int, Any]:
        """Give every task to the process that holds its item, and gather the results.

        Raises:
            SecateurError: a process died. What a process raised is raised here.
        """
        waiting = []
        for pipe, numbers in zip(self._pipes, self._numbers, strict=True):
            some = {number: task for number, task in tasks.items() if number in numbers}
            if some:
                pipe.send((some, None if control.seconds is None else control.left()))
                waiting.append(pipe)
        made: dict[int, Any] = {}
        while waiting:
            ready = wait(waiting)
            for pipe in [pipe for pipe in waiting if pipe in ready]:
                try:
                    result = pipe.recv()
                except (EOFError, ConnectionError) as error:
                    raise SecateurError(
                        "a worker process died",
                        remedy="use workers=1, or check whether memory ran out",
                    ) from error
                if isinstance(result, BaseException):
                    raise result
                made.update(result)
                waiting.remove(pipe)
        return made


def _serve(pipe: Connection) -> None:
    """The life of a worker: the parent decides about Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(EOFError, OSError):
        bench = pipe.recv()
        while True:
            tasks, seconds = pipe.recv()
            try:
                pipe.send(bench.call(tasks, Control(seconds)))
            except Exception as error:
                pipe.send(error)


def shares(costs: Sequence[float], workers: int) -> list[list[int]]:
    """Numbers of items for each worker: the dearest first, each to the one that has least."""
    groups: list[list[int]] = [[] for _ in range(workers)]
    loads = [0.0] * workers
    for number in sorted(range(len(costs)), key=lambda number: (-costs[number], number)):
        least = loads.index(min(loads))
        groups[least].append(number)
        loads[least] += costs[number]
    return groups
