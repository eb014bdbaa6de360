"""The life of a worker's process: one numerical thread, no Ctrl-C of its own, no orphan.

Nothing that computes is imported here: this is read before the first cell.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Mapping
from typing import Any

THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
"""What numerical libraries read when they are first imported."""


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Processes that are started inside have one numerical thread each."""
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def context() -> Any:
    """How workers are started: from a server that has imported what every cell needs, and forks.

    It has no threads when it does. Where there is none (Windows) each process imports by itself.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    made = multiprocessing.get_context("forkserver")
    made.set_forkserver_preload(["secateur.study.executing", "secateur.solving.api"])
    return made


def begin(environment: Mapping[str, str]) -> None:
    """Make a new process a worker.

    Arguments:
        environment: of the parent, now: the server that forks may be older.
    """
    for name in set(os.environ) - set(environment):
        del os.environ[name]
    os.environ.update(environment)
    # Ctrl-C reaches every process of a terminal; the parent decides what becomes of a worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _interrupted)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    from secateur import progress

    progress.show("none")


def _interrupted(number: int, frame: Any) -> None:
    # so that a paid job can be cancelled, or said to go on
    raise KeyboardInterrupt


def _end_with(parent: Any) -> None:
    """A worker whose parent was killed would wait for its next cell for ever."""
    parent.join()
    os._exit(1)
