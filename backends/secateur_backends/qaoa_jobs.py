"""Circuits on a device that is paid for: never pay twice, never lose what was paid for.

Each evaluation of the angles is a job. Its answer is taken from the journal if it is there; a job
that was sent and has no end is waited for by its id, or looked for by its tag; only else is another
one sent, if the budget has room for it. The id is on the disk before the answer is awaited.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secateur.errors import BackendBudgetSpent, BackendFailed
from secateur_backends.leap_jobs import Job, State
from secateur_backends.qaoa_ansatz import Floats
from secateur_backends.qaoa_journal import (
    Ledger,
    Runs,
    angles_key,
    charge_in,
    packed,
    queue_in,
    tag_of,
    unpacked,
)
from secateur_backends.qaoa_samplers import Measured
from secateur_backends.qaoa_service import IBM, attempt, cap_of, status_of, was_asked
from secateur_backends.qaoa_session import Hold

logger = logging.getLogger(__name__)

_AGAIN = "run the same again: what was answered is in the journal and is not charged again"


@dataclass(kw_only=True)
class Paid(Measured):
    """One ansatz on a device that is paid for.

    Arguments:
        ibm: the device.
        journal: where jobs are written down.
        run_key: of the run.
        ledger: what was charged so far.
        job_s: seconds that one job is expected to be charged.
        budget: no more is spent, None for no limit; and in words where that comes from.
        search: of which search the jobs are; the budget is for all of them.
        hold: the session or batch, if the device is held.
        again: answers of earlier runs are left alone.
        resubmit: another job is sent where an earlier one cannot be settled.
        cancel: Ctrl-C cancels the job.
        wait: seconds to wait for one job.

    Attributes:
        charged_s: seconds that the jobs of this run were charged.
        queued_s: seconds that they waited.
        taken: ids of the jobs whose answers came from the journal.
        notes: sentences for people.
    """

    ibm: IBM
    journal: Runs
    run_key: str
    ledger: Ledger
    job_s: float
    budget: tuple[float | None, str]
    search: str
    hold: Hold
    again: bool = False
    resubmit: bool = False
    cancel: bool = False
    wait: float = 86_400.0
    charged_s: float = 0.0
    queued_s: float | None = None
    taken: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    _own: dict[str, Job] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        for job in self.journal.of_run(self.run_key, self.search):
            mine = job.key == self.run_key  # a session that this run left open
            self.ledger.count(self.hold.settle(job) if mine else job)

    def run(self, angles: Floats) -> tuple[NDArray[np.int8], NDArray[np.int64]]:
        """Measure at these angles, or take the measurement from the journal.

        Raises:
            BackendBudgetSpent: another job may cost more than is left.
            BackendFailed: the job failed, cannot be found, or its answer is not there in time.
        """
        job, handle = self._sent(angles)
        if job.state is not State.ANSWERED:
            job = self._awaited(job, handle)
        self.jobs.append(str(job.job_id))
        return self._read(job)

    def about(self) -> dict[str, Any]:
        """What was run, and what it was charged."""
        more: dict[str, Any] = {
            "charged_s": self.charged_s,
            "spent_s": self.ledger.spent,
            "queued_s": self.queued_s,
            "from_journal": list(self.taken),
            "notes": list(self.notes),
            "session": None if self.hold.job is None else self.hold.job.job_id,
        }
        return super().about() | more

    def close(self) -> None:
        """Close the session, and ask for charges that were not known yet."""
        for job in list(self._own.values()):
            if job.state is State.ANSWERED and job.extra.get("charged_s") is None:
                handle, _ = attempt(partial(self.ibm.job, str(job.job_id)))
                self._charged(job, handle)
        self.hold.close()
        session = [] if self.hold.job is None else [self.hold.job.label]
        charged = (self.ledger.jobs.get(label, 0.0) for label in [*self._own, *session])
        self.charged_s = float(sum(charged))
        if self.taken:
            self._note(
                f"{len(self.taken)} of {len(self.jobs)} answers are from the journal (job "
                f"{self.taken[-1]}), not charged; --option again=true for new ones"
            )

    def _note(self, said: str) -> None:
        logger.warning(said)
        self.notes.append(said)

    def _sent(self, angles: Floats) -> tuple[Job, Any]:
        """A job with an id: one that is answered, an earlier one without an end, or a new one."""
        key = angles_key(self.run_key, angles)
        with self.journal.lock(self.run_key):
            known = self.journal.answered(key)
            if known is not None and (not self.again or known.label in self._own):
                if known.label not in self._own:
                    self.taken.append(str(known.job_id))
                return known, None
            earlier = self.journal.unfinished(key)
            settled = None if earlier is None else self._settled(earlier)
            if settled is not None:
                return settled
            left = self._left()
            mode = self.hold.opened(left, self.ansatz.n)
            job = self.journal.begin(
                key,
                kind="circuit",
                solver=self.ibm.name,
                n=self.ansatz.n,
                params={"angles": [float(a) for a in angles], "shots": self.shots},
                extra={"session": self.hold.job is not None},
                estimate={"charge_s": self.job_s, "cap_s": cap_of(left)},
                search=self.search,
            )
            return self._submitted(job, mode)

    def _left(self) -> float:
        """Seconds of the budget that one more job may take.

        Raises:
            BackendBudgetSpent: fewer than it is expected to.
        """
        self.hold.tick()
        most, said = self.budget
        left = math.inf if most is None else most - self.ledger.spent
        if self.job_s <= left * (1 + 1e-9):
            return left
        spent = self.ledger.spent
        raise BackendBudgetSpent(
            f"backend {self.backend!r}: about {self.job_s:.3g} s would be charged for one more job "
            f"on {self.ibm.name}"
            + (f", after {spent:.3g} s for earlier ones" if spent else "")
            + f", and {said}; it was not sent",
            backend=self.backend,
            remedy="raise `max_charge_s` (answers that are there are taken from the journal), "
            "allow any charge with --charge (in Python charge=True), or ask for fewer `shots`",
        )

    def _submitted(self, job: Job, mode: Any) -> tuple[Job, Any]:
        tag, cap = tag_of(job), int(job.estimate["cap_s"])
        job = self.journal.update(job, state=State.SUBMITTING)
        self._own[job.label] = job
        values = self.values(np.asarray(job.params["angles"], dtype=np.float64))
        handle: Any
        try:
            handle, failure = attempt(
                lambda: self.ibm.send(self.circuit, values, self.shots, tag, cap, mode)
            )
        except KeyboardInterrupt as interrupt:
            self.ledger.count(job)
            interrupt.add_note(
                f"backend {self.backend!r}: the job with the tag {tag!r} may have been accepted: "
                "run the same again to look for it"
            )
            raise
        if failure is not None:
            handle = self._refused_or_found(job, tag, failure)
        job = self._noted(job, state=State.SUBMITTED, job_id=str(handle.job_id()))
        self._own[job.label] = job
        self.ledger.count(job)
        self._only_one(tag, str(job.job_id))
        logger.info("job %s was sent to %s", job.job_id, self.ibm.name)
        return job, handle

    def _refused_or_found(self, job: Job, tag: str, failure: Exception) -> Any:
        """The job after all, where the service has it.

        Raises:
            BackendFailed: it was refused, or may have been accepted.
        """
        status = status_of(failure)
        if not was_asked(failure) or (status is not None and 400 <= status < 500):
            text = self.ibm.scrub(str(failure))
            self.journal.update(job, state=State.REFUSED, note=text)
            raise self.ibm.failed(
                f"{self.ibm.name} refuses the job, and nothing is charged for it",
                failure,
                "look at what it says; " + _AGAIN,
            )
        found, error = attempt(lambda: self.ibm.jobs(tag))
        if found:
            return found[0]
        raise self._undecided(tag, self.ibm.scrub(str(error or failure)))

    def _noted(self, job: Job, **changes: Any) -> Job:
        """The job with changes, on the disk if it can be written: it was paid for in any case.

        What is not on the disk is not lost: by its tag the service has it.
        """
        try:
            return self.journal.update(job, **changes)
        except (OSError, BackendFailed) as error:
            self._note(
                f"the journal {self.journal.folder} cannot be written ({error}); job "
                f"{changes.get('job_id') or job.job_id} was sent all the same"
            )
            return replace(job, **changes)

    def _undecided(self, tag: str, why: str) -> BackendFailed:
        return BackendFailed(
            f"backend {self.backend!r}: it is not known whether {self.ibm.name} accepted the job "
            f"with the tag {tag!r} ({why}); it is not listed, and was not sent again, as both "
            "could be charged",
            backend=self.backend,
            remedy="look for the tag in IBM's dashboard; run the same again to look once more, or "
            "with `resubmit=True` to send another job",
        )

    def _only_one(self, tag: str, job_id: str) -> None:
        """Cancel what the client sent twice: it repeats a request that the server failed at."""
        found, _ = attempt(lambda: self.ibm.jobs(tag))
        for other in found or []:
            if other.job_id() != job_id:
                _, error = attempt(other.cancel)
                said = "was cancelled" if error is None else "could not be cancelled"
                logger.warning("job %s was sent twice; the other, %s, %s", job_id, other, said)

    def _settled(self, job: Job) -> tuple[Job, Any] | None:
        """An earlier job that has no end, and its handle; None if there is none."""
        tag, handle = tag_of(job), None
        if job.state is State.UPLOADING:
            self._given_up(job, "stopped before the job was sent")
            return None
        if job.job_id is None:
            found, error = attempt(lambda: self.ibm.jobs(tag))
            if error is not None:
                raise self._undecided(tag, self.ibm.scrub(str(error)))
            if not found and not self.resubmit:
                raise self._undecided(tag, "an earlier run ended while sending it")
            if found is None or not found:
                logger.warning("the job with the tag %s is not listed; another is sent", tag)
                self._given_up(job, "not listed, and sent again")
                return None
            handle = found[0]
            job = self.journal.update(job, state=State.SUBMITTED, job_id=str(handle.job_id()))
        else:
            from qiskit_ibm_runtime.exceptions import RuntimeJobNotFound

            handle, error = attempt(lambda: self.ibm.job(str(job.job_id)))
            if isinstance(error, RuntimeJobNotFound) and self.resubmit:
                logger.warning("the service does not know job %s; another is sent", job.job_id)
                self._given_up(job, "unknown to the service, and sent again")
                return None
            if isinstance(error, RuntimeJobNotFound):
                raise self.ibm.failed(
                    f"{self.ibm.name} does not know job {job.job_id}, sent earlier",
                    error,
                    "is it another account or instance? `resubmit=True` gives the job up and sends "
                    "another one, which is charged",
                )
            if error is not None:
                raise self.ibm.failed(
                    f"job {job.job_id}, sent earlier, cannot be asked for", error, _AGAIN
                )
        logger.info("resuming job %s, sent earlier to %s", job.job_id, job.solver)
        self._own[job.label] = job
        return job, handle

    def _given_up(self, job: Job, note: str) -> None:
        self.ledger.count(self.journal.update(job, state=State.ABANDONED, note=note))

    def _awaited(self, job: Job, handle: Any) -> Job:
        """The job with its answer, on the disk."""
        try:
            result, failure = attempt(lambda: handle.result(timeout=self.wait))
        except KeyboardInterrupt as interrupt:
            self._interrupted(job, handle, interrupt)
            raise
        if failure is not None:
            raise self._ended(job, handle, failure)
        found, failure = attempt(lambda: self.decode(result))
        if found is None or found[1].sum() <= 0:
            raise self.ibm.failed(
                f"the answer of {self.ibm.name} to job {job.job_id} cannot be read",
                failure or ValueError("it is empty"),
                "run the same again to fetch it once more, at no charge; `resubmit=True` does not "
                "help where the client is too old: update qiskit-ibm-runtime",
            )
        job = self._noted(job, state=State.ANSWERED, answer=packed(*found))
        self.hold.active(self.job_s)
        return self._charged(job, handle)

    def _charged(self, job: Job, handle: Any) -> Job:
        """The job with what the service says that it was charged, if it says so already."""
        metrics, _ = attempt(handle.metrics) if handle is not None else (None, None)
        charged, queued = charge_in(metrics), queue_in(metrics)
        if charged is not None:
            job = self._noted(job, extra={**job.extra, "charged_s": charged})
        if queued is not None and job.label in self._own:
            self.queued_s = (self.queued_s or 0.0) + queued
        self._own[job.label] = job
        self.ledger.count(job)
        return job

    def _ended(self, job: Job, handle: Any, failure: Exception) -> Exception:
        """The error for a job without an answer; what it was charged is put down."""
        from qiskit_ibm_runtime import exceptions as theirs

        ends = {
            theirs.RuntimeInvalidStateError: State.CANCELLED,
            theirs.RuntimeJobMaxTimeoutError: State.FAILED,
            theirs.RuntimeJobFailureError: State.FAILED,
        }
        state = next((end for kind, end in ends.items() if isinstance(failure, kind)), None)
        if isinstance(failure, theirs.RuntimeJobTimeoutError):
            return self.ibm.failed(
                f"job {job.job_id} has no answer after {self.wait:g} s; it goes on, and may be "
                "charged",
                failure,
                "run the same again to fetch it, or wait longer (`wait`)",
            )
        if state is None:
            return self.ibm.failed(f"fetching the answer to job {job.job_id}", failure, _AGAIN)
        note = self.ibm.scrub(str(failure))
        self._charged(self._noted(job, state=state, note=note), handle)
        if isinstance(failure, theirs.RuntimeJobMaxTimeoutError):
            return BackendBudgetSpent(
                f"backend {self.backend!r}: job {job.job_id} reached its cap of "
                f"{job.estimate.get('cap_s')} s, which is what was left of its budget",
                backend=self.backend,
                remedy="raise `max_charge_s`, or ask for fewer `shots`",
            )
        how = "was cancelled" if state is State.CANCELLED else "failed"
        return self.ibm.failed(f"job {job.job_id} {how}", failure, _AGAIN)

    def _interrupted(self, job: Job, handle: Any, interrupt: KeyboardInterrupt) -> None:
        said = f"job {job.job_id} goes on and may be charged; run the same again to fetch it"
        if self.cancel:
            _, error = attempt(handle.cancel)
            # one that could not be cancelled stays unfinished: it may have been done before
            if error is None:
                said = f"job {job.job_id} was cancelled"
                job = self._noted(job, state=State.CANCELLED, note="Ctrl-C")
                self._charged(job, handle)
        logger.warning(said)
        interrupt.add_note(f"backend {self.backend!r}: {said}")

    def _read(self, job: Job) -> tuple[NDArray[np.int8], NDArray[np.int64]]:
        def lost() -> Exception:
            return BackendFailed(
                f"backend {self.backend!r} cannot read the answer to job {job.job_id} in "
                f"{self.journal.path(job)}",
                backend=self.backend,
                remedy="move the file away, or give another `journal`",
            )

        return unpacked(job.answer, self.ansatz.n, lost)
