"""How every Leap backend goes about a problem: never pay twice, never lose what was paid for.

1. With ``replay``, the answer comes from the journal; no network, no token.
2. A job of the same problem without an end is settled first: by its id, or by its label.
3. Else the solver is listed (free), the charge computed, the budget asked, and only then anything
   of the problem is sent.
4. The id is on the disk before the answer is awaited; the answer is on the disk before it is used.
"""

from __future__ import annotations

import logging
import time
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

import numpy as np

from secateur.backends import Availability, Backend, Solution, Status, Stopped, Timings
from secateur.errors import BackendBudgetSpent, BackendFailed, BackendUnavailable
from secateur.lazy import dimod
from secateur.problem import Problem
from secateur_backends.leap_answer import Read, sample_set, solution, untyped
from secateur_backends.leap_config import Access, find_access
from secateur_backends.leap_cost import Estimate, KnownSolvers
from secateur_backends.leap_errors import Fault
from secateur_backends.leap_jobs import Job, Journal, State, job_key
from secateur_backends.leap_options import (
    connection,
    install_remedy,
    installed,
    journal_folder,
    replay_from,
    service_name,
)
from secateur_backends.leap_service import LeapError, Service

logger = logging.getLogger(__name__)

NO_TOKEN_REMEDY = (
    "`dwave config create`, or set DWAVE_API_TOKEN. `secateur backends` lists backends that need "
    "none."
)


@dataclass(frozen=True)
class Plan:
    """A job that is ready to be sent.

    Arguments:
        estimate: what it will cost.
        params: what the solver is told.
        send: sends it, given the id of the uploaded data (or None) and the label; the client's
            future.
        payload: the data to upload first, or None.
        extra: what is needed later to read the answer, JSON-safe.
    """

    estimate: Estimate
    params: Mapping[str, Any]
    send: Callable[[str | None, str], Any]
    payload: Callable[[], BinaryIO] | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


class LeapBackend(Backend):
    """What the hybrid and the quantum backends share."""

    qpu: ClassVar[bool] = False
    packages: ClassVar[tuple[str, ...]] = ("dwave-cloud-client", "dimod")
    spent_s: float = 0.0
    """Charged, by the estimates, for the jobs that this object sent: the budget is for them all."""

    @classmethod
    def availability(cls) -> Availability:
        """Installed, and is a token configured? Imports nothing of D-Wave, sends nothing."""
        versions = installed(cls.packages)
        missing = [name for name in cls.packages if name not in versions]
        if missing:
            return Availability(
                False, detail=f"{', '.join(missing)} not installed", remedy=install_remedy(missing)
            )
        about = ", ".join(f"{name} {version}" for name, version in versions.items())
        access = find_access()
        if access.token:
            return Availability(True, licensed=True, detail=f"{about}; token from {access.source}")
        detail = access.trouble or f"no token; looked at {', '.join(access.looked_at)}"
        return Availability(True, licensed=False, detail=detail, remedy=NO_TOKEN_REMEDY)

    @abstractmethod
    def kind(self, problem: Problem, options: Any) -> str:
        """Which kind of solver takes this problem: "bqm", "cqm", "nl" or "qpu"."""

    @abstractmethod
    def determines(self, options: Any) -> dict[str, Any]:
        """The options that, with the problem, determine the job."""

    @abstractmethod
    def plan(self, problem: Problem, options: Any, kind: str, solver: Any) -> Plan:
        """Prepare the job for a listed solver; sends nothing."""

    @abstractmethod
    def read(self, problem: Problem, job: Job, samples: dimod.SampleSet) -> Read:
        """Verify and understand an answer."""

    def decoder(self, problem: Problem) -> Callable[[Any], dimod.SampleSet] | None:
        """What makes samples of an answer, given the client's future; None: the client does."""
        return None

    def solve(self, problem: Problem, options: Any) -> Solution:
        """Solve it, or settle, resume or replay an earlier job of the same problem."""
        began = time.monotonic()
        missing = [p for p in self.packages if p not in installed(self.packages)]
        if missing:
            raise BackendUnavailable(
                f"backend {self.name!r} needs {', '.join(missing)}, not installed here",
                backend=self.name,
                remedy=install_remedy(missing),
            )
        kind = self.kind(problem, options)
        if problem.n == 0:
            return self._empty(problem, options, began)
        key = job_key(problem, kind=kind, backend=self.name, **self.determines(options))
        if replay := replay_from(options):
            recorded = self._recorded(replay, key, options)
            return self._solution(problem, options, recorded, began, replayed=True)
        access = self._access(options)
        journal = Journal(journal_folder(options), self.name, access.scrub)
        try:
            with Service(access, connection(options), self.name, self.qpu) as service:
                job, future, resumed, estimate = self._sent(
                    problem, options, kind, key, journal, service
                )
                if job is None:
                    return self._dry(problem, options, estimate, began)
                if job.state is not State.ANSWERED:
                    job = self._awaited(problem, options, journal, service, job, future)
        except LeapError as failure:
            error = failure.error
        else:
            return self._solution(problem, options, job, began, resumed=resumed)
        raise error

    def _sent(
        self,
        problem: Problem,
        options: Any,
        kind: str,
        key: str,
        journal: Journal,
        service: Service,
    ) -> tuple[Job | None, Any, bool, Estimate | None]:
        """A job with an id: an earlier one without an end, or a new one. None in a dry run."""
        with journal.lock(key):
            earlier = journal.unfinished(key)
            if earlier is not None and not options.dry_run:
                settled = self._settled(problem, options, journal, service, earlier)
                if settled is not None:
                    return settled, None, True, None
            solver = service.solver(kind, options.solver_name)
            KnownSolvers(journal.folder, service_name(options)).put(
                kind, options.solver_name, solver.name, solver.properties
            )
            plan = self.plan(problem, options, kind, solver)
            if options.dry_run:
                return None, None, False, plan.estimate
            self._within_budget(plan.estimate, options)
            job = journal.begin(
                key,
                label=options.label,
                kind=kind,
                solver=solver.name,
                n=problem.n,
                params=plan.params,
                extra=plan.extra,
                estimate=plan.estimate.as_data(),
            )
            job, future = self._submitted(journal, service, job, plan)
            self.spent_s += plan.estimate.charge_s or 0.0
            return job, future, False, plan.estimate

    def _submitted(
        self, journal: Journal, service: Service, job: Job, plan: Plan
    ) -> tuple[Job, Any]:
        try:
            data = None
            if plan.payload is not None:
                with plan.payload() as payload:
                    data = service.upload(payload)
            job = journal.update(job, state=State.SUBMITTING)
            job_id, future = service.submit(lambda: plan.send(data, job.label), job.label)
        except LeapError as failure:
            if job.state is State.UPLOADING or failure.fault is not Fault.BROKEN:
                # it is certain that the service did not accept it
                journal.update(job, state=State.REFUSED, note=failure.error.message)
            raise
        except KeyboardInterrupt as interrupt:
            sent = (
                f"the job {job.label!r} may have been accepted: run the same again to look for it"
            )
            if job.state is State.UPLOADING:
                sent = "the job was not sent yet, and nothing is charged"
            interrupt.add_note(f"backend {self.name!r}: {sent}")
            raise
        job = journal.update(job, state=State.SUBMITTED, job_id=job_id)
        logger.info("job %s was sent to %s", job_id, job.solver)
        return job, future

    def _settled(
        self, problem: Problem, options: Any, journal: Journal, service: Service, job: Job
    ) -> Job | None:
        """An earlier job that has no end, with its id or its answer; None if there is none."""
        if job.state is State.UPLOADING:
            journal.update(job, state=State.ABANDONED, note="stopped before the job was sent")
            return None
        if job.job_id is None:
            found = service.find(job.label)
            if found is None and not options.resubmit:
                raise service.undecided(job.label, "an earlier run ended while sending it")
            if found is None:
                logger.warning("job %s is not listed; sending another one, as asked", job.label)
                journal.update(job, state=State.ABANDONED, note="not listed, and sent again")
                return None
            job = journal.update(job, state=State.SUBMITTED, job_id=found)
        try:
            logger.info("resuming job %s, sent earlier to %s", job.job_id, job.solver)
            if not options.resubmit:
                return job
            return self._awaited(problem, options, journal, service, job, None)
        except LeapError as failure:
            if not options.resubmit or failure.fault not in (Fault.GONE, Fault.CORRUPT):
                raise
            logger.warning("%s; sending another job, as `resubmit` asks", failure.error.message)
            journal.update(job, state=State.ABANDONED, note=failure.error.message)
            return None

    def _awaited(
        self,
        problem: Problem,
        options: Any,
        journal: Journal,
        service: Service,
        job: Job,
        future: Any,
    ) -> Job:
        """The job with its answer, verified and on the disk."""
        assert job.job_id is not None
        try:
            answer = service.answer(job.job_id, future, self.decoder(problem))
        except LeapError as failure:
            ends = {Fault.FAILED: State.FAILED, Fault.CANCELLED: State.CANCELLED}
            if failure.fault in ends:
                journal.update(job, state=ends[failure.fault], note=failure.error.message)
            raise
        except KeyboardInterrupt as interrupt:
            self._interrupted(options, journal, service, job, interrupt)
            raise
        read = self.read(problem, job, answer.samples)
        if read.error is not None:
            raise LeapError(Fault.CORRUPT, read.error)
        return journal.update(
            job,
            state=State.ANSWERED,
            answer=untyped.SampleSet.to_serializable(answer.samples),
            times=answer.times,
        )

    def _interrupted(
        self,
        options: Any,
        journal: Journal,
        service: Service,
        job: Job,
        interrupt: KeyboardInterrupt,
    ) -> None:
        said = (
            f"backend {self.name!r}: job {job.job_id} goes on and may be charged; run the same "
            "again to fetch its answer"
        )
        state = service.cancel(str(job.job_id)) if options.cancel_on_interrupt else None
        if state is not None:
            # anything but "cancelled" stays unfinished in the journal: it may have been solved
            # before the request came, and the next run asks the service how it ended
            said = f"backend {self.name!r}: the service was asked to cancel job {job.job_id}"
            if state.endswith("CANCELLED"):
                said = f"backend {self.name!r}: job {job.job_id} was cancelled"
                journal.update(job, state=State.CANCELLED, note="Ctrl-C")
        logger.warning(said)
        interrupt.add_note(said)

    def _within_budget(self, estimate: Estimate, options: Any) -> None:
        budget, spent = options.max_charge_s, self.spent_s
        # a sum of equal charges may be a hair over their product
        most = None if budget is None else budget * (1 + 1e-9)
        if most is None or (estimate.charge_s is not None and spent + estimate.charge_s <= most):
            return
        charge = "it is not known what" if estimate.charge_s is None else f"{estimate.charge_s:g} s"
        least = "" if estimate.minimum_s is None else f" (at least {estimate.minimum_s:g} s)"
        already = f", after {spent:g} s for earlier calls" if spent else ""
        raise BackendBudgetSpent(
            f"backend {self.name!r}: {charge} would be charged for {estimate.n} variables on "
            f"{estimate.solver}{already}, and `max_charge_s` is {budget:g} s; nothing was sent",
            backend=self.name,
            remedy=f"raise `max_charge_s`, or ask for less: `time_limit`{least} or `num_reads`",
        )

    def _access(self, options: Any) -> Access:
        access = find_access(options.token, options.profile, options.config_file)
        if access.token:
            return access
        looked = ", ".join(access.looked_at)
        what = "needs a Leap API token and none was found"
        if access.trouble:
            what = f"cannot look for its token: {access.trouble}"
        raise BackendUnavailable(
            f"backend {self.name!r} {what}.\n  Looked at: {looked}.",
            backend=self.name,
            remedy=NO_TOKEN_REMEDY,
        )

    def _recorded(self, replay: bool | str, key: str, options: Any) -> Job:
        path = journal_folder(options) if replay is True else Path(str(replay)).expanduser()
        journal = Journal(path, self.name)
        job = journal.read(path) if path.is_file() else journal.answered(key)
        if job is None or job.key != key or job.state is not State.ANSWERED:
            raise BackendFailed(
                f"backend {self.name!r}: no recorded answer to this problem in {path}",
                backend=self.name,
                remedy="run it once without `replay`, with the same options; the journal's folder "
                "is the option `journal`",
            )
        return job

    def _solution(
        self, problem: Problem, options: Any, job: Job, began: float, **how: bool
    ) -> Solution:
        samples = untyped.SampleSet.from_serializable(dict(job.answer or {}))
        read = self.read(problem, job, samples)
        if read.error is not None:  # only a file that was changed: it was verified when written
            raise read.error
        return solution(
            problem,
            job,
            read,
            began,
            stopped=Stopped.COMPLETED if self.qpu else Stopped.TIME_LIMIT,
            versions=installed(self.packages),
            options=options.public(),
            **how,
        )

    def _dry(
        self, problem: Problem, options: Any, estimate: Estimate | None, began: float
    ) -> Solution:
        assert estimate is not None
        return Solution(
            samples=sample_set(problem, np.zeros((0, problem.n), np.int8)),
            status=Status.NONE,
            stopped=Stopped.BUDGET,
            timings=Timings(time.monotonic() - began, access=0.0),
            versions=installed(self.packages),
            options=options.public(),
            raw={"dry_run": True, "estimate": estimate.as_data(), "text": str(estimate)},
        )

    def _empty(self, problem: Problem, options: Any, began: float) -> Solution:
        """No variables: there is one answer, and it costs nothing."""
        return Solution(
            samples=sample_set(problem, np.zeros((1, 0), np.int8)),
            status=Status.FEASIBLE,
            stopped=Stopped.COMPLETED,
            timings=Timings(time.monotonic() - began, access=0.0),
            versions=installed(self.packages),
            options=options.public(),
        )
