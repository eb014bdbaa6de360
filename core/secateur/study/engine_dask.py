"""Where cells are run: on a Dask cluster, at the address of its scheduler.

Dask runs the cells of a lost worker again, and gives a cell up that took several workers with it
(``distributed.scheduler.allowed-failures``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Any

from secateur.errors import SecateurError
from secateur.extras import needed_by
from secateur.study.engine import DIED, TICK, Ended, Taken, Task
from secateur.study.reads import Reads
from secateur.study.row import Row

REACHED = "30s"
"""To find a scheduler."""
_SAME = ("python", "secateur", "numpy", "scipy", "dimod", "dwave-samplers")
"""What a worker must have as the cells' keys say it."""


class Cluster:
    """A Dask cluster.

    Arguments:
        address: of its scheduler, ``tcp://host:port``.

    Raises:
        SecateurError: it cannot be reached, has no workers, or none that is like this machine.
        MissingExtra: Dask is not installed.
    """

    def __init__(self, address: str) -> None:
        with needed_by("a study on a cluster"):
            from distributed import Client
        try:
            self._client = Client(address, timeout=REACHED, set_as_default=False)
        except (OSError, ValueError) as error:
            raise SecateurError(
                f"there is no Dask scheduler at {address}: {error}",
                remedy="start one (`dask scheduler`) and workers (`dask worker ADDRESS --nthreads "
                "1`), and give its tcp:// address",
            ) from error
        try:
            self.workers = self._checked(address)
        except BaseException:
            self._client.close()
            raise
        # not pure: that a cell was run before is known from the store alone
        self._executor = self._client.get_executor(pure=False, retries=1)

    def _checked(self, address: str) -> int:
        threads: Mapping[str, int] = self._client.nthreads()
        if not threads:
            raise SecateurError(
                f"the cluster at {address} has no workers",
                remedy=f"start some: dask worker {address} --nthreads 1",
            )
        several = sorted(name for name, number in threads.items() if number > 1)
        if several:
            raise SecateurError(
                f"worker {several[0]} runs {threads[several[0]]} cells at a time in one process, "
                "and their times would mean nothing",
                remedy=f"start workers with one thread: dask worker {address} --nthreads 1 "
                "--nworkers N",
            )
        ours = _versions()
        for name, theirs in self._client.run(_versions).items():
            for what in _SAME:
                if theirs.get(what) != ours.get(what):
                    raise SecateurError(
                        f"worker {name} has {what} {theirs.get(what)}, and here is "
                        f"{ours.get(what)}: its cells would be others",
                        remedy="install the same versions on both",
                    )
        return len(threads)

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *exc: object) -> None:
        self._executor.shutdown(wait=False)
        self._client.close()

    def run(self, take: Taken) -> Iterator[Ended]:
        """Run cells until there are none; each as it ends.

        Raises:
            SecateurError: the scheduler was lost.
        """
        under_way: dict[Future[tuple[Row, Reads]], Task] = {}
        while True:
            while len(under_way) < self._room():
                task = take()
                if task is None:
                    break
                under_way[self._executor.submit(Task.run, task)] = task
            if not under_way:
                return
            done, _ = wait(under_way, timeout=TICK, return_when=FIRST_COMPLETED)
            for future in done:
                task = under_way.pop(future)
                yield task, self._outcome(task, future)

    def _room(self) -> int:
        """Cells that are sent at a time: a worker may join, or be lost for a while."""
        self.workers = max(1, len(self._client.nthreads())) if self._alive() else self.workers
        return self.workers

    def _alive(self) -> bool:
        if self._client.status == "running":
            return True
        if self._client.status in ("closed", "closing"):
            raise _lost()
        return False

    def _outcome(self, task: Task, future: Any) -> tuple[Row, Reads] | BaseException:
        from distributed import CancelledError, KilledWorker

        try:
            made: tuple[Row, Reads] = future.result()
        except KilledWorker:
            return task.failed(DIED)
        except CancelledError:
            return _lost()
        except BaseException as error:
            return error
        return made


def _lost() -> SecateurError:
    return SecateurError(
        "the scheduler of the cluster was lost",
        remedy="start it again, and run the same: what ended is stored, and the rest is run",
    )


def _versions() -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    from secateur.versions import versions

    found = dict(versions())
    try:
        found["scipy"] = version("scipy")
    except PackageNotFoundError:
        found["scipy"] = "not installed"
    return found
