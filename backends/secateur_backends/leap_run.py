"""How every Leap backend goes about a problem: never pay twice, never lose what was paid for.

1. With ``replay``, the answer comes from the journal; no network, no token.
2. A job of the same problem without an end is settled first: by its id, or by its label. An answer
   in the journal is taken, unless a new one is wanted.
3. Else the solver is listed (free), the charge computed, the budget asked, and only then anything
   of the problem is sent.
4. The id is on the disk before the answer is awaited; the answer is on the disk before it is used.
"""

from __future__ import annotations

import dataclasses
import logging
import time
from abc import abstractmethod
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

from secateur.backends import Availability, Backend, Price, Solution, Stopped
from secateur.errors import BackendError, BackendFailed, BackendUnavailable
from secateur.lazy import dimod
from secateur.problem import Problem
from secateur_backends.leap_access import availability_with, needed_access, needed_packages
from secateur_backends.leap_answer import (
    Read,
    dry_solution,
    empty_solution,
    solution,
    untyped,
)
from secateur_backends.leap_budget import (
    DEFAULT_S,
    charge_of,
    check_budget,
    earlier_note,
    free_price,
    price_of,
    search_of,
)
from secateur_backends.leap_cost import KnownSolvers
from secateur_backends.leap_errors import Fault
from secateur_backends.leap_jobs import Job, Journal, State, Unwritable, job_key
from secateur_backends.leap_options import (
    connection,
    installed,
    journal_folder,
    replay_from,
    service_name,
)
from secateur_backends.leap_plan import Plan as Plan
from secateur_backends.leap_service import LeapError, Service

logger = logging.getLogger("secateur.leap")


class LeapBackend(Backend):
    """What the hybrid and the quantum backends share."""

    qpu: ClassVar[bool] = False
    packages: ClassVar[tuple[str, ...]] = ("dwave-cloud-client", "dimod")
    default_budget_s: ClassVar[float | None] = DEFAULT_S
    keeps_journal: ClassVar[bool] = True

    @classmethod
    def availability(cls) -> Availability:
        """Installed, and is a token configured? Imports nothing of D-Wave, sends nothing."""
        return availability_with(cls.packages)

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
        needed_packages(self.name, self.packages)
        kind = self.kind(problem, options)
        if problem.n == 0:
            return empty_solution(problem, options, began, self.packages)
        key = job_key(problem, kind=kind, backend=self.name, **self.determines(options))
        if replay := replay_from(options):
            recorded = self._recorded(replay, key, options)
            return self._solution(problem, options, recorded, began, replayed=True)
        if (taken := self.earlier(problem, options)) and taken.state is State.ANSWERED:
            logger.info("job %s is taken from the journal, not charged", taken.job_id)
            return self._solution(problem, options, taken, began, reused=True)
        access = needed_access(self.name, options)
        journal = Journal(journal_folder(options), self.name, access.scrub)
        notes: list[str] = []
        try:
            with Service(access, connection(options), self.name, self.qpu) as service:
                if options.dry_run:
                    _, plan = self._planned(problem, options, kind, journal, service)
                    return dry_solution(problem, options, plan.estimate, began, self.packages)
                job, future, how = self._sent(problem, options, kind, key, journal, service, notes)
                if job.state is not State.ANSWERED:
                    job = self._awaited(problem, options, journal, service, job, future, notes)
        except LeapError as failure:
            error = failure.error
        else:
            return self._solution(problem, options, job, began, notes=notes, **how)
        raise error

    def earlier(self, problem: Problem, options: Any) -> Job | None:
        """The job in the journal that would be taken instead of a new one; asks no service.

        Raises:
            BackendFailed: a record cannot be read.
        """
        if options.dry_run or problem.n == 0:
            return None
        kind = self.kind(problem, options)
        key = job_key(problem, kind=kind, backend=self.name, **self.determines(options))
        found = Journal(journal_folder(options), self.name).earlier(key)
        again = options.again and found is not None and found.state is State.ANSWERED
        return None if again else found

    def spent(self, problem: Problem, options: Any) -> float | None:
        """By the journal: what all jobs of this search were, or may be, charged."""
        return Journal(journal_folder(options), self.name).spent(search_of(problem, self.name))

    def price(self, problem: Problem, options: Any) -> Price:
        """What a job costs: nothing if the journal has it, else by the solver, which is listed."""
        if problem.n == 0 or getattr(self, "_sampler", None) is not None:
            return free_price(problem, self.name, "nothing is sent")
        if replay_from(options):
            return free_price(problem, self.name, "a recorded answer is taken, offline")
        earlier = self.earlier(problem, options)
        if earlier is not None:
            return free_price(problem, earlier.solver, earlier_note(earlier), recorded=True)
        journal = Journal(journal_folder(options), self.name)
        spent = self.spent(problem, options)
        try:
            access = needed_access(self.name, options)
            with Service(access, connection(options), self.name, self.qpu) as service:
                kind = self.kind(problem, options)
                _, plan = self._planned(problem, options, kind, journal, service)
                return price_of(problem, plan.estimate, spent)
        except BackendUnavailable as unavailable:
            error: BackendError = unavailable
        except LeapError as failure:
            error = failure.error
        if not hasattr(self, "estimate"):
            raise error  # that of a chip needs the chip
        note = f"the service could not be asked: {error.message}; {error.remedy or ''}".strip("; ")
        estimate = dataclasses.replace(
            self.estimate(problem, options), note=""
        )  # it says to ask the service
        return price_of(problem, estimate, spent, note)

    def _planned(
        self, problem: Problem, options: Any, kind: str, journal: Journal, service: Service
    ) -> tuple[Any, Plan]:
        """The solver, listed at no charge, and the job that would be sent to it."""
        solver = service.solver(kind, options.solver_name)
        with suppress(OSError):  # only a cache
            KnownSolvers(journal.folder, service_name(options)).put(
                kind, options.solver_name, solver.name, solver.properties
            )
        return solver, self.plan(problem, options, kind, solver)

    def _sent(
        self,
        problem: Problem,
        options: Any,
        kind: str,
        key: str,
        journal: Journal,
        service: Service,
        notes: list[str],
    ) -> tuple[Job, Any, dict[str, bool]]:
        """A job with an id, and how it was come by: an earlier one, or a new one."""
        search = search_of(problem, self.name)
        with journal.lock(key):
            earlier = journal.unfinished(key)
            if earlier is not None:
                settled = self._settled(problem, options, journal, service, earlier)
                if settled is not None:
                    return settled, None, {"resumed": True}
            answered = None if options.again else journal.answered(key)
            if answered is not None:  # another process had it answered meanwhile
                return answered, None, {"reused": True}
            solver, plan = self._planned(problem, options, kind, journal, service)
            # until the job is noted, or two calls of one search could both find room for theirs
            with journal.lock(search):
                default = self.default_budget_s or DEFAULT_S
                check_budget(plan.estimate, options, journal, search, self.name, default)
                job = journal.begin(
                    key,
                    label=options.label,
                    kind=kind,
                    solver=solver.name,
                    n=problem.n,
                    params=plan.params,
                    extra=plan.extra,
                    estimate=plan.estimate.as_data(),
                    search=search,
                )
                return (*self._submitted(journal, service, job, plan, notes), {})

    def _submitted(
        self, journal: Journal, service: Service, job: Job, plan: Plan, notes: list[str]
    ) -> tuple[Job, Any]:
        try:
            data = None
            if plan.payload is not None:
                with plan.payload() as payload:
                    data = service.upload(payload)
            job = journal.update(job, state=State.SUBMITTING, charge_s=plan.estimate.charge_s)
            job_id, future = service.submit(lambda: plan.send(data, job.label), job.label)
        except LeapError as failure:
            if job.state is State.UPLOADING or failure.fault is not Fault.BROKEN:
                # it is certain that the service did not accept it
                note = failure.error.message
                self._noted(journal, job, notes, state=State.REFUSED, note=note, charge_s=0.0)
            raise
        except KeyboardInterrupt as interrupt:
            sent = (
                f"the job {job.label!r} may have been accepted: run the same again to look for it"
            )
            if job.state is State.UPLOADING:
                sent = "the job was not sent yet, and nothing is charged"
            interrupt.add_note(f"backend {self.name!r}: {sent}")
            raise
        job = self._noted(journal, job, notes, state=State.SUBMITTED, job_id=job_id)
        logger.info("job %s was sent to %s", job_id, job.solver)
        return job, future

    def _noted(self, journal: Journal, job: Job, notes: list[str], **changes: Any) -> Job:
        """The job with what became of it; a journal that is full by now does not lose the job."""
        try:
            return journal.update(job, **changes)
        except Unwritable as failure:
            changed = dataclasses.replace(job, **changes)
            note = (
                f"job {changed.job_id or job.label} is {changed.state}, and that could not be "
                f"written to the journal ({failure.__cause__}); the same again looks for the job "
                "at the service, and sends no second one"
            )
            notes.append(note)
            logger.warning(note)
            return changed

    def _settled(
        self, problem: Problem, options: Any, journal: Journal, service: Service, job: Job
    ) -> Job | None:
        """An earlier job that has no end, with its id or its answer; None if there is none."""
        if job.state is State.UPLOADING:
            note = "stopped before the job was sent"
            journal.update(job, state=State.ABANDONED, note=note, charge_s=0.0)
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
            return self._awaited(problem, options, journal, service, job, None, [])
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
        notes: list[str],
    ) -> Job:
        """The job with its answer, verified and on the disk."""
        assert job.job_id is not None
        try:
            answer = service.answer(job.job_id, future, self.decoder(problem))
        except LeapError as failure:
            ends = {Fault.FAILED: State.FAILED, Fault.CANCELLED: State.CANCELLED}
            if failure.fault in ends:
                charge = 0.0 if failure.fault is Fault.CANCELLED else job.charge_s
                end, note = ends[failure.fault], failure.error.message
                self._noted(journal, job, notes, state=end, note=note, charge_s=charge)
            raise
        except KeyboardInterrupt as interrupt:
            self._interrupted(options, journal, service, job, interrupt)
            raise
        read = self.read(problem, job, answer.samples)
        if read.error is not None:
            raise LeapError(Fault.CORRUPT, read.error)
        return self._noted(
            journal,
            job,
            notes,
            state=State.ANSWERED,
            charge_s=charge_of(job, read.charge_s),
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
                self._noted(journal, job, [], state=State.CANCELLED, note="Ctrl-C", charge_s=0.0)
        interrupt.add_note(said)

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
        self, problem: Problem, options: Any, job: Job, began: float, **how: Any
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
