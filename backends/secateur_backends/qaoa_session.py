"""A session or batch on a paid device: opened late, closed always, charged by the clock.

A session is charged from its first job until it is closed, whatever runs in it, so it is a job of
its own in the journal: one that a killed run left open is closed by the next, and counted.
"""

from __future__ import annotations

import logging
import time
from typing import Any

from secateur_backends.leap_jobs import Job, State
from secateur_backends.qaoa_journal import Ledger, Runs
from secateur_backends.qaoa_service import IBM, attempt

logger = logging.getLogger(__name__)


class Hold:
    """How a run holds its device.

    Arguments:
        kind: "none", "session" or "batch".
        ibm: the device.
        journal: where a session is written down.
        ledger: what was charged so far.
        run_key: of the run.
        search: that the run is a call of.

    Attributes:
        mode: the open session or batch, or None.
        job: the session in the journal, or None.
    """

    def __init__(
        self,
        kind: str,
        ibm: IBM,
        journal: Runs,
        ledger: Ledger,
        run_key: str,
        search: str = "",
    ) -> None:
        self._kind, self._ibm, self._journal = kind, ibm, journal
        self._ledger, self._run_key, self._search = ledger, run_key, search
        self._since: float | None = None
        self.mode: Any = None
        self.job: Job | None = None

    def opened(self, left: float, n: int) -> Any:
        """The session or batch, opened before the first job that is sent.

        Arguments:
            left: seconds after which the service closes a session.
            n: variables, for the journal.
        """
        if self._kind == "none" or self.mode is not None:
            return self.mode
        self.mode = self._ibm.open(self._kind, left)
        if self._kind == "session":
            about: dict[str, Any] = {"kind": "session", "solver": self._ibm.name, "n": n}
            job = self._journal.begin(self._run_key, search=self._search, **about)
            session_id = str(self.mode.session_id)
            self.job = self._journal.update(job, state=State.SUBMITTED, job_id=session_id)
        return self.mode

    def active(self, job_s: float) -> None:
        """A job of so many seconds has just ended: from its begin on the session is charged."""
        if self._since is None:
            self._since = time.monotonic() - job_s

    def tick(self) -> None:
        """Put down what the session is charged up to now."""
        if self.job is not None:
            since = self._since
            self._ledger.jobs[self.job.label] = 0.0 if since is None else time.monotonic() - since

    def close(self) -> None:
        """Close what is open; jobs that were sent go on."""
        self.tick()
        if self.job is not None:
            self.job = self._closed(self.job, self.mode)
        elif self.mode is not None:
            attempt(self.mode.close)

    def settle(self, job: Job) -> Job:
        """An earlier run's session: closed, if that run could not."""
        if job.kind != "session" or job.state is not State.SUBMITTED:
            return job
        mode, _ = attempt(lambda: self._ibm.reopened(str(job.job_id)))
        return self._closed(job, mode)

    def _closed(self, job: Job, mode: Any) -> Job:
        error = None
        if mode is not None:
            _, error = attempt(mode.close)
        if mode is None or error is not None:
            logger.warning(
                "session %s could not be closed: close it in IBM's dashboard", job.job_id
            )
            return job
        usage, _ = attempt(mode.usage)
        by_clock = self._ledger.jobs.get(job.label)
        charged = by_clock if usage is None else float(usage)
        job = self._journal.update(
            job, state=State.ANSWERED, extra={**job.extra, "charged_s": charged}
        )
        self._ledger.count(job)
        return job
