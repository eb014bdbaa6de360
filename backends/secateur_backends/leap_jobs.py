"""The journal of paid jobs: what was sent, under which id, and what came back.

One JSON file a job, replaced as a whole, so that a process killed at any moment leaves either the
old or the new state::

    uploading    the problem's data are on their way; nothing can be charged
    submitting   written right before the job is sent: whether it arrived is not known
    submitted    the service's id is known; the answer can be fetched by it, at no further charge
    answered     the answer is in the file
    refused, failed, cancelled, abandoned       over, without an answer

Everything but the last five words is "unfinished", and is settled before the same problem is sent
again. The file's name begins with the job's key, the sha256 of what determines the job.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np

from secateur.backends.metering import current_run
from secateur.errors import BackendFailed
from secateur.problem import Problem

FORMAT = 1
_KEY_IN_NAME = 20
_OURS = "secateur-"


class State(StrEnum):
    """How far a job is."""

    UPLOADING = "uploading"
    SUBMITTING = "submitting"
    SUBMITTED = "submitted"
    ANSWERED = "answered"
    REFUSED = "refused"
    FAILED = "failed"
    CANCELLED = "cancelled"
    ABANDONED = "abandoned"


UNFINISHED = (State.UPLOADING, State.SUBMITTING, State.SUBMITTED)


@dataclass(frozen=True)
class Job:
    """One job as the journal knows it.

    Arguments:
        key: sha256 of what determines the job.
        label: the service's label of this one job, so that it can be found there without its id.
        state: how far it is.
        backend: the backend's name.
        kind: "bqm", "cqm", "nl" or "qpu".
        solver: the service's solver.
        n: the number of variables.
        params: what the solver was told.
        extra: what is needed to read the answer (an embedding, for instance).
        estimate: what was expected to be charged, as data.
        job_id: the service's id, once known.
        answer: the service's answer, as ``dimod.SampleSet.to_serializable`` gives it.
        times: when it was submitted and solved, by the service's clock, in seconds.
        created: seconds since 1970, by our clock.
        note: why it ended without an answer.
        search: of which search it is a call; a budget is for all of them.
        charge_s: seconds that were, or may be, charged; None if that is not known.
    """

    key: str
    label: str
    state: State
    backend: str
    kind: str
    solver: str
    n: int
    params: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    estimate: Mapping[str, Any] = field(default_factory=dict)
    job_id: str | None = None
    answer: Mapping[str, Any] | None = None
    times: Mapping[str, float] = field(default_factory=dict)
    created: float = 0.0
    note: str = ""
    search: str = ""
    charge_s: float | None = 0.0


class Unwritable(BackendFailed):
    """The journal cannot be written."""


def unwritable(backend: str, folder: Path, error: OSError, sent: str = "nothing") -> Unwritable:
    """The error for a journal that cannot be written.

    Arguments:
        backend: its name.
        folder: the journal's.
        error: of the system.
        sent: what was sent all the same.
    """
    return Unwritable(
        f"backend {backend!r}: the journal {folder} cannot be written "
        f"({error.strerror or error}), and without it a job could be paid for twice; {sent} was "
        "sent",
        backend=backend,
        remedy="make room or give rights there, or name another folder: the option `journal`",
    )


def job_key(problem: Problem, **determines: Any) -> str:
    """The sha256 of the problem and of everything else that determines the job.

    Of a run that has a name (``one_run``) that is the name, too.
    """
    run = current_run()
    row, col, bias = problem.quadratic
    low, high = np.minimum(row, col), np.maximum(row, col)
    order = np.lexsort((high, low))
    digest = hashlib.sha256()
    header = {
        "format": FORMAT,
        "variables": [f"{type(v).__name__}:{v!r}" for v in problem.variables],
        "offset": float(problem.offset).hex(),
        "ones": problem.count,
        "limits": [
            [limit.members.tolist(), limit.most] + ([limit.least] if limit.least else [])
            for limit in problem.limits
        ],
        "determines": determines,
        **({"run": run} if run else {}),
    }
    digest.update(json.dumps(header, sort_keys=True).encode())
    for part in (problem.linear, low[order], high[order], bias[order]):
        digest.update(np.ascontiguousarray(part, dtype="<f8").tobytes())
    return digest.hexdigest()


def default_folder() -> Path:
    """The journal's folder: ``$XDG_STATE_HOME/secateur/leap``."""
    state = os.environ.get("XDG_STATE_HOME")
    return (Path(state) if state else Path.home() / ".local" / "state") / "secateur" / "leap"


class Journal:
    """A folder of jobs.

    Arguments:
        folder: made when the first job is written.
        backend: the backend's name, for errors.
        scrub: takes secrets out of whatever is written.
    """

    def __init__(
        self, folder: Path, backend: str, scrub: Callable[[str], str] = lambda text: text
    ) -> None:
        self.folder = folder
        self._backend = backend
        self._scrub = scrub

    def begin(self, key: str, *, label: str | None = None, **about: Any) -> Job:
        """Write down a job that is about to be sent; its label begins with the user's."""
        own = f"{_OURS}{key[:_KEY_IN_NAME]}-{uuid.uuid4().hex[:8]}"
        label = f"{label} {own}" if label else own
        job = Job(key, label, State.UPLOADING, self._backend, created=time.time(), **about)
        return self._write(job)

    def update(self, job: Job, **changes: Any) -> Job:
        """Write down what changed; returns once it is on the disk."""
        return self._write(dataclasses.replace(job, **changes))

    def earlier(self, key: str) -> Job | None:
        """What is to be taken instead of a new job: one without an end yet, or the newest answer.

        A job without an end goes before: it may have been paid for, and nobody has its answer.
        """
        return self.unfinished(key) or self.answered(key)

    def spent(self, search: str) -> float | None:
        """Seconds that all jobs of a search were, or may be, charged; None if that is not known."""
        jobs = [self.read(path) for path in self.folder.glob(f"*.{search[:_KEY_IN_NAME]}.json")]
        charges = [job.charge_s for job in jobs if job.search == search]
        return None if None in charges else float(sum(charge or 0.0 for charge in charges))

    def unfinished(self, key: str) -> Job | None:
        """The newest job of this key that may have been sent and has no end yet."""
        return next((j for j in self._jobs(key) if j.state in UNFINISHED), None)

    def answered(self, key: str) -> Job | None:
        """The newest answer to this key."""
        return next((j for j in self._jobs(key) if j.state is State.ANSWERED), None)

    def path(self, job: Job) -> Path:
        """The job's file."""
        search = f".{job.search[:_KEY_IN_NAME]}" if job.search else ""
        return self.folder / f"{job.label.rpartition(_OURS)[2]}{search}.json"

    def read(self, path: Path) -> Job:
        """A job from its file.

        Raises:
            BackendFailed: it cannot be read; it may stand for a paid job, so it is not passed over.
        """
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            if data.pop("format") != FORMAT:
                raise ValueError
            job = Job(**data | {"state": State(data["state"])})
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            job = None
        if job is None:
            raise BackendFailed(
                f"backend {self._backend!r} cannot read the record {path} of a job, and the job "
                "may have been paid for",
                backend=self._backend,
                remedy="look for the job in the service's dashboard (the file's name is in its "
                "label), then move the file away",
            )
        return job

    @contextmanager
    def lock(self, key: str) -> Iterator[None]:
        """Let one process at a time settle and send jobs of this key.

        The system drops the lock when the process dies, however it dies.
        """
        try:
            import fcntl
        except ImportError:  # Windows: no lock; two processes started together could both send
            yield
            return
        try:
            self._make_folder()
            handle = (self.folder / f"{key[:_KEY_IN_NAME]}.lock").open("w")
        except OSError as error:
            raise self._unwritable(error) from error
        with handle:
            while True:
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    time.sleep(0.05)  # not a blocking call, so that Ctrl-C is seen at once
            yield

    def _jobs(self, key: str) -> list[Job]:
        found = [self.read(p) for p in self.folder.glob(f"{key[:_KEY_IN_NAME]}-*.json")]
        return sorted((j for j in found if j.key == key), key=lambda j: j.created, reverse=True)

    def _write(self, job: Job) -> Job:
        path = self.path(job)
        text = json.dumps({"format": FORMAT} | dataclasses.asdict(job), indent=1)
        try:
            self._make_folder()
            write_whole(path, self._scrub(text))
        except OSError as error:
            raise self._unwritable(error) from error
        return job

    def _unwritable(self, error: OSError) -> Unwritable:
        return unwritable(self._backend, self.folder, error)

    def _make_folder(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)


def write_whole(path: Path, text: str) -> None:
    """Replace a file so that it is never seen half-written, and is on the disk afterwards."""
    # a name of its own, so that two processes that write do not tread on each other
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
            handle.write(text)
            handle.flush()
            os.fsync(handle.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)  # on a full disk half a file is in the way of a whole one
        raise
    if hasattr(os, "O_DIRECTORY"):
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)  # the new name, too, has to survive a crash
        finally:
            os.close(folder)
