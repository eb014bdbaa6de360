"""Rows shared out among processes, each with the network and the data; the caller works, too.

On Linux they are forked, as PyTorch's loaders are: weights and data are shared as they are, nothing
has to be pickled, and a start takes milliseconds. A forked process uses one thread, because the
pools of numerical libraries do not live on in it. Elsewhere they are spawned, if asked for.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import signal
import sys
import threading
import warnings
import weakref
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, wait
from typing import Any

import torch

from secateur.errors import SecateurError

Work = Callable[[Any], float]
"""What is done with a job; the same number in every process."""
AHEAD = 2
"""Jobs that a process has at most: one that it works on, one that waits."""


class Processes:
    """Processes that work on jobs beside this one. ``close`` ends them, and so does the end of it.

    Arguments:
        work: done with every job; under "spawn" it is pickled.
        count: processes besides this one.
        method: "fork" or "spawn"; the platform's unless given.

    Raises:
        SecateurError: a process could not be started.
    """

    def __init__(self, work: Work, count: int, *, method: str | None = None) -> None:
        context: Any = multiprocessing.get_context(method or start_method())
        self._work = work
        self._pipes: list[Connection] = []
        self._processes: list[Any] = []
        self._finish = weakref.finalize(self, _end, os.getpid(), self._pipes, self._processes)
        try:
            for _ in range(count):
                ours, theirs = context.Pipe()
                others = [*self._pipes, ours] if context.get_start_method() == "fork" else []
                process = context.Process(target=_serve, args=(theirs, work, others), daemon=True)
                with warnings.catch_warnings():
                    # of Python 3.12 on: the pools of threads that are left behind are not used
                    warnings.filterwarnings("ignore", message=".*fork", category=DeprecationWarning)
                    process.start()
                theirs.close()
                self._pipes.append(ours)
                self._processes.append(process)
        except (OSError, pickle.PicklingError, AttributeError, TypeError) as error:
            self.close()
            raise SecateurError(
                f"a process for the evaluator could not be started: {error}",
                remedy="use workers=1",
            ) from error
        except BaseException:
            self.close()
            raise

    @property
    def pids(self) -> list[int]:
        """Of the processes besides this one."""
        return [process.pid for process in self._processes]

    def close(self) -> None:
        """End them."""
        self._finish()

    def values(self, jobs: Sequence[Any]) -> list[float]:
        """What the work gives for every job, in their order.

        Raises:
            SecateurError: a process died. What the work raised anywhere is raised here; the
                processes are ended.
        """
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            return self._values(jobs)
        except BaseException:
            self.close()
            raise
        finally:
            torch.set_num_threads(threads)

    def _values(self, jobs: Sequence[Any]) -> list[float]:
        made: dict[int, float] = {}
        errors: dict[int, BaseException] = {}
        loads = [0] * len(self._pipes)
        left = iter(enumerate(jobs))
        ended = False
        while True:
            while not ended and (idle := [k for k, load in enumerate(loads) if load < AHEAD]):
                number, job = next(left, (-1, None))
                if number < 0:
                    ended = True
                    break
                self._send(min(idle, key=loads.__getitem__), (number, job), loads)
            if not ended:
                number, job = next(left, (-1, None))
                ended = number < 0
                if number >= 0:
                    made[number] = self._work(job)
            if ended and not any(loads):
                break
            for k in self._ready(loads, None if ended else 0.0):
                number, value, error = self._receive(k)
                loads[k] -= 1
                if error is not None:
                    errors[number] = error
                else:
                    made[number] = value
            if errors:
                ended = True  # what is under way is waited for, so that the first one is told
        if errors:
            raise errors[min(errors)]
        return [made[number] for number in range(len(jobs))]

    def _ready(self, loads: list[int], timeout: float | None) -> list[int]:
        busy = {id(self._pipes[k]): k for k, load in enumerate(loads) if load}
        if not busy:
            return []
        pipes = [self._pipes[k] for k in busy.values()]
        return [busy[id(pipe)] for pipe in wait(pipes, timeout)]

    def _send(self, k: int, message: Any, loads: list[int]) -> None:
        try:
            self._pipes[k].send(message)
        except OSError as error:
            raise self._died(k) from error
        loads[k] += 1

    def _receive(self, k: int) -> tuple[int, float, BaseException | None]:
        try:
            answer: tuple[int, float, BaseException | None] = self._pipes[k].recv()
        except (EOFError, OSError) as error:
            raise self._died(k) from error
        return answer

    def _died(self, k: int) -> SecateurError:
        process = self._processes[k]
        process.join(5)
        return SecateurError(
            f"a process of the evaluator died (exit code {process.exitcode})",
            remedy="use workers=1, or check whether memory ran out",
        )


def start_method() -> str:
    """How processes are started here."""
    return "fork" if sys.platform == "linux" else "spawn"


def automatic() -> int:
    """As many processes as threads are allowed here; 1 in a process that another one started."""
    if sys.platform != "linux" or multiprocessing.parent_process() is not None:
        return 1
    return max(1, min(torch.get_num_threads(), len(os.sched_getaffinity(0)), 16))


def _end(owner: int, pipes: list[Connection], processes: list[Any]) -> None:
    if os.getpid() != owner:  # a forked copy has no say
        return
    for pipe in pipes:
        pipe.close()
    for process in processes:
        process.terminate()
        process.join()
    processes.clear()


def _serve(pipe: Connection, work: Work, others: Sequence[Connection]) -> None:
    """The life of a process: the parent decides about Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for other in others:  # the ends that a fork inherits would keep pipes open
        other.close()
    torch.set_num_threads(1)
    parent = multiprocessing.parent_process()
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    from secateur import progress

    progress.show("none")
    with contextlib.suppress(EOFError, OSError):
        while True:
            number, job = pipe.recv()
            answer: tuple[int, float, BaseException | None]
            try:
                answer = (number, work(job), None)
            except Exception as error:
                answer = (number, 0.0, _sent(error))
            pipe.send(answer)


def _sent(error: Exception) -> Exception:
    """An error as it can be sent: one that cannot be pickled says what it was."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return SecateurError(
            f"{type(error).__name__}: {error}", remedy="use workers=1 to see where it was raised"
        )
    return error


def _end_with(parent: Any) -> None:
    """A process whose parent was killed would wait for its next job for ever."""
    parent.join()
    os._exit(1)
